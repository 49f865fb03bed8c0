"""Backpropagation through time :cite:p:`werbos1990`, written by hand from the equations."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from lstm_book.cells import Gates, LSTMState, Weights
from lstm_book.gradients._check import (
    check_cell_follows,
    check_gates_follow,
    check_grad,
    check_inputs,
    check_lstm,
    check_rnn,
    rnn_mode,
    without_padding,
)
from lstm_book.gradients._step import lstm_step_backward, rnn_step_backward
from lstm_book.layers import Unrolled
from lstm_book.layers.unroll import full_precision


class LSTMGradients(NamedTuple):
    """The gradients of a loss L with respect to everything in an unrolled LSTM.

    Attributes:
        x: ∂L/∂x_t, (T, B, D).
        h: ∂L/∂h_t through every later step, (T, B, H).
        c: ∂L/∂c_t through every later step, (T, B, H).
        initial: ∂L/∂(h_0, c_0), each (B, H).
        W: ∂L/∂W, (4H, D).
        U: ∂L/∂U, (4H, H).
        b: ∂L/∂b, (4H,). Each of PyTorch's two biases has this gradient.
        projection: ∂L/∂W_hr of a projection, (P, H); None without one. Then h has P units.
    """

    x: Tensor
    h: Tensor
    c: Tensor
    initial: LSTMState
    W: Tensor
    U: Tensor
    b: Tensor
    projection: Tensor | None = None


class RNNGradients(NamedTuple):
    """The gradients of a loss L with respect to everything in an unrolled simple RNN.

    Attributes:
        x: ∂L/∂x_t, (T, B, D).
        h: ∂L/∂h_t through every later step, (T, B, H).
        initial: ∂L/∂h_0, (B, H).
        W: ∂L/∂W, (H, D).
        U: ∂L/∂U, (H, H).
        b: ∂L/∂b, (H,).
    """

    x: Tensor
    h: Tensor
    initial: Tensor
    W: Tensor
    U: Tensor
    b: Tensor


@torch.no_grad()
def bptt(
    run: Unrolled[LSTMState, Gates],
    x: Tensor,
    weights: Weights,
    grad_h: Tensor,
    grad_c: Tensor | None = None,
    *,
    projection: Tensor | None = None,
) -> LSTMGradients:
    """Go back through an unrolled LSTM and return every gradient.

    Equations :eq:`bptt-cell` to :eq:`bptt-weights`. No autograd is used. A run may have gone from
    the last step to the first. Where a sequence has no step (`valid`), its gradient passes on as it
    is: x_t has none there and the weights get none.

    Args:
        run: The forward pass, from `unroll`, or of one layer and direction from `LSTM.run`.
        x: Its inputs, (T, B, D), in the order of the run's states.
        weights: Its weights.
        grad_h: The loss's own ∂L/∂h_t, with every other state held; (T, B, H). Zero at the steps
            that the loss does not read.
        grad_c: The same for c_t, or None if the loss reads no cell state.
        projection: The weights W_hr of a projection, (P, H), which `torch.nn.LSTM` with `proj_size`
            has: h_t = (o_t * tanh c_t) W_hr^T. Then h has P units.

    Returns:
        Gradients for inputs, states and parameters.

    Raises:
        TypeError: If it is the run of another cell, or an argument is no tensor.
        ValueError: If a tensor has the wrong number of dimensions, or the run does not follow from
            x and the weights.
        RuntimeError: If a size, dtype or device does not fit the run.
    """
    c = check_lstm(run, projection)
    weights = check_inputs(run.states.h, x, weights, rows=4 * c.shape[-1], letters="4H")
    check_grad("grad_h", grad_h, run.states.h)
    if grad_c is not None:
        check_grad("grad_c", grad_c, c)
    with full_precision(c):
        x = without_padding(x, run.valid)
        check_cell_follows(run, projection)
        check_gates_follow(run, x, weights)
        return lstm_backward(run, x, weights, grad_h, grad_c, projection)


@torch.no_grad()
def rnn_bptt(
    run: Unrolled[Tensor, tuple[()]], x: Tensor, weights: Weights, grad_h: Tensor
) -> RNNGradients:
    """Go back through an unrolled simple RNN, of tanh or ReLU, and return every gradient.

    Equations :eq:`bptt-rnn` and :eq:`bptt-weights`. No autograd is used. Reversed and masked runs
    are taken back as by `bptt`.

    Args:
        run: The forward pass of a simple RNN, from `unroll`. Where the step was a function, which
            of tanh and ReLU it took is seen from the states.
        x: Its inputs, (T, B, D), in the order of the run's states.
        weights: Its weights.
        grad_h: The loss's own ∂L/∂h_t, with every other state held; (T, B, H).

    Returns:
        Gradients for inputs, states and parameters.

    Raises:
        TypeError: If it is the run of another cell, or an argument is no tensor.
        ValueError: If a tensor has the wrong number of dimensions, or the run does not follow from
            x and the weights.
        RuntimeError: If a size, dtype or device does not fit the run.
    """
    h = check_rnn(run)
    weights = check_inputs(h, x, weights, rows=h.shape[-1], letters="H")
    check_grad("grad_h", grad_h, h)
    with full_precision(h):
        x = without_padding(x, run.valid)
        return rnn_backward(run, x, weights, grad_h, rnn_mode(run, x, weights))


def lstm_backward(
    run: Unrolled[LSTMState, Gates],
    x: Tensor,
    weights: Weights,
    grad_h: Tensor,
    grad_c: Tensor | None = None,
    projection: Tensor | None = None,
) -> LSTMGradients:
    """Do what `bptt` does, for a run that is known to be right."""
    W, U, _ = weights
    previous, c = run.previous, run.states.c
    h_later, c_later = torch.zeros_like(run.initial.h), torch.zeros_like(run.initial.c)
    steps: list[tuple[Tensor, ...]] = []
    for t in _backwards(len(x), run.reverse):
        dh, dc = grad_h[t] + h_later, c_later if grad_c is None else grad_c[t] + c_later
        gates = Gates(*(gate[t] for gate in run.gates))
        dm = dh if projection is None else dh @ projection  # of o_t * tanh c_t
        da, dc_all, h_later, c_later = lstm_step_backward(dm, dc, previous.c[t], c[t], gates, U)
        if run.valid is not None:  # a state that stays as it was hands its gradient on
            own = run.valid[t][:, None]
            da, dc_all = da.where(own, 0), dc_all.where(own, dc)
            h_later, c_later = h_later.where(own, dh), c_later.where(own, dc)
        steps.append((da, dh, dc_all))
    da, dh, dc = _in_order(steps, run.reverse)
    to_projection = None
    if projection is not None:
        m = without_padding(run.gates.o * c.tanh(), run.valid)
        to_projection = dh.flatten(0, 1).T @ m.flatten(0, 1)
    initial = LSTMState(h_later, c_later)
    to_weights = _weight_gradients(da, x, previous.h)
    return LSTMGradients(da @ W, dh, dc, initial, *to_weights, to_projection)


def rnn_backward(
    run: Unrolled[Tensor, tuple[()]], x: Tensor, weights: Weights, grad_h: Tensor, mode: str
) -> RNNGradients:
    """Do what `rnn_bptt` does, for a run that is known to be right and to be of a mode."""
    W, U, _ = weights
    slope = slope_of(run.states, mode)
    later = torch.zeros_like(run.initial)
    steps: list[tuple[Tensor, ...]] = []
    for t in _backwards(len(x), run.reverse):
        dh = grad_h[t] + later
        da, later = rnn_step_backward(dh, slope[t], U)
        if run.valid is not None:
            own = run.valid[t][:, None]
            da, later = da.where(own, 0), later.where(own, dh)
        steps.append((da, dh))
    da, dh = _in_order(steps, run.reverse)
    return RNNGradients(da @ W, dh, later, *_weight_gradients(da, x, run.previous))


def slope_of(h: Tensor, mode: str) -> Tensor:
    """Return ∂h_t/∂a_t of a simple RNN, entry by entry, from h_t."""
    if mode == "RNN_TANH":
        return 1 - h**2
    return torch.where(h.isnan(), h, (h > 0).to(h.dtype))  # NaN > 0 would hide it


def _backwards(T: int, reverse: bool) -> Iterable[int]:
    """Return the steps of a run, the one that was taken last first."""
    return range(T) if reverse else reversed(range(T))


def _in_order(steps: list[tuple[Tensor, ...]], reverse: bool) -> Iterator[Tensor]:
    """Stack what `_backwards` came by, in the order of the sequence."""
    order = 1 if reverse else -1
    return (torch.stack(parts[::order]) for parts in zip(*steps, strict=True))


def _weight_gradients(da: Tensor, x: Tensor, h_previous: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Sum over time and batch; equation :eq:`bptt-weights`."""
    flat = da.flatten(0, 1)
    return flat.T @ x.flatten(0, 1), flat.T @ h_previous.flatten(0, 1), flat.sum(0)
