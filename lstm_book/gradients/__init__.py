"""Gradients through time, by hand: the backward pass, the Jacobians, what flows over a lag."""

from lstm_book.gradients.bptt import LSTMGradients, RNNGradients, bptt, rnn_bptt
from lstm_book.gradients.flow import Flow, LagNorms, gradient_flow, lag_norms
from lstm_book.gradients.jacobians import (
    CellJacobian,
    StateJacobians,
    cell_jacobian,
    cumulative,
    rnn_jacobians,
    state_jacobians,
)

__all__ = [
    "CellJacobian",
    "Flow",
    "LSTMGradients",
    "LagNorms",
    "RNNGradients",
    "StateJacobians",
    "bptt",
    "cell_jacobian",
    "cumulative",
    "gradient_flow",
    "lag_norms",
    "rnn_bptt",
    "rnn_jacobians",
    "state_jacobians",
]
