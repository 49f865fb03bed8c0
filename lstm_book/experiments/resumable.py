"""Runs that are so long that they are written down on the way."""

import time
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from lstm_book.experiments.experiment import Experiment, Outcome, Report
from lstm_book.training import Checkpoint


@dataclass(frozen=True, kw_only=True)
class ResumableExperiment(Experiment):
    """A training run that goes on where it was stopped.

    Attributes:
        save_every: Updates between two checkpoints.
    """

    save_every: int = 50

    @abstractmethod
    def train(self, seed: int, report: Report, checkpoint: Checkpoint | None = None) -> Outcome:
        """Train and measure once.

        Args:
            seed: Decides all that is drawn.
            report: Told how far the run is.
            checkpoint: Where the run is written down, and taken up again.

        Returns:
            What was measured, and the trained model.
        """


class Clock:
    """The seconds that a run has taken, in all its legs.

    Attributes:
        before: Seconds of the legs before this one, up to what their last checkpoint holds.
    """

    def __init__(self) -> None:
        self.before = 0.0
        self._start = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds up to now."""
        return self.before + time.perf_counter() - self._start


@dataclass(frozen=True)
class TimedCheckpoint(Checkpoint):
    """A checkpoint that also holds how long the run has taken, so that a later leg counts on.

    Args:
        clock: This leg's.
    """

    identity: Mapping[str, Any] = field(default_factory=dict)
    clock: Clock = field(default_factory=Clock)

    def save(self, run: dict[str, Any], generator: torch.Generator | None) -> None:
        """Write a run and its seconds."""
        more = {"seconds": self.clock.seconds, "identity": dict(self.identity)}
        super().save({**run, **more}, generator)

    def load(self, run: dict[str, Any], generator: torch.Generator | None) -> dict[str, Any] | None:
        """Put what the file holds into a run's parts and into the clock."""
        found = super().load({**run, "seconds": 0.0, "identity": {}}, generator)
        if found is not None:
            if found.pop("identity") != self.identity:
                raise ValueError(f"expected {self.path} to be of a run with {self.identity}")
            self.clock.before = found.pop("seconds")
        return found
