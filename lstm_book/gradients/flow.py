"""How much gradient arrives, step by step and lag by lag, for our cells and for torch's layers."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lstm_book.cells import LSTMCell, LSTMState, RNNCell, lstm_step, rnn_step, weights_of
from lstm_book.checks import check_like, check_shape
from lstm_book.gradients.bptt import bptt, rnn_bptt
from lstm_book.gradients.jacobians import rnn_jacobians, state_jacobians
from lstm_book.layers import Unrolled, unroll


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


def run_module(module: nn.Module, x: Tensor, hx: Any = None) -> Unrolled[Any, Any]:
    """Run a recurrent module with the equations of the book, so that its states can be seen.

    Args:
        module: An `LSTMCell`, an `RNNCell`, torch's cells, or a one-layer, one-directional
            `torch.nn.LSTM` or tanh `torch.nn.RNN` without projection.
        x: Inputs, (T, B, D), time first whatever the layer's `batch_first` says.
        hx: The state before the first step: (h, c) for an LSTM, h for an RNN, each (B, H); zeros
            if missing.

    Returns:
        States and gates of every step.

    Raises:
        TypeError: If the module is none of these, or x or hx is of another type.
        ValueError: If it has several layers or directions, a projection, or a nonlinearity other
            than tanh; or a tensor has the wrong number of dimensions.
        RuntimeError: If a size, dtype or device does not fit, or T = 0.
    """
    is_lstm = _check_module(module)
    W, U, b = weights_of(module)
    H = U.shape[-1]
    check_shape("x", x, "T B D", (None, None, W.shape[-1]))
    check_like("x", x, "the weights", W)
    initial = _initial(is_lstm, hx, x.new_zeros(x.shape[1], H))
    if isinstance(initial, LSTMState):
        return unroll(lambda x_t, state: lstm_step(x_t, state, W, U, b), x, initial)
    return unroll(lambda x_t, h: (rnn_step(x_t, h, W, U, b), ()), x, initial)


@torch.no_grad()
def gradient_flow(module: nn.Module, x: Tensor, grad_h: Tensor, hx: Any = None) -> Flow:
    """Measure ‖∂L/∂h_t‖ and ‖∂L/∂c_t‖ at every step, through every later step.

    PyTorch cannot tell: after `loss.backward()`, the `.grad` of an `nn.LSTM`'s output holds what
    the loss reads at each step and nothing that came back through time.

    Args:
        module: As for `run_module`.
        x: Inputs, (T, B, D).
        grad_h: The loss's own ∂L/∂h_t, (T, B, H): what `output.grad` holds.
        hx: As for `run_module`.

    Returns:
        The norms over units, (T, B) each.

    Raises:
        TypeError: As `run_module`.
        ValueError: As `run_module`.
        RuntimeError: As `run_module`, or if grad_h does not fit.
    """
    run = run_module(module, x, hx)
    if isinstance(run.states, LSTMState):
        grads = bptt(run, x, weights_of(module), grad_h)
        return Flow(h=grads.h.norm(dim=-1), c=grads.c.norm(dim=-1))
    return Flow(h=rnn_bptt(run, x, weights_of(module), grad_h).h.norm(dim=-1), c=None)


@torch.no_grad()
def lag_norms(module: nn.Module, x: Tensor, hx: Any = None) -> LagNorms:
    """Measure how strongly the last hidden state depends on the state at every earlier step.

    Args:
        module: As for `run_module`.
        x: Inputs, (T, B, D).
        hx: As for `run_module`.

    Returns:
        Spectral norms of Jacobians, each (T+1, B), indexed by the lag.

    Raises:
        TypeError: As `run_module`.
        ValueError: As `run_module`.
        RuntimeError: As `run_module`.
    """
    run = run_module(module, x, hx)
    U = weights_of(module).U
    if isinstance(run.states, LSTMState):
        rows = _last_hidden(state_jacobians(run, U).matrix, len(U) // 4)
        to_h, to_c = rows.chunk(2, dim=-1)
        return LagNorms(*(torch.linalg.matrix_norm(J, 2) for J in (to_h, to_c, rows)))
    norms = torch.linalg.matrix_norm(_last_hidden(rnn_jacobians(run, U), len(U)), 2)
    return LagNorms(hidden=norms, cell=None, state=norms)


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


def _initial(is_lstm: bool, hx: Any, zeros: Tensor) -> LSTMState | Tensor:
    """Check the state to start from, which zeros (B, H) shows the shape of; default to zeros."""
    if hx is None:
        return LSTMState(zeros, zeros) if is_lstm else zeros
    if not is_lstm:
        return _check_state("hx", hx, zeros)
    if not isinstance(hx, tuple | list):
        raise TypeError(f"expected hx to be a tuple (h, c), got {type(hx).__name__}")
    if len(hx) != 2:
        raise RuntimeError(f"expected hx to be (h, c), got {len(hx)} states")
    return LSTMState(*(_check_state(f"hx[{k}]", state, zeros) for k, state in enumerate(hx)))


def _check_state(name: str, state: object, zeros: Tensor) -> Tensor:
    """Check one tensor of the state against zeros (B, H)."""
    tensor = check_shape(name, state, "B H", zeros.shape)
    check_like(name, tensor, "the weights", zeros)
    return tensor


def _check_module(module: nn.Module) -> bool:
    """Check that we can run a module step by step; return whether it is an LSTM."""
    is_lstm = isinstance(module, LSTMCell | nn.LSTMCell | nn.LSTM)
    if not (is_lstm or isinstance(module, RNNCell | nn.RNNCell | nn.RNN)):
        raise TypeError(f"expected an LSTM, an RNN or one of their cells, got {module}")
    if isinstance(module, nn.RNNBase) and (
        module.num_layers != 1 or module.bidirectional or module.proj_size
    ):
        raise ValueError(
            f"expected one layer, one direction and no projection, got {module}; "
            "run the layers one by one"
        )
    nonlinearity = getattr(module, "nonlinearity", "tanh")
    if nonlinearity != "tanh":
        raise ValueError(f"expected a tanh RNN, got nonlinearity {nonlinearity!r}")
    return is_lstm
