"""First and last with layers of minLSTM, scored at several budgets of updates."""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from lstm_book.cells import MinLSTMCell, init_chrono_
from lstm_book.experiments.experiment import Experiment, Outcome, Report
from lstm_book.tasks import FirstAndLast
from lstm_book.training import fit
from lstm_book.training.task import block_means


class Scans(nn.Module):
    """Layers of minLSTM, each of them all steps at once, and one logit from the last state.

    Args:
        sizes: Features, and the units of each layer.
    """

    def __init__(self, *sizes: int) -> None:
        super().__init__()
        self.cells = nn.ModuleList(MinLSTMCell(size, units) for size, units in pairwise(sizes))
        self.readout = nn.Linear(sizes[-1], 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of sequences (T, B, D), (B,)."""
        for cell in self.cells:
            assert isinstance(cell, MinLSTMCell)
            x, _ = cell.scan(x)
        logits: Tensor = self.readout(x[-1]).squeeze(-1)
        return logits


@dataclass(frozen=True, kw_only=True)
class LearnMinLSTM(Experiment):
    """Learn first and last from chrono initialisation, and look at it at several budgets.

    Adam at a constant learning rate, fresh sequences. It is one training, not one for each budget.

    Attributes:
        length: Steps T.
        hidden_size: Units H of a layer.
        num_layers: Layers of minLSTM.
        budgets: After how many updates the model is scored; the last one ends the training.
        lr: The learning rate.
        batch: Sequences per update.
    """

    length: int = 15
    hidden_size: int = 16
    num_layers: int = 1
    budgets: tuple[int, ...] = (200, 600, 2_000, 6_000)
    lr: float = 1e-2
    batch: int = 32

    def train(self, seed: int, report: Report) -> Outcome:
        """Train, and at each budget score 2 000 sequences that nobody has seen."""
        torch.manual_seed(seed)
        task = FirstAndLast(length=self.length, features=2)
        model = Scans(2, *[self.hidden_size] * self.num_layers)
        init_chrono_(model, self.length)
        x, y = task.sample(2_000, generator=torch.Generator().manual_seed(2))
        accuracy: list[float] = []
        largest: list[float] = []

        def look(model: nn.Module, updates: int) -> bool:
            if updates in self.budgets:
                with torch.no_grad():
                    accuracy.append(task.accuracy(model(x), y))
                largest.append(max(p.abs().max().item() for p in model.parameters()))
                report(f"{updates} updates, {accuracy[-1]:.3f} right")
            return False

        history = fit(
            model,
            task,
            steps=self.budgets[-1],
            batch=self.batch,
            lr=self.lr,
            generator=torch.Generator().manual_seed(100 + seed),
            stop=look,
        )
        loss = [round(mean, 4) for mean in block_means(history.loss, 50)]
        return Outcome({"accuracy": accuracy, "largest_weight": largest, "loss": loss}, None)
