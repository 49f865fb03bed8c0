"""A training run: all that its next update depends on."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import nn

from lstm_book.checks import check_number
from lstm_book.training.identity import describe, describe_model
from lstm_book.training.randomness import random_state, set_random_state


class Schedule:
    """A schedule whose factors are checked and remembered.

    Args:
        schedule: Takes the number of updates made, returns a factor; always 1 if missing.

    Attributes:
        factors: What it returned after 0 updates, after 1, and so on.
    """

    def __init__(self, schedule: Callable[[int], float] | None) -> None:
        if schedule is not None and not callable(schedule):
            raise TypeError(f"expected schedule to be callable, got {type(schedule).__name__}")
        self._schedule = schedule
        self.factors: list[float] = []

    def factor(self, updates: int) -> float:
        """Return the factor after so many updates.

        Raises:
            TypeError: If it is no number.
            ValueError: If it is not finite, or negative.
        """
        value = 1.0 if self._schedule is None else self._schedule(updates)
        self.factors[updates:] = [check_number(f"schedule({updates})", value, 0)]
        return self.factors[updates]


@dataclass
class Run:
    """All that the next update of a run depends on, and all that makes it this run.

    Attributes:
        settings: What `fit` was told, by name.
        model: Changed in place.
        optimiser: Has the model's parameters.
        scheduler: Sets the optimiser's learning rate.
        schedule: Tells the scheduler by how much.
        history: One list per curve, one entry per update.
        generator: Source of the task's draws.
        before: Seconds that its earlier legs took, up to what they have written down.
        start: When this leg began.
    """

    settings: dict[str, Any]
    model: nn.Module
    optimiser: torch.optim.Optimizer
    scheduler: torch.optim.lr_scheduler.LRScheduler
    schedule: Schedule
    history: dict[str, list[float]]
    generator: torch.Generator | None
    before: float = 0.0
    start: float = field(default_factory=time.perf_counter)

    @property
    def seconds(self) -> float:
        """How long it has taken, in all its legs."""
        return self.before + time.perf_counter() - self.start

    @property
    def updates(self) -> int:
        """How many updates the run has made."""
        return len(self.history["loss"])

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What another run must share, in plain values; as it was when first asked for."""
        return {
            **describe(self.settings),
            "optimiser": type(self.optimiser).__name__,
            "generator": None if self.generator is None else str(self.generator.device),
            "torch": str(torch.__version__),
            "model": describe_model(self.model),
        }

    def state(self) -> dict[str, Any]:
        """Return what the next update depends on, in tensors and plain values."""
        return {
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "history": self.history,
            "random": random_state(self.generator),
            "seconds": self.seconds,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put the run into a state, in place."""
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.scheduler.load_state_dict(state["scheduler"])
        for name, values in self.history.items():
            values[:] = state["history"][name]
        set_random_state(state["random"], self.generator)
        self.before, self.start = state["seconds"], time.perf_counter()
