"""One step of recurrence: pure equations, the modules that hold their parameters, initialisers."""

from lstm_book.cells.initialise import (
    init_chrono_,
    init_forget_bias_,
    init_orthogonal_,
    init_xavier_,
)
from lstm_book.cells.modules import LSTMCell, RNNCell
from lstm_book.cells.state import Gates, Gates1997, LSTMState
from lstm_book.cells.step import lstm_1997_step, lstm_step, lstm_update, rnn_step
from lstm_book.cells.weights import Weights, weights_of

__all__ = [
    "Gates",
    "Gates1997",
    "LSTMCell",
    "LSTMState",
    "RNNCell",
    "Weights",
    "init_chrono_",
    "init_forget_bias_",
    "init_orthogonal_",
    "init_xavier_",
    "lstm_1997_step",
    "lstm_step",
    "lstm_update",
    "rnn_step",
    "weights_of",
]
