"""RNNs and LSTMs from first weights that let more or less of the gradient through."""

import copy
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from lstm_book.cells import init_forget_bias_, init_orthogonal_, weights_of
from lstm_book.experiments.experiment import Experiment, Outcome, Report
from lstm_book.gradients import rnn_jacobians, state_jacobians
from lstm_book.layers import run_module
from lstm_book.models import LastStepClassifier
from lstm_book.tasks import FirstAndLast
from lstm_book.training import fit
from lstm_book.training.watch import first_losses


class Start(NamedTuple):
    """The first weights of a layer.

    Attributes:
        layer: The kind of layer.
        value: The gain of an RNN's orthogonal matrix, or the total forget bias of an LSTM; None for
            PyTorch's own first weights.
    """

    layer: Literal["rnn", "lstm"]
    value: float | None = None

    def __str__(self) -> str:
        if self.value is None:
            return f"{self.layer} default"
        return f"{self.layer} {'gain' if self.layer == 'rnn' else 'bias'} {self.value:g}"

    def model(self, seed: int, features: int = 10, hidden_size: int = 32) -> LastStepClassifier:
        """Return a model with these first weights."""
        torch.manual_seed(seed)
        kind = {"rnn": nn.RNN, "lstm": nn.LSTM}[self.layer]
        layer = kind(features, hidden_size)
        if self.value is not None and self.layer == "rnn":
            init_orthogonal_(layer, gain=self.value, generator=_seeded(seed))
        elif self.value is not None:
            init_forget_bias_(layer, self.value)
        return LastStepClassifier(layer)


STARTS = (
    Start("rnn"),
    *(Start("rnn", gain) for gain in (1.0, 1.1, 1.2, 1.3, 1.4)),
    Start("lstm"),
    *(Start("lstm", bias) for bias in (1.0, 1.5, 1.75, 2.0, 2.5, 3.0)),
)
"""From vanishing to growing gradients, for both kinds of layer."""


@dataclass(frozen=True, kw_only=True)
class SideBySide(Experiment):
    """Train the same model from many starts, and look at its gradient on the way.

    Fresh sequences, Adam at a constant learning rate, gradients clipped at norm 1. Before the
    training and at every look it answers 2 000 sequences, and over 500 others these norms are
    measured: ‖∂h_T/∂s_1‖₂, where s_1 is the whole state after the first step, and ‖∂y/∂x_1‖ and
    ‖∂y/∂x_T‖, where y is the model's answer.

    Attributes:
        starts: Which first weights.
        length: Steps T.
        hidden_size: Units H.
        lr: Adam's learning rate.
        looks: After how many updates to measure; the last is the end.
    """

    starts: tuple[Start, ...] = STARTS
    length: int = 30
    hidden_size: int = 32
    lr: float = 1e-2
    looks: tuple[int, ...] = (250, 1000)

    @property
    def task(self) -> FirstAndLast:
        """The task that the model is trained on."""
        return FirstAndLast(self.length)

    def train(self, seed: int, report: Report) -> Outcome:
        """Train from every start."""
        metrics: dict[str, Any] = {}
        for start in self.starts:
            metrics[str(start)], _ = self.learn(start, seed)
            report(f"{start}: {metrics[str(start)]['accuracy'][-1]:.3f}")
        return Outcome(metrics, None)

    def learn(
        self, start: Start, seed: int, sequences: int | None = None
    ) -> tuple[dict[str, Any], LastStepClassifier]:
        """Train from one start, and measure before the training and at every look.

        Args:
            start: The first weights.
            seed: Decides them, and the sequences.
            sequences: A seed of the sequences after the first look; `seed` decides if missing.

        Returns:
            What was measured, and the model at the first look. "accuracy", "state", "first" and
            "last" are lists, with one entry before the training and one for each look; "loss" has
            the mean of every ten updates.
        """
        model = start.model(seed, self.task.features, self.hidden_size)
        draws = _seeded(100 + seed)
        kept: list[LastStepClassifier] = []
        found: dict[str, Any] = {"accuracy": [], "state": [], "first": [], "last": []}

        def look(model: Any, updates: int) -> bool:
            if updates in self.looks:
                self._measure(model, found)
            if updates == self.looks[0]:
                kept.append(copy.deepcopy(model))
                if sequences is not None:
                    draws.manual_seed(sequences)
            return False

        self._measure(model, found)
        steps = self.looks[-1]
        history = fit(model, self.task, steps=steps, lr=self.lr, generator=draws, stop=look)
        means = torch.tensor(history.loss, dtype=torch.float64).reshape(-1, 10).mean(1)
        return {**found, "loss": [round(loss, 4) for loss in means.tolist()]}, kept[0]

    def first_losses(self, seed: int) -> list[list[float]]:
        """Begin to train from each start; return the first losses of each."""
        every = []
        for start in self.starts:
            with first_losses(self.replayed) as losses:
                self.learn(start, seed)
            every.append(losses)
        return every

    def _measure(self, model: LastStepClassifier, found: dict[str, Any]) -> None:
        """Append what is measured now."""
        tests, y = self.task.sample(2000, generator=_seeded(2))
        x, _ = self.task.sample(500, generator=_seeded(1))
        with torch.no_grad():
            found["accuracy"].append(round(self.task.accuracy(model(tests), y), 4))
        found["state"].append(_summary(_first_step_norms(model.layer, x)))
        x.requires_grad_()
        (grad,) = torch.autograd.grad(model(x).sum(), x)
        for name, part in (("first", grad[0]), ("last", grad[-1])):
            found[name].append(_summary(part.norm(dim=-1)))


@dataclass(frozen=True, kw_only=True)
class Continued(SideBySide):
    """Train from one start, and continue several times from the first look, on other sequences.

    The model that is kept is the one of the first look.

    Attributes:
        times: How often it is continued.
    """

    starts: tuple[Start, ...] = (Start("rnn", 1.0),)
    times: int = 5

    def train(self, seed: int, report: Report) -> Outcome:
        """Train, and continue."""
        metrics, model = {}, None
        for time in range(self.times):
            found, model = self.learn(self.starts[0], seed, 1_000 * (time + 1) + seed)
            metrics[f"continued {time}"] = found
            report(f"continued {time}: {found['accuracy'][-1]:.3f}")
        return Outcome(metrics, model)

    def build(self) -> LastStepClassifier:
        """Return an untrained model."""
        return self.starts[0].model(0, self.task.features, self.hidden_size)

    @torch.no_grad()
    def probe(self, model: nn.Module) -> list[float]:
        """Return the loss on 64 sequences."""
        x, y = self.task.sample(64, generator=_seeded(3))
        return [self.task.loss(model(x), y).item()]


@torch.no_grad()
def _first_step_norms(layer: nn.Module, x: Tensor) -> Tensor:
    """Return ‖∂h_T/∂s_1‖₂ of every sequence of x (T, B, D): `lag_norms` at lag T - 1 alone."""
    U = weights_of(layer).U
    norms = []
    for part in torch.split(x, 100, dim=1):
        run = run_module(layer, part)
        lstm = isinstance(layer, nn.LSTM)
        jacobians = state_jacobians(run, U).matrix if lstm else rnn_jacobians(run, U)
        product = torch.eye(U.shape[-1], jacobians.shape[-1])
        for J in jacobians[1:].flip(0):
            product = product @ J
        norms.append(torch.linalg.matrix_norm(product, 2))
    return torch.cat(norms)


def _summary(norms: Tensor) -> dict[str, float]:
    """Return mean, median and largest, with three digits."""
    numbers = {"mean": norms.mean(), "median": norms.quantile(0.5), "largest": norms.max()}
    return {name: float(f"{number.item():.3g}") for name, number in numbers.items()}


def _seeded(seed: int) -> torch.Generator:
    """Return a source of random numbers of its own."""
    return torch.Generator().manual_seed(seed)
