"""Telling sequences apart, and choosing the settings for it without the test data."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from lstm_book.data import SequenceDataset, Sequences, load_digits, load_japanese_vowels
from lstm_book.experiments.experiment import Experiment, Outcome, Report
from lstm_book.layers.lstm import LSTM
from lstm_book.models import SequenceClassifier, series_init_
from lstm_book.training import OneCycle, fit
from lstm_book.training.task import epoch_means
from lstm_book.training.watch import first_losses

Data = Literal["japanese-vowels", "digits-rows", "digits-halves", "digits-pixels"]


def load_labelled(data: Data) -> SequenceDataset:
    """Return the sequences of an experiment, not scaled."""
    if data == "japanese-vowels":
        return load_japanese_vowels()
    order: Literal["rows", "pixels"] = "pixels" if data == "digits-pixels" else "rows"
    return load_digits(order, "halves" if data == "digits-halves" else "stratified")


@dataclass(frozen=True, eq=False)
class Noisy(Sequences):
    """Labelled sequences that are never read twice as they are.

    Attributes:
        noise: Deviation of what is added to every number.
    """

    noise: float

    def batch(self, places: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Return what a model is called with for some of the sequences, and their classes."""
        inputs, y = super().batch(places)
        return {**inputs, "x": inputs["x"] + self.noise * torch.randn_like(inputs["x"])}, y


@dataclass(frozen=True, kw_only=True)
class Classification(Experiment):
    """An LSTM that names the class of a whole sequence, from the series' first weights.

    Features are standardised. AdamW, a one-cycle learning rate, gradients clipped at norm 1.

    Attributes:
        data: What to tell apart.
        hidden_size: Units of each direction.
        bidirectional: Whether it also reads backwards.
        readout: "last" states or "mean" of the outputs.
        dropout: Before the read-out.
        noise: Deviation of the noise on the training inputs, in deviations of the features.
        lr: The largest learning rate.
        weight_decay: AdamW's.
        epochs: Passes over the training sequences.
        batch: Sequences per update.
    """

    data: Data
    hidden_size: int = 128
    bidirectional: bool = True
    readout: Literal["last", "mean"] = "mean"
    dropout: float = 0.5
    noise: float = 0.3
    lr: float = 5e-3
    weight_decay: float = 1e-2
    epochs: int = 40
    batch: int = 32

    def train(self, seed: int, report: Report) -> Outcome:
        """Train on the training part and score the test part."""
        data = load_labelled(self.data)
        model, losses = self.learn(data, seed, report)
        said = answers(model, self.prepared(data).test)
        confusion = torch.zeros(len(data.classes), len(data.classes), dtype=torch.int64)
        confusion.index_put_((data.test.y, said), torch.tensor(1), accumulate=True)
        metrics = {
            "accuracy": (said == data.test.y).double().mean().item(),
            "confusion": confusion.tolist(),
            "loss": [round(loss, 4) for loss in losses],
        }
        return Outcome(metrics, model)

    def build(self) -> SequenceClassifier:
        """Return the model with PyTorch's own first weights."""
        data = self.prepared(load_labelled(self.data))
        lstm = LSTM(len(data.features), self.hidden_size, bidirectional=self.bidirectional)
        return SequenceClassifier(
            lstm, len(data.classes), readout=self.readout, dropout=self.dropout
        )

    @torch.no_grad()
    def probe(self, model: nn.Module) -> list[float]:
        """Return the loss on the first 64 test sequences."""
        part = self.prepared(load_labelled(self.data)).test.take(torch.arange(64))
        return [functional.cross_entropy(model(part.x, lengths=part.lengths), part.y).item()]

    def prepared(self, data: SequenceDataset) -> SequenceDataset:
        """Return the features that the model reads, scaled by the training part."""
        return data.standardised()

    def learn(
        self, data: SequenceDataset, seed: int, report: Report
    ) -> tuple[SequenceClassifier, list[float]]:
        """Train on the training part of some data, and return the model and each epoch's loss."""
        torch.manual_seed(seed)  # dropout has no generator of its own
        train = self.prepared(data).train
        model = self.build()
        series_init_(model)
        history = fit(
            model,
            Noisy(**vars(train), noise=self.noise),
            epochs=self.epochs,
            batch=self.batch,
            lr=self.lr,
            weight_decay=self.weight_decay,
            schedule=OneCycle(0.1),
            report=report,
        )
        return model, epoch_means(history.loss, len(train), self.batch)


@dataclass(frozen=True, kw_only=True)
class WithDifferences(Classification):
    """The same, but each step also has the differences to the steps around it."""

    def prepared(self, data: SequenceDataset) -> SequenceDataset:
        """Return features and their differences, scaled by the training part."""
        return with_differences(data).standardised()


def with_differences(data: SequenceDataset) -> SequenceDataset:
    """Return sequences with twice as many features: each, and how fast it changes.

    That is half the difference between the step after and the step before; the first and the last
    step of a sequence stand in for what is missing there.
    """
    parts = {
        name: _differences(part) for name, part in (("train", data.train), ("test", data.test))
    }
    names = (*data.features, *(f"change of {name}" for name in data.features))
    return SequenceDataset(**{**vars(data), **parts, "features": names})


def _differences(part: Sequences) -> Sequences:
    """Append the differences to one part."""
    x, last = part.x, part.lengths - 1
    steps = torch.arange(len(x))[:, None]
    after = torch.minimum(steps + 1, last)  # (T, N)
    before = (steps - 1).clamp(min=0)
    every = torch.arange(x.shape[1])
    change = (x[after, every] - x[before, every]) / 2
    change = change * (steps <= last)[..., None]
    return Sequences(torch.cat([x, change], dim=-1), part.lengths, part.y)


@torch.no_grad()
def answers(model: SequenceClassifier, part: Sequences) -> Tensor:
    """Return the most probable class of each sequence, (N,), without dropout."""
    model.eval()
    logits: Tensor = model(part.x, lengths=part.lengths)
    return logits.argmax(-1)


@dataclass(frozen=True, kw_only=True)
class Choice(Experiment):
    """Choose among settings by cross-validation: the test sequences are never looked at.

    Attributes:
        candidates: The experiments to choose from; all of the same data.
        folds: How many parts the training sequences are cut into, each as mixed as the whole.
    """

    candidates: tuple[Classification, ...]
    folds: int = 5
    seeds: tuple[int, ...] = (0,)

    def train(self, seed: int, report: Report) -> Outcome:
        """Train every candidate on all but one fold and score that fold, for each fold."""
        parts = self.parts(seed)
        accuracy: dict[str, list[float]] = {}
        for candidate in self.candidates:
            scores = accuracy[candidate.name] = []
            for held_out, part in enumerate(parts):
                model, _ = candidate.learn(part, seed, lambda words: None)
                test = candidate.prepared(part).test
                scores.append((answers(model, test) == test.y).double().mean().item())
                report(f"{candidate.name}, fold {held_out + 1} of {self.folds}: {scores[-1]:.3f}")
        return Outcome({"accuracy": accuracy}, None)

    def first_losses(self, seed: int) -> list[list[float]]:
        """Begin to train each candidate on the first fold; return the first losses of each."""
        part = self.parts(seed)[0]
        every = []
        for candidate in self.candidates:
            with first_losses(self.replayed) as losses:
                candidate.learn(part, seed, lambda words: None)
            every.append(losses)
        return every

    def parts(self, seed: int) -> list[SequenceDataset]:
        """Return the training sequences, each fold in turn in the place of the test sequences."""
        data = load_labelled(self.candidates[0].data)
        generator = torch.Generator().manual_seed(seed)
        folds = stratified_folds(data.train.y, self.folds, generator)
        return [
            SequenceDataset(
                **{
                    **vars(data),
                    "train": data.train.take((folds != held_out).nonzero()[:, 0]),
                    "test": data.train.take((folds == held_out).nonzero()[:, 0]),
                }
            )
            for held_out in range(self.folds)
        ]


@dataclass(frozen=True, kw_only=True)
class ChoiceByLoss(Choice):
    """The same with the loss on each fold as well, which tells close candidates apart sooner."""

    def train(self, seed: int, report: Report) -> Outcome:
        """Train every candidate on all but one fold and score that fold, for each fold."""
        found: dict[str, dict[str, list[float]]] = {"accuracy": {}, "loss": {}}
        for candidate in self.candidates:
            for metric in found.values():
                metric[candidate.name] = []
            for part in self.parts(seed):
                model, _ = candidate.learn(part, seed, lambda words: None)
                test = candidate.prepared(part).test
                right = answers(model, test) == test.y
                with torch.no_grad():
                    logits = model(test.x, lengths=test.lengths)
                loss = functional.cross_entropy(logits, test.y).item()
                found["accuracy"][candidate.name].append(right.double().mean().item())
                found["loss"][candidate.name].append(loss)
                report(f"{candidate.name}: {right.double().mean():.3f}, loss {loss:.3f}")
        return Outcome(found, None)


def stratified_folds(y: Tensor, folds: int, generator: torch.Generator) -> Tensor:
    """Return the fold of each sequence, (N,): as many of each class in each as can be."""
    fold = torch.empty_like(y)
    for label in range(int(y.max()) + 1):
        own = (y == label).nonzero()[:, 0]
        own = own[torch.randperm(len(own), generator=generator)]
        fold[own] = torch.arange(len(own)) % folds
    return fold
