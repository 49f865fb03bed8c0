"""Backpropagation through time :cite:p:`werbos1990`, written by hand from the equations."""

from typing import NamedTuple

import torch
from torch import Tensor

from lstm_book.cells import Gates, LSTMState, Weights
from lstm_book.checks import check_like, check_shape
from lstm_book.gradients._check import check_kind
from lstm_book.gradients._step import lstm_step_backward, rnn_step_backward
from lstm_book.layers import Unrolled


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
    """

    x: Tensor
    h: Tensor
    c: Tensor
    initial: LSTMState
    W: Tensor
    U: Tensor
    b: Tensor


class RNNGradients(NamedTuple):
    """The gradients of a loss L with respect to everything in an unrolled tanh RNN.

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
) -> LSTMGradients:
    """Go back through an unrolled LSTM and return every gradient.

    Equations :eq:`bptt-cell` to :eq:`bptt-weights`. No autograd is used.

    Args:
        run: The forward pass, from `unroll`.
        x: Its inputs, (T, B, D).
        weights: Its weights.
        grad_h: The loss's own ∂L/∂h_t, with every other state held; (T, B, H). Zero at the steps
            that the loss does not read.
        grad_c: The same for c_t, or None if the loss reads no cell state.

    Returns:
        Gradients for inputs, states and parameters.

    Raises:
        TypeError: If it is the run of another cell, or an argument is no tensor.
        ValueError: If a tensor has the wrong number of dimensions.
        RuntimeError: If a size, dtype or device does not fit the run.
    """
    W, U, _ = weights
    check_kind(run, gates=4)
    T, B, H = _check_run("LSTM", run.states.h, x, weights, gates=4)
    dc_later = torch.zeros_like(run.initial.c)
    dh_later = torch.zeros_like(dc_later)
    _check_grad("grad_h", grad_h, run.states.h)
    if grad_c is not None:
        _check_grad("grad_c", grad_c, run.states.h)

    previous = run.previous
    da, dh, dc = x.new_empty(T, B, 4 * H), torch.empty_like(grad_h), torch.empty_like(grad_h)
    for t in reversed(range(T)):
        dh[t] = grad_h[t] + dh_later
        gates_t = Gates(*(gate[t] for gate in run.gates))
        direct = dc_later if grad_c is None else grad_c[t] + dc_later
        da[t], dc[t], (dh_later, dc_later) = lstm_step_backward(
            dh[t], direct, previous.c[t], run.states.c[t], gates_t, U
        )
    initial = LSTMState(dh_later, dc_later)
    return LSTMGradients(da @ W, dh, dc, initial, *_weight_gradients(da, x, previous.h))


@torch.no_grad()
def rnn_bptt(
    run: Unrolled[Tensor, tuple[()]], x: Tensor, weights: Weights, grad_h: Tensor
) -> RNNGradients:
    """Go back through an unrolled tanh RNN and return every gradient.

    Equations :eq:`bptt-rnn` and :eq:`bptt-weights`. No autograd is used.

    Args:
        run: The forward pass of a tanh RNN, from `unroll`.
        x: Its inputs, (T, B, D).
        weights: Its weights.
        grad_h: The loss's own ∂L/∂h_t, with every other state held; (T, B, H).

    Returns:
        Gradients for inputs, states and parameters.

    Raises:
        TypeError: If it is the run of another cell, or an argument is no tensor.
        ValueError: If a tensor has the wrong number of dimensions.
        RuntimeError: If a size, dtype or device does not fit the run.
    """
    W, U, _ = weights
    check_kind(run, gates=1)
    T, B, H = _check_run("RNN", run.states, x, weights, gates=1)
    _check_grad("grad_h", grad_h, run.states)
    later = torch.zeros_like(run.initial)
    da, dh = x.new_empty(T, B, H), torch.empty_like(grad_h)
    for t in reversed(range(T)):
        dh[t] = grad_h[t] + later
        da[t], later = rnn_step_backward(dh[t], run.states[t], U)
    return RNNGradients(da @ W, dh, later, *_weight_gradients(da, x, run.previous))


def _weight_gradients(da: Tensor, x: Tensor, h_previous: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Sum over time and batch; equation :eq:`bptt-weights`."""
    flat = da.flatten(0, 1)
    return flat.T @ x.flatten(0, 1), flat.T @ h_previous.flatten(0, 1), flat.sum(0)


def _check_run(
    kind: str, h: Tensor, x: Tensor, weights: Weights, gates: int
) -> tuple[int, int, int]:
    """Check that inputs, weights and states belong together; return T, B, H."""
    check_shape(f"the {kind}'s states", h, "T B H", (None, None, None))
    T, B, H = h.shape
    check_shape("x", x, "T B D", (T, B, None))
    rows = "H" if gates == 1 else f"{gates}H"
    check_shape("W", weights.W, f"{rows} D", (gates * H, x.shape[-1]))
    check_shape("U", weights.U, f"{rows} H", (gates * H, H))
    for name, tensor in (("x", x), ("W", weights.W), ("U", weights.U)):
        check_like(name, tensor, "the states", h)
    return T, B, H


def _check_grad(name: str, grad: Tensor, h: Tensor) -> None:
    """Check a loss gradient against the states that it belongs to."""
    check_shape(name, grad, "T B H", h.shape)
    check_like(name, grad, "the states", h)
