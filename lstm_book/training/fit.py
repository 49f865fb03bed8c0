"""The training loop, short enough to be printed whole."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from lstm_book.checks import check_number, check_type, check_whole
from lstm_book.training.checkpoint import Checkpoint, resumed
from lstm_book.training.descend import check_limit, descend
from lstm_book.training.run import Run
from lstm_book.training.schedule import OneCycle, Schedule
from lstm_book.training.task import (
    DataSet,
    Task,
    answer,
    as_stream,
    check_generator,
    check_task,
    draw,
    is_data_set,
    updates_an_epoch,
)


@dataclass
class History:
    """What happened, step by step: one entry per update, each on its batch before it was learned.

    Attributes:
        loss: Mean loss of the batch, before the update.
        accuracy: Share of right answers in the batch, before the update.
    """

    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)


def fit(
    model: nn.Module,
    task: Task | DataSet,
    *,
    steps: int | None = None,
    epochs: int | None = None,
    batch: int = 64,
    lr: float = 1e-3,
    weight_decay: float = 0.0,
    clip: float = 1.0,
    generator: torch.Generator | None = None,
    schedule: Callable[[int], float] | OneCycle | None = None,
    stop: Callable[[nn.Module, int], bool] | None = None,
    checkpoint: Checkpoint | None = None,
    chunk: int | None = None,
    report: Callable[[str], None] | None = None,
) -> History:
    """Train a model with Adam and a clipped gradient, on fresh sequences or on a data set.

    A task draws fresh sequences for every update. The examples of a data set are read again and
    again, every epoch in a new random order. Either may return its inputs by the names of the
    model's arguments, such as x and lengths, and targets of any kind, which only its loss reads.

    A model in evaluation mode is put into training mode, with all its parts; in a model in training
    mode, a part that is in evaluation mode stays in it.

    Args:
        model: Maps the task's x to its answers; changed in place, on the device where it is.
        task: Draws the sequences, or holds them, and scores the answers.
        steps: Updates to make, from 0.
        epochs: Instead of steps, how often to read a data set, from 0.
        batch: Sequences per update, from 1.
        lr: Adam's learning rate, at least 0.
        weight_decay: By how much each update shrinks the weights, in learning rates
            :cite:p:`loshchilov2019`, at least 0.
        clip: Largest norm of the gradient of all parameters together, above 0; `math.inf` for none.
        generator: Source of the task's draws, or of the data set's order; torch's own if missing.
        schedule: Takes the number of updates made, returns a factor of the learning rate. Or a
            :class:`OneCycle`, in which `lr` is the largest.
        stop: Takes the model and the number of updates made, after each; ends the training when it
            says True.
        checkpoint: Where to write the run down, and to go on from if it is there.
        chunk: If given, the model is called with ``chunk=`` so many steps, and what it computed
            within a chunk is computed again on the way back instead of being kept.
        report: Told after each update how far the run is; if missing, a terminal shows it.

    Returns:
        Loss and accuracy before every update.

    Raises:
        FloatingPointError: If the loss or its gradient is no longer finite; the model keeps its
            last good weights, and what its buffers held.
        KeyboardInterrupt: On Ctrl-C, once the update is whole and the checkpoint is written. An
            ignored Ctrl-C stays ignored, and a handler of one's own is called instead.
        SystemExit: With a checkpoint, when the process is told to end (SIGTERM), in the same way.
        OSError: If the checkpoint cannot be written, as on a full disk; the one before stays.
            BlockingIOError if another run is writing it.
        TypeError: If an argument is of another kind, or not one of steps and epochs is given.
        ValueError: If the checkpoint is of another run, has more updates than are to be made, or is
            not whole; nothing is changed. If an argument is impossible, or the model has nothing to
            train; at once. If a factor is not finite or negative; when it comes.
    """
    check(model, task, generator, stop, checkpoint, report)
    batch = check_whole("batch", batch, 1)
    steps = updates_to_make(task, batch, steps, epochs)
    lr, weight_decay = check_number("lr", lr, 0), check_number("weight_decay", weight_decay, 0)
    clip = check_limit("clip", clip, above=0)
    options = {} if chunk is None else {"chunk": check_whole("chunk", chunk, 1)}
    settings = {"task": task, "batch": batch, "lr": lr, "clip": clip, **options}
    settings["weight_decay"] = weight_decay
    stream = as_stream(task)
    if not model.training:
        model.train()
    device = next(model.parameters()).device
    optimiser = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=weight_decay)
    rate = Schedule(schedule, optimiser, steps)
    history = History()
    others = {"task": stream, "stop": stop}
    run = Run(settings, model, optimiser, rate, vars(history), generator, others)
    with resumed(run, checkpoint, steps) as update_made:
        while not asked(stop, model, step := run.updates) and step < steps:
            x, y = draw(stream, batch, generator, device)
            with put_back(model.buffers()):
                answers = answer(model, x, **options)
                loss = stream.loss(answers, y)
                try:
                    loss_before = descend(
                        loss, model, optimiser, clip=clip, schedule=rate.scheduler
                    )
                except FloatingPointError as error:
                    raise FloatingPointError(f"{error} at step {step}") from None
            history.loss.append(loss_before)
            history.accuracy.append(float(stream.accuracy(answers, y)))
            update_made()
            tell(report, step + 1, steps, epochs, loss_before)
    return history


def check(
    model: nn.Module,
    task: object,
    generator: object,
    stop: object,
    checkpoint: object,
    report: object,
) -> None:
    """Raise TypeError or ValueError if `fit` cannot do with one of these."""
    check_type("model", model, nn.Module, "a torch.nn.Module")
    check_task(task, *(("batch", "loss", "accuracy") if is_data_set(task) else ()))
    check_generator(generator)
    for name, called in (("stop", stop), ("report", report)):
        if called is not None and not callable(called):
            raise TypeError(f"expected {name} to be callable or None, got {type(called).__name__}")
    check_type("checkpoint", checkpoint, (Checkpoint, type(None)), "a Checkpoint or None")
    if not any(p.requires_grad for p in model.parameters()):
        raise ValueError("expected a model with parameters to train, got one without")


def updates_to_make(task: Task | DataSet, batch: int, steps: int | None, epochs: int | None) -> int:
    """Return how many updates are asked for.

    Raises:
        TypeError: If not one of steps and epochs is given, or a task that draws has epochs.
        ValueError: If a number is negative, or there is no example to read.
    """
    if (steps is None) == (epochs is None):
        raise TypeError(f"expected either steps or epochs, got {steps} and {epochs}")
    examples = len(task) if is_data_set(task) else None
    if examples == 0:
        raise ValueError("expected a data set with at least one example, got none")
    if epochs is None:
        return check_whole("steps", steps, 0)
    if examples is None:
        raise TypeError("expected steps of a task that draws, which has no epochs, got epochs")
    return check_whole("epochs", epochs, 0) * updates_an_epoch(examples, batch)


def asked(stop: Callable[[nn.Module, int], bool] | None, model: nn.Module, step: int) -> bool:
    """Ask whether to stop after so many updates; not before the first."""
    return bool(step and stop and stop(model, step))


@contextmanager
def put_back(tensors: Iterable[Tensor]) -> Iterator[None]:
    """Give tensors the numbers that they had, if what is inside fails."""
    kept = [(tensor, tensor.detach().clone()) for tensor in tensors if not is_lazy(tensor)]
    try:
        yield
    except BaseException:
        with torch.no_grad():
            for tensor, before in kept:
                tensor.copy_(before)
        raise


def tell(
    report: Callable[[str], None] | None, step: int, steps: int, epochs: int | None, loss: float
) -> None:
    """Say how far it is: to whom is to be told, or over the line before on a terminal."""
    epoch = f"epoch {-(-step * epochs // steps)} of {epochs}, " if epochs else ""
    words = f"{epoch}update {step} of {steps}, loss {loss:.4f}"
    if report:
        report(words)
    elif sys.stderr.isatty():
        end = "\n" if step == steps else ""
        print(f"\r\x1b[K{words}", end=end, file=sys.stderr, flush=True)
