"""RNNs and LSTMs from first weights that let more or less of the gradient through."""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from lstm_book.cells import init_forget_bias_, init_orthogonal_, weights_of
from lstm_book.experiments.experiment import Experiment, Outcome, Report
from lstm_book.gradients import rnn_jacobians, run_module, state_jacobians
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

    Fresh sequences, Adam at a constant learning rate, gradients clipped at norm 1. What is measured
    before training and at every look: the accuracy on 2 000 sequences, and over 500 others the mean
    and the median of ‖∂h_T/∂s_1‖₂, where s_1 is the whole state after the first step, and of
    ‖∂y/∂x_1‖, where y is the model's answer.

    Attributes:
        starts: Which first weights.
        length: Steps T.
        hidden_size: Units H.
        lr: Adam's learning rate.
        looks: After how many updates to measure; the last is the end.
        forks: How often each start is trained. All are alike up to the first look and see other
            sequences after it.
    """

    starts: tuple[Start, ...] = STARTS
    length: int = 30
    hidden_size: int = 32
    lr: float = 1e-2
    looks: tuple[int, ...] = (250, 1000)
    forks: int = 1

    @property
    def task(self) -> FirstAndLast:
        """The task that the model is trained on."""
        return FirstAndLast(self.length)

    def model(self, start: Start, seed: int) -> LastStepClassifier:
        """Return an untrained model."""
        torch.manual_seed(seed)
        kind = {"rnn": nn.RNN, "lstm": nn.LSTM}[start.layer]
        layer = kind(self.task.features, self.hidden_size)
        if start.value is not None and start.layer == "rnn":
            init_orthogonal_(layer, gain=start.value, generator=_seeded(seed))
        elif start.value is not None:
            init_forget_bias_(layer, start.value)
        return LastStepClassifier(layer)

    def train(self, seed: int, report: Report) -> Outcome:
        """Train from every start."""
        metrics: dict[str, Any] = {}
        for start in self.starts:
            for fork in range(self.forks):
                name = f"{start}, fork {fork}" if self.forks > 1 else str(start)
                metrics[name] = self.learn(start, seed, fork)
                report(f"{name}: {metrics[name]['accuracy'][-1]:.3f}")
        return Outcome(metrics, None)

    def learn(self, start: Start, seed: int, fork: int = 0) -> dict[str, Any]:
        """Train from one start, and measure before the training and at every look.

        Returns:
            For each of "accuracy", "state" and "input" a list, with its first entry before the
            training; "loss", the mean of every ten updates.
        """
        model, draws = self.model(start, seed), _seeded(100 + seed)
        found: dict[str, Any] = {"accuracy": [], "state": [], "input": []}

        def look(model: nn.Module, updates: int) -> bool:
            if updates in self.looks:
                self._look(model, found)
            if fork and updates == self.looks[0]:
                draws.manual_seed(1_000 * fork + seed)
            return False

        self._look(model, found)
        steps = self.looks[-1]
        history = fit(model, self.task, steps=steps, lr=self.lr, generator=draws, stop=look)
        self._look(model, found)
        means = torch.tensor(history.loss, dtype=torch.float64).reshape(-1, 10).mean(1)
        return {**found, "loss": [round(loss, 4) for loss in means.tolist()]}

    def first_losses(self, seed: int) -> list[list[float]]:
        """Begin to train from each start; return the first losses of each."""
        every = []
        for start in self.starts:
            with first_losses(self.replayed) as losses:
                self.learn(start, seed)
            every.append(losses)
        return every

    def _look(self, model: nn.Module, found: dict[str, Any]) -> None:
        """Append what is measured now."""
        tests, y = self.task.sample(2000, generator=_seeded(2))
        probe, _ = self.task.sample(500, generator=_seeded(1))
        with torch.no_grad():
            found["accuracy"].append(round(self.task.accuracy(model(tests), y), 4))
        found["state"].append(_summary(first_step_norms(model.layer, probe)))
        probe.requires_grad_()
        (grad,) = torch.autograd.grad(model(probe).sum(), probe)
        found["input"].append(_summary(grad[0].norm(dim=-1)))


@torch.no_grad()
def first_step_norms(layer: nn.Module, x: Tensor) -> Tensor:
    """Return ‖∂h_T/∂s_1‖₂ of every sequence, (B,): the last column of `lag_norms` but one.

    Less work than `lag_norms` where only the state after the first step is asked for.

    Args:
        layer: A :class:`torch.nn.RNN` or :class:`torch.nn.LSTM` of one layer.
        x: Inputs, (T, B, D).
    """
    U = weights_of(layer).U
    norms = []
    for part in x.split(100, dim=1):
        run = run_module(layer, part)
        if isinstance(layer, nn.LSTM):
            jacobians = state_jacobians(run, U).matrix
        else:
            jacobians = rnn_jacobians(run, U)
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
