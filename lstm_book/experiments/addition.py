"""Adding numbers that are written in digits, with an encoder and a decoder."""

from dataclasses import dataclass

import torch
from torch import nn

from lstm_book.experiments.experiment import Experiment, Outcome, Report
from lstm_book.models import Seq2Seq, series_init_
from lstm_book.models.seq2seq import Attention
from lstm_book.tasks import Addition, Questions
from lstm_book.training import OneCycle, fit
from lstm_book.training.task import epoch_means


@dataclass(frozen=True, kw_only=True)
class LearnAddition(Experiment):
    """Read "7+21", write "19", from the series' first weights.

    Characters are one-hot. Adam, a one-cycle learning rate, gradients clipped at norm 1.

    Attributes:
        digits: Largest number of digits of a number.
        reverse: Whether questions are read from their end.
        attention: The decoder's, or "none".
        pairs: How many distinct pairs to train on.
        test_pairs: How many others to score.
        hidden_size: Units of encoder and decoder.
        lr: The largest learning rate.
        epochs: Passes over the training pairs.
        batch: Pairs per update.
    """

    digits: int = 3
    reverse: bool = True
    attention: Attention = "none"
    pairs: int = 50_000
    test_pairs: int = 5_000
    hidden_size: int = 128
    lr: float = 5e-3
    epochs: int = 10
    batch: int = 128

    @property
    def task(self) -> Addition:
        """The task that the model is trained on."""
        return Addition(self.digits, self.reverse)

    def build(self) -> Seq2Seq:
        """Return the model with PyTorch's own first weights."""
        tokens = len(self.task.vocabulary)
        return Seq2Seq(
            tokens, tokens, self.hidden_size, stop=self.task.stop, attention=self.attention
        )

    def train(self, seed: int, report: Report) -> Outcome:
        """Train on some pairs and let the model write the answers to others."""
        torch.manual_seed(seed)
        train, test = self.task.split(self.pairs, self.test_pairs)
        model = self.build()
        series_init_(model)
        history = fit(
            model,
            Questions(self.task, train),
            epochs=self.epochs,
            batch=self.batch,
            lr=self.lr,
            schedule=OneCycle(),
            report=report,
        )
        losses = epoch_means(history.loss, len(train), self.batch)
        # The test pairs are drawn as the training pairs were, by count of digits; these are not.
        known = {frozenset(pair) for pair in train}
        even = [tuple(pair) for pair in torch.randint(10**self.digits, (20_000, 2)).tolist()]
        even = [(a, b) for a, b in even if frozenset((a, b)) not in known][: self.test_pairs]
        metrics: dict[str, object] = {"loss": [round(loss, 5) for loss in losses]}
        metrics["characters"], metrics["whole"] = self.score(model, test)
        metrics["even_characters"], metrics["even_whole"] = self.score(model, even)
        metrics["whole_by_digits"] = self.by_digits(model, test)
        return Outcome(metrics, model)

    @torch.no_grad()
    def probe(self, model: nn.Module) -> list[float]:
        """Return the loss on 64 pairs that are always the same."""
        fixed = torch.Generator().manual_seed(0)
        drawn = torch.randint(10**self.digits, (64, 2), generator=fixed)
        questions = Questions(self.task, [(a, b) for a, b in drawn.tolist()])
        inputs, y = questions.batch(torch.arange(64))
        return [questions.loss(model(**inputs), y).item()]

    def score(self, model: Seq2Seq, pairs: list[tuple[int, int]]) -> tuple[float, float]:
        """Return the shares of right characters and of right answers, written greedily."""
        sums = self.task.encode(pairs)
        decoded = model.greedy(
            sums.source, lengths=sums.source_lengths, max_length=self.task.max_length
        )
        return self.task.accuracy(decoded.tokens, sums)

    def by_digits(
        self, model: Seq2Seq, pairs: list[tuple[int, int]]
    ) -> dict[str, tuple[int, float]]:
        """Return, for each count of digits in a question, its pairs and the share of right ones."""
        groups: dict[int, list[tuple[int, int]]] = {}
        for a, b in pairs:
            groups.setdefault(len(f"{a}{b}"), []).append((a, b))
        return {
            str(digits): (len(group), self.score(model, group)[1])
            for digits, group in sorted(groups.items())
        }
