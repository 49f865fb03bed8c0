"""What tasks share: how answers are checked and scored, how whole numbers are drawn."""

import torch
from torch import Tensor
from torch.nn import functional

from lstm_book.checks import check_shape, check_tensor, check_type, check_whole


class NumberAtTheEnd:
    """One number per sequence, right if it is off by less than 0.04 :cite:p:`hochreiter1997`."""

    def loss(self, prediction: Tensor, y: Tensor) -> Tensor:
        """Return the mean squared error; prediction is (B,) or (B, 1), y is (B,)."""
        return functional.mse_loss(*_one_each(prediction, y))

    def accuracy(self, prediction: Tensor, y: Tensor) -> float:
        """Return the share of answers that are off by less than 0.04."""
        prediction, y = _one_each(prediction, y)
        return float(((prediction - y).abs() < 0.04).float().mean())


class ClassAtTheEnd:
    """One of C classes per sequence."""

    classes: int

    def loss(self, logits: Tensor, y: Tensor) -> Tensor:
        """Return the mean cross-entropy in nats; logits are (B, C), y is (B,) of int64."""
        return functional.cross_entropy(*check_classes(logits, y, "B", self.classes))

    def accuracy(self, logits: Tensor, y: Tensor) -> float:
        """Return the share of sequences whose class has the largest logit."""
        logits, y = check_classes(logits, y, "B", self.classes)
        return share_of_classes(logits, y)


def share_of_classes(logits: Tensor, y: Tensor) -> float:
    """Return the share of targets whose class has the largest logit; NaN is never right."""
    return float(((logits.argmax(-1) == y) & ~logits.isnan().any(-1)).float().mean())


def share_of_signs(logits: Tensor, y: Tensor) -> float:
    """Return the share of targets, 0.0 or 1.0, that the logit's sign tells; NaN is never right."""
    return float((((logits > 0) == (y > 0.5)) & ~logits.isnan()).float().mean())


def check_numbers(name: str, given: Tensor, y: Tensor, dims: str) -> tuple[Tensor, Tensor]:
    """Check answers that are numbers against targets of the same shape, such as "T B".

    Raises:
        TypeError: If one is no tensor.
        ValueError: If one has the wrong number of dimensions.
        RuntimeError: If the sizes differ, or one is not of floating-point numbers.
    """
    check_shape("y", y, dims, (None,) * len(dims.split()))
    check_shape(name, given, dims, y.shape)
    _some(y)
    return _floating(name, given), _floating("y", y)


def check_classes(logits: Tensor, y: Tensor, dims: str, classes: int) -> tuple[Tensor, Tensor]:
    """Check logits, with one dimension of classes more than the targets, against these.

    Raises:
        TypeError: If one is no tensor.
        ValueError: If one has the wrong number of dimensions.
        IndexError: If a target is no class, as torch's cross-entropy has it.
        RuntimeError: If sizes differ, logits are not of floating-point numbers, or targets not of
            int64.
    """
    check_shape("y", y, dims, (None,) * len(dims.split()))
    check_shape("logits", logits, f"{dims} C", (*y.shape, classes))
    _some(y)
    if y.dtype != torch.int64:
        raise RuntimeError(f"expected y of dtype torch.int64, got {y.dtype}")
    if not 0 <= int(y.min()) <= int(y.max()) < classes:
        raise IndexError(f"expected classes y from 0 to {classes - 1}, got others")
    return _floating("logits", logits), y


def check_draw(batch: int, generator: torch.Generator | None) -> int:
    """Check what `sample` is asked for; return how many sequences.

    Raises:
        TypeError: If the batch is no whole number, or the generator is none.
        ValueError: If the batch is negative.
    """
    if generator is not None:
        check_type("generator", generator, torch.Generator, "a torch.Generator or None")
    return check_whole("batch", batch, 0)


def randint(
    low: int, high: int, size: tuple[int, ...], generator: torch.Generator | None
) -> Tensor:
    """Draw whole numbers from low to high, both included."""
    return torch.randint(low, high + 1, size, generator=generator)


def _one_each(prediction: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Check a prediction of shape (B,) or (B, 1) against y; return it as (B,), and y."""
    if check_tensor("prediction", prediction).dim() == 2 and prediction.shape[1] == 1:
        prediction = prediction.squeeze(1)
    return check_numbers("prediction", prediction, y, "B")


def _some(y: Tensor) -> None:
    """Raise ValueError if there is nothing to score: the mean of no answers is no number."""
    if not y.numel():
        raise ValueError(f"expected at least one answer to score, got shape {tuple(y.shape)}")


def _floating(name: str, tensor: Tensor) -> Tensor:
    if not tensor.is_floating_point():
        raise RuntimeError(f"expected {name} of floating-point numbers, got {tensor.dtype}")
    return tensor
