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
        shifted: S = map_state(
            lambda first, after: torch.cat([first[None], after[:-1]]), self.initial, self.states
        )
        return shifted


def unroll(
    step: Callable[[Tensor, S], tuple[S, G]],
    x: Tensor,
    initial: S,
    *,
    valid: Tensor | None = None,
    reverse: bool = False,
) -> Unrolled[S, G]:
    """Run a step function over a sequence and keep every state and gate.

    Args:
        step: Takes (x_t, state) and returns (state, gates), such as `LSTMCell.step`.
        x: Inputs, (T, B, D), or (T, D) for a single sequence.
        initial: The state before the first step that is taken.
        valid: True where a sequence has a step, (T, B); elsewhere its state stays as it was.
            None if all have T steps.
        reverse: Whether to go from the last step to the first. Results keep the order of x.

    Returns:
        The states and gates of all steps. Autograd follows all of them.

    Raises:
        RuntimeError: If there is no step to take (T = 0), as `torch.nn.LSTM` does.
    """
    T = len(x)
    if T == 0:
        raise RuntimeError(f"expected at least one time step, got x of shape {tuple(x.shape)}")
    states, gates = [], []
    state = initial
    x_by_step = x.unbind()  # not x[t]: its backward pass would fill a whole x of zeros at each step
    for t in reversed(range(T)) if reverse else range(T):
        new, gates_t = step(x_by_step[t], state)
        state = new if valid is None else hold(valid[t], new, state)
        states.append(state)
        gates.append(gates_t)
    order = -1 if reverse else 1
    return Unrolled(initial, _stack(states[::order]), _stack(gates[::order]))


def hold(valid_t: Tensor, new: S, old: S) -> S:
    """Take the new state where a sequence has a step, (B,), and keep the old one elsewhere."""
    held: S = map_state(lambda a, b: torch.where(valid_t[:, None], a, b), new, old)
    return held


def map_state(function: Callable[..., Tensor], *states: Any) -> Any:
    """Apply a function to tensors, or field by field to named tuples of tensors."""
    first = states[0]
    if isinstance(first, Tensor):
        return function(*states)
    return type(first)(*(function(*fields) for fields in zip(*states, strict=True)))


def _stack(records: list[Any]) -> Any:
    """Stack a list of tensors, or of named tuples of tensors, over time."""
    return map_state(lambda *tensors: torch.stack(tensors), *records)
