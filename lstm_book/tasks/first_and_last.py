"""The series' own task: remember the first element until the last."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from lstm_book.checks import check_whole
from lstm_book.tasks._answers import check_draw, check_numbers, share_of_signs


@dataclass(frozen=True)
class FirstAndLast:
    """Tell the sign of the first number plus the last, T - 1 steps apart.

    Every entry of x is drawn from N(0, 1). The class is 1 where x_1[0] + x_T[0] > 0. All that lies
    between, and every other feature, is noise.

    Args:
        length: Steps T, at least 2.
        features: Features D of the input, at least 1.

    Raises:
        ValueError: If there are too few steps or features.

    >>> task = FirstAndLast(length=3, features=1)
    >>> x, y = task.sample(1, generator=torch.Generator().manual_seed(0))
    >>> [round(value, 2) for value in x.flatten().tolist()]
    [1.54, -0.29, -2.18]
    >>> y.tolist()  # 1.54 - 2.18 is negative
    [0.0]
    """

    length: int = 30
    features: int = 10

    def __post_init__(self) -> None:
        check_whole("length", self.length, 2)
        check_whole("features", self.features, 1)

    def sample(
        self, batch: int, *, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Draw fresh sequences.

        Args:
            batch: How many, B.
            generator: Source of the draws.

        Returns:
            x of shape (T, B, D) and the class y of shape (B,), 0.0 or 1.0.

        Raises:
            TypeError: If the batch is no whole number, or the generator is none.
            ValueError: If the batch is negative.
        """
        batch = check_draw(batch, generator)
        x = torch.randn(self.length, batch, self.features, generator=generator)
        return x, (x[0, :, 0] + x[-1, :, 0] > 0).to(x.dtype)

    def loss(self, logits: Tensor, y: Tensor) -> Tensor:
        """Return the mean cross-entropy in nats; logits and y are (B,)."""
        check_numbers("logits", logits, y, "B")
        return functional.binary_cross_entropy_with_logits(logits, y)

    def accuracy(self, logits: Tensor, y: Tensor) -> float:
        """Return the share of right answers; logits and y are (B,)."""
        check_numbers("logits", logits, y, "B")
        return share_of_signs(logits, y)

    def baselines(self) -> dict[str, float]:
        """Return the accuracy of answers that need no memory.

        Two independent normal numbers have a sum of the last one's sign three times in four.
        """
        return {"a coin": 0.5, "the last element alone": 0.75}
