"""Training loops."""

from lstm_book.training.fit import History, fit

__all__ = ["History", "fit"]
