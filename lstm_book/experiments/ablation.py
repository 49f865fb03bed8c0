"""Ablations: an LSTM that lacks one part learns three tasks."""

from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor, nn

from lstm_book.checks import check_whole
from lstm_book.experiments.learn_task import GREFF, LearnTask
from lstm_book.layers import Recurrent
from lstm_book.tasks._answers import NumberAtTheEnd, check_draw

VARIANTS = tuple(GREFF)
"""The LSTM with peepholes, and what each other one lacks of it; names in `LAYERS`."""


@dataclass(frozen=True)
class CountSinceReset(NumberAtTheEnd):
    """Count the ones since the last reset, and say the count at the end.

    Every step has two bits: a one, with probability 1/2, and a reset, with probability 1/every; a
    step that resets has no one. The target is a tenth of the count, so an answer that is off by
    less than 0.04 is nearest to the right count.

    Args:
        length: Steps T, at least 1.
        every: Steps between two resets on average, at least 1.

    Raises:
        ValueError: If a number is too small.

    >>> task = CountSinceReset(length=8, every=4)
    >>> x, y = task.sample(1, generator=torch.Generator().manual_seed(2))
    >>> x[:, 0].T.int().tolist()
    [[0, 0, 0, 1, 0, 0, 1, 1], [0, 1, 0, 0, 0, 0, 0, 0]]
    >>> round(y.item(), 1)
    0.3
    """

    length: int = 40
    every: int = 10

    def __post_init__(self) -> None:
        check_whole("length", self.length, 1)
        check_whole("every", self.every, 1)

    def sample(
        self, batch: int, *, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Draw fresh sequences.

        Args:
            batch: How many, B.
            generator: Source of the draws.

        Returns:
            x of shape (T, B, 2), ones and resets, and y of shape (B,), a tenth of the count.
        """
        batch = check_draw(batch, generator)
        ones, resets = torch.rand(2, self.length, batch, generator=generator)
        reset = resets < 1 / self.every
        one = (ones < 0.5) & ~reset
        since = reset.flip(0).cumsum(0).flip(0) == 0
        return torch.stack([one, reset], dim=-1).float(), (one & since).sum(0) / 10

    def baselines(self) -> dict[str, float]:
        """Return the mean squared error of always answering the mean target: its variance.

        After the last reset come N steps, N geometric and cut off at T. Each is a one with
        probability 1/2, so the count has the variance E[N]/4 + Var[N]/4.
        """
        stay = 1 - 1 / self.every
        weights = [stay**n / self.every for n in range(self.length)] + [stay**self.length]
        mean = sum(n * w for n, w in enumerate(weights))
        square = sum(n * n * w for n, w in enumerate(weights))
        return {"always the mean": (mean / 4 + (square - mean**2) / 4) / 100}


@dataclass(frozen=True, kw_only=True)
class Ablation(LearnTask):
    """Learn a task with an LSTM that lacks a part, all from the same first memories.

    Each unit draws b_f = log u with u ~ U[1, T - 1] and b_i = -b_f, as in chrono initialisation,
    and the same ones whichever part is missing. A gate that is not there has no bias. Coupled
    gates, f = 1 - i, have the input bias alone, which gives the same first forget gate. Without a
    forget gate f is 1.
    """

    layer: str = "peepholes"
    hidden_size: int = 16
    batch: int = 50

    def build(self) -> nn.Module:
        """Return the model with its first weights, from torch's random numbers."""
        log_u = (1 + torch.rand(self.hidden_size) * (self.task.length - 2)).log()
        plain = {field.name: getattr(self, field.name) for field in fields(LearnTask)}
        model = replace(LearnTask(**plain), start="default").build()
        for part in model.modules():
            if isinstance(part, Recurrent):
                set_biases_(part.cells[0], log_u)
        return model


@torch.no_grad()
def set_biases_(cell: Any, log_u: Tensor) -> None:
    """Give a cell the total biases b_f = log u and b_i = -log u, where it has these gates."""
    rows: str = cell.rows
    for gate, bias in (("f", log_u), ("i", -log_u)):
        if gate in rows:
            cell.bias_ih.chunk(len(rows))[rows.index(gate)].copy_(bias)
            cell.bias_hh.chunk(len(rows))[rows.index(gate)].zero_()
