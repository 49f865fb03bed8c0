"""Score a model on sequences that it has never seen."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lstm_book.training.task import Task


class Score(NamedTuple):
    """How good a model is.

    Attributes:
        loss: Mean loss.
        accuracy: Share of right answers.
    """

    loss: float
    accuracy: float


@torch.no_grad()
def evaluate(
    model: nn.Module,
    task: Task,
    *,
    sequences: int = 500,
    generator: torch.Generator | None = None,
    chunk: int | None = None,
) -> Score:
    """Score a model on fresh sequences, in evaluation mode; its own mode comes back afterwards.

    Args:
        model: Maps the task's x to its answers.
        task: Draws the sequences and scores the answers.
        sequences: How many.
        generator: Source of the draws.
        chunk: If given, the model is called with ``chunk=`` so many steps, to save memory.

    Returns:
        Loss and accuracy.
    """
    x, y = task.sample(sequences, generator=generator)
    return _score(model, task, x, y, chunk)


def evaluate_by_length(
    model: nn.Module,
    task: Any,
    lengths: Iterable[int],
    *,
    sequences: int = 500,
    generator: torch.Generator | None = None,
) -> dict[int, Score]:
    """Score a model on a task at other lengths than the one it was trained at.

    Args:
        model: Maps the task's x to its answers.
        task: A task with a field `length`.
        lengths: The lengths T.
        sequences: How many of each length.
        generator: Source of the draws.

    Returns:
        Loss and accuracy at each length.

    Raises:
        TypeError: If the task has no length.
        ValueError: If a length is too small for the task.
    """
    if not hasattr(task, "length"):
        raise TypeError(f"expected a task with a length, got {task!r}")
    return {
        length: evaluate(
            model, replace(task, length=length), sequences=sequences, generator=generator
        )
        for length in lengths
    }


class Solved:
    """Stop `fit` when a model answers well enough, on sequences that are held out.

    Args:
        task: Scores the answers.
        x: Held-out inputs.
        y: Their targets.
        loss: The loss must be below this.
        accuracy: The share of right answers must be at least this.
        every: Updates between two looks.
        chunk: If given, the model is called with ``chunk=`` so many steps, to save memory.

    Attributes:
        score: The last look's; None before the first.

    >>> import torch
    >>> from lstm_book.tasks import Adding
    >>> task = Adding(length=10)
    >>> stop = Solved(task, *task.sample(500, generator=torch.Generator().manual_seed(1)))
    """

    def __init__(
        self,
        task: Task,
        x: Tensor,
        y: Tensor,
        *,
        loss: float = 1e-3,
        accuracy: float = 0.9,
        every: int = 50,
        chunk: int | None = None,
    ) -> None:
        self.task, self.x, self.y, self.chunk = task, x, y, chunk
        self.loss, self.accuracy, self.every = loss, accuracy, every
        self.score: Score | None = None

    def __call__(self, model: nn.Module, updates: int) -> bool:
        """Return whether the task is solved; always False between two looks."""
        if updates % self.every:
            return False
        self.score = _score(model, self.task, self.x, self.y, self.chunk)
        return self.score.loss < self.loss and self.score.accuracy >= self.accuracy


@torch.no_grad()
def _score(model: nn.Module, task: Task, x: Tensor, y: Tensor, chunk: int | None) -> Score:
    """Score a model without changing its mode."""
    device = next(model.parameters()).device
    training = model.training
    options = {} if chunk is None else {"chunk": chunk}
    model.eval()
    try:
        answers = model(x.to(device), **options)
    finally:
        model.train(training)
    y = y.to(device)
    return Score(float(task.loss(answers, y)), task.accuracy(answers, y))
