"""Adding and multiplying two marked numbers."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from lstm_book.checks import check_choice, check_type, check_whole
from lstm_book.tasks._answers import NumberAtTheEnd, check_draw, randint


@dataclass(frozen=True)
class Adding(NumberAtTheEnd):
    """Add the two numbers that are marked, and forget all others.

    Each step has a number and a marker. There are two forms:

    * "modern" :cite:p:`arjovsky2016`: numbers from U[0, 1], markers 0, and 1 at one step of each
      half. The target is the sum.
    * "1997" :cite:p:`hochreiter1997`, experiment 4: numbers from U[-1, 1]; markers 0, and -1 at the
      first and last step. X_1 is marked among the steps 2 to 10, X_2 among the first T/2 - 1; the
      target is 0.5 + (X_1 + X_2) / 4. A batch's length is drawn from T to 1.1 T. The paper lets X_1
      fall on the first step and then counts it as 0; here it does not fall there.

    Args:
        length: Steps T; at least 2, and 24 for the form of 1997.
        form: "modern" or "1997".
        batch_first: Whether x is (B, T, 2) instead of (T, B, 2).

    Raises:
        TypeError: If the length is no whole number, or `batch_first` neither True nor False.
        ValueError: If there are too few steps, or the form is none of the two.

    >>> x, y = Adding(length=4).sample(1, generator=torch.Generator().manual_seed(0))
    >>> [round(value, 2) for value in x[:, 0, 0].tolist()], x[:, 0, 1].tolist()
    ([0.5, 0.77, 0.09, 0.13], [0.0, 1.0, 0.0, 1.0])
    >>> round(y.item(), 2)  # 0.77 + 0.13
    0.9
    """

    length: int = 100
    form: Literal["modern", "1997"] = "modern"
    batch_first: bool = False

    def __post_init__(self) -> None:
        check_choice("form", self.form, ("modern", "1997"))
        check_type("batch_first", self.batch_first, bool, "True or False")
        check_whole("length", self.length, 2 if self.form == "modern" else 24)

    def sample(
        self, batch: int, *, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Draw fresh sequences.

        Args:
            batch: How many, B.
            generator: Source of the draws.

        Returns:
            x of shape (T, B, 2), numbers and markers, and the target y of shape (B,).

        Raises:
            TypeError: If the batch is no whole number, or the generator is none.
            ValueError: If the batch is negative.
        """
        batch = check_draw(batch, generator)
        if self.form == "modern":
            x, X_1, X_2 = _marked_halves(self.length, batch, generator)
            y = X_1 + X_2
        else:
            x, X_1, X_2 = _marked_1997(self.length, batch, generator)
            x = torch.cat([2 * x[..., :1] - 1, x[..., 1:]], dim=-1)
            y = 0.5 + (2 * X_1 - 1 + 2 * X_2 - 1) / 4
        return x.transpose(0, 1) if self.batch_first else x, y

    def baselines(self) -> dict[str, float]:
        """Return the mean squared error of always answering the mean target: its variance."""
        return {"always the mean": 1 / 6 if self.form == "modern" else 1 / 24}


@dataclass(frozen=True)
class Multiplication(NumberAtTheEnd):
    """Multiply the two numbers that are marked; experiment 5 of :cite:t:`hochreiter1997`.

    As `Adding` in its form of 1997, but with numbers from U[0, 1] and the target X_1 · X_2.

    Args:
        length: Steps T, at least 24; a batch's length is drawn from T to 1.1 T.

    Raises:
        ValueError: If there are too few steps.

    >>> x, y = Multiplication(length=24).sample(1, generator=torch.Generator().manual_seed(0))
    >>> marked = x[x[..., 1] == 1][:, 0]
    >>> torch.allclose(marked.prod(), y)
    True
    """

    length: int = 100

    def __post_init__(self) -> None:
        check_whole("length", self.length, 24)

    def sample(
        self, batch: int, *, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Draw fresh sequences.

        Args:
            batch: How many, B.
            generator: Source of the draws.

        Returns:
            x of shape (T, B, 2), numbers and markers, and the target y of shape (B,).

        Raises:
            TypeError: If the batch is no whole number, or the generator is none.
            ValueError: If the batch is negative.
        """
        batch = check_draw(batch, generator)
        x, X_1, X_2 = _marked_1997(self.length, batch, generator)
        return x, X_1 * X_2

    def baselines(self) -> dict[str, float]:
        """Return the mean squared error of always answering 1/4, the mean product."""
        return {"always the mean": 1 / 9 - 1 / 16}


def _marked_halves(
    T: int, B: int, generator: torch.Generator | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Return numbers and markers with one mark in each half, and the two marked numbers."""
    numbers = torch.rand(T, B, generator=generator)
    first = randint(0, T // 2 - 1, (B,), generator)
    second = randint(T // 2, T - 1, (B,), generator)
    return _with_marks(numbers, first, second)


def _marked_1997(
    T: int, B: int, generator: torch.Generator | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Return numbers and markers as in 1997, and the two marked numbers."""
    steps = int(randint(T, T + T // 10, (1,), generator))
    numbers = torch.rand(steps, B, generator=generator)
    first = randint(1, 9, (B,), generator)
    # One of the steps 2 to T/2 - 1 that is not marked yet.
    second = randint(1, T // 2 - 3, (B,), generator)
    x, X_1, X_2 = _with_marks(numbers, first, second + (second >= first).long())
    x[0, :, 1] = x[-1, :, 1] = -1
    return x, X_1, X_2


def _with_marks(numbers: Tensor, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Put the markers beside the numbers."""
    columns = torch.arange(numbers.shape[1])
    markers = torch.zeros_like(numbers)
    markers[first, columns] = 1
    markers[second, columns] = 1
    x = torch.stack([numbers, markers], dim=-1)
    return x, numbers[first, columns], numbers[second, columns]
