"""One update of a model."""

import torch
from torch import Tensor, nn

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
        clip: Largest norm of the gradient of all parameters together.
        schedule: Sets the learning rate of the next step.

    Returns:
        The loss, as it was before the step.

    Raises:
        FloatingPointError: If the loss or its gradient is not finite; the model is left as it was.
    """
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
