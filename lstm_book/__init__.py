"""An executable book about Long Short-Term Memory networks, and the package it is made of.

These are the names that most programs need. The rooms hold all others: `cells`, `layers`,
`gradients`, `recording`, `data`, `tasks`, `models`, `training`, `experiments`, and `plotting`,
which needs the extra ``lstm-book[plot]``, as `figures` does, the figures of the chapters.
"""

from lstm_book.cells import LSTMCell, LSTMState, init_chrono_, init_forget_bias_, lstm_step
from lstm_book.experiments import load_experiment
from lstm_book.gradients import bptt, gradient_flow, lag_norms
from lstm_book.layers import LSTM, Recurrent, unroll
from lstm_book.recording import compare, gradient_paths, record
from lstm_book.training import fit

__version__ = "0.1.0"

__all__ = [
    "LSTM",
    "LSTMCell",
    "LSTMState",
    "Recurrent",
    "bptt",
    "compare",
    "fit",
    "gradient_flow",
    "gradient_paths",
    "init_chrono_",
    "init_forget_bias_",
    "lag_norms",
    "load_experiment",
    "lstm_step",
    "record",
    "unroll",
]
