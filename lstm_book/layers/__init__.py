"""Running a cell over time."""

from lstm_book.layers.chunks import read_in_chunks
from lstm_book.layers.convert import (
    GATE_ORDERS,
    ONNXWeights,
    from_keras,
    from_onnx,
    reorder,
    to_keras,
    to_onnx,
)
from lstm_book.layers.directions import Direction, directions
from lstm_book.layers.lstm import LSTM, LSTMRun
from lstm_book.layers.recurrent import Recurrent
from lstm_book.layers.stack import RecurrentRun
from lstm_book.layers.unroll import Unrolled, unroll

__all__ = [
    "GATE_ORDERS",
    "LSTM",
    "Direction",
    "LSTMRun",
    "ONNXWeights",
    "Recurrent",
    "RecurrentRun",
    "Unrolled",
    "directions",
    "from_keras",
    "from_onnx",
    "read_in_chunks",
    "reorder",
    "to_keras",
    "to_onnx",
    "unroll",
]
