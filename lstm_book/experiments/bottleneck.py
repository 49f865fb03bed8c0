"""How much an encoder can hand over: repeating digits, longer and longer ones."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lstm_book.experiments.experiment import Experiment, Outcome, Report
from lstm_book.experiments.teacher_forcing import TeacherForced, named
from lstm_book.models import Seq2Seq, series_init_
from lstm_book.models.seq2seq import Attention
from lstm_book.training import OneCycle, fit

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
