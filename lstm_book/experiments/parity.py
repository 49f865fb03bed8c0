"""Parity at several lengths: how far training gets from small and from large first weights."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from lstm_book.cells import init_forget_bias_
from lstm_book.experiments.experiment import Experiment, Outcome, Report
from lstm_book.models import LastStepClassifier
from lstm_book.tasks import Parity
from lstm_book.training import Solved, evaluate, fit


@dataclass(frozen=True, kw_only=True)
class LearnParity(Experiment):
    """Learn the parity of fresh strings, at each length from new first weights.

    Adam at a constant learning rate. Every 20 updates 500 held-out strings are answered; the
    training ends when their loss is below 0.05 and 99 in 100 are right.

    Attributes:
        lengths: Bits T.
        scale: What PyTorch's first W and U of all gates are multiplied by; biases are as drawn.
        hidden_size: Units H.
        forget_bias: The total forget bias.
        lr: The learning rate.
        batch: Strings per update.
        updates: How many are made at most, at each length.
    """

    lengths: tuple[int, ...] = (3, 4, 5, 6, 8, 10, 12, 16)
    scale: float = 1.0
    hidden_size: int = 16
    forget_bias: float = 1.0
    lr: float = 1e-2
    batch: int = 64
    updates: int = 2_000

    def untrained(self, seed: int) -> nn.Module:
        """Return the model that a seed begins with."""
        torch.manual_seed(seed)
        layer: Any = nn.LSTM(1, self.hidden_size)
        init_forget_bias_(layer, self.forget_bias)
        with torch.no_grad():
            layer.weight_ih_l0 *= self.scale
            layer.weight_hh_l0 *= self.scale
        return LastStepClassifier(layer)

    def train(self, seed: int, report: Report) -> Outcome:
        """Train at each length, and score 2 000 strings that nobody has seen."""
        metrics: dict[str, list[float]] = {"solved": [], "updates": [], "accuracy": []}
        for length in self.lengths:
            task, model = Parity(length), self.untrained(seed)
            draws = [torch.Generator().manual_seed(k * 1_000_003 + seed) for k in (1, 2, 3)]
            stop = Solved(
                task, *task.sample(500, generator=draws[1]), loss=0.05, accuracy=0.99, every=20
            )
            history = fit(
                model,
                task,
                steps=self.updates,
                batch=self.batch,
                lr=self.lr,
                generator=draws[0],
                stop=stop,
            )
            score = evaluate(model, task, sequences=2_000, generator=draws[2])
            metrics["solved"].append(score.accuracy >= 0.99)
            metrics["updates"].append(len(history.loss))
            metrics["accuracy"].append(score.accuracy)
            report(f"{length} bits, {len(history.loss)} updates, {score.accuracy:.3f} right")
        return Outcome(metrics, None)
