"""Cells as modules: they hold the parameters and check the input; the equations are in `step`."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lstm_book.cells.state import Gates, LSTMState
from lstm_book.cells.step import lstm_step, rnn_step
from lstm_book.cells.weights import Weights, weights_of
from lstm_book.checks import check_like, check_tensor


class _Cell(nn.Module):
    """Parameters, default initialisation and input checks that all cells share."""

    gates: int
    recurrent = True  # whether h_{t-1} reaches the pre-activations
    weight_hh: nn.Parameter | None
    bias_ih: nn.Parameter | None
    bias_hh: nn.Parameter | None

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool, device: Any, dtype: Any
    ) -> None:
        super().__init__()
        for name, size in (("input_size", input_size), ("hidden_size", hidden_size)):
            if not isinstance(size, int):
                raise TypeError(f"expected {name} to be an int, got {type(size).__name__}")
            if size < 0:
                raise RuntimeError(f"expected {name} not to be negative, got {size}")
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        rows = self.gates * hidden_size

        def parameter(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(shape, device=device, dtype=dtype))

        self.weight_ih = parameter(rows, input_size)
        self.weight_hh = parameter(rows, hidden_size) if self.recurrent else None
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
        return weights_of(self)

    def extra_repr(self) -> str:
        """Sizes and whatever differs from the defaults, as PyTorch prints them."""
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")

    def _check(self, input: Tensor, states: Sequence[Tensor]) -> None:
        """Raise torch's error class for a wrong rank, size, dtype or device, saying what came."""
        kind, D, H = type(self).__name__, self.input_size, self.hidden_size
        if check_tensor("input", input).dim() not in (1, 2):
            raise ValueError(
                f"{kind}: expected input of shape (B, {D}) or ({D},), "
                f"got {input.dim()}-D of shape {tuple(input.shape)}"
            )
        if input.shape[-1] != D:
            raise RuntimeError(
                f"{kind}: expected input with input_size={D} features, "
                f"got {input.shape[-1]} (shape {tuple(input.shape)})"
            )
        check_like(f"{kind} input", input, "weight_ih", self.weight_ih)
        wanted = (*input.shape[:-1], H)
        for index, state in enumerate(states):
            name = f"{kind}: hx[{index}]" if len(states) > 1 else f"{kind}: hx"
            if check_tensor(name, state).dim() not in (1, 2):
                raise ValueError(
                    f"{name}: expected shape {wanted}, "
                    f"got {state.dim()}-D of shape {tuple(state.shape)}"
                )
            if tuple(state.shape) != wanted:
                raise RuntimeError(
                    f"{name}: expected shape {wanted}, as the input has shape "
                    f"{tuple(input.shape)} and hidden_size={H}, got {tuple(state.shape)}"
                )
            check_like(name, state, "weight_ih", self.weight_ih)


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
        ValueError: If the nonlinearity is neither "tanh" nor "relu".
        RuntimeError: If a size is negative.
    """

    gates = 1
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
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"expected nonlinearity 'tanh' or 'relu', got {nonlinearity!r}")
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
        return input.new_zeros(*input.shape[:-1], self.hidden_size)


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
        zeros = input.new_zeros(*input.shape[:-1], self.hidden_size)
        return LSTMState(zeros, zeros)
