"""First and last from recurrent weights drawn on the stack of gates or gate by gate."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from lstm_book.cells import init_forget_bias_, init_orthogonal_, init_xavier_
from lstm_book.experiments.experiment import Experiment, Outcome, Report
from lstm_book.gradients import lag_norms
from lstm_book.models import LastStepClassifier
from lstm_book.tasks import FirstAndLast
from lstm_book.training import fit
from lstm_book.training.task import block_means

WAYS = (
    *("default", "default, scaled"),
    *("Xavier, stack", "Xavier, stack, scaled", "Xavier, gate"),
    *("orthogonal, stack", "orthogonal, stack, scaled", "orthogonal, gate"),
)
"""Each family as it comes, the same at the scale of a matrix per gate, and drawn per gate."""


@torch.no_grad()
def draw_weights_(layer: nn.LSTM, way: str, generator: torch.Generator) -> None:
    """Draw the weights of one layer in one of `WAYS`; the default keeps PyTorch's own."""
    family, *how = way.split(", ")
    if how == ["gate"]:
        draw = init_xavier_ if family == "Xavier" else init_orthogonal_
        draw(layer, generator=generator)
        return
    scaled = "scaled" in how
    H = layer.hidden_size
    for name, p in layer.named_parameters():
        if family == "Xavier" and "weight" in name:
            inputs = p.shape[1]
            gain = math.sqrt((inputs + 4 * H) / (inputs + H)) if scaled else 1.0
            nn.init.xavier_uniform_(p, gain, generator=generator)
        elif family == "orthogonal" and "weight_hh" in name:
            nn.init.orthogonal_(p, 2.0 if scaled else 1.0, generator=generator)
        elif family == "default" and "weight_hh" in name and scaled:
            p.mul_(math.sqrt(3))


@dataclass(frozen=True, kw_only=True)
class GateScale(Experiment):
    """Learn first and last from weights drawn in each of several ways; all else is the same.

    Adam at a constant learning rate, fresh sequences, PyTorch's biases but for the forget gate's.

    Attributes:
        ways: How the weights are drawn.
        length: Steps T.
        hidden_size: Units H.
        forget_bias: The total forget bias.
        updates: How many are made.
        lr: The learning rate.
        batch: Sequences per update.
    """

    seeds: tuple[int, ...] = tuple(range(20))
    ways: tuple[str, ...] = WAYS
    length: int = 12
    hidden_size: int = 16
    forget_bias: float = 0.0
    updates: int = 150
    lr: float = 1e-2
    batch: int = 32

    def train(self, seed: int, report: Report) -> Outcome:
        """Train once for each way, and score 2 000 sequences that nobody has seen."""
        task = FirstAndLast(length=self.length, features=2)
        x, y = task.sample(2_000, generator=torch.Generator().manual_seed(2))
        probe, _ = task.sample(16, generator=torch.Generator().manual_seed(1))
        metrics: dict[str, dict[str, Any]] = {"accuracy": {}, "reach": {}, "loss": {}}
        for way in self.ways:
            torch.manual_seed(seed)
            layer = nn.LSTM(2, self.hidden_size)
            draw_weights_(layer, way, torch.Generator().manual_seed(seed))
            init_forget_bias_(layer, self.forget_bias)
            reach = lag_norms(layer, probe).state[self.length - 1].median().item()
            model = LastStepClassifier(layer)
            history = fit(
                model,
                task,
                steps=self.updates,
                batch=self.batch,
                lr=self.lr,
                generator=torch.Generator().manual_seed(100 + seed),
            )
            with torch.no_grad():
                metrics["accuracy"][way] = task.accuracy(model(x), y)
            metrics["reach"][way] = reach
            metrics["loss"][way] = [round(loss, 4) for loss in block_means(history.loss, 10)]
            report(f"{way}: {metrics['accuracy'][way]:.3f}")
        return Outcome(metrics, None)
