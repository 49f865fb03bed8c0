"""A language model of characters, and how long each of its layers remembers."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from lstm_book.data import contiguous_batches, python_text
from lstm_book.experiments.experiment import Experiment, Outcome, Report
from lstm_book.models import CharLM, Vocabulary, series_init_
from lstm_book.training import descend

RESETS = (1, 4, 16, 64)


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
        tokens = model.vocabulary.encode(parts.train)
        updates = self.epochs * sum(1 for _ in contiguous_batches(tokens, self.batch, self.length))
        optimiser = torch.optim.Adam(model.parameters(), lr=self.lr)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, self.lr, total_steps=updates, pct_start=0.1
        )
        losses, validation, best = [], [], model.state_dict()
        for epoch in range(self.epochs):
            model.train()
            state, nats = None, []
            for x, y in contiguous_batches(tokens, self.batch, self.length):
                logits, (h, c) = model(x, state)
                state = (h.detach(), c.detach())
                loss = functional.cross_entropy(logits.flatten(0, 1), y.flatten())
                nats.append(descend(loss, model, optimiser, schedule=schedule))
            losses.append(sum(nats) / len(nats) / math.log(2))
            validation.append(model.bits_per_character(parts.validation))
            if validation[-1] == min(validation):
                best = {name: value.clone() for name, value in model.state_dict().items()}
            report(f"epoch {epoch + 1} of {self.epochs}, validation {validation[-1]:.3f} bits")
        model.load_state_dict(best)
        metrics |= {
            "train_bits": losses,
            "validation_bits": validation,
            "test_bits": model.bits_per_character(parts.test),
        }
        if self.by_layer:
            metrics["half_life"] = half_lives(model, parts.validation[:5000])
            metrics["reset_bits"] = [
                {str(n): reset_cost(model, parts.validation[:6400], layer, n) for n in RESETS}
                for layer in range(self.num_layers)
            ]
        return Outcome(metrics, model)


@torch.no_grad()
def half_lives(model: CharLM, text: str) -> list[list[float]]:
    """Return how long each unit of each layer keeps what is in its cell, [layer][unit], in steps.

    A cell keeps a share f of its content at each step, so half of it is gone after
    ln 2 / mean(-ln f) steps, the mean being over the text.
    """
    model.eval()
    x = model.vectors(model.vocabulary.encode(text)[:, None], model.linear.weight.dtype)
    run = model.layer.run(x)
    lives = [math.log(2) / -layer[0].gates.f[:, 0].log().mean(0) for layer in run.layers]
    return [[round(life, 3) for life in layer.tolist()] for layer in lives]


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
    model.eval()
    stream = model.vocabulary.encode(text)
    streams = stream[: len(stream) // 200 * 200].view(-1, 200).T
    x, y = streams[:-1], streams[1:]
    empty = model.layer.num_layers, x.shape[1], model.layer.hidden_size
    keep = torch.ones(empty[0], 1, 1)
    keep[layer] = 0
    h = c = torch.zeros(empty)
    logits: list[Tensor] = []
    for part in torch.split(x, every):
        said, (h, c) = model(part, (h, c))
        h, c = h * keep, c * keep
        logits.append(said)
    whole, _ = model(x)
    nats = [
        functional.cross_entropy(z.flatten(0, 1), y.flatten()) for z in (torch.cat(logits), whole)
    ]
    return float(nats[0] - nats[1]) / math.log(2)
