"""Learning rates that change on the way."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR

from lstm_book.checks import check_number


@dataclass(frozen=True)
class OneCycle:
    """A learning rate that rises to its largest value and falls to nothing at the last update.

    Both ways are half a cosine, and Adam's momentum does the opposite: it is
    :class:`torch.optim.lr_scheduler.OneCycleLR` with its defaults.

    Args:
        rise: The share of the updates in which it rises, from 0 to 1.

    Raises:
        TypeError: If the share is no number.
        ValueError: If it is not from 0 to 1.
    """

    rise: float = 0.3

    def __post_init__(self) -> None:
        object.__setattr__(self, "rise", check_number("rise", self.rise, 0, 1))


class Schedule:
    """The learning rate of a run, told by a function or a cycle, and remembered.

    Args:
        schedule: Takes the number of updates made, returns a factor; or a cycle. Always 1 if
            missing.
        optimiser: Whose learning rate is set.
        steps: How many updates a cycle has.

    Attributes:
        scheduler: Sets it, when it is told that an update is made.
    """

    scheduler: LRScheduler

    def __init__(
        self,
        schedule: Callable[[int], float] | OneCycle | None,
        optimiser: torch.optim.Optimizer,
        steps: int,
    ) -> None:
        self._factors: list[float] = []
        self._function, self._cycle = None, None
        if isinstance(schedule, OneCycle):
            self._cycle = {"one cycle": schedule.rise, "steps": steps}
            lr, total = optimiser.defaults["lr"], max(steps, 1)
            self.scheduler = OneCycleLR(optimiser, lr, total_steps=total, pct_start=schedule.rise)
        else:
            if schedule is not None and not callable(schedule):
                raise TypeError(f"expected schedule to be callable, got {type(schedule).__name__}")
            self._function = schedule
            self.scheduler = LambdaLR(optimiser, self._factor)

    def so_far(self, updates: int) -> Any:
        """Say in plain values what it was up to so many updates, for another run to compare."""
        return self._cycle or [self._factor(made) for made in range(updates + 1)]

    def _factor(self, updates: int) -> float:
        """Return the factor after so many updates; each is asked for once.

        Raises:
            TypeError: If it is no number.
            ValueError: If it is not finite, or negative.
        """
        for made in range(len(self._factors), updates + 1):
            value = 1.0 if self._function is None else self._function(made)
            self._factors.append(check_number(f"schedule({made})", value, 0))
        return self._factors[updates]
