"""Gates, cell and hidden states of every step, and what they amount to."""

import math
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from lstm_book.cells import LSTMState
from lstm_book.cells.weights import Direction
from lstm_book.layers.lengths import valid_steps


@dataclass(frozen=True, eq=False)
class GateTrace:
    """What one direction of one layer did at every step: time first, batched, detached.

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

    def half_life(self) -> Tensor:
        """Return after how many steps half of what each unit's cell held is gone, (H,).

        A cell keeps a share f of its content at each step: ln 2 / mean(-ln f), the mean over all
        steps of all sequences; equation :eq:`half-life`. Infinite for a gate that never closes.
        """
        decay = -self.f.log().flatten(0, 1).nanmean(0)
        return math.log(2) / decay

    def saturation(
        self, *, low: float = 0.1, high: float = 0.9
    ) -> dict[str, tuple[Tensor, Tensor]]:
        """Return how often each unit's gates are shut and open, as :cite:t:`karpathy2015` count it.

        Args:
            low: A gate below is shut.
            high: A gate above is open.

        Returns:
            Two shares for each of i, f and o, each (H,). The first says how often a unit's gate is
            shut, the second how often it is open.

        Raises:
            ValueError: If not 0 <= low < high <= 1.
        """
        if not 0 <= low < high <= 1:
            raise ValueError(f"expected 0 <= low < high <= 1, got {low} and {high}")
        shares = {}
        for name in ("i", "f", "o"):
            values = getattr(self, name).flatten(0, 1)
            own = values[~values[:, 0].isnan()]
            shut, open_ = ((own < low).to(own.dtype), (own > high).to(own.dtype))
            shares[name] = (shut.mean(0), open_.mean(0))
        return shares

    def masked(self) -> "GateTrace":
        """Return the trace with NaN beyond each sequence's end."""
        if self.lengths is None:
            return self
        tensors = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name not in ("lengths", "direction")
        }
        valid = valid_steps(self.lengths.to(self.f.device), len(self.f))[..., None]
        nan = {name: torch.where(valid, tensor, math.nan) for name, tensor in tensors.items()}
        return GateTrace(**nan, lengths=self.lengths, direction=self.direction)


@dataclass(frozen=True, eq=False)
class Recording:
    """What every layer and direction of an LSTM did.

    Attributes:
        output: The last layer's outputs, time first, (T, B, directions · H); NaN beyond a length.
        state: (h_n, c_n), each (layers · directions, B, H), as PyTorch orders them.
        traces: The trace of each layer and direction.
    """

    output: Tensor
    state: LSTMState
    traces: dict[tuple[int, Direction], GateTrace]

    def trace(self, layer: int = 0, direction: Direction = "forward") -> GateTrace:
        """Return what one direction of one layer did.

        Raises:
            KeyError: If there is no such layer or direction.
        """
        if (layer, direction) not in self.traces:
            known = ", ".join(f"{number} {name}" for number, name in self.traces)
            raise KeyError(f"expected a layer and direction among {known}, got {layer} {direction}")
        return self.traces[layer, direction]
