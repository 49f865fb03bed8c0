"""Score a model on sequences that it has never seen."""

import math
from collections.abc import Iterable
from dataclasses import is_dataclass, replace
from itertools import chain
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lstm_book.checks import check_number, check_tensor, check_type, check_whole
from lstm_book.modes import evaluation_twin
from lstm_book.training.descend import check_limit
from lstm_book.training.task import Task, answer, check_generator, check_task, draw, moved


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
    """Score a model on fresh sequences, in evaluation mode.

    The modes of the model and its parts are never touched, so threads may share it.

    Args:
        model: Maps the task's x to its answers.
        task: Draws the sequences and scores the answers.
        sequences: How many, from 1.
        generator: Source of the draws.
        chunk: If given, the model is called with ``chunk=`` so many steps, to save memory.

    Returns:
        Loss and accuracy; both are NaN if the loss is.

    Raises:
        TypeError: If an argument is of another kind.
        ValueError: If there are no sequences, or the chunk is below 1.
    """
    check_type("model", model, nn.Module, "a torch.nn.Module")
    check_task(task)
    check_generator(generator)
    _options(chunk)
    sequences = check_whole("sequences", sequences, 1)
    x, y = draw(task, sequences, generator, _device(model))
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
        sequences: How many of each length, from 1.
        generator: Source of the draws.

    Returns:
        Loss and accuracy at each length.

    Raises:
        TypeError: If the task is no dataclass with a length, or an argument is of another kind.
        ValueError: If a length is too small for the task, or there are no sequences.
    """
    check_task(task)
    if not hasattr(task, "length") or not is_dataclass(type(task)):
        raise TypeError(f"expected a task with a length, a dataclass, got {task!r}")
    if not isinstance(lengths, Iterable):
        raise TypeError(f"expected several lengths, got {type(lengths).__name__}")
    lengths = [check_whole("length", length, 1) for length in lengths]
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
        loss: The loss must be below this; `math.inf` if any will do.
        accuracy: The share of right answers must be at least this, at most 1; 0 if any will do.
        every: Updates between two looks, from 1.
        chunk: If given, the model is called with ``chunk=`` so many steps, to save memory.

    Raises:
        TypeError: If an argument is of another kind.
        ValueError: If one is impossible, or nothing is held out.

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
        check_task(task, "loss", "accuracy")
        for name, value in (("x", x), ("y", y)):
            if not check_tensor(name, value).numel():
                raise ValueError(f"expected held-out {name}, got none, {tuple(value.shape)}")
        _options(chunk)
        self.task, self.x, self.y, self.chunk = task, x, y, chunk
        self.loss = check_limit("loss", loss)
        self.accuracy = check_number("accuracy", accuracy, most=1)
        self.every = check_whole("every", every, 1)
        self.score: Score | None = None

    def __call__(self, model: nn.Module, updates: int) -> bool:
        """Return whether the task is solved; always False between two looks."""
        check_type("model", model, nn.Module, "a torch.nn.Module")
        if check_whole("updates", updates, 0) % self.every:
            return False
        self.score = _score(model, self.task, self.x, self.y, self.chunk)
        return self.score.loss < self.loss and self.score.accuracy >= self.accuracy


@torch.no_grad()
def _score(model: nn.Module, task: Task, x: Any, y: Any, chunk: int | None) -> Score:
    """Score a model without touching its modes."""
    device = _device(model)
    x, y = moved(x, device), moved(y, device)
    answers = answer(evaluation_twin(model), x, **_options(chunk))
    loss = float(task.loss(answers, y))
    # What is right in answers that are NaN is no accuracy.
    return Score(loss, math.nan if math.isnan(loss) else float(task.accuracy(answers, y)))


def _device(model: nn.Module) -> torch.device:
    """Return where a model is: on the CPU if it holds nothing."""
    held = next(chain(model.parameters(), model.buffers()), None)
    return torch.device("cpu") if held is None else held.device


def _options(chunk: int | None) -> dict[str, int]:
    """Return how a model is called."""
    return {} if chunk is None else {"chunk": check_whole("chunk", chunk, 1)}
