"""The training loop, and what decides when it ends."""

from lstm_book.training.best import Best
from lstm_book.training.checkpoint import Checkpoint
from lstm_book.training.descend import descend
from lstm_book.training.evaluate import Score, Solved, evaluate, evaluate_by_length
from lstm_book.training.fit import History, fit
from lstm_book.training.memory import PeakMemory
from lstm_book.training.schedule import OneCycle

__all__ = [
    "Best",
    "Checkpoint",
    "History",
    "OneCycle",
    "PeakMemory",
    "Score",
    "Solved",
    "descend",
    "evaluate",
    "evaluate_by_length",
    "fit",
]
