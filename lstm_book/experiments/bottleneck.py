"""How much an encoder can hand over: repeating digits, longer and longer ones."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lstm_book.experiments.experiment import Experiment, Outcome, Report
from lstm_book.models import Seq2Seq, sequence_cross_entropy, series_init_
from lstm_book.models.seq2seq import Attention
from lstm_book.training import descend

STOP = 10


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

    def build(self) -> Seq2Seq:
        """Return the model with PyTorch's own first weights."""
        return Seq2Seq(10, 11, self.hidden_size, stop=STOP, attention=self.attention)

    @torch.no_grad()
    def probe(self, model: nn.Module) -> list[float]:
        """Return the loss on 64 sequences that are always the same."""
        lengths = torch.arange(64) % self.longest + 1
        return [teacher_forced(model, lengths, torch.Generator().manual_seed(0)).item()]

    def train(self, seed: int, report: Report) -> Outcome:
        """Train, then score new sequences of each length."""
        torch.manual_seed(seed)
        model = self.build()
        series_init_(model)
        optimiser = torch.optim.Adam(model.parameters(), lr=self.lr)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, self.lr, total_steps=self.updates)
        losses = []
        for update in range(self.updates):
            lengths = torch.randint(1, self.longest + 1, (self.batch,))
            loss = teacher_forced(model, lengths)
            losses.append(descend(loss, model, optimiser, schedule=schedule))
            if (update + 1) % 100 == 0:
                report(f"update {update + 1} of {self.updates}, loss {losses[-1]:.4f}")
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
            "loss": [round(loss, 4) for loss in losses[99::100]],
            "characters": characters,
            "whole": whole,
        }
        return Outcome(metrics, model)


def teacher_forced(
    model: nn.Module, lengths: Tensor, generator: torch.Generator | None = None
) -> Tensor:
    """Return the loss on new digits when each next one is shown, a scalar."""
    source, target_in, target_out = draw_digits(lengths, generator)
    predicted = model(source, target_in, source_lengths=lengths, target_lengths=lengths + 1)
    return sequence_cross_entropy(predicted.logits, target_out, lengths + 1)


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
