"""The first losses of a training are those of the whole training, and it ends with them."""

import threading

import pytest
import torch
from torch import nn

from lstm_book.models import LastStepClassifier
from lstm_book.tasks import FirstAndLast
from lstm_book.training import descend, fit
from lstm_book.training.watch import first_losses

TASK = FirstAndLast(length=5, features=2)


def train(steps=6):
    torch.manual_seed(0)
    model = LastStepClassifier(nn.LSTM(TASK.features, 4))
    history = fit(model, TASK, steps=steps, generator=torch.Generator().manual_seed(0))
    return history.loss, model


def test_they_are_those_of_the_whole_training():
    whole, _ = train()
    with first_losses(4) as losses:
        train(steps=1_000_000)
    assert losses == whole[:4]
    assert train()[0] == whole  # nobody watches any more


def test_the_last_update_is_not_made():
    torch.manual_seed(0)
    model = nn.Linear(2, 1)
    before = model.weight.clone()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    with first_losses(1) as losses:
        descend(model(torch.ones(3, 2)).square().mean(), model, optimiser)
    assert len(losses) == 1
    assert torch.equal(model.weight, before)


def test_a_shorter_training_comes_to_its_end():
    with first_losses(9) as losses:
        whole, model = train(steps=3)
    assert losses == whole
    for one, other in zip(model.parameters(), train(steps=3)[1].parameters(), strict=True):
        assert torch.equal(one, other)


def test_an_error_of_the_training_is_passed_on():
    with pytest.raises(RuntimeError, match="no such data"), first_losses(2):
        raise RuntimeError("no such data")
    with first_losses(2) as losses:
        train()
    assert len(losses) == 2


def test_the_inner_of_two_watches_sees_its_own():
    whole, _ = train()
    with first_losses(3) as outer:
        with first_losses(2) as inner:
            train()
        train()
    assert inner == whole[:2]
    assert outer == whole[:3]


def test_other_threads_are_not_watched():
    lengths = []
    with first_losses(1) as losses:
        thread = threading.Thread(target=lambda: lengths.append(len(train()[0])))
        thread.start()
        thread.join()
    assert lengths == [6]
    assert losses == []


@pytest.mark.parametrize("number", [0, -1])
def test_no_losses_are_refused(number):
    with pytest.raises(ValueError, match="expected number to be a whole number from 1 on"):
        first_losses(number).__enter__()
    with pytest.raises(TypeError, match="expected number to be a whole number"):
        first_losses(1.5).__enter__()
