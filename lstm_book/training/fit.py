"""The training loop, short enough to be printed whole."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import nn

from lstm_book.training.checkpoint import Checkpoint
from lstm_book.training.descend import descend
from lstm_book.training.interrupt import whole
from lstm_book.training.task import Task


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

    On a terminal a line shows how far it is.

    Args:
        model: Maps the task's x to its answers; changed in place, on the device where it is.
        task: Draws the sequences and scores the answers.
        steps: Updates to make.
        batch: Sequences per update.
        lr: Adam's learning rate.
        clip: Largest norm of the gradient of all parameters together.
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
            last good weights.
        KeyboardInterrupt: On Ctrl-C, once the update is whole and the checkpoint is written.
        OSError: If the checkpoint cannot be written, as on a full disk; the one before stays.
        ValueError: If the checkpoint is of another run, or is not whole.
    """
    device = next(model.parameters()).device
    optimiser = torch.optim.Adam(model.parameters(), lr=lr)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimiser, schedule or (lambda updates: 1.0))
    options = {} if chunk is None else {"chunk": chunk}
    history = History()
    run = {
        "settings": {"task": repr(task), "batch": batch, "lr": lr, "clip": clip},
        "model": model,
        "optimiser": optimiser,
        "scheduler": scheduler,
        "history": vars(history),
    }
    if checkpoint is not None and (found := checkpoint.load(run, generator)):
        vars(history).update(found["history"])
        run["history"] = vars(history)
    model.train()
    while (step := len(history.loss)) < steps:
        with whole() as interrupt:
            if step and stop and stop(model, step):
                break
            x, y = (tensor.to(device) for tensor in task.sample(batch, generator=generator))
            logits = model(x, **options)
            loss = task.loss(logits, y)
            try:
                history.loss.append(descend(loss, model, optimiser, clip=clip, schedule=scheduler))
            except FloatingPointError as error:
                raise FloatingPointError(f"{error} at step {step}") from None
            history.accuracy.append(task.accuracy(logits, y))
            due = checkpoint is not None and (step + 1) % checkpoint.every == 0
            if checkpoint is not None and (due or interrupt.came):
                checkpoint.save(run, generator)
            show(step + 1, steps, history)
    return history


def show(step: int, steps: int, history: History) -> None:
    """Write over the line before with how far it is, on a terminal only."""
    if sys.stderr.isatty():
        end = "\n" if step == steps else ""
        words = f"update {step} of {steps}, loss {history.loss[-1]:.4f}"
        print(f"\r\x1b[K{words}", end=end, file=sys.stderr, flush=True)
