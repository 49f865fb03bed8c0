"""One step of recurrence as pure equations: no parameters, no loop, no state of its own.

Shapes stand in the signatures: ``Float[Tensor, "*B D"]`` is a floating-point tensor with D features
in its last dimension and any number of batch dimensions before it. The tests check every call.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from lstm_book.cells.state import Gates, Gates1997, LSTMState


def rnn_step(
    x_t: Float[Tensor, "*B D"],
    h: Float[Tensor, "*B H"],
    W: Float[Tensor, "H D"],
    U: Float[Tensor, "H H"],
    b: Float[Tensor, " H"] | None = None,
    activation: Callable[[Tensor], Tensor] = torch.tanh,
) -> Float[Tensor, "*B H"]:
    """Advance a simple RNN :cite:p:`elman1990` by one step; equation :eq:`rnn-step`.

    Args:
        x_t: Input at this step.
        h: Hidden state of the step before.
        W: Input weights.
        U: Recurrent weights.
        b: Bias, b_ih + b_hh in PyTorch's terms, or None.
        activation: The squashing function, tanh unless told otherwise.

    Returns:
        The hidden state h_t.
    """
    a = x_t @ W.T + h @ U.T
    return activation(a if b is None else a + b)


def lstm_step(
    x_t: Float[Tensor, "*B D"],
    state: LSTMState,
    W: Float[Tensor, "4*H D"],
    U: Float[Tensor, "4*H H"],
    b: Float[Tensor, " 4*H"] | None = None,
) -> tuple[LSTMState, Gates]:
    """Advance an LSTM with forget gate :cite:p:`gers2000` by one step.

    Equations :eq:`lstm-gates`, :eq:`lstm-cell` and :eq:`lstm-hidden`.

    Args:
        x_t: Input at this step.
        state: State of the step before: h and c, both (B, H).
        W: Input weights, the rows of the gates i, f, g, o one below the other.
        U: Recurrent weights, in the same order.
        b: Bias, b_ih + b_hh in PyTorch's terms, or None.

    Returns:
        The state (h_t, c_t) and the activated gates of the step.
    """
    a = x_t @ W.T + state.h @ U.T
    return lstm_update(a if b is None else a + b, state.c)


def lstm_update(a: Float[Tensor, "*B G"], c: Float[Tensor, "*B H"]) -> tuple[LSTMState, Gates]:
    """Turn pre-activations into gates, and gates into the next state.

    Equations :eq:`lstm-gates`, :eq:`lstm-cell` and :eq:`lstm-hidden`, after the matrix products.

    Args:
        a: Pre-activations of the gates i, f, g, o, side by side: G = 4H.
        c: Cell state of the step before.

    Returns:
        The state (h_t, c_t) and the activated gates of the step.
    """
    a_i, a_f, a_g, a_o = a.chunk(4, dim=-1)
    i_t, f_t, g_t, o_t = a_i.sigmoid(), a_f.sigmoid(), a_g.tanh(), a_o.sigmoid()
    c_t = f_t * c + i_t * g_t
    h_t = o_t * c_t.tanh()
    return LSTMState(h_t, c_t), Gates(i_t, f_t, g_t, o_t)


def lstm_1997_step(
    x_t: Float[Tensor, "*B D"],
    state: LSTMState,
    W: Float[Tensor, "3*H D"],
    U: Float[Tensor, "3*H H"],
    b: Float[Tensor, " 3*H"] | None = None,
) -> tuple[LSTMState, Gates1997]:
    """Advance the LSTM of 1997 :cite:p:`hochreiter1997`, which has no forget gate, by one step.

    Equation :eq:`lstm-1997`. The squashing functions are the paper's:
    4σ(a) - 2 = 2 tanh(a/2) for the input, 2σ(c) - 1 = tanh(c/2) for the cell.

    Args:
        x_t: Input at this step.
        state: State of the step before: h and c, both (B, H).
        W: Input weights, the rows of i, g, o one below the other.
        U: Recurrent weights, in the same order.
        b: Bias, or None.

    Returns:
        The state (h_t, c_t) and the activated gates of the step.
    """
    a = x_t @ W.T + state.h @ U.T
    a_i, a_g, a_o = (a if b is None else a + b).chunk(3, dim=-1)
    i_t, g_t, o_t = a_i.sigmoid(), 2 * (a_g / 2).tanh(), a_o.sigmoid()
    c_t = state.c + i_t * g_t
    h_t = o_t * (c_t / 2).tanh()
    return LSTMState(h_t, c_t), Gates1997(i_t, g_t, o_t)
