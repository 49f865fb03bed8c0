"""Running a cell over time."""

from lstm_book.layers.unroll import Unrolled, unroll

__all__ = ["Unrolled", "unroll"]
