"""One step: what it changes, and what it refuses."""

import math

import pytest
import torch
from torch import nn

from lstm_book.training import descend


def parts():
    model = nn.Linear(1, 1, bias=False)
    nn.init.ones_(model.weight)
    return model, torch.optim.SGD(model.parameters(), lr=0.1)


def test_a_step_is_the_optimisers_on_the_clipped_gradient():
    model, optimiser = parts()
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda n: 0.5**n)
    loss = 3 * model.weight.sum()
    assert descend(loss, model, optimiser, clip=2.0, schedule=schedule) == 3.0
    assert model.weight.item() == pytest.approx(1 - 0.1 * 2.0)
    assert optimiser.param_groups[0]["lr"] == 0.05
    descend(3 * model.weight.sum(), model, optimiser, clip=math.inf, schedule=schedule)
    assert model.weight.item() == pytest.approx(0.8 - 0.05 * 3.0)


def test_the_limit_is_one_by_default():
    model, optimiser = parts()
    descend(3 * model.weight.sum(), model, optimiser)
    assert model.weight.item() == pytest.approx(1 - 0.1)


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        (lambda w: w.sum() * math.nan, "finite loss, got nan"),
        (lambda w: w.sum() * math.inf, "finite loss, got inf"),
        (lambda w: (w - 1).abs().sqrt().sum(), "finite gradient, got norm"),
    ],
)
def test_what_is_not_finite_leaves_the_model_as_it_was(loss, said):
    model, optimiser = parts()
    with pytest.raises(FloatingPointError, match=said):
        descend(loss(model.weight), model, optimiser)
    assert model.weight.item() == 1.0


MODEL, OPTIMISER = parts()


@pytest.mark.parametrize(
    ("changed", "error", "said"),
    [
        ({"loss": 1.0}, TypeError, "loss to be a torch.Tensor, got float"),
        ({"loss": torch.ones(2)}, ValueError, r"a scalar loss, got shape \(2,\)"),
        ({"loss": torch.ones(0)}, ValueError, r"a scalar loss, got shape \(0,\)"),
        ({"loss": torch.ones(())}, RuntimeError, "does not require grad"),
        ({"model": None}, TypeError, "model to be a torch.nn.Module, got NoneType"),
        ({"optimiser": "adam"}, TypeError, "optimiser to be a torch.optim.Optimizer, got str"),
        ({"clip": -1.0}, ValueError, "clip to be a finite number, above 0, got -1.0"),
        ({"clip": math.nan}, ValueError, "clip to be a finite number, above 0, got nan"),
        ({"clip": None}, TypeError, "clip to be a number, got NoneType"),
        ({"schedule": lambda n: 1.0}, TypeError, "LRScheduler or None, got function"),
    ],
)
def test_arguments_that_cannot_be(changed, error, said):
    given = {"loss": MODEL.weight.sum(), "model": MODEL, "optimiser": OPTIMISER, **changed}
    with pytest.raises(error, match=said):
        descend(**given)
    assert MODEL.weight.item() == 1.0
