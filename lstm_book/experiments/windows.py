"""Naming what each character of Python source is from a window around it, without recurrence."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from lstm_book.data import CHARACTER_TAGS, SourceFile, python_sources, tag_characters
from lstm_book.experiments.experiment import Experiment, Outcome, Report
from lstm_book.experiments.tagging import source_vocabulary
from lstm_book.training import OneCycle, fit
from lstm_book.training.task import epoch_means


class WindowTagger(nn.Module):
    """A tagger that sees the characters around one: linear, or with one hidden layer.

    Args:
        symbols: How many characters there are, with the one that fills margins.
        tags: How many tags there are.
        width: Characters of a window.
        embedding: Numbers per character; without a hidden layer there is none.
        hidden_size: Units of the hidden layer; 0 for a linear tagger of one-hot characters.
    """

    def __init__(
        self, symbols: int, tags: int, *, width: int, embedding: int, hidden_size: int
    ) -> None:
        super().__init__()
        self.first = torch.arange(width) * symbols
        if hidden_size == 0:  # one table of tags for each place: a product with one-hot characters
            self.table = nn.EmbeddingBag(width * symbols, tags, mode="sum")
            nn.init.zeros_(self.table.weight)
            self.bias = nn.Parameter(torch.zeros(tags))
        else:
            self.embedding = nn.Embedding(symbols, embedding)
            self.layers = nn.Sequential(
                nn.Linear(width * embedding, hidden_size),
                nn.ReLU(),
                nn.Linear(hidden_size, tags),
            )

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of windows (B, width), (B, C)."""
        if hasattr(self, "table"):
            linear: Tensor = self.table(x + self.first) + self.bias
            return linear
        logits: Tensor = self.layers(self.embedding(x).flatten(1))
        return logits


@dataclass(frozen=True, eq=False)
class Windows:
    """The characters of files with those around them, as a data set.

    Attributes:
        text: All characters, with a margin around each file, (N,).
        tags: Their tags, and -1 in the margins, (N,).
        places: Where the characters of files stand, (M,).
        around: Characters on either side.
    """

    text: Tensor
    tags: Tensor
    places: Tensor
    around: int

    def __len__(self) -> int:
        """Return how many characters there are, M."""
        return len(self.places)

    def batch(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """Return the windows around some characters, (B, width), and the characters' tags, (B,)."""
        at = self.places[places]
        return self.text[at[:, None] + torch.arange(-self.around, self.around + 1)], self.tags[at]

    def loss(self, logits: Tensor, y: Tensor) -> Tensor:
        """Return the mean cross-entropy in nats."""
        return functional.cross_entropy(logits, y)

    def accuracy(self, logits: Tensor, y: Tensor) -> float:
        """Return the share of characters that got their tag."""
        return float((logits.argmax(-1) == y).float().mean())


def windows_of(files: tuple[SourceFile, ...], around: int) -> Windows:
    """Return the windows of whole files; outside of a file stands a symbol of its own."""
    vocabulary = source_vocabulary()
    margin = torch.full((around,), len(vocabulary))
    text, tags = [margin], [margin.new_full((around,), -1)]
    for file in files:
        text += [vocabulary.encode(file.text), margin]
        tags += [torch.tensor(tag_characters(file.text)), tags[0]]
    every = torch.cat(tags)
    return Windows(torch.cat(text), every, (every >= 0).nonzero()[:, 0], around)


@dataclass(frozen=True, kw_only=True)
class TagByWindow(Experiment):
    """Tag each character from a window of characters around it.

    Adam, a one-cycle learning rate, gradients clipped at norm 1, all characters of the training
    files in every epoch.

    Attributes:
        around: Characters on either side.
        embedding: Numbers per character.
        hidden_size: Units of the hidden layer; 0 for a linear tagger.
        lr: The largest learning rate.
        epochs: Passes over the training files.
        batch: Characters per update.
    """

    around: int = 40
    embedding: int = 16
    hidden_size: int = 40
    lr: float = 5e-3
    epochs: int = 4
    batch: int = 1024

    def build(self) -> WindowTagger:
        """Return the model with PyTorch's own first weights."""
        return WindowTagger(
            len(source_vocabulary()) + 1,
            len(CHARACTER_TAGS),
            width=2 * self.around + 1,
            embedding=self.embedding,
            hidden_size=self.hidden_size,
        )

    @torch.no_grad()
    def probe(self, model: nn.Module) -> list[float]:
        """Return the loss on the first 1 000 characters of the test files."""
        windows = windows_of(python_sources().split().test, self.around)
        x, y = windows.batch(torch.arange(1_000))
        return [windows.loss(model(x), y).item()]

    def train(self, seed: int, report: Report) -> Outcome:
        """Train on most files and score the others, as `TagSource` does."""
        torch.manual_seed(seed)
        parts, model = python_sources().split(), self.build()
        train = windows_of(parts.train, self.around)
        history = fit(
            model,
            train,
            epochs=self.epochs,
            batch=self.batch,
            lr=self.lr,
            schedule=OneCycle(),
            report=report,
        )
        metrics: dict[str, Any] = {
            "loss": epoch_means(history.loss, len(train), self.batch),
            "parameters": sum(p.numel() for p in model.parameters()),
        }
        for name, files in (("validation", parts.validation), ("test", parts.test)):
            metrics[f"{name}_accuracy"] = score(model, windows_of(files, self.around))
        return Outcome(metrics, model)


@torch.no_grad()
def score(model: nn.Module, windows: Windows) -> float:
    """Return the share of right tags."""
    model.eval()
    right = 0.0
    for places in torch.split(torch.arange(len(windows)), 4096):
        x, y = windows.batch(places)
        right += windows.accuracy(model(x), y) * len(y)
    return right / len(windows)
