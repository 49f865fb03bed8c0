"""A cell over time: each step starts from the state that the one before left.

This is the loop of the book. `recording` has two others, which take an LSTM's steps where they are
to be kept; they are there for speed alone, and tests hold their numbers equal to this one's.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Generic, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from lstm_book.cells import LSTMCell, RNNCell
from lstm_book.checks import check_like, check_shape, check_tensor, check_type

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
        valid: True where a sequence had a step, (T, B); elsewhere its state stayed as it was.
            None if all had T steps.
        mode: Whose equations they are if `step` was a cell's: "LSTM", "RNN_TANH" or "RNN_RELU", as
            PyTorch names them, or the name of another cell's class. None if it was a function.
    """

    initial: S
    states: S
    gates: G
    reverse: bool = False
    last: S | None = None
    valid: Tensor | None = None
    mode: str | None = None

    @property
    def previous(self) -> S:
        """The states that each step started from, stacked, each tensor (T, B, H).

        Raises:
            RuntimeError: If the run kept the hidden states alone.
        """
        return states_before(self)


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
        valid: True where a sequence has a step, (T, B), or (T,) for a single sequence; elsewhere
            its state stays as it was. None if all have T steps.
        reverse: Whether to go from the last step to the first. Results keep the order of x.
        trace: Whether to keep all states and gates. If not, `states` are the hidden states alone,
            which is what a layer hands on, and `gates` are empty.

    Returns:
        The states and gates of all steps. Autograd follows all of them.

    Raises:
        TypeError: If x, valid or a state is no tensor, the states are in no named tuple, reverse or
            trace is no bool, step cannot be called, or it returns anything but a state like the
            initial one and gates.
        ValueError: If x has fewer than two dimensions, or valid not one less than x.
        RuntimeError: If there is no step to take (T = 0), as `torch.nn.LSTM` does; the initial
            state has another batch size, dtype or device than x; valid another size, dtype or
            device; or the step returns a state of another size than it was given.
    """
    _check(step, x, initial, valid)
    check_type("reverse", reverse, bool, "True or False")
    check_type("trace", trace, bool, "True or False")
    T = len(x)
    states: list[Any] = []
    gates: list[Any] = []
    state = initial
    x_by_step = x.unbind()  # not x[t]: its backward pass would fill a whole x of zeros at each step
    valid_by_step = None if valid is None else valid.unsqueeze(-1).unbind()
    for t in reversed(range(T)) if reverse else range(T):
        done = step(x_by_step[t], state)
        if not states:
            _check_step(done, state, trace)
        new, gates_t = done
        state = new if valid_by_step is None else _hold(valid_by_step[t], new, state)
        states.append(state if trace else hidden(state))
        gates.append(gates_t if trace else ())
    order = -1 if reverse else 1
    kept = _stack(states[::order]), _stack(gates[::order])
    return Unrolled(initial, *kept, reverse, state, valid, mode_of(step))


def mode_of(step: Callable[..., Any]) -> str | None:
    """Return whose equations a step takes, if it is a method of a module."""
    cell = getattr(step, "__self__", None)
    if not isinstance(cell, nn.Module):
        return None
    taken = getattr(step, "__func__", None)
    if taken is LSTMCell.step:
        return "LSTM"
    if taken is RNNCell.step and isinstance(cell, RNNCell):
        return f"RNN_{cell.nonlinearity.upper()}"
    return type(cell).__name__


def states_before(run: Unrolled[S, Any]) -> S:
    """Return the states that each step started from, stacked, each tensor (T, B, H)."""
    if kind_of(run.states) is not kind_of(run.initial):
        raise RuntimeError("expected a run that kept all states, got one with hidden states alone")

    def shift(first: Tensor, after: Tensor) -> Tensor:
        parts = (after[1:], first[None]) if run.reverse else (first[None], after[:-1])
        return torch.cat(parts)

    shifted: S = map_state(shift, run.initial, run.states)
    return shifted


def hidden(state: Any) -> Tensor:
    """Return the h of a cell's state, or the state itself where it is a tensor.

    Raises:
        TypeError: If it is neither.
    """
    h = state if isinstance(state, Tensor) else getattr(state, "h", None)
    return check_tensor("the state's field h", h)


def _hold(valid_t: Tensor, new: S, old: S) -> S:
    """Take the new state where a sequence has a step, (B, 1), and keep the old one elsewhere."""
    held: S = map_state(lambda a, b: torch.where(valid_t, a, b), new, old)
    return held


def map_state(function: Callable[..., Tensor], *states: Any) -> Any:
    """Apply a function to tensors, or field by field to named tuples of tensors."""
    first = states[0]
    if isinstance(first, Tensor):
        return function(*states)
    return type(first)(*(function(*fields) for fields in zip(*states, strict=True)))


def _check(step: object, x: Tensor, initial: Any, valid: Tensor | None) -> None:
    """Check all that comes in at the door; the sizes D and H are the step's business."""
    if not callable(step):
        raise TypeError(f"expected step to be a function, got {type(step).__name__}")
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
        # autocast computes with any two floating-point types side by side
        mixed = state.dtype != x.dtype and autocast_is_on(x)
        check_like(
            "the initial state", state, "x", x.new_empty(0, dtype=state.dtype) if mixed else x
        )
    if valid is not None:
        check_shape("valid", valid, " ".join("T" + "B" * (x.dim() - 2)), x.shape[:-1])
        check_like("valid", valid, "a mask of x", x.new_empty(0, dtype=torch.bool))


def _check_step(done: object, given: Any, trace: bool) -> None:
    """Check what the first step returned: the state that it was given, later, and gates."""
    if not isinstance(done, tuple) or len(done) != 2:
        raise TypeError(f"expected step to return (state, gates), got {type(done).__name__}")
    new, gates = done
    check_type("the state that step returns", new, kind_of(given), f"a {kind_of(given).__name__}")
    fields = zip(new, given, strict=True) if isinstance(given, tuple) else ((new, given),)
    for after, before in fields:
        if check_tensor("the state that step returns", after).shape != before.shape:
            raise RuntimeError(
                f"expected step to return a state of shape {tuple(before.shape)}, as it was given, "
                f"got {tuple(after.shape)}"
            )
    if trace and not isinstance(gates, Tensor):
        if gates != () and not hasattr(gates, "_fields"):
            raise TypeError(
                "expected step to return gates as a tensor, a named tuple such as Gates, or (), "
                f"got {type(gates).__name__}"
            )
        for gate in gates:
            check_tensor("a gate that step returns", gate)


def kind_of(state: Any) -> type[Any]:
    """Return the type that all states of a run have."""
    return Tensor if isinstance(state, Tensor) else type(state)


def autocast_is_on(x: Tensor) -> bool:
    """Whether autocast chooses the dtype of products on the device of x."""
    kind = x.device.type
    return torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)


def full_precision(x: Tensor) -> AbstractContextManager[Any]:
    """Keep autocast out: a gradient is that of the equations, in the dtype of the run."""
    return torch.autocast(x.device.type, enabled=False) if autocast_is_on(x) else nullcontext()


def _stack(records: list[Any]) -> Any:
    """Stack a list of tensors, or of named tuples of tensors, over time."""
    return map_state(lambda *tensors: torch.stack(tensors), *records)
