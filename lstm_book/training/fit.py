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
from lstm_book.training.run import Run, Schedule
from lstm_book.training.task import Task, check_generator, check_task, draw


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
    schedule: Callable[[int], float] | None = None,
    stop: Callable[[nn.Module, int], bool] | None = None,
    checkpoint: Checkpoint | None = None,
    chunk: int | None = None,
) -> History:
    """Train a model on a stream of fresh sequences with Adam and a clipped gradient.

    On a terminal a line shows how far it is. A model in evaluation mode is put into training mode,
    with all its parts; in a model in training mode, a part that is in evaluation mode stays in it.

    Args:
        model: Maps the task's x to its answers; changed in place, on the device where it is.
        task: Draws the sequences and scores the answers.
        steps: Updates to make, from 0.
        batch: Sequences per update, from 1.
        lr: Adam's learning rate, at least 0.
        clip: Largest norm of the gradient of all parameters together, above 0; `math.inf` for none.
        generator: Source of the task's draws.
        schedule: Takes the number of updates made, returns a factor of the learning rate.
        stop: Takes the model and the number of updates made; ends the training when it says True.
        checkpoint: Where to write the run down, and to go on from if it is there.
        chunk: If given, the model is called with ``chunk=`` so many steps, and what it computed
            within a chunk is computed again on the way back instead of being kept.

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
        TypeError: If an argument is of another kind.
        ValueError: If the checkpoint is of another run, has more updates than `steps`, or is not
            whole; nothing is changed. If an argument is impossible, or the model has nothing to
            train; at once. If a factor is not finite or negative; when it comes.
    """
    check(model, task, generator, stop, checkpoint)
    steps, batch = check_whole("steps", steps, 0), check_whole("batch", batch, 1)
    lr, clip = check_number("lr", lr, 0), check_limit("clip", clip, above=0)
    options = {} if chunk is None else {"chunk": check_whole("chunk", chunk, 1)}
    settings = {"task": task, "batch": batch, "lr": lr, "clip": clip, **options}
    if not model.training:
        model.train()
    device = next(model.parameters()).device
    optimiser = torch.optim.Adam(model.parameters(), lr=lr)
    factors = Schedule(schedule)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimiser, factors.factor)
    history = History()
    run = Run(settings, model, optimiser, scheduler, factors, vars(history), generator)
    with resumed(run, checkpoint, steps) as update_made:
        while (step := len(history.loss)) < steps:
            if step and stop and stop(model, step):
                break
            x, y = draw(task, batch, generator, device)
            with put_back(model.buffers()):
                logits = model(x, **options)
                loss = task.loss(logits, y)
                try:
                    history.loss.append(
                        descend(loss, model, optimiser, clip=clip, schedule=scheduler)
                    )
                except FloatingPointError as error:
                    raise FloatingPointError(f"{error} at step {step}") from None
            history.accuracy.append(float(task.accuracy(logits, y)))
            update_made()
            show(step + 1, steps, history)
    return history


def check(
    model: nn.Module, task: Task, generator: object, stop: object, checkpoint: object
) -> None:
    """Raise TypeError or ValueError if `fit` cannot do with one of these."""
    check_type("model", model, nn.Module, "a torch.nn.Module")
    check_task(task)
    check_generator(generator)
    if stop is not None and not callable(stop):
        raise TypeError(f"expected stop to be callable or None, got {type(stop).__name__}")
    check_type("checkpoint", checkpoint, (Checkpoint, type(None)), "a Checkpoint or None")
    if not any(p.requires_grad for p in model.parameters()):
        raise ValueError("expected a model with parameters to train, got one without")


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


def show(step: int, steps: int, history: History) -> None:
    """Write over the line before with how far it is, on a terminal only."""
    if sys.stderr.isatty():
        end = "\n" if step == steps else ""
        words = f"update {step} of {steps}, loss {history.loss[-1]:.4f}"
        print(f"\r\x1b[K{words}", end=end, file=sys.stderr, flush=True)
