"""One update of a model."""

import math

import torch
from torch import Tensor, nn

from lstm_book.checks import check_number, check_tensor, check_type
from lstm_book.training.watch import note


def descend(
    loss: Tensor,
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    *,
    clip: float = 1.0,
    schedule: torch.optim.lr_scheduler.LRScheduler | None = None,
) -> float:
    """Take one step down a loss, with the gradient clipped.

    Args:
        loss: A scalar that autograd can follow to the model's parameters.
        model: Whose parameters the optimiser changes, in place.
        optimiser: Takes the step.
        clip: Largest norm of the gradient of all parameters together, above 0; `math.inf` for none.
        schedule: Sets the learning rate of the next step.

    Returns:
        The loss, as it was before the step.

    Raises:
        FloatingPointError: If the loss or its gradient is not finite; the model is left as it was.
        TypeError: If an argument is of another kind.
        ValueError: If the loss is no scalar, or `clip` is not above 0.
    """
    _check(loss, model, optimiser, clip, schedule)
    if not loss.isfinite():
        raise FloatingPointError(f"expected a finite loss, got {loss.item()}")
    note(loss)  # to whoever watches the training, see `first_losses`
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    norm = nn.utils.clip_grad_norm_(model.parameters(), clip)
    if not norm.isfinite():
        raise FloatingPointError(f"expected a finite gradient, got norm {norm.item()}")
    optimiser.step()
    if schedule is not None:
        schedule.step()
    return loss.item()


def check_limit(name: str, limit: float, above: float = -math.inf) -> float:
    """Return a number that may be infinite, which is no limit.

    Raises:
        TypeError: If it is no number.
        ValueError: If it is NaN, or not above `above`.
    """
    unlimited = isinstance(limit, float) and limit == math.inf
    return math.inf if unlimited else check_number(name, limit, above=above)


def _check(loss: object, model: object, optimiser: object, clip: float, schedule: object) -> None:
    """Raise what `descend` says that it raises."""
    if (scalar := check_tensor("loss", loss)).numel() != 1:
        raise ValueError(f"expected a scalar loss, got shape {tuple(scalar.shape)}")
    check_type("model", model, nn.Module, "a torch.nn.Module")
    check_type("optimiser", optimiser, torch.optim.Optimizer, "a torch.optim.Optimizer")
    check_limit("clip", clip, above=0)
    kinds = (torch.optim.lr_scheduler.LRScheduler, type(None))
    check_type("schedule", schedule, kinds, "a torch.optim.lr_scheduler.LRScheduler or None")
