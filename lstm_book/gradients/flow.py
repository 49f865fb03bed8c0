"""How much gradient arrives, step by step and lag by lag, for our cells and for torch's layers."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lstm_book.cells import (
    LSTMCell,
    LSTMState,
    RNNCell,
    Weights,
    lstm_step,
    lstm_update,
    rnn_step,
    weights_of,
)
from lstm_book.cells.weights import read_tensor
from lstm_book.checks import check_choice, check_like, check_shape, check_type
from lstm_book.gradients._check import SQUASH, check_grad, full_precision
from lstm_book.gradients.bptt import lstm_backward, rnn_backward
from lstm_book.gradients.jacobians import _spectral, lstm_jacobians, recurrent_jacobians
from lstm_book.layers import Unrolled, unroll
from lstm_book.layers.plain import check_plain


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


class _Recurrence(NamedTuple):
    """What a module computes with, and what it was given, time first."""

    mode: str
    weights: Weights
    projection: Tensor | None
    x: Tensor
    initial: Any
    batch_first: bool


def run_module(module: nn.Module, x: Tensor, hx: Any = None) -> Unrolled[Any, Any]:
    """Run a recurrent module with the equations of the book, so that its states can be seen.

    Autocast is left out: all is computed in the dtype of the module.

    Args:
        module: An `LSTMCell`, an `RNNCell`, torch's cells, or a one-layer, one-directional
            `torch.nn.LSTM` or `torch.nn.RNN`.
        x: Inputs, (T, B, D), or (B, T, D) if the layer has `batch_first`.
        hx: The state before the first step: (h, c) for an LSTM, h for an RNN, each (B, H); zeros
            if missing. With `proj_size`, h has that size.

    Returns:
        States and gates of every step, time first.

    Raises:
        TypeError: If the module is none of these, or does more (an overridden `forward`, hooks), or
            x or hx is of another type.
        ValueError: If it has several layers or directions, or a tensor the wrong number of
            dimensions.
        RuntimeError: If a size, dtype or device does not fit, or T = 0.
    """
    return _run(_read("run_module", module, x, hx))


@torch.no_grad()
def gradient_flow(module: nn.Module, x: Tensor, grad_h: Tensor, hx: Any = None) -> Flow:
    """Measure ‖∂L/∂h_t‖ and ‖∂L/∂c_t‖ at every step, through every later step.

    PyTorch cannot tell: after `loss.backward()`, the `.grad` of an `nn.LSTM`'s output holds what
    the loss reads at each step and nothing that came back through time.

    Args:
        module: As for `run_module`.
        x: Inputs, (T, B, D), or (B, T, D) if the layer has `batch_first`.
        grad_h: The loss's own ∂L/∂h_t, (T, B, H), or (B, T, H) if the layer has `batch_first`: what
            `output.grad` holds.
        hx: As for `run_module`.

    Returns:
        The norms over units, (T, B) each, time first. They are right wherever the gradients can be
        represented, though their squares cannot.

    Raises:
        TypeError: As `run_module`.
        ValueError: As `run_module`.
        RuntimeError: As `run_module`, or if grad_h does not fit.
    """
    given = _read("gradient_flow", module, x, hx)
    run = _run(given)
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
        module: As for `run_module`.
        x: Inputs, (T, B, D), or (B, T, D) if the layer has `batch_first`.
        hx: As for `run_module`.

    Returns:
        Spectral norms of Jacobians, each (T+1, B), indexed by the lag. NaN where a Jacobian has it.

    Raises:
        TypeError: As `run_module`.
        ValueError: As `run_module`.
        RuntimeError: As `run_module`.
    """
    given = _read("lag_norms", module, x, hx)
    run, U = _run(given), given.weights.U
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


def _read(who: str, module: nn.Module, x: Tensor, hx: Any) -> _Recurrence:
    """Check a module and what it is to read; bring x to time first."""
    mode = _mode(who, module)
    W, U, b = weights_of(module)
    projection = read_tensor(module, "weight_hr_l0")
    batch_first = isinstance(module, nn.RNNBase) and module.batch_first
    check_shape("x", x, "B T D" if batch_first else "T B D", (None, None, W.shape[-1]))
    check_like("x", x, "the weights", W)
    x = x.transpose(0, 1) if batch_first else x
    initial: Any = x.new_zeros(x.shape[1], U.shape[-1])
    if mode == "LSTM":
        initial = LSTMState(initial, x.new_zeros(x.shape[1], len(U) // 4))
    return _Recurrence(mode, Weights(W, U, b), projection, x, _initial(hx, initial), batch_first)


def _run(given: _Recurrence) -> Unrolled[Any, Any]:
    """Take every step by the book's equations."""
    W, U, b = given.weights
    W_hr = given.projection

    def step(x_t: Tensor, state: Any) -> Any:
        if given.mode != "LSTM":
            return rnn_step(x_t, state, W, U, b, SQUASH[given.mode]), ()
        if W_hr is None:
            return lstm_step(x_t, state, W, U, b)
        a = x_t @ W.T + state.h @ U.T
        (m_t, c_t), gates = lstm_update(a if b is None else a + b, state.c)
        return LSTMState(m_t @ W_hr.T, c_t), gates

    with full_precision(given.x):
        return unroll(step, given.x, given.initial)._replace(mode=given.mode)


def _initial(hx: Any, zeros: Any) -> Any:
    """Check the state to start from, which zeros show the shape of; default to these."""
    if hx is None:
        return zeros
    if isinstance(zeros, Tensor):
        return _check_state("hx", hx, zeros)
    if not isinstance(hx, tuple | list):
        raise TypeError(f"expected hx to be a tuple (h, c), got {type(hx).__name__}")
    if len(hx) != 2:
        raise RuntimeError(f"expected hx to be (h, c), got {len(hx)} states")
    pairs = enumerate(zip(hx, zeros, strict=True))
    return LSTMState(*(_check_state(f"hx[{k}]", state, zero) for k, (state, zero) in pairs))


def _check_state(name: str, state: object, zeros: Tensor) -> Tensor:
    """Check one tensor of the state against zeros (B, H)."""
    tensor = check_shape(name, state, "B H", zeros.shape)
    check_like(name, tensor, "the weights", zeros)
    return tensor


def _mode(who: str, module: nn.Module) -> str:
    """Check that we can run a module step by step; return which equations it has."""
    check_type("module", module, nn.Module, "an LSTM, an RNN or one of their cells")
    is_lstm = isinstance(module, LSTMCell | nn.LSTMCell | nn.LSTM)
    if not (is_lstm or isinstance(module, RNNCell | nn.RNNCell | nn.RNN)):
        raise TypeError(f"expected an LSTM, an RNN or one of their cells, got {module}")
    check_plain(who, module)
    if isinstance(module, nn.RNNBase) and (module.num_layers != 1 or module.bidirectional):
        raise ValueError(
            f"expected one layer and one direction, got {module}; lstm_book.layers.LSTM.run, or "
            "Recurrent.run, runs every layer and direction"
        )
    if isinstance(module, nn.RNN):
        return check_choice("mode", module.mode, tuple(SQUASH))
    if is_lstm:
        return "LSTM"
    nonlinearity: Any = check_choice("nonlinearity", module.nonlinearity, ("tanh", "relu"))
    return f"RNN_{nonlinearity.upper()}"
