"""Long-range tasks, learned from fresh sequences until they are solved."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from lstm_book.cells import GreffLSTMCell, LSTM1997Cell, init_chrono_, init_forget_bias_
from lstm_book.cells.variants.gating import GreffVariant
from lstm_book.experiments.experiment import Outcome, Report, ResumableExperiment
from lstm_book.layers import Recurrent
from lstm_book.models import LastStepClassifier
from lstm_book.tasks import Adding
from lstm_book.training import Checkpoint, Score, Solved, evaluate, fit

TORCH: dict[str, Any] = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
GREFF: dict[str, GreffVariant] = {
    "peepholes": "V",
    "all gates": "NP",
    "no input gate": "NIG",
    "no forget gate": "NFG",
    "no output gate": "NOG",
    "no input activation": "NIAF",
    "no output activation": "NOAF",
    "coupled gates": "CIFG",
}
LAYERS = (*TORCH, "1997", *GREFF)


def recurrent_layer(name: str, input_size: int, hidden_size: int, batch_first: bool) -> nn.Module:
    """Return a layer with its own first weights; its name is one of `LAYERS`."""
    layer: nn.Module
    if name in TORCH:
        layer = TORCH[name](input_size, hidden_size, batch_first=batch_first)
    elif name == "1997":
        layer = Recurrent(LSTM1997Cell(input_size, hidden_size), batch_first=batch_first)
    else:
        cell = GreffLSTMCell(input_size, hidden_size, variant=GREFF[name])
        layer = Recurrent(cell, batch_first=batch_first)
    return layer


@dataclass(frozen=True, kw_only=True)
class LearnTask(ResumableExperiment):
    """Read fresh sequences until a task is solved, or there were enough of them.

    Adam, a constant learning rate, gradients clipped at norm 1. Every 50 updates held-out sequences
    are answered. Once they are answered better than the task asks, by a fifth, as many fresh ones
    decide: the training ends if they are answered well enough too, and goes on otherwise.

    Attributes:
        task: Draws the sequences; with one answer at the end.
        layer: Which recurrent layer, a name in `LAYERS`.
        hidden_size: Units H.
        start: How the biases begin: "default", as the layer has them; "chrono", for dependencies
            up to the task's length; or the total forget bias.
        lr: The learning rate.
        batch: Sequences per update.
        sequences: How many are read at most.
        held_out: How many are answered to see whether the task is solved, and for the final score.
        loss: Solved means that the loss is below this…
        accuracy: … and that the share of right answers is at least this.
        chunk: Steps of a chunk, see `fit`; None to keep all that is computed.
    """

    task: Any
    layer: str = "lstm"
    hidden_size: int = 32
    start: Literal["default", "chrono"] | float = "chrono"
    lr: float = 1e-2
    batch: int = 20
    sequences: int = 40_000
    held_out: int = 500
    loss: float = 1e-3
    accuracy: float = 0.9
    chunk: int | None = None

    @property
    def configuration(self) -> Any:
        """Every setting that decides a result; the task as it is written."""
        settings = super().configuration
        del settings["save_every"]
        return {**settings, "task": repr(self.task)}

    def build(self) -> nn.Module:
        """Return the model with its first weights, from torch's random numbers."""
        x, _ = self.task.sample(1)
        batch_first = getattr(self.task, "batch_first", False)
        layer: Any = recurrent_layer(self.layer, x.shape[-1], self.hidden_size, batch_first)
        outputs = 1 if isinstance(self.task, Adding) else getattr(self.task, "classes", None)
        if self.start == "chrono":
            init_chrono_(layer, self.task.length)
        elif self.start != "default":
            init_forget_bias_(layer, float(self.start))
        return LastStepClassifier(layer, outputs=outputs)

    @torch.no_grad()
    def probe(self, model: nn.Module) -> list[float]:
        """Return the loss on eight sequences that are always the same."""
        fixed = torch.Generator().manual_seed(0)
        return [evaluate(model, self.task, sequences=8, generator=fixed, chunk=self.chunk).loss]

    def untrained(self, seed: int) -> nn.Module:
        """Return the model that a seed begins with."""
        torch.manual_seed(seed)
        return self.build()

    @property
    def schedule(self) -> Callable[[int], float] | None:
        """The factor of the learning rate after so many updates; None for a constant one."""
        return None

    def train(self, seed: int, report: Report, checkpoint: Checkpoint | None = None) -> Outcome:
        """Train until the task is solved, and score fresh sequences."""
        training, held_out = (torch.Generator().manual_seed(k * 1_000_003 + seed) for k in (1, 2))
        model = self.untrained(seed)
        solved = Solved(
            self.task,
            *self.task.sample(self.held_out, generator=held_out),
            loss=0.8 * self.loss,
            accuracy=1 - 0.8 * (1 - self.accuracy),
            chunk=self.chunk,
        )

        def check(updates: int) -> Score:
            # By the number of updates, so that a resumed run draws what it would have drawn.
            fresh = torch.Generator().manual_seed(3 * 1_000_003 + 10_007 * updates + seed)
            return evaluate(
                model,
                self.task,
                sequences=self.held_out,
                generator=fresh,
                chunk=self.chunk,
            )

        def passes(score: Score) -> bool:
            return score.loss < self.loss and score.accuracy >= self.accuracy

        def stop(model: nn.Module, updates: int) -> bool:
            return solved(model, updates) and passes(check(updates))

        history = fit(
            model,
            self.task,
            steps=self.sequences // self.batch,
            batch=self.batch,
            lr=self.lr,
            generator=training,
            schedule=self.schedule,
            stop=stop,
            checkpoint=checkpoint,
            chunk=self.chunk,
            report=lambda words: report(f"{words}, held out {solved.score}"),
        )
        score = check(len(history.loss))
        metrics = {
            "solved": passes(score),
            "sequences": len(history.loss) * self.batch,
            "loss": score.loss,
            "accuracy": score.accuracy,
            "history": {
                "loss": [round(value, 5) for value in history.loss],
                "accuracy": [round(value, 3) for value in history.accuracy],
            },
        }
        return Outcome(metrics, model.eval())


@dataclass(frozen=True, kw_only=True)
class LearnTaskInTime(LearnTask):
    """The same with a learning rate that rises, and falls to nothing when the sequences are over.

    It rises linearly, then falls as half a cosine :cite:p:`loshchilov2017`: large steps to find
    what is asked, small ones to say it exactly.

    Attributes:
        warm_up: Updates until the learning rate is `lr`.
    """

    sequences: int = 25_000
    warm_up: int = 50

    @property
    def schedule(self) -> Callable[[int], float]:
        """The factor of the learning rate after so many updates."""
        updates = self.sequences // self.batch

        def factor(made: int) -> float:
            return (
                min(1.0, (made + 1) / self.warm_up) * (1 + math.cos(math.pi * made / updates)) / 2
            )

        return factor
