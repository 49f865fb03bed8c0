"""Watch the first updates of a training, whichever loop makes them."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from torch import Tensor

from lstm_book.checks import check_whole


@dataclass
class _Watch:
    """How many losses are wanted, and those that came."""

    wanted: int
    losses: list[float] = field(default_factory=list)


_watch: ContextVar[_Watch | None] = ContextVar("watch", default=None)


class _EnoughError(Exception):
    """Ends a training of which enough has been seen."""


@contextmanager
def first_losses(number: int) -> Iterator[list[float]]:
    """Note the first losses of the training inside, and end it with the last of them.

    A loss is noted before its update is made, so each but the first shows that the update before it
    was the same: N losses repeat N - 1 updates.

    Args:
        number: How many losses, at least 1. A training with fewer updates comes to its end.

    Yields:
        The losses, a list that fills.

    Raises:
        TypeError: If the number is no whole one.
        ValueError: If it is below 1.

    >>> import torch
    >>> from lstm_book.models import LastStepClassifier
    >>> from lstm_book.tasks import FirstAndLast
    >>> from lstm_book.training import fit
    >>> task = FirstAndLast(length=5, features=2)
    >>> model = LastStepClassifier(torch.nn.LSTM(task.features, 4))
    >>> with first_losses(3) as losses:
    ...     _ = fit(model, task, steps=1_000_000)
    >>> len(losses)
    3
    """
    watch = _Watch(check_whole("number", number, 1))
    before = _watch.set(watch)
    try:
        yield watch.losses
    except _EnoughError:
        pass
    finally:
        _watch.reset(before)


def note(loss: Tensor) -> None:
    """Tell whoever watches the loss of an update that is about to be made."""
    watch = _watch.get()
    if watch is not None and len(watch.losses) < watch.wanted:
        watch.losses.append(loss.item())
        if len(watch.losses) == watch.wanted:
            raise _EnoughError
