"""A training run: all that its next update depends on."""

import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import nn

from lstm_book.training.identity import describe, describe_model
from lstm_book.training.randomness import random_state, set_random_state
from lstm_book.training.schedule import Schedule


@dataclass
class Run:
    """All that the next update of a run depends on, and all that makes it this run.

    Attributes:
        settings: What `fit` was told, by name.
        model: Changed in place.
        optimiser: Has the model's parameters.
        schedule: Sets the optimiser's learning rate.
        history: One list per curve, one entry per update.
        generator: Source of the task's draws.
        others: What else has a state to go on from, by name: a data set's order, a stop.
        before: Seconds that its earlier legs took, up to what they have written down.
        start: When this leg began.
    """

    settings: dict[str, Any]
    model: nn.Module
    optimiser: torch.optim.Optimizer
    schedule: Schedule
    history: dict[str, list[float]]
    generator: torch.Generator | None
    others: dict[str, Any] = field(default_factory=dict)
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
            "others": sorted(self._stateful),
            "generator": None if self.generator is None else str(self.generator.device),
            "torch": str(torch.__version__),
            "model": describe_model(self.model),
        }

    @property
    def _stateful(self) -> dict[str, Any]:
        """Those of the others that do have a state."""
        return {name: part for name, part in self.others.items() if hasattr(part, "state_dict")}

    def state(self) -> dict[str, Any]:
        """Return what the next update depends on, in tensors and plain values."""
        return {
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "scheduler": self.schedule.scheduler.state_dict(),
            "history": self.history,
            "others": {name: part.state_dict() for name, part in self._stateful.items()},
            "random": random_state(self.generator),
            "seconds": self.seconds,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put the run into a state, in place."""
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.scheduler.load_state_dict(state["scheduler"])
        for name, part in self._stateful.items():
            part.load_state_dict(state["others"][name])
        for name, values in self.history.items():
            values[:] = state["history"][name]
        set_random_state(state["random"], self.generator)
        self.before, self.start = state["seconds"], time.perf_counter()
