"""Where LSTMs struggle: parity and counting."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from lstm_book.checks import check_whole
from lstm_book.tasks._answers import check_draw, check_numbers, randint, share_of_signs


@dataclass(frozen=True)
class Parity:
    """Say whether the number of ones is odd: every single bit counts.

    Args:
        length: Steps T, at least 1.

    Raises:
        ValueError: If there is no step.

    >>> x, y = Parity(length=6).sample(1, generator=torch.Generator().manual_seed(0))
    >>> x.flatten().tolist(), y.item()
    ([0.0, 1.0, 1.0, 0.0, 1.0, 1.0], 0.0)
    """

    length: int = 20

    def __post_init__(self) -> None:
        check_whole("length", self.length, 1)

    def sample(
        self, batch: int, *, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Draw fresh sequences.

        Args:
            batch: How many, B.
            generator: Source of the draws.

        Returns:
            Bits x of shape (T, B, 1), and y of shape (B,), 1.0 where their sum is odd, else 0.0.

        Raises:
            TypeError: If the batch is no whole number, or the generator is none.
            ValueError: If the batch is negative.
        """
        batch = check_draw(batch, generator)
        x = randint(0, 1, (self.length, batch, 1), generator).to(torch.get_default_dtype())
        return x, x.sum((0, 2)) % 2

    def loss(self, logits: Tensor, y: Tensor) -> Tensor:
        """Return the mean cross-entropy in nats; logits and y are (B,)."""
        check_numbers("logits", logits, y, "B")
        return functional.binary_cross_entropy_with_logits(logits, y)

    def accuracy(self, logits: Tensor, y: Tensor) -> float:
        """Return the share of right answers; logits and y are (B,)."""
        check_numbers("logits", logits, y, "B")
        return share_of_signs(logits, y)

    def baselines(self) -> dict[str, float]:
        """Return the accuracy of a coin: all bits but one tell nothing about the parity."""
        return {"all bits but one": 0.5}


@dataclass(frozen=True)
class Counting:
    """Say at every step how many ones there have been.

    A model that was trained at one length can be scored at another: whether it counts, or only
    knows the numbers that it has seen, shows beyond the trained length.

    Args:
        length: Steps T, at least 1.

    Raises:
        ValueError: If there is no step.

    >>> x, y = Counting(length=6).sample(1, generator=torch.Generator().manual_seed(0))
    >>> x.flatten().tolist(), y.flatten().tolist()
    ([0.0, 1.0, 1.0, 0.0, 1.0, 1.0], [0.0, 1.0, 2.0, 2.0, 3.0, 4.0])
    """

    length: int = 50

    def __post_init__(self) -> None:
        check_whole("length", self.length, 1)

    def sample(
        self, batch: int, *, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Draw fresh sequences.

        Args:
            batch: How many, B.
            generator: Source of the draws.

        Returns:
            Bits x of shape (T, B, 1), and the counts y of shape (T, B).

        Raises:
            TypeError: If the batch is no whole number, or the generator is none.
            ValueError: If the batch is negative.
        """
        batch = check_draw(batch, generator)
        x = randint(0, 1, (self.length, batch, 1), generator).to(torch.get_default_dtype())
        return x, x[..., 0].cumsum(0)

    def loss(self, prediction: Tensor, y: Tensor) -> Tensor:
        """Return the mean squared error; prediction and y are (T, B)."""
        check_numbers("prediction", prediction, y, "T B")
        return functional.mse_loss(prediction, y)

    def accuracy(self, prediction: Tensor, y: Tensor) -> float:
        """Return the share of steps whose count is right when rounded."""
        check_numbers("prediction", prediction, y, "T B")
        return float((prediction.round() == y).float().mean())

    def baselines(self) -> dict[str, float]:
        """Return the mean squared error of answering half the steps so far: t/4, averaged."""
        return {"half of the steps": (self.length + 1) / 8}
