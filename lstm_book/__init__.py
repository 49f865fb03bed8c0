"""An executable book about Long Short-Term Memory networks, and the package it is made of.

The map: every public name, under the chapter that builds it.

part1_maths/recurrence
    rnn_step, RNNCell, unroll, Unrolled, run_module
part1_maths/vanishing
    rnn_jacobians, cumulative, lag_norms, LagNorms, init_orthogonal_
part1_maths/gates
    lstm_step, Gates, Weights, weights_of, init_forget_bias_
part1_maths/cell_update
    LSTMCell, LSTMState
part1_maths/gradient_flow
    state_jacobians, StateJacobians, cell_jacobian, CellJacobian, gradient_flow, Flow,
    lstm_1997_step, Gates1997
part1_maths/bptt
    bptt, LSTMGradients, rnn_bptt, RNNGradients
part1_maths/side_by_side
    fit, History, LastStepClassifier, FirstAndLast, init_chrono_, init_xavier_

Figures are drawn by `lstm_book.plotting`, which needs the extra ``lstm-book[plot]``.
"""

from lstm_book.cells import (
    Gates,
    Gates1997,
    LSTMCell,
    LSTMState,
    RNNCell,
    Weights,
    init_chrono_,
    init_forget_bias_,
    init_orthogonal_,
    init_xavier_,
    lstm_1997_step,
    lstm_step,
    rnn_step,
    weights_of,
)
from lstm_book.gradients import (
    CellJacobian,
    Flow,
    LagNorms,
    LSTMGradients,
    RNNGradients,
    StateJacobians,
    bptt,
    cell_jacobian,
    cumulative,
    gradient_flow,
    lag_norms,
    rnn_bptt,
    rnn_jacobians,
    run_module,
    state_jacobians,
)
from lstm_book.layers import Unrolled, unroll
from lstm_book.models import LastStepClassifier
from lstm_book.tasks import FirstAndLast
from lstm_book.training import History, fit

__version__ = "0.1.0"

__all__ = [
    "CellJacobian",
    "FirstAndLast",
    "Flow",
    "Gates",
    "Gates1997",
    "History",
    "LSTMCell",
    "LSTMGradients",
    "LSTMState",
    "LagNorms",
    "LastStepClassifier",
    "RNNCell",
    "RNNGradients",
    "StateJacobians",
    "Unrolled",
    "Weights",
    "bptt",
    "cell_jacobian",
    "cumulative",
    "fit",
    "gradient_flow",
    "init_chrono_",
    "init_forget_bias_",
    "init_orthogonal_",
    "init_xavier_",
    "lag_norms",
    "lstm_1997_step",
    "lstm_step",
    "rnn_bptt",
    "rnn_jacobians",
    "rnn_step",
    "run_module",
    "state_jacobians",
    "unroll",
    "weights_of",
]
