"""What an experiment is: a name, frozen settings, and a training run that a seed decides."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import torch
from torch import nn

from lstm_book.training import Checkpoint
from lstm_book.training.watch import first_losses

Report = Callable[[str], None]
"""Told now and then how far a run is, in a few words."""


class Outcome(NamedTuple):
    """What one seed gave.

    Attributes:
        metrics: Names and values that JSON can hold.
        model: The trained model; None if an experiment has none to show.
    """

    metrics: dict[str, Any]
    model: nn.Module | None


@dataclass(frozen=True, kw_only=True)
class Experiment(ABC):
    """A training run with all its settings.

    Attributes:
        name: What ``lstm-book run`` calls it.
        about: What it measures, in one line.
        seeds: The seeds that are stored. The weights of the first are kept.
        replayed: How many first losses are stored, for a replay: three show two whole updates.
            Fewer where gradients explode, because there another processor's rounding soon shows.
        kept: Whether the weights of the first seed are stored. Not where nothing in the book reads
            them.
    """

    name: str
    about: str
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    replayed: int = 3
    kept: bool = True

    @property
    def configuration(self) -> Any:
        """Every setting that decides a result, by name, as JSON holds it."""
        settings = {field.name: getattr(self, field.name) for field in fields(self)}
        others = ("about", "seeds", "replayed", "kept")
        return plain({name: value for name, value in settings.items() if name not in others})

    @abstractmethod
    def train(self, seed: int, report: Report) -> Outcome:
        """Train and measure once.

        Args:
            seed: Decides all that is drawn.
            report: Told how far the run is.

        Returns:
            What was measured, and the trained model.
        """

    def build(self) -> nn.Module | None:
        """Return the model as it is before training, for stored weights to be put into."""
        return None

    def first_losses(self, seed: int) -> list[list[float]]:
        """Begin to train, and return the losses before the first updates.

        Args:
            seed: Decides all that is drawn.

        Returns:
            `replayed` losses for each training that the seed makes: most make one, a search makes
            one for each candidate. A training that does not use
            :func:`~lstm_book.training.descend` has none.
        """
        with first_losses(self.replayed) as losses:
            self.train(seed, lambda words: None)
        return [losses]

    def probe(self, model: nn.Module) -> list[float]:
        """Return what ties weights to code: losses on a few sequences that are always the same.

        Args:
            model: Trained, in evaluation mode.

        Returns:
            One loss or more; none if an experiment has no model to show.
        """
        return []


@dataclass(frozen=True, kw_only=True)
class ResumableExperiment(Experiment):
    """A training run that goes on where it was stopped.

    Attributes:
        save_every: Updates between two checkpoints.
    """

    save_every: int = 50

    @property
    def configuration(self) -> Any:
        """Every setting that decides a result; when it is saved does not."""
        settings = super().configuration
        del settings["save_every"]
        return settings

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


def plain(value: Any) -> Any:
    """Turn tuples into lists, as a trip through JSON does, and experiments into their settings."""
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, Experiment):
        return value.configuration
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread inside, as all stored numbers were: more may add in another order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
