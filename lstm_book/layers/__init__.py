"""Running a cell over time."""

from lstm_book.layers.chunks import read_in_chunks
from lstm_book.layers.convert import (
    GATE_ORDERS,
    ONNXWeights,
    from_flax,
    from_keras,
    from_onnx,
    from_tensorflow1,
    reorder,
    to_keras,
    to_onnx,
)
from lstm_book.layers.directions import DirectionOutput, directions
from lstm_book.layers.lstm import LSTM
from lstm_book.layers.module import run_module
from lstm_book.layers.read import Reading, read
from lstm_book.layers.recurrent import Recurrent
from lstm_book.layers.stack import RecurrentRun
from lstm_book.layers.unroll import Unrolled, unroll

__all__ = [
    "GATE_ORDERS",
    "LSTM",
    "DirectionOutput",
    "ONNXWeights",
    "Reading",
    "Recurrent",
    "RecurrentRun",
    "Unrolled",
    "directions",
    "from_flax",
    "from_keras",
    "from_onnx",
    "from_tensorflow1",
    "read",
    "read_in_chunks",
    "reorder",
    "run_module",
    "to_keras",
    "to_onnx",
    "unroll",
]
