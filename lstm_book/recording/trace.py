"""Gates, cell and hidden states of every step, and what they amount to."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Self, TypeVar

import torch
from torch import Tensor

from lstm_book.cells.weights import Direction
from lstm_book.layers.lengths import valid_steps
from lstm_book.layers.unroll import map_state

CANDIDATES = ("g", "n")  # what is written, in the letters of our cells: no gates


class Trace:
    """What one direction of one layer did at every step: time first, batched, detached.

    Beyond the end of a sequence every value is NaN, so that no statistic counts it unnoticed.

    Attributes:
        lengths: Steps of each sequence, (B,), int64, on the CPU; None if all have T.
        direction: "forward" or "backward"; the backward direction came to step t from step t + 1.
    """

    lengths: Tensor | None
    direction: Direction

    def gate_values(self) -> dict[str, Tensor]:
        """Return the gates by name, each (T, B, H), without the candidate, which is no gate."""
        raise NotImplementedError

    def half_life(self, gate: str = "f") -> Tensor:
        """Return after how many steps half of what each unit's cell held is gone, (H,).

        A cell keeps a share f of its content at each step: ln 2 / mean(-ln f), the mean over all
        steps of all sequences; equation :eq:`half-life`. Infinite for a gate that never closes.

        Args:
            gate: The gate that says which share stays; in a GRU that is "z".

        Raises:
            KeyError: If there is no such gate.
        """
        gates = self.gate_values()
        if gate not in gates:
            raise KeyError(f"expected a gate among {', '.join(gates)}, got {gate!r}")
        kept = gates[gate].log().flatten(0, 1).nanmean(0)
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
        """
        if not 0 <= low < high <= 1:
            raise ValueError(f"expected 0 <= low < high <= 1, got {low} and {high}")
        shares = {}
        for name, gate in self.gate_values().items():
            own = own_steps(gate)
            shut, open_ = ((own < low).to(own.dtype), (own > high).to(own.dtype))
            shares[name] = (shut.mean(0), open_.mean(0))
        return shares

    def around(
        self, events: Tensor | Sequence[tuple[int, int]], *, before: int = 0, after: int = 0
    ) -> Self:
        """Cut out what happened around events: a trace of windows, one for each event.

        The result is a trace again, so it has the same statistics. Its steps are those from
        `before` steps before the event, which is at index `before`, to `after` steps after it, in
        the order of the sequence; its sequences are the events. Steps beyond a sequence are NaN:
        average over events with ``nanmean``.

        Args:
            events: Where they are: True at each event, (T, B), or (T,) if there is one sequence;
                their order is by step, then by sequence. Or pairs of step and sequence, (N, 2).
            before: How many steps to show before an event.
            after: How many steps to show after it.

        Returns:
            A trace whose tensors have the shape (before + 1 + after, events, H).

        Raises:
            ValueError: If there is no event, or before or after is no whole number of steps.
            RuntimeError: If the events do not fit the trace, or one is beyond its sequence.

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
        for name, count in (("before", before), ("after", after)):
            if not isinstance(count, int) or count < 0:
                raise ValueError(f"expected {name} to be a whole number from 0 on, got {count}")
        T, B = self._size()
        ends = torch.full((B,), T) if self.lengths is None else self.lengths
        steps, rows = _places(events, T, ends)
        times = steps + torch.arange(-before, after + 1)[:, None]
        inside = (times >= 0) & (times < ends[rows])

        def cut(values: Tensor) -> Tensor:
            places = (times.clamp(0, T - 1).to(values.device), rows.to(values.device))
            return torch.where(inside[..., None].to(values.device), values[places], math.nan)

        return replace(self.mapped(cut), lengths=None)  # type: ignore[type-var]

    def masked(self) -> Self:
        """Return the trace with NaN beyond each sequence's end."""
        if self.lengths is None:
            return self
        valid = valid_steps(self.lengths, self._size()[0])[..., None]
        return self.mapped(lambda values: torch.where(valid.to(values.device), values, math.nan))

    def _size(self) -> tuple[int, int]:
        """Return T and B."""
        raise NotImplementedError

    def mapped(self, function: Callable[..., Tensor]) -> Self:
        """Return the trace with a function applied to every tensor of steps."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class GateTrace(Trace):
    """What one direction of one layer of an LSTM did at every step: time first, detached.

    Beyond the end of a sequence every value is NaN, so that no statistic counts it unnoticed.

    Attributes:
        i: Input gate, (T, B, H), in (0, 1).
        f: Forget gate.
        g: Candidate, in (-1, 1).
        o: Output gate.
        c: Cell state after the step, (T, B, H).
        h: Hidden state after the step, (T, B, H), or (T, B, P) with a projection to P numbers.
        lengths: Steps of each sequence, (B,), int64, on the CPU; None if all have T.
        direction: "forward" or "backward"; the backward direction came to step t from step t + 1.
    """

    i: Tensor
    f: Tensor
    g: Tensor
    o: Tensor
    c: Tensor
    h: Tensor
    lengths: Tensor | None
    direction: Direction

    def gate_values(self) -> dict[str, Tensor]:
        """Return the gates i, f and o by name, each (T, B, H)."""
        return {"i": self.i, "f": self.f, "o": self.o}

    def _size(self) -> tuple[int, int]:
        return self.f.shape[0], self.f.shape[1]

    def mapped(self, function: Callable[..., Tensor]) -> Self:
        """Return the trace with a function applied to every tensor of steps."""
        i, f, g, o, c, h = map(function, (self.i, self.f, self.g, self.o, self.c, self.h))
        return type(self)(i, f, g, o, c, h, self.lengths, self.direction)


@dataclass(frozen=True, eq=False)
class CellTrace(Trace):
    """What one direction of one layer of a `Recurrent` did, in the letters of its cell.

    Every gate and state is also an attribute of the trace: ``trace.z`` is the update gate of a GRU,
    and ``trace.h`` its state. Beyond the end of a sequence every value is NaN.

    Attributes:
        gates: The gates as the cell returns them, a named tuple of tensors (T, B, H), such as
            :class:`~lstm_book.cells.GRUGates`.
        states: The states after each step, as the cell carries them: a named tuple, or a tensor.
        lengths: Steps of each sequence, (B,), int64, on the CPU; None if all have T.
        direction: "forward" or "backward"; the backward direction came to step t from step t + 1.
    """

    gates: Any
    states: Any
    lengths: Tensor | None
    direction: Direction

    def __getattr__(self, name: str) -> Tensor:
        known = self.__dict__
        tensors = _named(known.get("states", ()), "h") | _named(known.get("gates", ()), "gates")
        if name in tensors:
            return tensors[name]
        raise AttributeError(
            f"expected one of {', '.join(tensors)}, which the cell has, got {name!r}"
        )

    def gate_values(self) -> dict[str, Tensor]:
        """Return the cell's gates by name, each (T, B, H), without its candidate, g or n."""
        gates = _named(self.gates, "gates")
        return {name: gate for name, gate in gates.items() if name not in CANDIDATES}

    def _size(self) -> tuple[int, int]:
        h = next(iter(_named(self.states, "h").values()))
        return h.shape[0], h.shape[1]

    def mapped(self, function: Callable[..., Tensor]) -> Self:
        """Return the trace with a function applied to every tensor of steps."""
        return replace(
            self, gates=map_state(function, self.gates), states=map_state(function, self.states)
        )


T_co = TypeVar("T_co", bound=Trace, covariant=True)


@dataclass(frozen=True, eq=False)
class Recording(Generic[T_co]):
    """What every layer and direction did.

    Attributes:
        output: The last layer's outputs, time first, (T, B, directions · H); NaN beyond a length.
        state: (h_n, c_n), each (layers · directions, B, H), as PyTorch orders them; or the states
            that another cell has.
        traces: The trace of each layer and direction.
    """

    output: Tensor
    state: Any
    traces: dict[tuple[int, Direction], T_co]

    def trace(self, layer: int = 0, direction: Direction = "forward") -> T_co:
        """Return what one direction of one layer did.

        Raises:
            KeyError: If there is no such layer or direction.
        """
        if (layer, direction) not in self.traces:
            known = ", ".join(f"{number} {name}" for number, name in self.traces)
            raise KeyError(f"expected a layer and direction among {known}, got {layer} {direction}")
        return self.traces[layer, direction]


def own_steps(values: Tensor) -> Tensor:
    """Return the steps that are a sequence's own, all sequences one behind the other, (N, H)."""
    flat = values.flatten(0, 1)
    return flat[~flat[:, 0].isnan()]


def _named(value: Any, name: str) -> dict[str, Tensor]:
    """Return the tensors of a named tuple by name, or a single one under the given name."""
    if isinstance(value, Tensor):
        return {name: value}
    return dict(zip(getattr(value, "_fields", ()), value, strict=True))


def _places(events: Any, T: int, ends: Tensor) -> tuple[Tensor, Tensor]:
    """Return step and sequence of each event, both (N,), checked against T and the lengths."""
    B = len(ends)
    wanted = f"a mask of shape (T={T}, B={B}) or pairs of step and sequence"
    events = torch.as_tensor(events).cpu()
    if events.numel() == 0 or (events.dtype == torch.bool and not events.any()):
        raise ValueError(f"expected at least one event, got none in shape {tuple(events.shape)}")
    if events.dtype == torch.bool:
        mask = events[:, None] if events.dim() == 1 and B == 1 else events
        if tuple(mask.shape) != (T, B):
            raise RuntimeError(f"expected {wanted}, got a mask of shape {tuple(events.shape)}")
        steps, rows = mask.nonzero(as_tuple=True)
    else:
        if events.dim() != 2 or events.shape[1] != 2 or events.dtype != torch.int64:
            raise RuntimeError(
                f"expected {wanted}, got {events.dtype} of shape {tuple(events.shape)}"
            )
        steps, rows = events.unbind(1)
    for t, b in zip(steps.tolist(), rows.tolist(), strict=True):
        if not (0 <= b < B and 0 <= t < int(ends[b])):
            where = f"sequence {b}" + (f" of {int(ends[b])} steps" if 0 <= b < B else "")
            raise RuntimeError(f"expected events inside sequences, got step {t} of {where}")
    return steps, rows
