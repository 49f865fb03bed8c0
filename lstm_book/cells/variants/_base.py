"""What the variants share: rows by name, pre-activations, one checked step from outside."""

import math
from typing import Any

from torch import Tensor, nn

from lstm_book.cells.modules import _Cell
from lstm_book.cells.step import add_bias
from lstm_book.cells.weights import read_tensor


class VariantCell(_Cell):
    """What every variant is made from; derive from it to write one of your own.

    A variant says which rows its weights hold, one gate below the other, and writes `step`. It may
    carry another state than (h, c): a named tuple with a field h, or a tensor. Every argument of
    its constructor stays an attribute of the same name, so that `Recurrent` can build another cell
    like it.

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
        TypeError: If a size is no whole number, or another argument of a wrong type.
        RuntimeError: If a size is negative.

    >>> import torch
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

    rows: str = "ifgo"
    options: tuple[str, ...] = ()  # arguments of the cell's own

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        self.gates = len(self.rows)
        super().__init__(input_size, hidden_size, bias, device, dtype)

    def extra_repr(self) -> str:
        """Sizes, whatever differs from the defaults, and the cell's own options."""
        return ", ".join([super().extra_repr(), *(f"{o}={getattr(self, o)}" for o in self.options)])

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
        if hx is None:
            self._check(input, ())
            return self.step(input, self.zero_state(input))[0]
        state = self._state(hx)
        self._check(input, (state,) if self.state_type is Tensor else state)
        return self.step(input, state)[0]

    def step(self, x_t: Tensor, state: Any) -> tuple[Any, Any]:
        """Advance by one step and return the gates as well, in the form that `unroll` takes."""
        raise NotImplementedError(f"{type(self).__name__} has no step: a variant writes its own")

    def zero_state(self, input: Tensor) -> Any:
        """Return the state before the first step, zeros, for an input of shape (…, D)."""
        if self.state_type is Tensor:
            return self._zeros(input)
        return self.state_type(*(self._zeros(input) for _ in range(self._count())))

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
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0.0
        return nn.Parameter(nn.init.uniform_(self.weight_ih.new_empty(shape), -bound, bound))

    def _count(self) -> int:
        """Return how many tensors the state has."""
        return len(self.state_type._fields)

    def _state(self, hx: Any) -> Any:
        """Bring what the caller gave to the cell's own state."""
        kind, wanted = type(self).__name__, self.state_type
        if wanted is Tensor:
            return hx
        fields = ", ".join(wanted._fields)
        if not isinstance(hx, tuple | list):
            raise TypeError(
                f"{kind}: expected hx to be a tuple ({fields}), got {type(hx).__name__}"
            )
        if len(hx) != self._count():
            raise RuntimeError(f"{kind}: expected hx to be ({fields}), got {len(hx)} states")
        return wanted(*hx)
