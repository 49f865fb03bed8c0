"""Training loops."""

from lstm_book.training.descend import descend
from lstm_book.training.fit import History, fit

__all__ = ["History", "descend", "fit"]
