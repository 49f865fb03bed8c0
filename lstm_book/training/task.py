"""What training asks of a task."""

from typing import Protocol

import torch
from torch import Tensor


class Task(Protocol):
    """What `fit` asks of a task."""

    def sample(
        self, batch: int, *, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Draw inputs and targets."""

    def loss(self, logits: Tensor, y: Tensor) -> Tensor:
        """Return the mean loss of a batch."""

    def accuracy(self, logits: Tensor, y: Tensor) -> float:
        """Return the share of right answers in a batch."""
