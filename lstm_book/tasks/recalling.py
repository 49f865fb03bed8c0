"""Keeping symbols: copying ten, and recalling one."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from lstm_book.checks import check_shape, check_whole
from lstm_book.tasks._answers import (
    ClassAtTheEnd,
    check_classes,
    check_draw,
    randint,
    share_of_classes,
)


@dataclass(frozen=True)
class Copy:
    """Read ten symbols, wait, and write them again.

    As :cite:t:`arjovsky2016` set it: ten of eight symbols, T - 1 blanks, a delimiter, ten blanks.
    The target is a blank at every step but the last ten, where it is the ten symbols in their
    order. Symbols are 0 to 7, the blank is 8, the delimiter 9; inputs are one-hot.

    Args:
        delay: T, at least 1. A sequence has T + 20 steps.

    Raises:
        ValueError: If the delay is below 1.

    >>> x, y = Copy(delay=2).sample(1, generator=torch.Generator().manual_seed(0))
    >>> "".join(map(str, x.argmax(-1)[:, 0].tolist()))
    '4750333713898888888888'
    >>> "".join(map(str, y[:, 0].tolist()))
    '8888888888884750333713'
    """

    delay: int = 100

    def __post_init__(self) -> None:
        check_whole("delay", self.delay, 1)

    def sample(
        self, batch: int, *, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Draw fresh sequences.

        Args:
            batch: How many, B.
            generator: Source of the draws.

        Returns:
            x of shape (T + 20, B, 10), one-hot, and the targets y of shape (T + 20, B), int64.

        Raises:
            TypeError: If the batch is no whole number, or the generator is none.
            ValueError: If the batch is negative.
        """
        batch = check_draw(batch, generator)
        symbols = randint(0, 7, (10, batch), generator)
        blanks = torch.full((self.delay + 20, batch), 8)
        tokens, y = blanks.clone(), blanks
        tokens[:10] = symbols
        tokens[self.delay + 9] = 9
        y[-10:] = symbols
        return functional.one_hot(tokens, 10).to(torch.get_default_dtype()), y

    def loss(self, logits: Tensor, y: Tensor) -> Tensor:
        """Return the mean cross-entropy over all steps, in nats; logits (T + 20, B, 9)."""
        self._check(logits, y)
        return functional.cross_entropy(logits.flatten(0, 1), y.flatten())

    def accuracy(self, logits: Tensor, y: Tensor) -> float:
        """Return the share of right symbols among the last ten of each sequence."""
        self._check(logits, y)
        return share_of_classes(logits[-10:], y[-10:])

    def _check(self, logits: Tensor, y: Tensor) -> None:
        """Check answers to whole sequences."""
        check_shape("y", y, "T B", (self.delay + 20, None))
        check_classes(logits, y, "T B", 9)

    def baselines(self) -> dict[str, float]:
        """Return the cross-entropy of blanks until the delimiter and then any of the eight."""
        return {"no memory": 10 * math.log(8) / (self.delay + 20)}


@dataclass(frozen=True)
class Recall(ClassAtTheEnd):
    """Say at the end which symbol came first, after distractors of other kinds.

    Step 1 shows one of C symbols, the last step asks, and all between are drawn from other symbols.
    Inputs are one-hot: first the symbols, then the distractors, then the question.

    Args:
        length: Steps T, at least 2.
        symbols: How many symbols C there are to remember, at least 2.
        distractors: How many others, at least 1.

    Raises:
        ValueError: If a number is too small.

    >>> task = Recall(length=5, symbols=2, distractors=3)
    >>> x, y = task.sample(1, generator=torch.Generator().manual_seed(0))
    >>> x.argmax(-1)[:, 0].tolist(), y.item()
    ([1, 2, 4, 2, 5], 1)
    """

    length: int = 100
    symbols: int = 4
    distractors: int = 4

    def __post_init__(self) -> None:
        check_whole("length", self.length, 2)
        check_whole("symbols", self.symbols, 2)
        check_whole("distractors", self.distractors, 1)

    @property
    def classes(self) -> int:  # type: ignore[override]
        """How many answers there are."""
        return self.symbols

    def sample(
        self, batch: int, *, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Draw fresh sequences.

        Args:
            batch: How many, B.
            generator: Source of the draws.

        Returns:
            x of shape (T, B, symbols + distractors + 1), one-hot, and y of shape (B,), int64.

        Raises:
            TypeError: If the batch is no whole number, or the generator is none.
            ValueError: If the batch is negative.
        """
        batch = check_draw(batch, generator)
        kinds = self.symbols + self.distractors
        tokens = randint(self.symbols, kinds - 1, (self.length, batch), generator)
        y = randint(0, self.symbols - 1, (batch,), generator)
        tokens[0], tokens[-1] = y, kinds
        return functional.one_hot(tokens, kinds + 1).to(torch.get_default_dtype()), y

    def baselines(self) -> dict[str, float]:
        """Return the accuracy of a guess."""
        return {"a guess": 1 / self.symbols}
