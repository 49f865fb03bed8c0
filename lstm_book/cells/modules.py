"""Cells as modules: they hold the parameters and check the input; the equations are in `step`."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

from lstm_book.cells.state import Gates, LSTMState
from lstm_book.cells.step import lstm_step, rnn_step
from lstm_book.cells.weights import Weights, read_weights
from lstm_book.checks import (
    check_choice,
    check_like,
    check_shape,
    check_tensor,
    check_type,
    check_whole,
)


class _Cell(nn.Module):
    """Parameters, default initialisation and input checks that all cells share."""

    gates: int
    recurrent = True  # whether h_{t-1} reaches the pre-activations
    state_type: type[Any] = LSTMState
    weight_hh: nn.Parameter | None
    bias_ih: nn.Parameter | None
    bias_hh: nn.Parameter | None

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool, device: Any, dtype: Any
    ) -> None:
        super().__init__()
        self.input_size = _size("input_size", input_size)
        self.hidden_size = _size("hidden_size", hidden_size)
        self.bias = check_type("bias", bias, bool, "True or False")
        rows = self.gates * self.hidden_size

        def parameter(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(shape, device=device, dtype=dtype))

        self.weight_ih = parameter(rows, self.input_size)
        self.weight_hh = parameter(rows, self.hidden_size) if self.recurrent else None
        self.bias_ih = parameter(rows) if bias else None
        self.bias_hh = parameter(rows) if bias and self.recurrent else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw every parameter from U(-1/√H, 1/√H), as PyTorch does."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0.0
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    @property
    def weights(self) -> Weights:
        """W, U and b = b_ih + b_hh."""
        return read_weights(self)

    def extra_repr(self) -> str:
        """Sizes and whatever differs from the defaults, as PyTorch prints them."""
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")

    def __prepare_scriptable__(self) -> NoReturn:
        """Refuse TorchScript, which knows neither these states nor `step`."""
        kind = type(self).__name__
        torchs = f"torch.nn.{kind}, which takes this cell's state_dict, " if kind in _TORCHS else ""
        raise TypeError(f"{kind} cannot be scripted; script {torchs}or use torch.export")

    def _zeros(self, input: Tensor) -> Tensor:
        """Return zeros, one for each unit, for an input of shape (…, D)."""
        if check_tensor("input", input).dim() == 0:
            raise ValueError(f"expected input of shape (…, {self.input_size}), got 0-D")
        if not input.is_floating_point():
            raise RuntimeError(f"expected input of a floating-point dtype, got {input.dtype}")
        return input.new_zeros(*input.shape[:-1], self.hidden_size)

    def _check(self, input: Tensor, states: Sequence[Tensor]) -> None:
        """Raise torch's error class for a wrong rank, size, dtype or device, in this order."""
        kind, D, H = type(self).__name__, self.input_size, self.hidden_size
        if check_tensor("input", input).dim() not in (1, 2):
            raise ValueError(
                f"{kind}: expected input of shape (B, {D}) or ({D},), "
                f"got {input.dim()}-D of shape {tuple(input.shape)}"
            )
        wanted = (*input.shape[:-1], H)
        names = [f"{kind}: hx[{n}]" if len(states) > 1 else f"{kind}: hx" for n in range(9)]
        for name, state in zip(names, states, strict=False):
            if check_tensor(name, state).dim() not in (1, 2):
                raise ValueError(
                    f"{name}: expected shape {wanted}, "
                    f"got {state.dim()}-D of shape {tuple(state.shape)}"
                )
        if input.shape[-1] != D:
            raise RuntimeError(
                f"{kind}: expected input with input_size={D} features, "
                f"got {input.shape[-1]} (shape {tuple(input.shape)})"
            )
        for name, state in zip(names, states, strict=False):
            if tuple(state.shape) != wanted:
                raise RuntimeError(
                    f"{name}: expected shape {wanted}, as the input has shape "
                    f"{tuple(input.shape)} and hidden_size={H}, got {tuple(state.shape)}"
                )
        # Any parameter will do; a replica has none. Reading a normed weight would compute it.
        like = next(self.parameters(), None)
        like = self.weight_ih if like is None else like
        check_like(f"{kind} input", input, "weight_ih", like)
        for name, state in zip(names, states, strict=False):
            check_like(name, state, "weight_ih", like)

    def _check_step(self, x_t: Tensor, state: Any) -> None:
        """Refuse shapes that would broadcast; by comparisons alone if all is well."""
        states = (state,) if self.state_type is Tensor else state
        if isinstance(x_t, Tensor) and isinstance(state, self.state_type) and x_t.dim():
            shape = x_t.shape
            wanted = (*shape[:-1], self.hidden_size)
            fits = shape[-1] == self.input_size
            for tensor in states:
                fits = fits and isinstance(tensor, Tensor) and tensor.shape == wanted
            if fits:
                return
        kind = type(self).__name__
        if check_tensor(f"{kind}: x_t", x_t).dim() == 0:
            raise ValueError(f"{kind}: expected x_t of shape (…, {self.input_size}), got 0-D")
        check_type(f"{kind}: state", state, self.state_type, f"a {self.state_type.__name__}")
        batch = x_t.shape[:-1]
        dims = " ".join("B" * len(batch))
        check_shape(f"{kind}: x_t", x_t, f"{dims} D", (*batch, self.input_size))
        for name, tensor in zip(getattr(state, "_fields", ("state",)), states, strict=True):
            check_shape(f"{kind}: {name}", tensor, f"{dims} H", (*batch, self.hidden_size))


_TORCHS = ("RNNCell", "LSTMCell", "GRUCell")  # cells that torch has as well, with the same weights


def _size(name: str, value: object) -> int:
    """Return a size; torch's error class for a negative one is RuntimeError."""
    size = check_whole(name, value)
    if size < 0:
        raise RuntimeError(f"expected {name} not to be negative, got {size}")
    return size


class RNNCell(_Cell):
    """A simple RNN cell :cite:p:`elman1990`; a drop-in for :class:`torch.nn.RNNCell`.

    Equation :eq:`rnn-step`. Parameters have PyTorch's names, shapes and default initialisation, so
    a state_dict loads either way.

    Args:
        input_size: Features D of the input.
        hidden_size: Units H.
        bias: Whether to add b_ih and b_hh.
        nonlinearity: "tanh" or "relu".
        device: Where to put the parameters.
        dtype: Their floating-point type.

    Raises:
        TypeError: If a size is no whole number.
        ValueError: If the nonlinearity is neither "tanh" nor "relu".
        RuntimeError: If a size is negative.
    """

    gates = 1
    state_type = Tensor
    __call__: Callable[..., Tensor]  # what forward returns; torch's annotation says Any

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        check_choice("nonlinearity", nonlinearity, ("tanh", "relu"))
        super().__init__(input_size, hidden_size, bias, device, dtype)
        self.nonlinearity = nonlinearity

    def extra_repr(self) -> str:
        """Sizes and whatever differs from the defaults, as PyTorch prints them."""
        relu = "" if self.nonlinearity == "tanh" else f", nonlinearity={self.nonlinearity}"
        return super().extra_repr() + relu

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """Advance by one step.

        Args:
            input: x_t of shape (B, D), or (D,) for a single sequence.
            hx: h_{t-1} of shape (B, H) or (H,); zeros if missing.

        Returns:
            h_t, of the shape that hx has or would have.

        Raises:
            ValueError: If input or hx has neither one nor two dimensions.
            RuntimeError: If a size, dtype or device does not fit the parameters.
        """
        self._check(input, () if hx is None else (hx,))
        return self.step(input, self.zero_state(input) if hx is None else hx)[0]

    def step(self, x_t: Tensor, state: Tensor) -> tuple[Tensor, tuple[()]]:
        """Advance by one step in the form that `unroll` takes; a simple RNN has no gates."""
        activation = torch.tanh if self.nonlinearity == "tanh" else torch.relu
        return rnn_step(x_t, state, *self.weights, activation=activation), ()

    def zero_state(self, input: Tensor) -> Tensor:
        """Return h_0 = 0 for an input of shape (…, D)."""
        return self._zeros(input)


class LSTMCell(_Cell):
    """An LSTM cell with forget gate :cite:p:`gers2000`; a drop-in for :class:`torch.nn.LSTMCell`.

    Equations :eq:`lstm-gates`, :eq:`lstm-cell` and :eq:`lstm-hidden`.

    ========== ====================== ================
    Symbol     Parameter              Shape
    ========== ====================== ================
    W          ``weight_ih``          (4H, D): i,f,g,o
    U          ``weight_hh``          (4H, H): i,f,g,o
    b          ``bias_ih + bias_hh``  (4H,): i,f,g,o
    ========== ====================== ================

    Parameters have PyTorch's names, shapes and default initialisation, so a state_dict loads
    either way.

    Args:
        input_size: Features D of the input.
        hidden_size: Units H.
        bias: Whether to add b_ih and b_hh.
        device: Where to put the parameters.
        dtype: Their floating-point type.

    Raises:
        TypeError: If a size is no whole number.
        RuntimeError: If a size is negative.

    >>> cell = LSTMCell(input_size=3, hidden_size=5)
    >>> h, c = cell(torch.zeros(2, 3))
    >>> h.shape, c.shape
    (torch.Size([2, 5]), torch.Size([2, 5]))
    """

    gates = 4
    __call__: Callable[..., LSTMState]  # what forward returns; torch's annotation says Any

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, device, dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> LSTMState:
        """Advance by one step.

        Args:
            input: x_t of shape (B, D), or (D,) for a single sequence.
            hx: (h_{t-1}, c_{t-1}), both of shape (B, H) or (H,); zeros if missing.

        Returns:
            (h_t, c_t), of the shape that hx has or would have.

        Raises:
            TypeError: If hx is no tuple of tensors.
            ValueError: If input or a state has neither one nor two dimensions.
            RuntimeError: If a size, dtype or device does not fit the parameters, or hx has not
                two states.
        """
        if hx is None:
            self._check(input, ())
            return self.step(input, self.zero_state(input))[0]
        if not isinstance(hx, tuple | list):
            raise TypeError(f"LSTMCell: expected hx to be a tuple (h, c), got {type(hx).__name__}")
        if len(hx) != 2:
            raise RuntimeError(f"LSTMCell: expected hx to be (h, c), got {len(hx)} states")
        self._check(input, hx)
        return self.step(input, LSTMState(*hx))[0]

    def step(self, x_t: Tensor, state: LSTMState) -> tuple[LSTMState, Gates]:
        """Advance by one step and return the gates as well, in the form that `unroll` takes."""
        return lstm_step(x_t, state, *self.weights)

    def zero_state(self, input: Tensor) -> LSTMState:
        """Return h_0 = c_0 = 0 for an input of shape (…, D)."""
        return LSTMState(self._zeros(input), self._zeros(input))
