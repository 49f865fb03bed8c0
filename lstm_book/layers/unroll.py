"""The only time loop of the package."""

from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

import torch
from torch import Tensor

from lstm_book.checks import check_like, check_tensor

S = TypeVar("S", bound=Any)
G = TypeVar("G", bound=Any)


class Unrolled(NamedTuple, Generic[S, G]):
    """What a cell did over T steps.

    Attributes:
        initial: The state before the first step; each tensor (B, H).
        states: The states after each step, stacked: each tensor (T, B, H).
        gates: The gates of each step, stacked: each tensor (T, B, H). Empty for a simple RNN.
        reverse: Whether the steps were taken from the last to the first.
        last: The state after the last step that was taken; each tensor (B, H).
    """

    initial: S
    states: S
    gates: G
    reverse: bool = False
    last: S | None = None

    @property
    def previous(self) -> S:
        """The states that each step started from, stacked, each tensor (T, B, H)."""

        def shift(first: Tensor, after: Tensor) -> Tensor:
            parts = (after[1:], first[None]) if self.reverse else (first[None], after[:-1])
            return torch.cat(parts)

        shifted: S = map_state(shift, self.initial, self.states)
        return shifted


def unroll(
    step: Callable[[Tensor, S], tuple[S, G]],
    x: Tensor,
    initial: S,
    *,
    valid: Tensor | None = None,
    reverse: bool = False,
    trace: bool = True,
) -> Unrolled[S, G]:
    """Run a step function over a sequence and keep every state and gate.

    Args:
        step: Takes (x_t, state) and returns (state, gates), such as `LSTMCell.step`.
        x: Inputs, (T, B, D), or (T, D) for a single sequence.
        initial: The state before the first step that is taken: a tensor, or a named tuple of
            tensors; each (B, H), or (H,) for a single sequence.
        valid: True where a sequence has a step, (T, B); elsewhere its state stays as it was.
            None if all have T steps.
        reverse: Whether to go from the last step to the first. Results keep the order of x.
        trace: Whether to keep all states and gates. If not, `states` are the hidden states alone,
            which is what a layer hands on, and `gates` are empty.

    Returns:
        The states and gates of all steps. Autograd follows all of them.

    Raises:
        TypeError: If x or a state is no tensor, or the states are in no named tuple.
        ValueError: If x has fewer than two dimensions.
        RuntimeError: If there is no step to take (T = 0), as `torch.nn.LSTM` does, or the initial
            state has another batch size, dtype or device than x.
    """
    _check(x, initial)
    T = len(x)
    states, gates = [], []
    state = initial
    x_by_step = x.unbind()  # not x[t]: its backward pass would fill a whole x of zeros at each step
    for t in reversed(range(T)) if reverse else range(T):
        new, gates_t = step(x_by_step[t], state)
        state = new if valid is None else _hold(valid[t], new, state)
        states.append(state if trace else hidden(state))
        gates.append(gates_t if trace else ())
    order = -1 if reverse else 1
    return Unrolled(initial, _stack(states[::order]), _stack(gates[::order]), reverse, state)


def hidden(state: Any) -> Tensor:
    """Return the h of a cell's state, or the state itself where it is a tensor."""
    h: Tensor = state if isinstance(state, Tensor) else state.h
    return h


def _hold(valid_t: Tensor, new: S, old: S) -> S:
    """Take the new state where a sequence has a step, (B,), and keep the old one elsewhere."""
    held: S = map_state(lambda a, b: torch.where(valid_t[:, None], a, b), new, old)
    return held


def map_state(function: Callable[..., Tensor], *states: Any) -> Any:
    """Apply a function to tensors, or field by field to named tuples of tensors."""
    first = states[0]
    if isinstance(first, Tensor):
        return function(*states)
    return type(first)(*(function(*fields) for fields in zip(*states, strict=True)))


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
    return map_state(lambda *tensors: torch.stack(tensors), *records)
