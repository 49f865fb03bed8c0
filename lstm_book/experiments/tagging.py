"""Naming what each character of Python source is."""

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional

from lstm_book.data import CHARACTER_TAGS, SourceFile, python_sources, tag_characters
from lstm_book.experiments.experiment import Experiment, Outcome, Report
from lstm_book.layers.lstm import LSTM
from lstm_book.models import Tagger, Vocabulary, series_init_
from lstm_book.training import OneCycle, fit
from lstm_book.training.task import epoch_means


@dataclass(frozen=True, kw_only=True)
class TagSource(Experiment):
    """Tag each character with its token's class, from the series' first weights.

    Whole files are cut into pieces of `length` characters, and each piece is read from an empty
    state. Adam, a one-cycle learning rate, gradients clipped at norm 1. Validation files only
    chose the settings; the test files are scored.

    Attributes:
        hidden_size: Units of each direction.
        bidirectional: Whether it also reads backwards.
        embedding: Numbers per character.
        dropout: Before the read-out.
        lr: The largest learning rate.
        epochs: Passes over the training files.
        batch: Pieces per update.
        length: Characters of a piece.
    """

    hidden_size: int = 64
    bidirectional: bool = True
    embedding: int = 32
    dropout: float = 0.2
    lr: float = 5e-3
    epochs: int = 4
    batch: int = 32
    length: int = 256

    def build(self) -> Tagger:
        """Return the model with PyTorch's own first weights."""
        lstm = LSTM(self.embedding, self.hidden_size, bidirectional=self.bidirectional)
        tokens = len(source_vocabulary())
        return Tagger(lstm, len(CHARACTER_TAGS), tokens=tokens, dropout=self.dropout)

    @torch.no_grad()
    def probe(self, model: nn.Module) -> list[float]:
        """Return the loss on the first 16 pieces of the test files."""
        x, y = (part[:, :16] for part in pieces(python_sources().split().test, self.length))
        return [Pieces(x, y).loss(model(x), y).item()]

    def train(self, seed: int, report: Report) -> Outcome:
        """Train on most files and score the last ones."""
        torch.manual_seed(seed)
        parts = python_sources().split()
        model = self.build()
        series_init_(model)
        train = Pieces(*pieces(parts.train, self.length))
        history = fit(
            model,
            train,
            epochs=self.epochs,
            batch=self.batch,
            lr=self.lr,
            schedule=OneCycle(),
            report=report,
        )
        metrics: dict[str, object] = {}
        metrics["loss"] = epoch_means(history.loss, len(train), self.batch)
        metrics["parameters"] = sum(p.numel() for p in model.parameters())
        for name, files in (("validation", parts.validation), ("test", parts.test)):
            confusion = confusion_of(model, files, self.length)
            metrics[f"{name}_accuracy"] = (confusion.diag().sum() / confusion.sum()).item()
            metrics[f"{name}_confusion"] = confusion.tolist()
        return Outcome(metrics, model)


@dataclass(frozen=True, eq=False)
class Pieces:
    """Pieces of text as a data set; each is an example, and all its characters have tags.

    Attributes:
        x: The characters, (length, N).
        y: Their tags, (length, N).
    """

    x: Tensor
    y: Tensor

    def __len__(self) -> int:
        """Return how many pieces there are, N."""
        return self.x.shape[1]

    def batch(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """Return characters and tags of some pieces."""
        return self.x[:, places], self.y[:, places]

    def loss(self, logits: Tensor, y: Tensor) -> Tensor:
        """Return the mean cross-entropy in nats; logits are (length, B, C), y is (length, B)."""
        return functional.cross_entropy(logits.flatten(0, 1), y.flatten())

    def accuracy(self, logits: Tensor, y: Tensor) -> float:
        """Return the share of characters that got their tag."""
        return float((logits.argmax(-1) == y).float().mean())


def source_vocabulary() -> Vocabulary:
    """Return the characters of all source files."""
    return Vocabulary.of("".join(file.text for file in python_sources().files))


@cache
def pieces(files: tuple[SourceFile, ...], length: int) -> tuple[Tensor, Tensor]:
    """Return characters and tags of files cut into pieces, each (length, N); ends are dropped."""
    vocabulary = source_vocabulary()
    x, y = [], []
    for file in files:
        end = len(file.text) // length * length
        x.append(vocabulary.encode(file.text[:end]).view(-1, length))
        y.append(torch.tensor(tag_characters(file.text)[:end]).view(-1, length))
    return torch.cat(x).T, torch.cat(y).T


@torch.no_grad()
def confusion_of(model: Tagger, files: tuple[SourceFile, ...], length: int) -> Tensor:
    """Return how many characters of each class (rows) got which tag (columns), (C, C)."""
    model.eval()
    x, y = pieces(files, length)
    said = model(x).argmax(-1)
    tags = len(CHARACTER_TAGS)
    return torch.bincount((tags * y + said).flatten(), minlength=tags**2).view(tags, tags)
