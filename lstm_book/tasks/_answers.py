"""How answers are scored: numbers at the end, classes at the end."""

import torch
from torch import Tensor
from torch.nn import functional

from lstm_book.checks import check_shape


class NumberAtTheEnd:
    """One number per sequence, right if it is off by less than 0.04 :cite:p:`hochreiter1997`."""

    def loss(self, prediction: Tensor, y: Tensor) -> Tensor:
        """Return the mean squared error; prediction is (B,) or (B, 1), y is (B,)."""
        return functional.mse_loss(_one_each(prediction, y), y)

    def accuracy(self, prediction: Tensor, y: Tensor) -> float:
        """Return the share of answers that are off by less than 0.04."""
        return float(((_one_each(prediction, y) - y).abs() < 0.04).float().mean())


class ClassAtTheEnd:
    """One of C classes per sequence."""

    classes: int

    def loss(self, logits: Tensor, y: Tensor) -> Tensor:
        """Return the mean cross-entropy in nats; logits are (B, C), y is (B,) of int64."""
        check_shape("logits", logits, "B C", (len(check_shape("y", y, "B", (None,))), self.classes))
        return functional.cross_entropy(logits, y)

    def accuracy(self, logits: Tensor, y: Tensor) -> float:
        """Return the share of sequences whose class has the largest logit."""
        check_shape("logits", logits, "B C", (len(check_shape("y", y, "B", (None,))), self.classes))
        return float((logits.argmax(-1) == y).float().mean())


def _one_each(prediction: Tensor, y: Tensor) -> Tensor:
    """Return a prediction of shape (B,) or (B, 1) as (B,)."""
    check_shape("y", y, "B", (None,))
    if prediction.dim() == 2 and prediction.shape[1] == 1:
        prediction = prediction.squeeze(1)
    return check_shape("prediction", prediction, "B", y.shape)


def randint(
    low: int, high: int, size: tuple[int, ...], generator: torch.Generator | None
) -> Tensor:
    """Draw whole numbers from low to high, both included."""
    return torch.randint(low, high + 1, size, generator=generator)


def at_least(name: str, value: int, smallest: int) -> None:
    """Raise ValueError if a setting is too small."""
    if value < smallest:
        raise ValueError(f"expected {name} of at least {smallest}, got {value}")
