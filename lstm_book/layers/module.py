"""One recurrence of our cells and torch's, of one layer and direction, by the book's equations."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lstm_book.cells import LSTMCell, LSTMState, RNNCell, Weights, rnn_step, weights_of
from lstm_book.cells.step import add_bias, lstm_equations
from lstm_book.cells.weights import read_tensor
from lstm_book.checks import check_choice, check_like, check_shape, check_states, check_type
from lstm_book.layers.plain import check_plain
from lstm_book.layers.unroll import Unrolled, full_precision, unroll

SQUASH = {"RNN_TANH": torch.tanh, "RNN_RELU": torch.relu}  # by torch's names


class Recurrence(NamedTuple):
    """What a module computes with, and what it was given, time first."""

    mode: str
    weights: Weights
    projection: Tensor | None
    x: Tensor
    initial: Any
    batch_first: bool

    def run(self) -> Unrolled[Any, Any]:
        """Take every step by the book's equations."""
        W, U, b = self.weights

        def step(x_t: Tensor, state: Any) -> Any:
            if self.mode != "LSTM":
                return rnn_step(x_t, state, W, U, b, SQUASH[self.mode]), ()
            state, gates = lstm_equations(add_bias(x_t @ W.T + state.h @ U.T, b), state.c)
            if self.projection is not None:
                state = state._replace(h=state.h @ self.projection.T)
            return state, gates

        with full_precision(self.x):
            return unroll(step, self.x, self.initial)._replace(mode=self.mode)


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
    return read_module("run_module", module, x, hx).run()


def read_module(who: str, module: nn.Module, x: Tensor, hx: Any) -> Recurrence:
    """Check a module and what it is to read, and bring x to time first; `run_module` says how."""
    mode = _mode(who, module)
    W, U, b = weights_of(module)
    batch_first = isinstance(module, nn.RNNBase) and module.batch_first
    check_shape("x", x, "B T D" if batch_first else "T B D", (None, None, W.shape[-1]))
    check_like("x", x, "the weights", W)
    x = x.transpose(0, 1) if batch_first else x
    initial: Any = x.new_zeros(x.shape[1], U.shape[-1])
    if mode == "LSTM":
        initial = LSTMState(initial, x.new_zeros(x.shape[1], len(U) // 4))
    if hx is not None and mode == "LSTM":
        pairs = zip(("hx[0]", "hx[1]"), check_states("hx", hx, "hc"), initial, strict=True)
        initial = LSTMState(*(_check_state(*pair) for pair in pairs))
    elif hx is not None:
        initial = _check_state("hx", hx, initial)
    projection = read_tensor(module, "weight_hr_l0")
    return Recurrence(mode, Weights(W, U, b), projection, x, initial, batch_first)


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
