"""Runs that are so long that they are written down on the way."""

from abc import abstractmethod
from dataclasses import dataclass

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
