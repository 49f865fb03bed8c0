"""How much gradient arrives, step by step and lag by lag, for our cells and for torch's layers."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lstm_book.cells import LSTMState
from lstm_book.gradients._check import check_grad
from lstm_book.gradients.bptt import lstm_backward, rnn_backward
from lstm_book.gradients.jacobians import _spectral, lstm_jacobians, recurrent_jacobians
from lstm_book.layers.module import read_module
from lstm_book.layers.unroll import full_precision


class Flow(NamedTuple):
    """The size of the gradient at every step of every sequence.

    Attributes:
        h: ‖∂L/∂h_t‖₂ through every later step, (T, B).
        c: ‖∂L/∂c_t‖₂ through every later step, (T, B); None for a simple RNN.
    """

    h: Tensor
    c: Tensor | None


class LagNorms(NamedTuple):
    """Spectral norms of what the last hidden state owes to the state `lag` steps before.

    Each is (T+1, B), indexed by the lag T - t from 0 to T.

    Attributes:
        hidden: ‖∂h_T/∂h_t‖₂. In an LSTM this bypasses the cell: use `state` to compare.
        cell: ‖∂h_T/∂c_t‖₂; None for a simple RNN.
        state: ‖∂h_T/∂(h_t, c_t)‖₂; for a simple RNN the same as `hidden`.
    """

    hidden: Tensor
    cell: Tensor | None
    state: Tensor


@torch.no_grad()
def gradient_flow(module: nn.Module, x: Tensor, grad_h: Tensor, hx: Any = None) -> Flow:
    """Measure ‖∂L/∂h_t‖ and ‖∂L/∂c_t‖ at every step, through every later step.

    PyTorch cannot tell: after `loss.backward()`, the `.grad` of an `nn.LSTM`'s output holds what
    the loss reads at each step and nothing that came back through time.

    Args:
        module: As for `lstm_book.layers.run_module`.
        x: Inputs, (T, B, D), or (B, T, D) if the layer has `batch_first`.
        grad_h: The loss's own ∂L/∂h_t, (T, B, H), or (B, T, H) if the layer has `batch_first`: what
            `output.grad` holds.
        hx: As for `lstm_book.layers.run_module`.

    Returns:
        The norms over units, (T, B) each, time first. They are right wherever the gradients can be
        represented, though their squares cannot.

    Raises:
        TypeError: As `run_module`.
        ValueError: As `run_module`.
        RuntimeError: As `run_module`, or if grad_h does not fit.
    """
    given = read_module("gradient_flow", module, x, hx)
    run = given.run()
    h = run.states.h if isinstance(run.states, LSTMState) else run.states
    check_grad("grad_h", grad_h, h.transpose(0, 1) if given.batch_first else h, given.batch_first)
    grad_h = grad_h.transpose(0, 1) if given.batch_first else grad_h
    with full_precision(h):
        if given.mode == "LSTM":
            grads = lstm_backward(run, given.x, given.weights, grad_h, projection=given.projection)
            return Flow(_length(grads.h), _length(grads.c))
        return Flow(_length(rnn_backward(run, given.x, given.weights, grad_h, given.mode).h), None)


@torch.no_grad()
def lag_norms(module: nn.Module, x: Tensor, hx: Any = None) -> LagNorms:
    """Measure how strongly the last hidden state depends on the state at every earlier step.

    Args:
        module: As for `lstm_book.layers.run_module`.
        x: Inputs, (T, B, D), or (B, T, D) if the layer has `batch_first`.
        hx: As for `lstm_book.layers.run_module`.

    Returns:
        Spectral norms of Jacobians, each (T+1, B), indexed by the lag. NaN where a Jacobian has it.

    Raises:
        TypeError: As `run_module`.
        ValueError: As `run_module`.
        RuntimeError: As `run_module`.
    """
    given = read_module("lag_norms", module, x, hx)
    run, U = given.run(), given.weights.U
    with full_precision(U):
        if given.mode == "LSTM":
            P = U.shape[-1]
            rows = _last_hidden(lstm_jacobians(run, U, given.projection).matrix, P)
            return LagNorms(*(_spectral(J) for J in (rows[..., :P], rows[..., P:], rows)))
        norms = _spectral(_last_hidden(recurrent_jacobians(run, U, given.mode), len(U)))
        return LagNorms(hidden=norms, cell=None, state=norms)


def _length(v: Tensor) -> Tensor:
    """Return the Euclidean norm over the last dimension, where its square is out of range too."""
    if v.shape[-1] == 0:
        return v.new_zeros(v.shape[:-1])
    largest = v.abs().amax(dim=-1, keepdim=True)
    scale = largest.where((largest > 0) & largest.isfinite(), 1)
    norms: Tensor = (v / scale).norm(dim=-1)
    return norms * scale[..., 0]


def _last_hidden(jacobians: Tensor, H: int) -> Tensor:
    """Return ∂h_T/∂s_t by lag, (T+1, B, H, N): the first H rows of `cumulative`, last step first.

    Carrying H rows instead of all N is half the work for an LSTM.
    """
    N = jacobians.shape[-1]
    rows = torch.eye(H, N, dtype=jacobians.dtype, device=jacobians.device)
    by_lag = [rows.expand(jacobians.shape[1], H, N)]
    for J in jacobians.flip(0):
        by_lag.append(by_lag[-1] @ J)
    return torch.stack(by_lag)
