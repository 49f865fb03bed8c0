"""What training asks of a task, and of a data set."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any, Protocol, TypeGuard, cast

import torch
from torch import Tensor, nn

from lstm_book.checks import check_type

Inputs = Tensor | Mapping[str, Any]
"""What a model is called with: its only argument, or its arguments by name."""


class Task(Protocol):
    """A stream: what `fit` asks of a task that draws fresh sequences."""

    def sample(self, batch: int, *, generator: torch.Generator | None = None) -> tuple[Inputs, Any]:
        """Draw inputs and targets."""

    def loss(self, answers: Any, y: Any) -> Tensor:
        """Return the mean loss of a batch."""

    def accuracy(self, answers: Any, y: Any) -> float:
        """Return the share of right answers in a batch."""


class DataSet(Protocol):
    """What `fit` asks of a data set, whose examples are read again in every epoch."""

    def __len__(self) -> int:
        """Return how many examples there are, N."""

    def batch(self, places: Tensor) -> tuple[Inputs, Any]:
        """Return inputs and targets of some examples; `places` is (n,) of int64, below N."""

    def loss(self, answers: Any, y: Any) -> Tensor:
        """Return the mean loss of a batch."""

    def accuracy(self, answers: Any, y: Any) -> float:
        """Return the share of right answers in a batch."""


class Shuffled:
    """A data set as a stream: each example once an epoch, every epoch in a new random order.

    Args:
        data: The examples.
    """

    def __init__(self, data: DataSet) -> None:
        self.data, self.loss, self.accuracy = data, data.loss, data.accuracy
        self.to_come = torch.empty(0, dtype=torch.int64)

    def sample(self, batch: int, *, generator: torch.Generator | None = None) -> tuple[Inputs, Any]:
        """Return the next examples: so many, or those that are left of the epoch."""
        if not len(self.to_come):
            self.to_come = torch.randperm(len(self.data), generator=generator)
        places, self.to_come = self.to_come[:batch], self.to_come[batch:]
        return self.data.batch(places)

    def state_dict(self) -> dict[str, Tensor]:
        """Return what the next batches depend on."""
        return {"to_come": self.to_come.clone()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on from there."""
        self.to_come = state["to_come"]


def updates_an_epoch(examples: int, batch: int) -> int:
    """Return how many batches it takes to read so many examples once; the last may be smaller."""
    return -(-examples // batch)


def epoch_means(values: list[float], examples: int, batch: int) -> list[float]:
    """Return the mean over the examples of every epoch, of values that each update has one of."""
    updates = updates_an_epoch(examples, batch)
    last = examples - batch * (updates - 1)
    means = []
    for first in range(0, len(values), updates):
        total = 0.0  # not sum(), which adds in another way from Python 3.12 on
        for update, value in enumerate(values[first : first + updates], 1):
            total += (last if update == updates else batch) * value
        means.append(total / examples)
    return means


def block_means(values: Sequence[float], size: int) -> list[float]:
    """Return the means of so many values each; of fewer at the end."""
    return [fmean(values[first : first + size]) for first in range(0, len(values), size)]


def is_data_set(task: object) -> TypeGuard[DataSet]:
    """Whether `fit` is given examples, and not a task that draws them."""
    return callable(getattr(task, "batch", None)) and hasattr(task, "__len__")


def as_stream(task: Task | DataSet) -> Task:
    """Return what draws batches: the task itself, or the data set in random order."""
    return Shuffled(task) if is_data_set(task) else cast(Task, task)


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
) -> tuple[Inputs, Any]:
    """Draw inputs and targets, on a device.

    Raises:
        TypeError: If the task draws no pair of inputs and targets.
    """
    drawn = task.sample(number, generator=generator)
    if not (
        isinstance(drawn, tuple | list)
        and len(drawn) == 2
        and isinstance(drawn[0], Tensor | Mapping)
        and isinstance(drawn[1], Tensor | Mapping | tuple | list)
    ):
        kinds = (
            [type(part).__name__ for part in drawn] if isinstance(drawn, tuple | list) else drawn
        )
        raise TypeError(f"expected a task to draw inputs x and targets y, got {kinds}")
    x, y = drawn
    return moved(x, device), moved(y, device)


def answer(model: nn.Module, x: Inputs, **options: Any) -> Any:
    """Call a model with what a task has drawn."""
    return model(**x, **options) if isinstance(x, Mapping) else model(x, **options)


def moved(value: Any, device: torch.device) -> Any:
    """Return tensors, alone or in mappings and tuples, on a device."""
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, Mapping):
        return {name: moved(part, device) for name, part in value.items()}
    if isinstance(value, tuple | list):
        return tuple(moved(part, device) for part in value)
    return value


def check_generator(generator: object) -> None:
    """Raise TypeError unless `generator` is None or a generator."""
    check_type("generator", generator, (torch.Generator, type(None)), "a torch.Generator or None")
