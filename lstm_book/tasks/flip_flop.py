"""Bits that stay as they were last set: the simplest task that wants several memories at once."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from lstm_book.checks import check_number, check_whole
from lstm_book.tasks._answers import check_draw, check_numbers


@dataclass(frozen=True)
class FlipFlop:
    """Say at every step how each bit was last set :cite:p:`sussillo2013`.

    Each bit has an input of its own. It is 0 at most steps; a pulse of 1 or -1 sets the bit, and it
    keeps that sign until the next pulse. At the first step every bit is set.

    Args:
        length: Steps T, at least 1.
        bits: How many bits there are, at least 1.
        pulses: The probability of a pulse, for each bit at each step after the first.

    Raises:
        TypeError: If a size is no whole number, or pulses no number.
        ValueError: If there are no steps or bits, or pulses is no probability.

    >>> task = FlipFlop(length=6, bits=1, pulses=0.4)
    >>> x, y = task.sample(1, generator=torch.Generator().manual_seed(8))
    >>> x.int().flatten().tolist()
    [1, 0, 0, -1, 0, 0]
    >>> y.int().flatten().tolist()  # the last pulse's sign
    [1, 1, 1, -1, -1, -1]
    """

    length: int = 30
    bits: int = 3
    pulses: float = 0.2

    def __post_init__(self) -> None:
        check_whole("length", self.length, 1)
        check_whole("bits", self.bits, 1)
        check_number("pulses", self.pulses, 0, 1)

    def sample(
        self, batch: int, *, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Draw fresh sequences.

        Args:
            batch: How many, B.
            generator: Source of the draws.

        Returns:
            x of shape (T, B, bits) with values -1, 0 and 1, and y of the same shape, -1 or 1.

        Raises:
            TypeError: If the batch is no whole number, or the generator is none.
            ValueError: If the batch is negative.
        """
        size = self.length, check_draw(batch, generator), self.bits
        pulse = torch.rand(size, generator=generator) < self.pulses
        pulse[0] = True
        x = torch.where(torch.rand(size, generator=generator) < 0.5, -1.0, 1.0) * pulse
        steps = torch.arange(self.length)[:, None, None]
        last = torch.where(pulse, steps, 0).cummax(0).values
        return x, x.gather(0, last)

    def loss(self, answers: Tensor, y: Tensor) -> Tensor:
        """Return the mean squared error; answers and y are (T, B, bits)."""
        return functional.mse_loss(*check_numbers("answers", answers, y, "T B bits"))

    def accuracy(self, answers: Tensor, y: Tensor) -> float:
        """Return the share of steps at which every bit has the right sign."""
        answers, y = check_numbers("answers", answers, y, "T B bits")
        return float(((answers * y) > 0).all(-1).float().mean())

    def baselines(self) -> dict[str, float]:
        """Return the accuracy of answers that need no memory: of guesses, and of pulses alone."""
        seen = ((1 + self.pulses) / 2) ** self.bits
        return {
            "a coin for each bit": 0.5**self.bits,
            "this step's pulses alone": (1 + (self.length - 1) * seen) / self.length,
        }
