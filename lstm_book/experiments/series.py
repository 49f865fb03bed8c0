"""The series' experiment: the sign of the first number plus the last, from a fixed training set."""

from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn

from lstm_book.cells import init_forget_bias_
from lstm_book.experiments.experiment import Experiment, Outcome, Report
from lstm_book.layers import LSTM
from lstm_book.models import LastStepClassifier, TransformerClassifier
from lstm_book.modes import evaluation_twin
from lstm_book.recording import linear_probe
from lstm_book.tasks import FirstAndLast
from lstm_book.training import Best, fit
from lstm_book.training.task import epoch_means, updates_an_epoch

Layer = Literal["rnn", "lstm", "gru", "transformer"]
RECURRENT = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class Drawn:
    """Sequences that a task has drawn, as a data set.

    Args:
        task: Draws them, and scores the answers.
        sequences: How many, N.
        generator: Source of the draws.
        fresh: Whether every epoch has new ones.

    Attributes:
        x: Inputs, (T, N, D).
        y: Targets, (N,).
    """

    def __init__(
        self, task: FirstAndLast, sequences: int, generator: torch.Generator, *, fresh: bool
    ) -> None:
        self.loss, self.accuracy = task.loss, task.accuracy
        self._draw = partial(task.sample, sequences, generator=generator)
        self._fresh, self._read = fresh, 0
        self.x, self.y = self._draw()

    def __len__(self) -> int:
        """Return how many sequences there are, N."""
        return len(self.y)

    def batch(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """Return inputs and targets of some sequences."""
        if self._fresh and self._read == len(self):
            (self.x, self.y), self._read = self._draw(), 0
        self._read += len(places)
        return self.x[:, places], self.y[places]


@dataclass(frozen=True, kw_only=True)
class Series(Experiment):
    """Train as the series does, and see what is left on sequences that nobody has seen.

    Two layers, the last hidden states of both to a linear read-out; Adam, halved every 20 epochs,
    gradients clipped at norm 1. After every epoch the test sequences are answered, and as many for
    validation. The weights of the epoch that was best in validation are kept; they and the last
    ones answer 10 000 fresh sequences.

    Attributes:
        length: Steps T.
        features: Features D of the input.
        layer: The kind of layer.
        forget_bias: The total forget bias of an LSTM, or that of a GRU's update gate, which keeps
            what is open in the same way; None for PyTorch's own first weights.
        hidden_size: Units H of a recurrent layer.
        width: Features of a Transformer, with four heads.
        dropout: Probability of zeroing between layers.
        lr: The first learning rate.
        halve_every: Epochs after which it is halved.
        batch: Sequences per update.
        sequences: How many to train on.
        fresh: Whether every epoch has new ones.
        tests: How many to test and to validate on, each.
        epochs: Passes over the training sequences, at most.
        patience: Epochs without a better validation loss after which training ends; None for never.
        read_first: How many fresh sequences tell what can be read of the first number: half of
            them fit a linear read-out of each layer's last memories, the others score it. None for
            no such measurement.
    """

    length: int = 30
    features: int = 10
    layer: Layer = "lstm"
    forget_bias: float | None = None
    hidden_size: int = 128
    width: int = 64
    dropout: float = 0.3
    lr: float = 1e-3
    halve_every: int = 20
    batch: int = 64
    sequences: int = 5_000
    fresh: bool = False
    tests: int = 1_000
    epochs: int = 100
    patience: int | None = None
    read_first: int | None = None

    @property
    def task(self) -> FirstAndLast:
        """The task that the model is trained on."""
        return FirstAndLast(self.length, self.features)

    def untrained(self) -> nn.Module:
        """Return a model with its first weights, from torch's random numbers."""
        if self.layer == "transformer":
            return TransformerClassifier(self.features, self.width, dropout=self.dropout)
        layer = RECURRENT[self.layer](
            self.features, self.hidden_size, num_layers=2, dropout=self.dropout
        )
        if self.forget_bias is not None and self.layer == "gru":
            init_update_bias_(layer, self.forget_bias)
        elif self.forget_bias is not None:
            init_forget_bias_(layer, self.forget_bias)
        return LastStepClassifier(layer, every_layer=True)

    def train(self, seed: int, report: Report) -> Outcome:
        """Train, and measure after every epoch."""
        draws = {
            name: torch.Generator().manual_seed(1_000_003 * (place + 1) + seed)
            for place, name in enumerate(
                ("training", "validation", "test", "fresh", "gates", "memory")
            )
        }
        torch.manual_seed(seed)
        model = self.untrained()
        train = Drawn(self.task, self.sequences, draws["training"], fresh=self.fresh)
        held_out = {
            name: self.task.sample(self.tests, generator=draws[name])
            for name in ("validation", "test")
        }
        seen, _ = self.task.sample(200, generator=draws["gates"])
        metrics: dict[str, Any] = {
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            **{f"{name}_{score}": [] for name in held_out for score in ("loss", "accuracy")},
        }
        if self.layer == "lstm":
            metrics["gates_before"] = mean_gates(model, seen)
        per_epoch = updates_an_epoch(self.sequences, self.batch)

        def look(model: nn.Module) -> float:
            for name, sequences in held_out.items():
                loss, accuracy = self.score(model, *sequences)
                metrics[f"{name}_loss"].append(round(loss, 4))
                metrics[f"{name}_accuracy"].append(round(accuracy, 4))
            return float(metrics["validation_loss"][-1])

        best = Best(look, every=per_epoch, patience=self.patience)
        history = fit(
            model,
            train,
            epochs=self.epochs,
            batch=self.batch,
            lr=self.lr,
            schedule=lambda updates: 0.5 ** (updates // (self.halve_every * per_epoch)),
            stop=best,
            report=report,
        )
        for name, values in vars(history).items():
            means = epoch_means(values, self.sequences, self.batch)
            metrics[name] = [round(mean, 4) for mean in means]
        fresh = self.task.sample(10_000, generator=draws["fresh"])
        metrics["train_accuracy"] = self.score(model, train.x, train.y)[1]
        metrics["last_accuracy"] = self.score(model, *fresh)[1]
        if self.layer == "lstm":
            metrics["gates_after"] = mean_gates(model, seen)
        if self.read_first is not None:
            remembered, _ = self.task.sample(self.read_first, generator=draws["memory"])
            metrics["first_last"] = first_in_memory(model, remembered)
        best.restore_(model)
        metrics["best_epoch"] = (best.place or 0) + 1
        metrics["best_accuracy"] = self.score(model, *fresh)[1]
        if self.read_first is not None:
            metrics["first_best"] = first_in_memory(model, remembered)
            torch.manual_seed(seed)  # not before the training: a replay would wait for it
            metrics["first_before"] = first_in_memory(self.untrained(), remembered)
        return Outcome(metrics, None)

    @torch.no_grad()
    def score(self, model: nn.Module, x: Tensor, y: Tensor) -> tuple[float, float]:
        """Return loss and accuracy of a model, without dropout."""
        twin = evaluation_twin(model)
        logits = torch.cat([twin(part) for part in torch.split(x, 500, dim=1)])
        return self.task.loss(logits, y).item(), self.task.accuracy(logits, y)


@torch.no_grad()
def init_update_bias_(gru: nn.GRU, value: float) -> None:
    """Set the total bias of a GRU's update gate in every layer; in place.

    PyTorch's update gate keeps what is there: h_t = (1 - z) n + z h_{t-1}, so its bias does what
    the forget bias of an LSTM does.
    """
    for layer in range(gru.num_layers):
        for name, total in (("bias_ih", value), ("bias_hh", 0.0)):
            getattr(gru, f"{name}_l{layer}").chunk(3)[1].fill_(total)


@torch.no_grad()
def first_in_memory(model: nn.Module, x: Tensor) -> list[float]:
    """Return which share of the first number a linear read-out finds in the last memories.

    Args:
        model: A classifier on layers of :class:`torch.nn.LSTM`, :class:`torch.nn.GRU` or
            :class:`torch.nn.RNN`.
        x: Inputs, (T, B, D). The first half of the sequences fits, the second is explained.

    Returns:
        The share of the variance of x_1[0] that is explained, 1 - MSE / variance, by the memories
        of each layer alone and, last, by all together: c_T of an LSTM, h_T of the others. Below 0
        where the read-out explains noise.
    """
    model.eval()
    layer: Any = model.layer
    parts = []
    for part in torch.split(x, 500, dim=1):
        state = layer(part)[1]
        parts.append((state[1] if isinstance(state, tuple) else state).double())
    memories, wanted = torch.cat(parts, dim=1), x[0, :, 0].double()
    every = [*memories, memories.transpose(0, 1).flatten(1)]
    return [round(linear_probe(memory, wanted), 4) for memory in every]


@torch.no_grad()
def mean_gates(model: nn.Module, x: Tensor) -> dict[str, Any]:
    """Return what the gates of both layers do on the average.

    Args:
        model: A classifier on two layers of :class:`torch.nn.LSTM`.
        x: Inputs, (T, B, D).

    Returns:
        For each of i, f and o, "by_step" has the means over units and sequences at every step, a
        list of T numbers for each layer, and "by_unit" those over steps and sequences, a list of H.
    """
    layer: Any = model.layer
    ours = LSTM(layer.input_size, layer.hidden_size, num_layers=2)
    ours.load_state_dict(layer.state_dict())
    traces = [directions[0].gates for directions in ours.run(x).layers]
    gates: dict[str, Any] = {"by_step": {}, "by_unit": {}}
    for name in ("i", "f", "o"):
        values = [getattr(trace, name) for trace in traces]
        gates["by_step"][name] = [_rounded(value.mean((1, 2))) for value in values]
        gates["by_unit"][name] = [_rounded(value.mean((0, 1))) for value in values]
    return gates


def _rounded(values: Tensor) -> list[float]:
    """Return numbers as JSON shall hold them."""
    return [round(value, 4) for value in values.tolist()]
