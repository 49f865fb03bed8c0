"""Scores are those of the task, and training ends when it is told to."""

import copy
import itertools
import math
import threading

import pytest
import torch
from torch import nn

from lstm_book.layers import read_in_chunks
from lstm_book.models import LastStepClassifier
from lstm_book.tasks import Adding, FirstAndLast, Parity
from lstm_book.training import PeakMemory, Solved, evaluate, evaluate_by_length, fit


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
    with pytest.raises(TypeError, match="expected a task with a length, a dataclass, got <"):
        evaluate_by_length(Sum(), Chosen(), (2,))
    with pytest.raises(ValueError, match="length to be a whole number from 2 on, got 1"):
        evaluate_by_length(Sum(), FirstAndLast(5), (1,))


class Chosen:
    """A task of given scores."""

    def __init__(self, loss=0.5, accuracy=0.5):
        self.scores = loss, accuracy

    def sample(self, batch, *, generator=None):
        return torch.ones(3, batch, 1), torch.ones(batch)

    def loss(self, logits, y):
        return torch.tensor(self.scores[0])

    def accuracy(self, logits, y):
        return self.scores[1]


@pytest.mark.parametrize(
    ("loss", "accuracy", "solved"),
    [
        (0.1, 0.9, True),
        (0.1, 0.75, True),
        (0.25, 0.9, False),  # the loss must be below
        (0.1, 0.7, False),
        (0.3, 0.9, False),
        (0.3, 0.7, False),
        (math.nan, 0.9, False),
    ],
)
def test_a_task_is_solved_by_loss_and_accuracy_both(loss, accuracy, solved):
    task = Chosen(loss, accuracy)
    stop = Solved(task, *task.sample(5), loss=0.25, accuracy=0.75, every=4)
    assert [stop(Sum(), updates) for updates in (1, 2, 3)] == [False] * 3
    assert stop.score is None
    assert stop(Sum(), 4) is solved
    assert stop.score.loss == pytest.approx(loss, nan_ok=True)


def test_five_hundred_sequences_by_default(monkeypatch):
    numbers, sample = [], FirstAndLast.sample

    def counted(self, batch, *, generator=None):
        numbers.append(batch)
        return sample(self, batch, generator=generator)

    monkeypatch.setattr(FirstAndLast, "sample", counted)
    evaluate(Sum(), FirstAndLast())
    evaluate_by_length(Sum(), FirstAndLast(), [3])
    assert numbers == [500, 500]


def test_defaults_of_solved():
    stop = Solved(Chosen(), *Chosen().sample(1))
    assert (stop.loss, stop.accuracy, stop.every, stop.chunk) == (1e-3, 0.9, 50, None)
    assert Solved(Chosen(), *Chosen().sample(1), loss=math.inf)(Sum(), 50) is False


@pytest.mark.parametrize("score", [lambda m, t: evaluate(m, t), lambda m, t: Scored(t)(m, 50)])
def test_answers_that_are_nan_have_no_accuracy(score):
    found = score(Sum(), Chosen(math.nan, 0.5))
    assert math.isnan(found.loss)
    assert math.isnan(found.accuracy)


class Scored(Solved):
    """Solved, asked for its score."""

    def __init__(self, task):
        super().__init__(task, *task.sample(5))

    def __call__(self, model, updates):
        super().__call__(model, updates)
        return self.score


class Parts(nn.Module):
    """A model of which a part is frozen, and every part's answer depends on its mode."""

    def __init__(self):
        super().__init__()
        self.norm, self.dropout = nn.BatchNorm1d(2), nn.Dropout(0.5)
        self.inner = LastStepClassifier(nn.LSTM(2, 3, 2, dropout=0.5))
        self.norm.eval()

    def forward(self, x):
        return self.inner(self.dropout(self.norm(x.flatten(0, 1)).view(x.shape)))


def modes(model):
    return {name: module.training for name, module in model.named_modules()}


def test_the_mode_of_every_part_stays():
    torch.manual_seed(0)
    model, task = Parts(), FirstAndLast(3, 2)
    before, state = modes(model), copy.deepcopy(model.state_dict())
    assert set(before.values()) == {True, False}
    stop = Solved(task, *task.sample(5, generator=seeded()), every=1)
    one = evaluate(model, task, generator=seeded())
    evaluate_by_length(model, task, (2, 3), generator=seeded())
    stop(model, 1)
    assert modes(model) == before
    for name, value in model.state_dict().items():
        assert torch.equal(value, state[name])
    assert evaluate(model.eval(), task, generator=seeded()) == one


def test_the_mode_stays_when_the_model_fails():
    model = Parts()
    with pytest.raises(RuntimeError):
        evaluate(model, FirstAndLast(3, 5))
    assert modes(model) == modes(Parts())


def test_threads_may_share_a_model():
    torch.manual_seed(0)
    model, task = Parts(), FirstAndLast(3, 2)
    wanted, found = evaluate(copy.deepcopy(model).eval(), task, generator=seeded()), []

    def work():
        found.extend(evaluate(model, task, generator=seeded()) for _ in range(10))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [wanted] * 40
    assert modes(model) == modes(Parts())


def test_a_frozen_part_stays_frozen_in_training():
    torch.manual_seed(0)
    model, task, seen = Parts(), FirstAndLast(3, 2), []
    model.norm.register_forward_hook(lambda *_: seen.append(modes(model)))
    before, mean = modes(model), model.norm.running_mean.clone()
    stop = Solved(task, *task.sample(5), every=1)
    fit(model, task, steps=3, generator=seeded(), stop=stop)
    assert seen == [before] * 6  # three updates, and a look after each
    assert modes(model) == before
    assert torch.equal(model.norm.running_mean, mean)


def test_a_model_in_evaluation_mode_is_trained_in_training_mode():
    model = Parts().eval()
    fit(model, FirstAndLast(3, 2), steps=1)
    assert set(modes(model).values()) == {True}


class Constant(nn.Module):
    """A model without parameters: a baseline."""

    def forward(self, x):
        return x[-1, :, 0]


@pytest.mark.parametrize("scale", [None, 2.0])
def test_a_model_without_parameters_can_be_scored(scale):
    model = Constant()
    if scale:
        model.register_buffer("scale", torch.tensor(scale))
    score = evaluate(model, FirstAndLast(3, 1), sequences=4000, generator=seeded())
    assert score.accuracy == pytest.approx(0.75, abs=0.03)  # the last element alone


X, Y = Chosen().sample(5)


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: evaluate("a", Chosen()), TypeError, "model to be a torch.nn.Module, got str"),
        (lambda: evaluate(Sum(), object()), TypeError, "got object without sample, loss, accuracy"),
        (lambda: evaluate(Sum(), Adding), TypeError, "got the class Adding itself"),
        (lambda: evaluate(Sum(), Adding(9), sequences=0), ValueError, "sequences .* from 1 on, go"),
        (lambda: evaluate(Sum(), Adding(9), sequences=2.0), TypeError, "got float 2.0"),
        (lambda: evaluate(Sum(), Adding(9), chunk=0), ValueError, "chunk .* from 1 on, got 0"),
        (lambda: evaluate(Sum(), Adding(9), generator=3), TypeError, "generator .* got int"),
        (lambda: evaluate_by_length(Sum(), Adding(9), 4), TypeError, "several lengths, got int"),
        (lambda: evaluate_by_length(Sum(), Adding(9), "ab"), TypeError, "length .* got str 'a'"),
        (lambda: evaluate_by_length(Sum(), Adding(9), [0]), ValueError, "from 1 on, got 0"),
        (lambda: evaluate_by_length(Sum(), Adding, [3]), TypeError, "the class Adding itself"),
        (lambda: evaluate_by_length(None, Adding(9), [3]), TypeError, "Module, got NoneType"),
        (lambda: Solved(object(), X, Y), TypeError, "with loss, accuracy, got object without"),
        (lambda: Solved(Chosen(), None, Y), TypeError, "x to be a torch.Tensor, got NoneType"),
        (lambda: Solved(Chosen(), X, [1.0]), TypeError, "y to be a torch.Tensor, got list"),
        (lambda: Solved(Chosen(), X[:, :0], Y), ValueError, r"held-out x, got none, \(3, 0, 1\)"),
        (lambda: Solved(Chosen(), X, Y[:0]), ValueError, r"held-out y, got none, \(0,\)"),
        (lambda: Solved(Chosen(), X, Y, every=0), ValueError, "every .* from 1 on, got 0"),
        (lambda: Solved(Chosen(), X, Y, every=-1), ValueError, "every .* from 1 on, got -1"),
        (lambda: Solved(Chosen(), X, Y, every=2.5), TypeError, "every .* got float 2.5"),
        (lambda: Solved(Chosen(), X, Y, loss=math.nan), ValueError, "loss .* finite .* got nan"),
        (lambda: Solved(Chosen(), X, Y, loss="a"), TypeError, "loss to be a number, got str 'a'"),
        (lambda: Solved(Chosen(), X, Y, loss=X), TypeError, "loss to be a number, got Tensor"),
        (lambda: Solved(Chosen(), X, Y, accuracy=1.1), ValueError, "at most 1, got 1.1"),
        (lambda: Solved(Chosen(), X, Y, accuracy=math.nan), ValueError, "accuracy .* got nan"),
        (lambda: Solved(Chosen(), X, Y, chunk=0), ValueError, "chunk .* got 0"),
        (lambda: Solved(Chosen(), X, Y)(3, 50), TypeError, "Module, got int"),
        (lambda: Solved(Chosen(), X, Y)(Sum(), None), TypeError, "updates .* got NoneType"),
    ],
)
def test_arguments_that_cannot_be(call, error, said):
    with pytest.raises(error, match=said):
        call()


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
    with PeakMemory(x, *model.parameters()) as memory:
        model(x, chunk=chunk).sum().backward()
    return memory.peak


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
