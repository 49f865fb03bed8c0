"""How much an encoder can hand over: repeating digits, longer and longer ones."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from lstm_book.experiments.experiment import Experiment, Outcome, Report, ResumableExperiment
from lstm_book.models import Seq2Seq, sequence_cross_entropy, series_init_
from lstm_book.models.seq2seq import Attention
from lstm_book.modes import evaluation_twin
from lstm_book.tasks.teacher_forcing import TeacherForced, named
from lstm_book.training import Checkpoint, OneCycle, fit
from lstm_book.training.task import block_means

STOP = 10


@dataclass(frozen=True)
class Repeating(TeacherForced):
    """Repeat random digits, 1 to `longest` of them, with each next one shown."""

    longest: int

    def sample(
        self, batch: int, *, generator: torch.Generator | None = None
    ) -> tuple[dict[str, Tensor], tuple[Tensor, Tensor]]:
        """Draw what the model is called with; targets and their lengths."""
        lengths = torch.randint(1, self.longest + 1, (batch,), generator=generator)
        return forced(lengths, generator)


@dataclass(frozen=True, kw_only=True)
class RepeatDigits(Experiment):
    """Read random digits and write them again: all that is needed is to hand them over.

    Lengths are drawn evenly from 1 to `longest`; each batch is new. Adam, a one-cycle learning
    rate, gradients clipped at norm 1.

    Attributes:
        attention: The decoder's, or "none".
        hidden_size: Units of encoder and decoder.
        longest: Largest number of digits in training.
        scored: Largest number of digits that is scored.
        lr: The largest learning rate.
        updates: Batches to train on.
        batch: Sequences per update.
    """

    attention: Attention = "none"
    hidden_size: int = 64
    longest: int = 16
    scored: int = 24
    lr: float = 5e-3
    updates: int = 2_000
    batch: int = 64

    @property
    def task(self) -> Repeating:
        """The task that the model is trained on."""
        return Repeating(self.longest)

    def build(self) -> Seq2Seq:
        """Return the model with PyTorch's own first weights."""
        return Seq2Seq(10, 11, self.hidden_size, stop=STOP, attention=self.attention)

    @torch.no_grad()
    def probe(self, model: nn.Module) -> list[float]:
        """Return the loss on 64 sequences that are always the same."""
        fixed = torch.Generator().manual_seed(0)
        inputs, y = forced(torch.arange(64) % self.longest + 1, fixed)
        return [self.task.loss(model(**inputs), y).item()]

    def train(self, seed: int, report: Report) -> Outcome:
        """Train, then score new sequences of each length."""
        torch.manual_seed(seed)
        model = self.build()
        series_init_(model)
        history = fit(
            model,
            self.task,
            steps=self.updates,
            batch=self.batch,
            lr=self.lr,
            schedule=OneCycle(),
            report=report,
        )
        characters, whole = {}, {}
        for length in range(1, self.scored + 1):
            lengths = torch.full((500,), length)
            source, _, target = draw_digits(lengths)
            tokens = model.greedy(source, max_length=length + 1).tokens
            written = torch.full_like(target, -1)
            written[: len(tokens)] = tokens
            right = written == target
            characters[str(length)] = right.double().mean().item()
            whole[str(length)] = right.all(0).double().mean().item()
        metrics = {
            "loss": [round(loss, 4) for loss in history.loss[99::100]],
            "characters": characters,
            "whole": whole,
        }
        return Outcome(metrics, model)


@dataclass(frozen=True, kw_only=True)
class RepeatDigitsLonger(RepeatDigits, ResumableExperiment):
    """The same training, scored after several numbers of updates.

    The learning rate rises and falls to nothing once for each of them, with warm restarts
    :cite:p:`loshchilov2017`: every score is of a training that has come to rest, and the next leg
    goes on from there. A training in a single cycle of as many updates may well do better.

    Attributes:
        budgets: After how many updates it is scored, rising; training ends with the last.
        rise: The share of a leg's updates in which the learning rate rises.
        save_every: Updates between two checkpoints.
    """

    budgets: tuple[int, ...] = (2_000, 4_000, 8_000, 12_000)
    rise: float = 0.1
    updates: int = 12_000
    save_every: int = 500

    @property
    def schedule(self) -> Callable[[int], float]:
        """The factor of the learning rate after so many updates."""
        ends = (0, *self.budgets)

        def factor(made: int) -> float:
            begin, end = next((leg for leg in pairwise(ends) if made < leg[1]), ends[-2:])
            part = (made + 1 - begin) / (end - begin)
            return min(part / self.rise, (1 + math.cos(math.pi * part)) / 2)

        return factor

    def train(self, seed: int, report: Report, checkpoint: Checkpoint | None = None) -> Outcome:
        """Train, and score after each budget."""
        torch.manual_seed(seed)
        model = self.build()
        series_init_(model)
        scores = ScoresOnTheWay(self)
        history = fit(
            model,
            self.task,
            steps=self.updates,
            batch=self.batch,
            lr=self.lr,
            schedule=self.schedule,
            stop=scores,
            checkpoint=checkpoint,
            report=report,
        )
        scores(model, self.updates)
        means = [round(mean, 4) for mean in block_means(history.loss, 100)]
        metrics: dict[str, object] = {"loss": means}
        for name in ("characters", "whole", "bits"):
            metrics[name] = {budget: score[name] for budget, score in scores.found.items()}
        return Outcome(metrics, model)

    @torch.no_grad()
    def score(self, model: Seq2Seq) -> dict[str, dict[str, float]]:
        """Return, by length, right digits and right sequences, and bits that arrive.

        The sequences are always the same, so that what trains draws as if it were not scored.
        """
        fixed = torch.Generator().manual_seed(1)
        twin = evaluation_twin(model)
        found: dict[str, dict[str, float]] = {"characters": {}, "whole": {}, "bits": {}}
        for length in range(1, self.scored + 1):
            source, target_in, target = draw_digits(torch.full((500,), length), fixed)
            tokens = twin.greedy(source, max_length=length + 1).tokens
            written = torch.full_like(target, -1)
            written[: len(tokens)] = tokens
            right = written == target
            found["characters"][str(length)] = right.double().mean().item()
            found["whole"][str(length)] = right.all(0).double().mean().item()
            if length <= self.longest:
                logits = twin(source, target_in).logits[:length]
                a_digit = sequence_cross_entropy(logits, source).item() / math.log(2)
                found["bits"][str(length)] = round(length * (math.log2(10) - a_digit), 3)
        return found


class ScoresOnTheWay:
    """Scores a model after each budget; never stops it.

    Args:
        experiment: Says when, and how.

    Attributes:
        found: The scores, by the number of updates.
    """

    def __init__(self, experiment: RepeatDigitsLonger) -> None:
        self.experiment = experiment
        self.found: dict[str, dict[str, dict[str, float]]] = {}

    def __call__(self, model: nn.Module, updates: int) -> bool:
        """Score the model if it is time."""
        if updates in self.experiment.budgets and str(updates) not in self.found:
            assert isinstance(model, Seq2Seq)
            self.found[str(updates)] = self.experiment.score(model)
        return False

    def state_dict(self) -> dict[str, Any]:
        """Return what was found so far."""
        return {"found": self.found}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.found = state["found"]


def forced(
    lengths: Tensor, generator: torch.Generator | None = None
) -> tuple[dict[str, Tensor], tuple[Tensor, Tensor]]:
    """Return what the model is called with when each next digit is shown; targets and lengths."""
    source, target_in, target_out = draw_digits(lengths, generator)
    return named(source, lengths, target_in, lengths + 1), (target_out, lengths + 1)


def draw_digits(
    lengths: Tensor, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Return sources (S, B), and targets (S + 1, B) as the decoder sees and shall write them."""
    longest = int(lengths.max())
    source = torch.randint(10, (longest, len(lengths)), generator=generator)
    source = source * (torch.arange(longest)[:, None] < lengths)
    stop = torch.full((1, len(lengths)), STOP)
    target_out = torch.cat([source, stop])
    target_out.scatter_(0, lengths[None], STOP)
    return source, torch.cat([stop, source]), target_out
