"""The only time loop of the package."""

from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

import torch
from torch import Tensor

from lstm_book.cells._check import check_like, check_tensor

S = TypeVar("S", bound=Any)
G = TypeVar("G", bound=Any)


class Unrolled(NamedTuple, Generic[S, G]):
    """What a cell did over T steps.

    Attributes:
        initial: The state before the first step; each tensor (B, H).
        states: The states after each step, stacked: each tensor (T, B, H).
        gates: The gates of each step, stacked: each tensor (T, B, H). Empty for a simple RNN.
    """

    initial: S
    states: S
    gates: G

    @property
    def previous(self) -> S:
        """The states before each step, stacked, each tensor (T, B, H)."""
        shifted: S = _map(
            lambda first, after: torch.cat([first[None], after[:-1]]), self.initial, self.states
        )
        return shifted


def unroll(step: Callable[[Tensor, S], tuple[S, G]], x: Tensor, initial: S) -> Unrolled[S, G]:
    """Run a step function over a sequence and keep every state and gate.

    Args:
        step: Takes (x_t, state) and returns (state, gates), such as `LSTMCell.step`.
        x: Inputs, (T, B, D), or (T, D) for a single sequence.
        initial: The state before the first step: a tensor, or a named tuple of tensors; each
            (B, H), or (H,) for a single sequence.

    Returns:
        The states and gates of all steps. Autograd follows all of them.

    Raises:
        TypeError: If x or a state is no tensor, or the states are in no named tuple.
        ValueError: If x has fewer than two dimensions.
        RuntimeError: If there is no step to take (T = 0), as `torch.nn.LSTM` does, or the initial
            state has another batch size, dtype or device than x.
    """
    _check(x, initial)
    states, gates = [], []
    state = initial
    for x_t in x:
        state, gates_t = step(x_t, state)
        states.append(state)
        gates.append(gates_t)
    return Unrolled(initial, _stack(states), _stack(gates))


def _check(x: Tensor, initial: Any) -> None:
    """Check the input and the state to start from; the sizes D and H are the step's business."""
    if check_tensor("x", x).dim() < 2:
        raise ValueError(
            f"expected x of shape (T, B, D) or (T, D), got {x.dim()}-D of shape {tuple(x.shape)}"
        )
    if len(x) == 0:
        raise RuntimeError(f"expected at least one time step, got x of shape {tuple(x.shape)}")
    if isinstance(initial, tuple) and not hasattr(initial, "_fields"):
        raise TypeError("expected the initial state as a named tuple such as LSTMState, got tuple")
    for state in initial if isinstance(initial, tuple) else (initial,):
        batch = x.shape[1:-1]
        if check_tensor("the initial state", state).shape[:-1] != batch or not state.dim():
            wanted = ", ".join([*map(str, batch), "H"])
            raise RuntimeError(
                f"expected the initial state of shape ({wanted}), as x has shape "
                f"{tuple(x.shape)}, got {tuple(state.shape)}"
            )
        check_like("the initial state", state, "x", x)


def _stack(records: list[Any]) -> Any:
    """Stack a list of tensors, or of named tuples of tensors, over time."""
    return _map(lambda *tensors: torch.stack(tensors), *records)


def _map(function: Callable[..., Tensor], *records: Any) -> Any:
    """Apply a function to tensors, or field by field to named tuples of tensors."""
    first = records[0]
    if isinstance(first, Tensor):
        return function(*records)
    return type(first)(*(function(*fields) for fields in zip(*records, strict=True)))
