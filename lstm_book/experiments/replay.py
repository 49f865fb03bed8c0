"""What ties a stored run to today's code: its first updates, made again, give the same losses.

On the processor that made a run they come out to the last digit. Others add in another order, and
training lets the last digits grow: measured over all stored runs with AVX2 and with neither AVX2
nor AVX-512, relative differences were at most 4e-7 before the first update, 2e-4 after it and 2e-5
of the trained weights' losses. The tolerances leave room for processors that were not there. A gate
exchanged for another, or a learning rate twice as large, changes these losses by far more.
"""

from collections.abc import Iterable
from itertools import zip_longest
from math import nan
from typing import NamedTuple

UNTRAINED = 1e-5
"""Relative tolerance of a loss before any update."""

TRAINED = 1e-3
"""Relative tolerance of a loss after updates."""


class Repeat(NamedTuple):
    """A number that a stored run holds, beside the same number by the code of today.

    Attributes:
        what: Which number it is.
        then: What is stored; NaN if nothing is.
        now: What comes out today; NaN if nothing does.
        tolerance: How far it may be off, relative to what is stored.
    """

    what: str
    then: float
    now: float
    tolerance: float

    @property
    def gap(self) -> float:
        """How far today's number is off, relative to what is stored."""
        return (
            0.0 if self.now == self.then else abs(self.now - self.then) / max(abs(self.then), 1e-9)
        )

    @property
    def same(self) -> bool:
        """Whether it is off by no more than another processor may be."""
        return self.gap <= self.tolerance

    def __str__(self) -> str:
        return f"{self.what} was {self.then:.9g} and is {self.now:.9g}"


def trained_again(seed: int, then: list[list[float]], now: list[list[float]]) -> list[Repeat]:
    """Pair the first losses of each training with today's; what one side lacks is NaN."""
    repeats = []
    none: list[float] = []
    for training, (old, new) in enumerate(zip_longest(then, now, fillvalue=none), 1):
        for place, pair in enumerate(zip_longest(old, new, fillvalue=nan), 1):
            which = f" of training {training}" if max(len(then), len(now)) > 1 else ""
            what = f"loss {place}{which} of seed {seed}"
            tolerance = TRAINED if place > 1 else UNTRAINED
            repeats.append(Repeat(what, *pair, tolerance=tolerance))
    return repeats


def answered_again(seed: int, then: list[float], now: list[float]) -> list[Repeat]:
    """Pair the losses of a seed's trained weights with today's; what one side lacks is NaN."""
    return [
        Repeat(f"loss {place} of the weights of seed {seed}", *pair, tolerance=TRAINED)
        for place, pair in enumerate(zip_longest(then, now, fillvalue=nan), 1)
    ]


def differences(repeats: Iterable[Repeat]) -> list[str]:
    """Say which numbers do not come out as they are stored; none if the code does the same."""
    return [str(repeat) for repeat in repeats if not repeat.same]
