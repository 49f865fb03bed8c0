"""One step of recurrence as pure equations: no parameters, no loop, no state of its own.

Shapes stand in the signatures: ``Float[Tensor, "*B D"]`` is a floating-point tensor with D features
in its last dimension and any number of batch dimensions before it. The tests check every call.
Sizes that do not fit are refused, since many of them would broadcast. Under autocast the products
come in half precision; the bias follows them, and the state keeps its own.
"""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from lstm_book.cells.state import Gates, Gates1997, LSTMState
from lstm_book.checks import check_shape, check_tensor, check_type


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

    Raises:
        TypeError: If an argument is no tensor.
        ValueError: If one has a wrong number of dimensions.
        RuntimeError: If a size does not fit the others.
    """
    _check_step(1, x_t, h, W, U, b)
    return activation(add_bias(x_t @ W.T + h @ U.T, b))


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

    Raises:
        TypeError: If the state is no `LSTMState`, or another argument no tensor.
        ValueError: If a tensor has a wrong number of dimensions.
        RuntimeError: If a size does not fit the others.
    """
    _check_step(4, x_t, state, W, U, b)
    a = add_bias(x_t @ W.T + state.h @ U.T, b)
    return lstm_equations(a, state.c)


def lstm_equations(a: Float[Tensor, "*B G"], c: Float[Tensor, "*B H"]) -> tuple[LSTMState, Gates]:
    """Do what `lstm_update` does, where a and c are known to fit; here the equations stand."""
    a_i, a_f, a_g, a_o = a.chunk(4, dim=-1)
    i_t, f_t, g_t, o_t = a_i.sigmoid(), a_f.sigmoid(), a_g.tanh(), a_o.sigmoid()
    c_t = f_t * c + i_t * g_t
    h_t = o_t * c_t.tanh()
    return LSTMState(h_t, c_t), Gates(i_t, f_t, g_t, o_t)


def lstm_update(a: Float[Tensor, "*B G"], c: Float[Tensor, "*B H"]) -> tuple[LSTMState, Gates]:
    """Turn pre-activations into gates, and gates into the next state.

    Equations :eq:`lstm-gates`, :eq:`lstm-cell` and :eq:`lstm-hidden`, after the matrix products.

    Args:
        a: Pre-activations of the gates i, f, g, o, side by side: G = 4H.
        c: Cell state of the step before.

    Returns:
        The state (h_t, c_t) and the activated gates of the step.

    Raises:
        TypeError: If a or c is no tensor.
        ValueError: If c has no dimension, or a not as many as c.
        RuntimeError: If a has not four times as many features as c, or another batch size.
    """
    check_tensor("a", a)
    batch = _batch_of("c", c)
    check_shape("a", a, f"{' '.join('B' * len(batch))} 4H", (*batch, 4 * c.shape[-1]))
    return lstm_equations(a, c)


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

    Raises:
        TypeError: If the state is no `LSTMState`, or another argument no tensor.
        ValueError: If a tensor has a wrong number of dimensions.
        RuntimeError: If a size does not fit the others.
    """
    _check_step(3, x_t, state, W, U, b)
    a = add_bias(x_t @ W.T + state.h @ U.T, b)
    a_i, a_g, a_o = a.chunk(3, dim=-1)
    i_t, g_t, o_t = a_i.sigmoid(), 2 * (a_g / 2).tanh(), a_o.sigmoid()
    c_t = state.c + i_t * g_t
    h_t = o_t * (c_t / 2).tanh()
    return LSTMState(h_t, c_t), Gates1997(i_t, g_t, o_t)


def add_bias(a: Tensor, b: Tensor | None) -> Tensor:
    """Add the bias, if there is one; under autocast in the dtype of the products."""
    if b is None or b.dtype == a.dtype:
        return a if b is None else a + b
    return a + b.to(a.dtype)


def _check_step(gates: int, x_t: Any, state: Any, W: Any, U: Any, b: Any) -> None:
    """Refuse what does not fit. As it is done at each step, by comparisons alone if all is well."""
    is_lstm = isinstance(state, LSTMState)
    h, c = state if is_lstm else (state, state)
    if (
        is_lstm == (gates > 1)
        and isinstance(h, Tensor)
        and isinstance(c, Tensor)
        and isinstance(x_t, Tensor)
        and isinstance(W, Tensor)
        and isinstance(U, Tensor)
        and (sizes_h := h.shape)
        and (sizes_x := x_t.shape)
    ):
        *B, H = sizes_h
        D, rows = sizes_x[-1], gates * H
        if (
            sizes_x == (*B, D)
            and W.shape == (rows, D)
            and U.shape == (rows, H)
            and (b is None or (isinstance(b, Tensor) and b.shape == (rows,)))
            and (c is h or c.shape == sizes_h)
        ):
            return
    if gates == 1:
        check_tensor("h", state)
    else:
        check_type("state", state, LSTMState, "an LSTMState (h, c)")
    batch = _batch_of("x_t", x_t)
    dims, letters = " ".join("B" * len(batch)), f"{gates}H" if gates > 1 else "H"
    H = check_shape("h", h, f"{dims} H", (*batch, None)).shape[-1]
    check_shape("c", c, f"{dims} H", (*batch, H))
    check_shape("W", W, f"{letters} D", (gates * H, x_t.shape[-1]))
    check_shape("U", U, f"{letters} H", (gates * H, H))
    if b is not None:
        check_shape("b", b, letters, (gates * H,))


def _batch_of(name: str, value: Any) -> tuple[int, ...]:
    """Return all sizes but the last."""
    if check_tensor(name, value).dim() == 0:
        raise ValueError(f"expected {name} of at least one dimension, got 0-D")
    return tuple(value.shape[:-1])
