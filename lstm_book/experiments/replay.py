"""What ties a stored run to today's code: its first updates, made again, give the same losses."""

import math
from collections.abc import Iterable
from itertools import zip_longest
from typing import NamedTuple

TOLERANCE = 1e-5
"""How far a number may be off on another processor, see `Repeat.gap`."""


class Repeat(NamedTuple):
    """A number that a stored run holds, beside the same number by the code of today.

    Attributes:
        what: Which number it is.
        then: What is stored; NaN if nothing is.
        now: What comes out today; NaN if nothing does.
    """

    what: str
    then: float
    now: float

    @property
    def gap(self) -> float:
        """How far today's number is off, relative to the stored one where that is above 1."""
        return abs(self.now - self.then) / max(1.0, abs(self.then))

    @property
    def same(self) -> bool:
        """Whether both are the same, but for what another processor may change."""
        return self.gap <= TOLERANCE

    def __str__(self) -> str:
        return f"{self.what}: {self.then} then, {self.now} now"


def side_by_side(what: str, then: Iterable[float], now: Iterable[float]) -> list[Repeat]:
    """Pair stored numbers with today's; what only one side has differs."""
    pairs = zip_longest(then, now, fillvalue=math.nan)
    return [Repeat(f"{what} {place}", *pair) for place, pair in enumerate(pairs, 1)]


def differences(repeats: Iterable[Repeat]) -> list[str]:
    """Say what does not come out as it is stored; nothing if the code still does the same."""
    return [str(repeat) for repeat in repeats if not repeat.same]
