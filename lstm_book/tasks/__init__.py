"""Synthetic long-range tasks, each with the scores of knowing nothing."""

from lstm_book.tasks.first_and_last import FirstAndLast

__all__ = ["FirstAndLast"]
