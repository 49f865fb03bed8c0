"""Reading dates of twelve languages, with an encoder and a decoder."""

from collections import defaultdict
from dataclasses import dataclass

import torch
from torch import nn

from lstm_book.experiments.experiment import Outcome, Report, ResumableExperiment
from lstm_book.models import Seq2Seq
from lstm_book.models.seq2seq import Attention
from lstm_book.tasks import Dates
from lstm_book.training import Checkpoint, OneCycle, evaluate, fit
from lstm_book.training.task import block_means

TESTS = {
    "new days": Dates("held out", "shown"),
    "new forms": Dates("held out", "held out"),
    "American": Dates("held out", "American"),
}
"""What is scored; no day of a test was shown in any form."""


@dataclass(frozen=True, kw_only=True)
class LearnDates(ResumableExperiment):
    """Read "3. Sept. 1974", write "1974-09-03", from PyTorch's own first weights.

    Adam, a one-cycle learning rate, gradients clipped at norm 1; every batch is new.

    Attributes:
        attention: The decoder's, or "none".
        hidden_size: Units of encoder and decoder.
        embedding: Numbers per character.
        lr: The largest learning rate.
        updates: Batches to train on.
        batch: Dates per update.
        tested: Dates of each test, decoded greedily.
        searched: How many of them are searched with a beam as well.
        width: Of the beam.
    """

    attention: Attention = "additive"
    hidden_size: int = 64
    embedding: int = 32
    lr: float = 5e-3
    updates: int = 1_500
    batch: int = 128
    tested: int = 2_000
    searched: int = 500
    width: int = 5
    save_every: int = 500

    @property
    def task(self) -> Dates:
        """The task that the model is trained on."""
        return Dates()

    def build(self) -> Seq2Seq:
        """Return the model with PyTorch's own first weights."""
        return Seq2Seq(
            len(self.task.vocabulary),
            len(self.task.answers),
            self.hidden_size,
            stop=self.task.stop,
            attention=self.attention,
            embedding=self.embedding,
        )

    @torch.no_grad()
    def probe(self, model: nn.Module) -> list[float]:
        """Return the loss on 64 dates that are always the same."""
        fixed = torch.Generator().manual_seed(0)
        return [evaluate(model, self.task, sequences=64, generator=fixed).loss]

    def train(self, seed: int, report: Report, checkpoint: Checkpoint | None = None) -> Outcome:
        """Train, then write held-out days, greedily and with a beam."""
        torch.manual_seed(seed)
        model = self.build()
        history = fit(
            model,
            self.task,
            steps=self.updates,
            batch=self.batch,
            lr=self.lr,
            schedule=OneCycle(),
            checkpoint=checkpoint,
            report=report,
        )
        scores = {name: self.score(model, test) for name, test in TESTS.items()}
        metrics: dict[str, object] = {
            "loss": [round(mean, 5) for mean in block_means(history.loss, 100)]
        }
        for what in ("whole", "by_form", "greedy", "beam"):
            metrics[what] = {name: score[what] for name, score in scores.items()}
        return Outcome(metrics, model)

    def score(self, model: Seq2Seq, test: Dates) -> dict[str, object]:
        """Return the shares of whole answers that are right, on dates that are always the same.

        "whole" and "by_form" are of all, decoded greedily; "greedy" and "beam" of the first ones.
        """
        drawn = test.draw(self.tested, generator=torch.Generator().manual_seed(1))
        source, lengths = test.encode([written.text for written in drawn])
        answers = test.decode(
            model.greedy(source, lengths=lengths, max_length=test.max_length).tokens
        )
        right = [answer == written.iso for answer, written in zip(answers, drawn, strict=True)]
        forms = defaultdict(list)
        for one, written in zip(right, drawn, strict=True):
            forms[f"{written.language} {written.form}"].append(one)
        few = slice(self.searched)
        found = model.beam(
            source[:, few], lengths=lengths[few], width=self.width, max_length=test.max_length
        )
        best = [test.decode(torch.tensor([one.hypotheses[0].tokens]).T)[0] for one in found]
        hits = [answer == written.iso for answer, written in zip(best, drawn[few], strict=True)]
        return {
            "whole": sum(right) / len(right),
            "by_form": {form: sum(of) / len(of) for form, of in sorted(forms.items())},
            "greedy": sum(right[few]) / len(right[few]),
            "beam": sum(hits) / len(hits),
        }
