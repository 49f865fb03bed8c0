"""The training loop, short enough to be printed whole."""

from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor, nn

from lstm_book.training.descend import descend


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


@dataclass
class History:
    """What happened, step by step: one entry per update, each on sequences never seen before.

    Attributes:
        loss: Mean loss of the batch, before the update.
        accuracy: Share of right answers in the batch, before the update.
    """

    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)


def fit(
    model: nn.Module,
    task: Task,
    *,
    steps: int,
    batch: int = 64,
    lr: float = 1e-3,
    clip: float = 1.0,
    generator: torch.Generator | None = None,
) -> History:
    """Train a model on a stream of fresh sequences with Adam and a clipped gradient.

    Args:
        model: Maps the task's x to its logits; changed in place.
        task: Draws the sequences and scores the answers.
        steps: Updates to make.
        batch: Sequences per update.
        lr: Adam's learning rate.
        clip: Largest norm of the gradient of all parameters together.
        generator: Source of the task's draws.

    Returns:
        Loss and accuracy before every update.

    Raises:
        FloatingPointError: If the loss or its gradient is no longer finite; the model keeps its
            last good weights.
    """
    optimiser = torch.optim.Adam(model.parameters(), lr=lr)
    history = History()
    model.train()
    for step in range(steps):
        x, y = task.sample(batch, generator=generator)
        logits = model(x)
        loss = task.loss(logits, y)
        try:
            history.loss.append(descend(loss, model, optimiser, clip=clip))
        except FloatingPointError as error:
            raise FloatingPointError(f"{error} at step {step}") from None
        history.accuracy.append(task.accuracy(logits, y))
    return history
