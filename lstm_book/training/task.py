"""What training asks of a task."""

from typing import Any, Protocol

import torch
from torch import Tensor

from lstm_book.checks import check_type


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


def check_task(task: Any, *parts: str) -> None:
    """Raise TypeError unless a task has these methods, all three if none are named."""
    wanted = parts or ("sample", "loss", "accuracy")
    missing = [part for part in wanted if not callable(getattr(task, part, None))]
    if missing or isinstance(task, type):
        got = f"the class {task.__name__} itself" if isinstance(task, type) else type(task).__name__
        without = f" without {', '.join(missing)}" if missing else ""
        raise TypeError(f"expected a task with {', '.join(wanted)}, got {got}{without}")


def draw(
    task: Task, number: int, generator: torch.Generator | None, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Draw inputs and targets, on a device.

    Raises:
        TypeError: If the task draws anything but two tensors.
    """
    drawn = task.sample(number, generator=generator)
    if not (
        isinstance(drawn, tuple | list)
        and len(drawn) == 2
        and all(isinstance(part, Tensor) for part in drawn)
    ):
        kinds = (
            [type(part).__name__ for part in drawn] if isinstance(drawn, tuple | list) else drawn
        )
        raise TypeError(f"expected sample to return two tensors, x and y, got {kinds}")
    x, y = drawn
    return x.to(device), y.to(device)


def check_generator(generator: object) -> None:
    """Raise TypeError unless `generator` is None or a generator."""
    check_type("generator", generator, (torch.Generator, type(None)), "a torch.Generator or None")
