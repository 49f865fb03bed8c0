"""Running a cell over time."""

from lstm_book.layers.lstm import LSTM, LSTMRun
from lstm_book.layers.unroll import Unrolled, unroll

__all__ = ["LSTM", "LSTMRun", "Unrolled", "unroll"]
