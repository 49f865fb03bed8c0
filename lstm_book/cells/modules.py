"""Cells as modules: they hold the parameters and check the input; the equations are in `step`."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

from lstm_book.cells.state import Gates, LSTMState
from lstm_book.cells.step import add_bias, lstm_step, rnn_step
from lstm_book.cells.weights import Weights, read_tensor, read_weights
from lstm_book.checks import (
    check_choice,
    check_like,
    check_shape,
    check_states,
    check_tensor,
    check_type,
    check_whole,
)


class Cell(nn.Module, ABC):
    """What any cell is to `lstm_book.layers.Recurrent`: sizes, a step, and a state to start from.

    Derive from it to write a cell of your own from nothing, and from `VariantCell` to get weights,
    checks and zero states with it. A layer with several cells builds the others with the arguments
    of the first; so keep every argument of the constructor as an attribute of its name.

    Attributes:
        input_size: Features D of the input.
        hidden_size: Units H of the hidden state.

    >>> class Decay(Cell):
    ...     def __init__(self, input_size, hidden_size):
    ...         super().__init__()
    ...         self.input_size, self.hidden_size = input_size, hidden_size
    ...     def step(self, x_t, state):
    ...         return 0.5 * state + x_t.sum(-1, keepdim=True), ()
    ...     def zero_state(self, input):
    ...         return input.new_zeros(*input.shape[:-1], self.hidden_size)
    >>> state, gates = Decay(3, 5).step(torch.ones(2, 3), torch.zeros(2, 5))
    >>> state.shape
    torch.Size([2, 5])
    """

    input_size: int
    hidden_size: int

    @abstractmethod
    def step(self, x_t: Tensor, state: Any) -> tuple[Any, Any]:
        """Advance by one step.

        Args:
            x_t: Input at this step, (B, D).
            state: State of the step before: a tensor, or a named tuple of tensors whose field h is
                the hidden state; each (B, H).

        Returns:
            The state after the step, and gates: a tensor or a named tuple of tensors to be kept, or
            an empty tuple.
        """

    @abstractmethod
    def zero_state(self, input: Tensor) -> Any:
        """Return the state before the first step, for an input of shape (…, D)."""


class _Cell(Cell):
    """Parameters, default initialisation and input checks that all our cells share."""

    rows: str = "ifgo"
    recurrent = True  # whether h_{t-1} reaches the pre-activations
    state_type: type[Any] = LSTMState
    options: tuple[str, ...] = ()
    weight_hh: nn.Parameter | None
    bias_ih: nn.Parameter | None
    bias_hh: nn.Parameter | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.input_size = _size("input_size", input_size)
        self.hidden_size = _size("hidden_size", hidden_size)
        self.bias = check_type("bias", bias, bool, "True or False")
        self.gates = len(self.rows)
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
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -self._bound(), self._bound())

    @property
    def weights(self) -> Weights:
        """W, U and b = b_ih + b_hh."""
        return read_weights(self)

    def extra_repr(self) -> str:
        """Sizes, whatever differs from the defaults, and the cell's own options."""
        shown = [f"{self.input_size}, {self.hidden_size}"] + ([] if self.bias else ["bias=False"])
        return ", ".join([*shown, *(f"{name}={getattr(self, name)}" for name in self.options)])

    def __prepare_scriptable__(self) -> NoReturn:
        """Refuse TorchScript, which knows neither these states nor `step`."""
        kind = type(self).__name__
        torchs = f"torch.nn.{kind}, which takes this cell's state_dict, " if kind in _TORCHS else ""
        raise TypeError(f"{kind} cannot be scripted; script {torchs}or use torch.export")

    def forward(self, input: Tensor, hx: Any = None) -> Any:
        """Advance by one step.

        Args:
            input: x_t of shape (B, D), or (D,) for a single sequence.
            hx: The state of the step before, as the cell returns it, or a tuple of the same
                tensors; each of shape (B, H) or (H,). `zero_state` if missing.

        Returns:
            The state after the step, of the shape that hx has or would have.

        Raises:
            TypeError: If hx is no tensor, or no tuple of tensors, as the cell needs it.
            ValueError: If input or a state has neither one nor two dimensions.
            RuntimeError: If a size, dtype or device does not fit the parameters, or hx has not
                as many states as the cell.
        """
        state: Any
        if hx is None:
            self._check(input, ())
            state = self.zero_state(input)
        elif self.state_type is Tensor:
            self._check(input, (hx,))
            state = hx
        else:
            state = check_states(f"{type(self).__name__}: hx", hx, self.state_type._fields)
            self._check(input, state)
            state = self.state_type(*state)
        return self.step(input, state)[0]

    def zero_state(self, input: Tensor) -> Any:
        """Return the state before the first step, zeros, for an input of shape (…, D)."""
        if self.state_type is Tensor:
            return self._zeros(input)
        return self.state_type(*(self._zeros(input) for _ in self.state_type._fields))

    def pre_activations(self, x_t: Tensor, h: Tensor) -> tuple[Tensor, ...]:
        """Return x_t W^T + h U^T + b, (…, H) for each of the cell's rows."""
        W, U, b = self.weights
        return add_bias(x_t @ W.T + h @ U.T, b).chunk(self.gates, dim=-1)

    def _read(self, name: str) -> Tensor:
        """Return a weight by its name, as it takes effect."""
        tensor = read_tensor(self, name)
        assert tensor is not None
        return tensor

    def _parameter(self, *shape: int) -> nn.Parameter:
        """Return one more parameter, drawn as the others are."""
        tensor = self.weight_ih.new_empty(shape)
        return nn.Parameter(nn.init.uniform_(tensor, -self._bound(), self._bound()))

    def _bound(self) -> float:
        """Return 1/√H, within which parameters are drawn."""
        return 1 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0.0

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

    rows = "h"
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
        self.options = ("nonlinearity",) if nonlinearity != "tanh" else ()

    def step(self, x_t: Tensor, state: Tensor) -> tuple[Tensor, tuple[()]]:
        """Advance by one step in the form that `unroll` takes; a simple RNN has no gates."""
        activation = torch.tanh if self.nonlinearity == "tanh" else torch.relu
        return rnn_step(x_t, state, *self.weights, activation=activation), ()


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

    __call__: Callable[..., LSTMState]  # what forward returns; torch's annotation says Any

    def step(self, x_t: Tensor, state: LSTMState) -> tuple[LSTMState, Gates]:
        """Advance by one step and return the gates as well, in the form that `unroll` takes."""
        return lstm_step(x_t, state, *self.weights)


class VariantCell(_Cell):
    """What every variant is made from; derive from it to write one of your own.

    A variant says which rows its weights hold, one gate below the other, and writes `step`. It may
    carry another state than (h, c): a named tuple with a field h, or a tensor. Every argument of
    its constructor stays an attribute of the same name, so that `Recurrent` can build another cell
    like it. All variants take the arguments below first; those of their own are keywords.

    Args:
        input_size: Features D of the input.
        hidden_size: Units H.
        bias: Whether to add b_ih and b_hh.
        device: Where to put the parameters.
        dtype: Their floating-point type.

    Attributes:
        rows: A letter for each gate or candidate, in the order of the weights' rows.
        state_type: The type of the state.
        options: Names of the constructor's further arguments, which the printed cell shows.

    Raises:
        TypeError: If a size is no whole number, another argument of a wrong type, or the class has
            no `step`.
        ValueError: If an option is none of the possible values.
        RuntimeError: If a size is negative.

    >>> from lstm_book.cells import Gates, LSTMState
    >>> class OpenLSTMCell(VariantCell):
    ...     def step(self, x_t, state):  # no output gate
    ...         a_i, a_f, a_g, _ = self.pre_activations(x_t, state.h)
    ...         i, f, g = a_i.sigmoid(), a_f.sigmoid(), a_g.tanh()
    ...         c = f * state.c + i * g
    ...         return LSTMState(c.tanh(), c), Gates(i, f, g, torch.ones_like(i))
    >>> h, c = OpenLSTMCell(3, 5)(torch.zeros(2, 3))
    >>> h.shape
    torch.Size([2, 5])
    """
