"""A language model of characters, and how long each of its layers remembers."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from lstm_book.cells import LSTMState
from lstm_book.data import contiguous_batches, python_text
from lstm_book.experiments.experiment import Experiment, Outcome, Report
from lstm_book.models import CharLM, Vocabulary, series_init_
from lstm_book.modes import evaluation_twin
from lstm_book.recording import record
from lstm_book.training import Best, OneCycle, fit
from lstm_book.training.task import epoch_means

RESETS = (1, 4, 16, 64)


class TextInOrder:
    """A text as streams that are read side by side, again and again; the state is carried on.

    Args:
        tokens: The text, (N,).
        streams: How many, B.
        length: Steps of each batch.
    """

    def __init__(self, tokens: Tensor, streams: int, length: int) -> None:
        self.streams = streams
        self.batches = list(contiguous_batches(tokens, streams, length))
        self.next = 0
        self.state: tuple[Tensor, Tensor] | None = None

    def __len__(self) -> int:
        """Return how many batches it takes to read the text once."""
        return len(self.batches)

    def sample(
        self, batch: int, *, generator: torch.Generator | None = None
    ) -> tuple[dict[str, Any], Tensor]:
        """Return the next tokens, the state that the model was left in, and the tokens after."""
        if batch != self.streams:
            raise ValueError(f"expected batches of {self.streams} streams, got {batch}")
        if self.next == 0:
            self.state = None
        x, y = self.batches[self.next]
        self.next = (self.next + 1) % len(self)
        return {"tokens": x, "state": self.state}, y

    def loss(self, answers: tuple[Tensor, LSTMState], y: Tensor) -> Tensor:
        """Return the mean cross-entropy in nats, and keep the state without how it came to be."""
        logits, (h, c) = answers
        self.state = (h.detach(), c.detach())
        return functional.cross_entropy(logits.flatten(0, 1), y.flatten())

    def accuracy(self, answers: tuple[Tensor, LSTMState], y: Tensor) -> float:
        """Return the share of characters that are the most probable ones."""
        return float((answers[0].argmax(-1) == y).float().mean())

    def state_dict(self) -> dict[str, Any]:
        """Return what the next batch depends on."""
        return {"next": self.next, "state": self.state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.next, self.state = state["next"], state["state"]


@dataclass(frozen=True, kw_only=True)
class LearnText(Experiment):
    """A character model of Python's own text, from the series' first weights.

    Streams of text are read side by side and the state is carried from batch to batch, so gradients
    end after `length` steps and memory does not. Adam, a one-cycle learning rate, gradients clipped
    at norm 1. The weights that do best on the validation text are kept.

    Attributes:
        hidden_size: Units of each layer.
        num_layers: How many layers.
        embedding: Numbers per character.
        dropout: Between layers and before the read-out.
        lr: The largest learning rate.
        epochs: Passes over the training text.
        batch: Streams.
        length: Steps of each batch.
        by_layer: Whether to measure each layer's memory too.
    """

    hidden_size: int = 256
    num_layers: int = 1
    embedding: int = 64
    dropout: float = 0.5
    lr: float = 4e-3
    epochs: int = 15
    batch: int = 32
    length: int = 100
    by_layer: bool = False

    def build(self) -> CharLM:
        """Return the model with PyTorch's own first weights."""
        vocabulary = Vocabulary.of(python_text().text)
        return CharLM(
            vocabulary,
            self.hidden_size,
            self.num_layers,
            embedding=self.embedding,
            dropout=self.dropout,
        )

    def probe(self, model: Any) -> list[float]:
        """Return bits per character on the first 2 000 test characters."""
        return [model.bits_per_character(python_text().split().test[:2000])]

    def train(self, seed: int, report: Report) -> Outcome:
        """Train on the first part of the text; score the last one with the best weights."""
        torch.manual_seed(seed)
        parts = python_text().split()
        model = self.build()
        series_init_(model)
        metrics: dict[str, object] = {}
        if self.by_layer:
            metrics["half_life_before"] = half_lives(model, parts.validation[:5000])
        text = TextInOrder(model.vocabulary.encode(parts.train), self.batch, self.length)
        best = Best(lambda m: m.bits_per_character(parts.validation), every=len(text))
        history = fit(
            model,
            text,
            steps=self.epochs * len(text),
            batch=self.batch,
            lr=self.lr,
            schedule=OneCycle(0.1),
            stop=best,
            report=report,
        )
        best.restore_(model)
        nats = epoch_means(history.loss, len(text), 1)
        metrics |= {
            "train_bits": [value / math.log(2) for value in nats],
            "validation_bits": best.scores,
            "test_bits": model.bits_per_character(parts.test),
        }
        if self.by_layer:
            metrics["half_life"] = half_lives(model, parts.validation[:5000])
            metrics["reset_bits"] = [
                {str(n): reset_cost(model, parts.validation[:6400], layer, n) for n in RESETS}
                for layer in range(self.num_layers)
            ]
        return Outcome(metrics, model)


def half_lives(model: CharLM, text: str) -> list[list[float]]:
    """Return how long each unit of each layer keeps what is in its cell, [layer][unit], in steps.

    See :meth:`lstm_book.recording.Trace.half_life`.
    """
    twin = evaluation_twin(model)
    x = twin.vectors(twin.vocabulary.encode(text)[:, None], twin.linear.weight.dtype)
    layer: Any = twin.layer
    recording = record(layer, x)
    lives = [recording.trace(number).half_life() for number in range(layer.num_layers)]
    return [[round(life, 3) for life in units.tolist()] for units in lives]


@torch.no_grad()
def reset_cost(model: CharLM, text: str, layer: int, every: int) -> float:
    """Return how many bits per character it costs to empty one layer's state now and then.

    Args:
        model: A trained model.
        text: Read as streams of 200 characters, without dropout.
        layer: Whose h and c are set to zero.
        every: After so many characters.

    Returns:
        Bits per character with the resets, minus those without.
    """
    twin = evaluation_twin(model)
    stream = model.vocabulary.encode(text)
    streams = stream[: len(stream) // 200 * 200].view(-1, 200).T
    x, y = streams[:-1], streams[1:]
    empty = model.layer.num_layers, x.shape[1], model.layer.hidden_size
    keep = torch.ones(empty[0], 1, 1)
    keep[layer] = 0
    h = c = torch.zeros(empty)
    logits: list[Tensor] = []
    for part in torch.split(x, every):
        said, (h, c) = twin(part, (h, c))
        h, c = h * keep, c * keep
        logits.append(said)
    whole, _ = twin(x)
    nats = [
        functional.cross_entropy(z.flatten(0, 1), y.flatten()) for z in (torch.cat(logits), whole)
    ]
    return float(nats[0] - nats[1]) / math.log(2)
