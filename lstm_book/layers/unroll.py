"""The only time loop of the package."""

from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

import torch
from torch import Tensor

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
        """The states before each step, stacked: each tensor (T, B, H)."""
        shifted: S = _map(
            lambda first, after: torch.cat([first[None], after[:-1]]), self.initial, self.states
        )
        return shifted


def unroll(step: Callable[[Tensor, S], tuple[S, G]], x: Tensor, initial: S) -> Unrolled[S, G]:
    """Run a step function over a sequence and keep every state and gate.

    Args:
        step: Takes (x_t, state) and returns (state, gates), such as `LSTMCell.step`.
        x: Inputs, (T, B, D), or (T, D) for a single sequence.
        initial: The state before the first step.

    Returns:
        The states and gates of all steps. Autograd follows all of them.

    Raises:
        RuntimeError: If there is no step to take (T = 0), as `torch.nn.LSTM` does.
    """
    if len(x) == 0:
        raise RuntimeError(f"expected at least one time step, got x of shape {tuple(x.shape)}")
    states, gates = [], []
    state = initial
    for x_t in x:
        state, gates_t = step(x_t, state)
        states.append(state)
        gates.append(gates_t)
    return Unrolled(initial, _stack(states), _stack(gates))


def _stack(records: list[Any]) -> Any:
    """Stack a list of tensors, or of named tuples of tensors, over time."""
    return _map(lambda *tensors: torch.stack(tensors), *records)


def _map(function: Callable[..., Tensor], *records: Any) -> Any:
    """Apply a function to tensors, or field by field to named tuples of tensors."""
    first = records[0]
    if isinstance(first, Tensor):
        return function(*records)
    return type(first)(*(function(*fields) for fields in zip(*records, strict=True)))
