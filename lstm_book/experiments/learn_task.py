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
from lstm_book.experiments.store import read
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
Start = Literal["default", "chrono", "spread", "shut"] | float


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


@torch.no_grad()
def init_half_of_chrono_(lstm: Any, length: int, half: str) -> None:
    """Give a layer of :class:`torch.nn.LSTM` one half of chrono initialisation; in place.

    Args:
        lstm: One layer.
        length: Steps T.
        half: "spread" for chrono's forget biases, with the input biases as they are; "shut" for
            input biases of -ln T, with forget biases that are all ln T.
    """
    inputs = slice(lstm.hidden_size)
    if half == "spread":
        before = [bias[inputs].clone() for bias in (lstm.bias_ih_l0, lstm.bias_hh_l0)]
        init_chrono_(lstm, length)
    else:
        before = [torch.tensor(-math.log(length)), torch.tensor(0.0)]
        init_forget_bias_(lstm, math.log(length))
    lstm.bias_ih_l0[inputs], lstm.bias_hh_l0[inputs] = before


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
            up to the task's length; one half of it alone, "spread", chrono's forget biases, or
            "shut", ln T for all forget biases and -ln T for all input biases; or the total forget
            bias.
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
    start: Start = "chrono"
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
        return {**super().configuration, "task": repr(self.task)}

    def build(self) -> nn.Module:
        """Return the model with its first weights, from torch's random numbers."""
        x, _ = self.task.sample(1)
        batch_first = getattr(self.task, "batch_first", False)
        layer: Any = recurrent_layer(self.layer, x.shape[-1], self.hidden_size, batch_first)
        outputs = 1 if isinstance(self.task, Adding) else getattr(self.task, "classes", None)
        if self.start == "chrono":
            init_chrono_(layer, self.task.length)
        elif self.start in ("spread", "shut"):
            init_half_of_chrono_(layer, self.task.length, self.start)
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


@dataclass(frozen=True, kw_only=True)
class LearnInStages(LearnTask):
    """The same, and what is stored tells learning from polishing; weights are not kept.

    Losses come from the training sequences, all fresh, before each update.

    Attributes:
        left: The plateau has been left once the mean loss of `block` sequences is below this.
        block: How many sequences.
    """

    left: float = 0.05
    block: int = 500

    def train(self, seed: int, report: Report, checkpoint: Checkpoint | None = None) -> Outcome:
        """Train until the task is solved; return the curve, and when the plateau was left."""
        metrics, _ = super().train(seed, report, checkpoint)
        return Outcome(self.stages(metrics), None)

    def stages(self, metrics: dict[str, Any]) -> dict[str, Any]:
        """Return metrics with the curve in place of the history.

        "left" is how many sequences had been read when the mean loss of the last `block` was below
        `left` for the first time, None if it never was; "curve" has the mean of each `block`.
        """
        loss = torch.tensor(metrics["history"]["loss"], dtype=torch.float64)
        updates = self.block // self.batch
        whole = len(loss) // updates * updates
        recent = loss.unfold(0, updates, 1).mean(-1) if whole else loss[:0]
        below = (recent < self.left).nonzero().flatten().tolist()
        return {
            **{name: value for name, value in metrics.items() if name != "history"},
            "left": (below[0] + updates) * self.batch if below else None,
            "curve": [round(mean, 5) for mean in loss[:whole].view(-1, updates).mean(1).tolist()],
        }


@dataclass(frozen=True, kw_only=True)
class GoOn(LearnInStages):
    """The same for a network that has learned a shorter task; its weights are the first weights.

    Attributes:
        origin: The experiment that taught it, with the weights of every seed stored.
        shift: Added to all forget biases, and taken from all input biases: with ln k a memory of T
            steps becomes one of about k T that writes a k-th as much.
    """

    origin: LearnTask
    shift: float = 0.0

    @torch.no_grad()
    def untrained(self, seed: int) -> nn.Module:
        """Return the network that a seed of the origin ended with, its biases shifted."""
        model = super().untrained(seed)
        model.load_state_dict(read(self.origin).model_of(seed).state_dict())
        layer: Any = model.layer
        a_i, a_f, _, _ = layer.bias_ih_l0.chunk(4)
        a_i -= self.shift
        a_f += self.shift
        return model

    def train(self, seed: int, report: Report, checkpoint: Checkpoint | None = None) -> Outcome:
        """Score the network as it came as well."""
        metrics, _ = LearnTask.train(self, seed, report, checkpoint)
        before = evaluate(  # after the training: a replay would wait for it
            self.untrained(seed),
            self.task,
            sequences=self.held_out,
            generator=torch.Generator().manual_seed(4 * 1_000_003 + seed),
            chunk=self.chunk,
        )
        found = {"loss_before": before.loss, "accuracy_before": before.accuracy}
        return Outcome({**found, **self.stages(metrics)}, None)
