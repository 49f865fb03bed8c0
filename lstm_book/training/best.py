"""Keep the weights that were best on other data than those of the training."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from lstm_book.checks import check_type, check_whole
from lstm_book.modes import evaluation_twin


class Best:
    """Look at a model now and then, keep its best weights, and stop `fit` when it gets no better.

    Args:
        score: Takes the model in evaluation mode, without autograd, and returns a number of which
            less is better, such as the loss on validation data.
        every: Updates between two looks, from 1; those of an epoch, for a look after each.
        patience: The training ends after so many looks that were no better, from 1; None for never.

    Raises:
        TypeError: If an argument is of another kind.
        ValueError: If a count is below 1.

    Attributes:
        scores: What every look gave.
        place: Which look was the best, from 0; of equal ones the last. None before the first.

    >>> from lstm_book.models import LastStepClassifier
    >>> from lstm_book.tasks import FirstAndLast
    >>> from lstm_book.training import evaluate, fit
    >>> task, model = FirstAndLast(length=5), LastStepClassifier(nn.LSTM(10, 4))
    >>> best = Best(lambda model: evaluate(model, task).loss, every=10, patience=3)
    >>> history = fit(model, task, steps=30, stop=best)
    >>> best.restore_(model)
    >>> len(best.scores)
    3
    """

    def __init__(
        self, score: Callable[[Any], float], *, every: int, patience: int | None = None
    ) -> None:
        if not callable(score):
            raise TypeError(f"expected score to be callable, got {type(score).__name__}")
        self.score = score
        self.every = check_whole("every", every, 1)
        self.patience = None if patience is None else check_whole("patience", patience, 1)
        self.scores: list[float] = []
        self.place: int | None = None
        self._weights: dict[str, Tensor] = {}

    def __call__(self, model: nn.Module, updates: int) -> bool:
        """Return whether it is time to stop; always False between two looks."""
        check_type("model", model, nn.Module, "a torch.nn.Module")
        look, between = divmod(check_whole("updates", updates, 0), self.every)
        if between or not look:
            return False
        with torch.no_grad():
            score = float(self.score(evaluation_twin(model)))
        self.scores[look - 1 :] = [score]
        if score <= (math.inf if self.place is None else self.scores[self.place]):
            self.place = look - 1
            self._weights = {name: held.clone() for name, held in model.state_dict().items()}
        since = look if self.place is None else look - 1 - self.place
        return self.patience is not None and since >= self.patience

    def restore_(self, model: nn.Module) -> None:
        """Give a model the weights that were best.

        Raises:
            LookupError: If there was no look, or only ones that gave NaN.
            RuntimeError: If it is another model.
        """
        if self.place is None:
            raise LookupError("expected a look that gave a number, there was none")
        check_type("model", model, nn.Module, "a torch.nn.Module").load_state_dict(self._weights)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint holds of it."""
        return {"scores": self.scores, "place": self.place, "weights": self._weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.scores, self.place = list(state["scores"]), state["place"]
        self._weights = dict(state["weights"])
