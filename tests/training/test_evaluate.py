"""Scores are those of the task, and training ends when it is told to."""

import itertools

import pytest
import torch
from allocated import Allocated
from torch import nn

from lstm_book.layers import read_in_chunks
from lstm_book.models import LastStepClassifier
from lstm_book.tasks import Adding, FirstAndLast, Parity
from lstm_book.training import Solved, evaluate, evaluate_by_length, fit


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


class Sum(nn.Module):
    """Knows the answer of `FirstAndLast`."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x):
        assert not self.training
        return 50 * self.scale * (x[0, :, 0] + x[-1, :, 0])


def test_a_perfect_model_and_its_mode():
    model = Sum().train()
    score = evaluate(model, FirstAndLast(), sequences=300, generator=seeded())
    assert score.accuracy == 1
    assert 0 <= score.loss < 0.05
    assert model.training


def test_lengths_other_than_the_trained_one():
    scores = evaluate_by_length(Sum(), FirstAndLast(5), (2, 9), sequences=50, generator=seeded())
    assert list(scores) == [2, 9]
    assert all(score.accuracy == 1 for score in scores.values())
    with pytest.raises(TypeError, match="expected a task with a length"):
        evaluate_by_length(Sum(), object(), (2,))
    with pytest.raises(ValueError, match="at least 2 steps, got 1"):
        evaluate_by_length(Sum(), FirstAndLast(5), (1,))


def test_training_stops_when_the_task_is_solved():
    task = Parity(2)
    torch.manual_seed(1)
    model = LastStepClassifier(nn.LSTM(1, 16))
    stop = Solved(task, *task.sample(100, generator=seeded(5)), loss=0.1, accuracy=1, every=20)
    history = fit(model, task, steps=2000, lr=0.02, generator=seeded(1), stop=stop)
    assert len(history.loss) < 2000
    assert len(history.loss) % 20 == 0
    assert evaluate(model, task, generator=seeded(6)).accuracy == 1
    assert model.training


def test_an_unsolved_task_goes_on():
    task = Adding(20)
    model = LastStepClassifier(nn.LSTM(2, 4))
    stop = Solved(task, *task.sample(50, generator=seeded()), every=1)
    assert len(fit(model, task, steps=3, stop=stop, generator=seeded()).loss) == 3


def test_a_schedule_is_a_factor_of_the_learning_rate():
    rates = []

    class Watched(LastStepClassifier):
        def forward(self, x, **options):
            rates.append(self.readout.bias.item())
            return super().forward(x, **options)

    task = FirstAndLast(3, 1)
    torch.manual_seed(0)
    model = Watched(nn.LSTM(1, 2))
    fit(model, task, steps=4, lr=0.1, generator=seeded(), schedule=lambda n: float(n < 2))
    moved = [a != b for a, b in itertools.pairwise(rates)]
    assert moved == [True, True, False]


@pytest.mark.parametrize("chunk", [1, 3, 7, 50])
def test_chunks_change_memory_and_nothing_else(chunk):
    task = Adding(24)
    models = []
    for options in ({}, {"chunk": chunk}):
        torch.manual_seed(0)
        model = LastStepClassifier(nn.LSTM(2, 5, dtype=torch.float64))
        x, y = task.sample(6, generator=seeded())
        task.loss(model(x.double(), **options), y.double()).backward()
        models.append(model)
    for a, b in zip(*(model.parameters() for model in models), strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=0, atol=1e-14)


def peak_bytes(T, chunk):
    """The most that the way there and back needs at once, beside input and weights."""
    model = LastStepClassifier(nn.LSTM(2, 16))
    x = torch.randn(T, 4, 2)
    with Allocated(x, *model.parameters()) as allocated:
        model(x, chunk=chunk).sum().backward()
    return allocated.peak


def test_memory_grows_with_the_root_of_the_length():
    # Four times as long, and chunks twice as long: twice as many states, and twice as much in each.
    assert peak_bytes(6400, 80) < 2.1 * peak_bytes(1600, 40)
    assert peak_bytes(6400, None) > 3.9 * peak_bytes(1600, None)
    assert peak_bytes(1600, None) > 10 * peak_bytes(1600, 40)


def test_chunks_that_cannot_be():
    model = LastStepClassifier(nn.LSTM(2, 3))
    with pytest.raises(ValueError, match="chunk to be a whole number from 1 on, got 0"):
        model(torch.zeros(4, 1, 2), chunk=0)
    with pytest.raises(ValueError, match="one direction"):
        read_in_chunks(nn.LSTM(2, 3, bidirectional=True), torch.zeros(4, 1, 2), 2)


def test_progress_is_shown_on_terminals_only(monkeypatch, capsys):
    task = FirstAndLast(3, 1)
    model = LastStepClassifier(nn.RNN(1, 2))
    fit(model, task, steps=2, generator=seeded())
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    fit(model, task, steps=2, generator=seeded())
    shown = capsys.readouterr().err
    assert "update 1 of 2, loss" in shown
    assert shown.endswith("\n")
