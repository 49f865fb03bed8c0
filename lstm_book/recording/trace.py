"""Gates, cell and hidden states of every step, and what they amount to."""

import math
import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from lstm_book.cells.weights import Direction
from lstm_book.checks import check_number, check_type, check_whole
from lstm_book.layers.lengths import valid_steps
from lstm_book.layers.unroll import map_state

CANDIDATES = ("g", "n")  # what is written, in the letters of our cells: no gates


@dataclass(frozen=True, eq=False)
class Trace:
    """What one direction of one layer did at every step: time first, batched, detached.

    Every gate and state is also an attribute, in the letters of its cell: ``trace.f`` and
    ``trace.c`` of an LSTM, ``trace.z`` and ``trace.h`` of a GRU. Beyond the end of a sequence every
    value is NaN, so that no statistic counts it unnoticed. Where a model itself has come to NaN, in
    a step of a sequence's own, the statistics are NaN too. Those of nothing, an empty batch, are
    NaN, and those of a half-precision trace float32.

    Attributes:
        gates: The gates as the cell returns them, a named tuple of tensors (T, B, H): of an LSTM
            :class:`~lstm_book.cells.Gates`.
        states: The states after each step, as the cell carries them: of an LSTM
            :class:`~lstm_book.cells.LSTMState`, each (T, B, H), and h (T, B, P) with a projection
            to P numbers; of other cells a named tuple, or a tensor.
        lengths: Steps of each sequence, (B,), int64, on the CPU; None if all have T.
        direction: "forward" or "backward"; the backward direction came to step t from step t + 1.
        own: Which steps are a sequence's own, (T, B), on the CPU, in a trace of windows; None where
            `lengths` says it.
    """

    gates: Any
    states: Any
    lengths: Tensor | None
    direction: Direction
    own: Tensor | None = None

    def __getattr__(self, name: str) -> Tensor:
        known = self.__dict__
        tensors = _named(known.get("states", ()), "h") | _named(known.get("gates", ()), "gates")
        if name in tensors:
            return tensors[name]
        raise AttributeError(
            f"expected one of {', '.join(tensors)}, which the cell has, got {name!r}"
        )

    def gate_values(self) -> dict[str, Tensor]:
        """Return the gates by name, each (T, B, H), without the candidate, which is no gate."""
        gates = _named(self.gates, "gates")
        return {name: gate for name, gate in gates.items() if name not in CANDIDATES}

    def own_steps(self, values: Tensor) -> Tensor:
        """Return the steps that are a sequence's own, all sequences one behind the other, (N, H).

        Args:
            values: Of every step, (T, B, H), such as the gates and states of this trace.
        """
        values = values.to(torch.promote_types(values.dtype, torch.float32))
        own = self._own()
        return values.flatten(0, 1) if own is None else values[own.to(values.device)]

    def _own(self) -> Tensor | None:
        """Return which steps are a sequence's own, (T, B); None if all are."""
        if self.own is None and self.lengths is not None:
            return valid_steps(self.lengths, self._size()[0])
        return self.own

    def half_life(self, gate: str = "f") -> Tensor:
        """Return after how many steps half of what each unit's cell held is gone, (H,).

        A cell keeps a share f of its content at each step: ln 2 / mean(-ln f), the mean over all
        steps of all sequences; equation :eq:`half-life`. Infinite for a gate that never closes.

        Args:
            gate: The gate that says which share stays; in a GRU that is "z".

        Raises:
            KeyError: If there is no such gate.
            TypeError: If its name is no text.
        """
        gates = self.gate_values()
        if check_type("gate", gate, str, "a gate's letter") not in gates:
            raise KeyError(f"expected a gate among {', '.join(gates)}, got {gate!r}")
        kept = self.own_steps(gates[gate]).log().mean(0)
        return math.log(2) / kept.abs()

    def saturation(
        self, *, low: float = 0.1, high: float = 0.9
    ) -> dict[str, tuple[Tensor, Tensor]]:
        """Return how often each unit's gates are shut and open, as :cite:t:`karpathy2015` count it.

        Args:
            low: A gate below is shut.
            high: A gate above is open.

        Returns:
            Two shares for each gate, each (H,). The first says how often a unit's gate is shut, the
            second how often it is open.

        Raises:
            ValueError: If not 0 <= low < high <= 1.
            TypeError: If one is no number.
        """
        if not 0 <= check_number("low", low) < check_number("high", high) <= 1:
            raise ValueError(f"expected 0 <= low < high <= 1, got {low} and {high}")
        shares = {}
        for name, gate in self.gate_values().items():
            own = self.own_steps(gate)
            nothing = own.isnan()  # is neither below nor above, but must not pass for in between
            shut, open_ = (
                torch.where(nothing, math.nan, where.to(own.dtype)).mean(0)
                for where in (own < low, own > high)
            )
            shares[name] = (shut, open_)
        return shares

    def around(
        self, events: Tensor | Sequence[tuple[int, int]], *, before: int = 0, after: int = 0
    ) -> "Trace":
        """Cut out what happened around events: a trace of windows, one for each event.

        The result is a trace again, so it has the same statistics. Its steps are those from
        `before` steps before the event, which is at index `before`, to `after` steps after it, in
        the order of the sequence; its sequences are the events. Steps beyond a sequence are NaN:
        average over events with ``nanmean``. So that this leaves out nothing else, a trace that is
        NaN within a window is refused.

        Args:
            events: Where they are: True at each event, (T, B), or (T,) if there is one sequence;
                their order is by step, then by sequence. Or pairs of step and sequence, (N, 2).
            before: How many steps to show before an event.
            after: How many steps to show after it.

        Returns:
            A trace whose tensors have the shape (before + 1 + after, events, H).

        Raises:
            TypeError: If events cannot be a tensor, or before or after is no whole number.
            ValueError: If there is no event, or before or after is below 0 or above T.
            RuntimeError: If the events do not fit the trace, or one is beyond its sequence.
            FloatingPointError: If the trace is NaN at a step of a sequence's own within a window.

        >>> from torch import nn
        >>> from lstm_book.recording import record
        >>> x = torch.tensor([0.0, 0, 1, 0, 1, 0])[:, None, None]
        >>> trace = record(nn.LSTM(input_size=1, hidden_size=3), x).trace()
        >>> windows = trace.around(x[..., 0] == 1, before=1, after=2)
        >>> windows.i.shape
        torch.Size([4, 2, 3])
        >>> windows.i.nanmean(dim=1).shape
        torch.Size([4, 3])
        """
        T, B = self._size()
        before, after = check_whole("before", before, 0, T), check_whole("after", after, 0, T)
        own = self._own()
        own = torch.ones(T, B, dtype=torch.bool) if own is None else own
        steps, rows = _places(events, own)
        times = steps + torch.arange(-before, after + 1)[:, None]
        places = times.clamp(0, T - 1)
        inside = (times >= 0) & (times < T) & own[places, rows]

        def cut(values: Tensor) -> Tensor:
            windows = values[places.to(values.device), rows.to(values.device)]
            shown = inside.to(values.device)[..., None]
            if (windows.isnan() & shown).any():
                raise FloatingPointError("expected numbers around the events, got NaN")
            return torch.where(shown, windows, math.nan)

        return replace(self.mapped(cut), lengths=None, own=inside)

    def masked(self) -> "Trace":
        """Return the trace with NaN beyond each sequence's end."""
        if self.lengths is None:
            return self
        valid = valid_steps(self.lengths, self._size()[0])[..., None]
        return self.mapped(lambda values: torch.where(valid.to(values.device), values, math.nan))

    def _size(self) -> tuple[int, int]:
        """Return T and B."""
        h = next(iter(_named(self.states, "h").values()))
        return h.shape[0], h.shape[1]

    def mapped(self, function: Callable[..., Tensor]) -> "Trace":
        """Return the trace with a function applied to every tensor of steps."""
        gates, states = (map_state(function, part) for part in (self.gates, self.states))
        return replace(self, gates=gates, states=states)


@dataclass(frozen=True, eq=False)
class Recording:
    """What every layer and direction did.

    Attributes:
        output: The last layer's outputs, time first, (T, B, directions · H); NaN beyond a length.
        state: (h_n, c_n), each (layers · directions, B, H), as PyTorch orders them; or the states
            that another cell has.
        traces: The trace of each layer and direction.
    """

    output: Tensor
    state: Any
    traces: dict[tuple[int, Direction], Trace]

    def trace(self, layer: int = 0, direction: Direction = "forward") -> Trace:
        """Return what one direction of one layer did.

        Raises:
            KeyError: If there is no such layer or direction.
        """
        return self.traces[one_of(self.traces, layer, direction)]


def one_of(
    known: Iterable[tuple[int, Direction]], layer: object, direction: object
) -> tuple[int, Direction]:
    """Return which of the known layers and directions is meant.

    Raises:
        KeyError: If it is none of them.
    """
    known = list(known)
    for number, name in known:
        if isinstance(direction, str) and direction == name and _is(layer, number):
            return number, name
    said = ", ".join(f"{number} {name}" for number, name in known)
    raise KeyError(f"expected a layer and direction among {said}, got {layer!r} {direction!r}")


def _is(layer: object, number: int) -> bool:
    """Whether it is this whole number, NumPy's as well."""
    try:
        return operator.index(layer) == number  # type: ignore[arg-type]
    except TypeError:
        return False


def _named(value: Any, name: str) -> dict[str, Tensor]:
    """Return the tensors of a named tuple by name, or a single one under the given name."""
    if isinstance(value, Tensor):
        return {name: value}
    return dict(zip(getattr(value, "_fields", ()), value, strict=True))


def _places(events: Any, own: Tensor) -> tuple[Tensor, Tensor]:
    """Return step and sequence of each event, both (N,); own says where there are steps, (T, B)."""
    T, B = own.shape
    wanted = f"a mask of shape (T={T}, B={B}) or pairs of step and sequence"
    try:
        events = torch.as_tensor(events).cpu()
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise TypeError(f"expected {wanted}, got {type(events).__name__}: {error}") from None
    got = f"{events.dtype} of shape {tuple(events.shape)}"
    if events.numel() == 0 or (events.dtype == torch.bool and not events.any()):
        raise ValueError(f"expected at least one event, got none in {got}")
    if events.dtype == torch.bool:
        mask = events[:, None] if events.dim() == 1 and B == 1 else events
        if tuple(mask.shape) != (T, B):
            raise RuntimeError(f"expected {wanted}, got {got}")
        steps, rows = mask.nonzero(as_tuple=True)
    else:
        whole = not (events.is_floating_point() or events.is_complex())
        if events.dim() != 2 or events.shape[1] != 2 or not whole:
            raise RuntimeError(f"expected {wanted}, got {got}")
        steps, rows = events.to(torch.int64).unbind(1)
    for t, b in zip(steps.tolist(), rows.tolist(), strict=True):
        if not (0 <= b < B and 0 <= t < T and own[t, b]):
            where = f"sequence {b}" + (f" of {int(own[:, b].sum())} steps" if 0 <= b < B else "")
            raise RuntimeError(f"expected events inside sequences, got step {t} of {where}")
    return steps, rows
