"""The best weights of a training, and when it has gone on for long enough."""

import math

import pytest
import torch
from torch import nn

from lstm_book.training import Best


class Weight(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.zeros(()))


def looked(scores, patience=None, every=2):
    """Return what a series of looks leads to; the weight is the number of updates."""
    to_come, model = iter(scores), Weight()
    best, updates = Best(lambda model: next(to_come), every=every, patience=patience), 0
    for updates in range(every * len(scores) + 1):
        with torch.no_grad():
            model.w.fill_(updates)
        if best(model, updates):
            break
    return best, model, updates


def test_the_best_weights_come_back():
    best, model, updates = looked([3.0, 1.0, 2.0])
    assert (best.scores, best.place, updates) == ([3.0, 1.0, 2.0], 1, 6)
    best.restore_(model)
    assert model.w.item() == 4


def test_of_equal_looks_the_last_one_is_the_best():
    best, model, _ = looked([1.0, 1.0, 2.0])
    best.restore_(model)
    assert (best.place, model.w.item()) == (1, 4)


@pytest.mark.parametrize(("patience", "looks"), [(1, 3), (2, 6), (3, 7), (None, 7)])
def test_patience_counts_looks_without_a_better_one(patience, looks):
    best, _, updates = looked([3.0, 2.0, 4.0, 1.0, 2.0, 3.0, 4.0], patience)
    assert len(best.scores) == looks
    assert updates == 2 * looks


def test_nothing_is_looked_at_in_between_nor_before_the_first_update():
    best = Best(lambda model: 1.0, every=3)
    assert [best(Weight(), updates) for updates in range(6)] == [False] * 6
    assert best.scores == [1.0]


def test_a_score_that_is_nan_is_never_the_best():
    best, model, _ = looked([math.nan, math.nan])
    with pytest.raises(LookupError, match="a look that gave a number"):
        best.restore_(model)
    best, _, updates = looked([math.nan, 1.0, 1.0, math.nan, math.nan], patience=2)
    assert (best.place, updates) == (2, 10)


def test_the_model_is_scored_in_evaluation_mode_and_left_as_it_is():
    seen, model = [], nn.Sequential(nn.Dropout(), Weight())
    best = Best(lambda m: seen.append((m.training, torch.is_grad_enabled())) or 1.0, every=1)
    best(model, 1)
    assert seen == [(False, False)]
    assert model.training


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"score": 3}, TypeError),
        ({"every": 0}, ValueError),
        ({"every": 1.5}, TypeError),
        ({"patience": 0}, ValueError),
        ({"patience": "a"}, TypeError),
    ],
)
def test_what_cannot_be(given, error):
    with pytest.raises(error):
        Best(**{"score": len, "every": 1, **given})
    with pytest.raises(TypeError, match=r"model to be a torch.nn.Module"):
        Best(len, every=1)("model", 1)
