"""Training loops."""

from lstm_book.training.checkpoint import Checkpoint
from lstm_book.training.descend import descend
from lstm_book.training.evaluate import Score, Solved, evaluate, evaluate_by_length
from lstm_book.training.fit import History, fit
from lstm_book.training.memory import PeakMemory

__all__ = [
    "Checkpoint",
    "History",
    "PeakMemory",
    "Score",
    "Solved",
    "descend",
    "evaluate",
    "evaluate_by_length",
    "fit",
]
