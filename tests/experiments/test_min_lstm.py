"""First and last with minLSTM, small: what is scored when, and what the model computes."""

from dataclasses import replace

import torch

from lstm_book.experiments.min_lstm import LearnMinLSTM, Scans
from lstm_book.layers import unroll

TINY = LearnMinLSTM(name="tiny", about="", length=4, hidden_size=8, budgets=(10, 60))


def silent(words):
    pass


def test_scans_are_the_cells_step_by_step():
    torch.manual_seed(0)
    model, x = Scans(2, 5, 3), torch.randn(6, 4, 2)
    h = x
    for cell in model.cells:
        h = unroll(cell.step, h, cell.zero_state(h[0])).states
    assert torch.allclose(model(x), model.readout(h[-1]).squeeze(-1), atol=1e-6)


def test_each_budget_is_scored_within_one_training():
    metrics, model = TINY.train(0, silent)
    assert model is None
    assert len(metrics["accuracy"]) == len(metrics["largest_weight"]) == 2
    assert len(metrics["loss"]) == 2  # blocks of 50
    shorter, _ = replace(TINY, budgets=(10,)).train(0, silent)
    assert shorter["accuracy"] == metrics["accuracy"][:1]


def test_two_layers_are_two_layers():
    torch.manual_seed(0)
    assert len(Scans(2, 16, 16).cells) == 2
