"""Synthetic tasks, each with the scores of knowing nothing."""

from lstm_book.tasks.addition import Addition, Sums
from lstm_book.tasks.first_and_last import FirstAndLast

__all__ = ["Addition", "FirstAndLast", "Sums"]
