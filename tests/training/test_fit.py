"""fit against Adam by hand, against the baselines of a task, and when numbers go wrong."""

import math
import time

import pytest
import torch
from torch import nn

from lstm_book.models import LastStepClassifier
from lstm_book.tasks import FirstAndLast
from lstm_book.training import History, fit
from lstm_book.training.fit import put_back, tell
from lstm_book.training.run import Run


class OneWeight(nn.Module):
    """logit = w x."""

    def __init__(self, w=0.0):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(w))

    def forward(self, x):
        return self.w * x


class Fixed:
    """A task of given losses: the loss is (logit - y) times a slope, on x = y = 1."""

    def __init__(self, slopes):
        self.slopes = list(slopes)

    def sample(self, batch, *, generator=None):
        return torch.ones(batch), torch.ones(batch)

    def loss(self, logits, y):
        return (logits * self.slopes.pop(0)).mean()

    def accuracy(self, logits, y):
        return float(((logits > 0) == (y > 0.5)).float().mean())


def test_updates_are_adams():
    # Adam's paper (2015), with the defaults of torch, on gradients 0.5, -0.25 and 0.125.
    slopes, lr, (b_1, b_2), eps = [0.5, -0.25, 0.125], 0.1, (0.9, 0.999), 1e-8
    w = m = v = 0.0
    for t, slope in enumerate(slopes, start=1):
        m, v = b_1 * m + (1 - b_1) * slope, b_2 * v + (1 - b_2) * slope**2
        w -= lr * (m / (1 - b_1**t)) / (math.sqrt(v / (1 - b_2**t)) + eps)
    model = OneWeight()
    fit(model, Fixed(slopes), steps=3, batch=4, lr=lr, clip=10.0)
    assert model.w.item() == pytest.approx(w, rel=1e-6)


def test_gradient_is_clipped_to_the_norm():
    # After a gradient of 1 and one of 100 clipped to 1, Adam has moved as after 1 and 1.
    clipped, wanted = OneWeight(), OneWeight()
    fit(clipped, Fixed([1.0, 100.0, 0.5]), steps=3, clip=1.0)
    fit(wanted, Fixed([1.0, 1.0, 0.5]), steps=3, clip=1.0)
    assert clipped.w.item() == pytest.approx(wanted.w.item(), rel=1e-5)


def test_history_is_from_before_each_update():
    model = OneWeight(1.0)
    history = fit(model, Fixed([2.0, 2.0]), steps=2, lr=0.25)
    # Adam's first step is lr: w = 1, then 0.75.
    assert history.loss == pytest.approx([2.0, 1.5], rel=1e-5)
    assert history.accuracy == [1.0, 1.0]
    assert isinstance(history, History)


def test_no_steps_change_nothing():
    model = OneWeight(1.0)
    assert fit(model, Fixed([]), steps=0) == History([], [])
    assert model.w.item() == 1.0


class Recorder(FirstAndLast):
    """A task that notes what it was asked for."""

    def sample(self, batch, *, generator=None):
        x, y = super().sample(batch, generator=generator)
        seen.append(x)
        return x, y


seen: list[torch.Tensor] = []


def test_every_batch_is_fresh_and_from_the_generator():
    seen.clear()
    model = LastStepClassifier(nn.RNN(2, 3))
    fit(model, Recorder(3, 2), steps=3, batch=5, generator=torch.Generator().manual_seed(4))
    generator = torch.Generator().manual_seed(4)
    wanted = [FirstAndLast(3, 2).sample(5, generator=generator)[0] for _ in range(3)]
    assert len(seen) == 3
    for got, want in zip(seen, wanted, strict=True):
        assert torch.equal(got, want)


def test_stop_is_asked_after_every_update():
    asked = []
    fit(OneWeight(), Fixed([0.5] * 3), steps=3, stop=lambda model, n: asked.append(n))
    assert asked == [1, 2, 3]


def test_defaults():
    seen.clear()
    fit(LastStepClassifier(nn.RNN(2, 3)), Recorder(3, 2), steps=1)
    assert [x.shape[1] for x in seen] == [64]
    default, wanted = OneWeight(), OneWeight()
    fit(default, Fixed([1.0, 100.0, 0.5]), steps=3)
    fit(wanted, Fixed([1.0, 100.0, 0.5]), steps=3, lr=1e-3, clip=1.0)
    assert default.w.item() == wanted.w.item() != 0


def trained(seed, steps=300, layer=nn.LSTM):
    torch.manual_seed(seed)
    model = LastStepClassifier(layer(1, 8))
    task = FirstAndLast(length=3, features=1)
    generator = torch.Generator().manual_seed(seed)
    history = fit(model, task, steps=steps, batch=64, lr=0.02, generator=generator)
    return model, task, history


@pytest.mark.parametrize("layer", [nn.LSTM, nn.RNN])
def test_a_tiny_task_is_learned_well_beyond_its_baselines(layer):
    model, task, history = trained(0, layer=layer)
    x, y = task.sample(2000, generator=torch.Generator().manual_seed(99))
    with torch.no_grad():
        accuracy = task.accuracy(model(x), y)
    assert accuracy > max(task.baselines().values()) + 0.15
    assert len(history.loss) == len(history.accuracy) == 300
    assert history.loss[0] == pytest.approx(math.log(2), abs=0.1)
    assert sum(history.loss[-20:]) / 20 < 0.25


def test_training_repeats_with_its_seeds():
    (first, _, one), (second, _, two), (_, _, other) = (trained(s, steps=5) for s in (1, 1, 2))
    assert one == two
    assert one != other
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)


def test_model_is_left_training():
    model = OneWeight().eval()
    fit(model, Fixed([0.1]), steps=1)
    assert model.training


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_loss_that_is_not_finite_stops_with_the_last_good_weights(bad):
    good, model = OneWeight(1.0), OneWeight(1.0)
    fit(good, Fixed([0.5, 0.5]), steps=2)
    with pytest.raises(FloatingPointError, match=r"finite loss, got -?(nan|inf) at step 2"):
        fit(model, Fixed([0.5, 0.5, bad, 0.5]), steps=4)
    assert model.w.item() == good.w.item() != 1.0


class Root(OneWeight):
    """logit = sqrt|w| x, whose slope at w = 0 is not finite though its value is."""

    def forward(self, x):
        return self.w.abs().sqrt() * x


def test_gradient_that_is_not_finite_stops_with_the_last_good_weights():
    model = Root(0.0)
    with pytest.raises(FloatingPointError, match=r"finite gradient, got norm (nan|inf) at step 0"):
        fit(model, Fixed([0.5, 0.5]), steps=2)
    assert model.w.item() == 0.0


class Normed(nn.Module):
    """A model with numbers that are no parameters, which every forward pass changes."""

    def __init__(self):
        super().__init__()
        self.norm, self.inner = nn.BatchNorm1d(1), nn.Linear(1, 1)

    def forward(self, x):
        return self.inner(self.norm(x[:, None]))[:, 0]


class Drawn(Fixed):
    """A task of given inputs; losses that are not finite come from these."""

    def sample(self, batch, *, generator=None):
        x = torch.arange(batch) * 1.0
        x[0] = self.slopes.pop(0)
        return x, torch.ones(batch)

    def loss(self, logits, y):
        return logits.square().mean()


def test_an_input_that_is_not_finite_is_in_none_of_the_models_numbers():
    torch.manual_seed(0)
    good, model = Normed(), Normed()
    model.load_state_dict(good.state_dict())
    fit(good, Drawn([0.5, 0.5]), steps=2)
    with pytest.raises(FloatingPointError, match="finite loss, got nan at step 2"):
        fit(model, Drawn([0.5, 0.5, math.nan]), steps=3)
    for (name, a), b in zip(good.state_dict().items(), model.state_dict().values(), strict=True):
        assert torch.equal(a, b), name


def test_what_is_put_back_is_what_was_given():
    given, lazy = torch.ones(2), nn.UninitializedBuffer()
    with put_back(iter([given, lazy])):
        given += 1
    assert given.tolist() == [2, 2]
    with pytest.raises(RuntimeError, match="size"), put_back([given]):
        given.add_(1).add_(torch.ones(3))
    assert given.tolist() == [2, 2]


@pytest.mark.parametrize("lr", [3e37, 1e38, 1e300])
def test_a_rate_beyond_the_range_of_the_weights_leaves_finite_ones(lr):
    torch.manual_seed(0)
    model, generator = LastStepClassifier(nn.LSTM(2, 8)), torch.Generator().manual_seed(0)
    with pytest.raises((FloatingPointError, RuntimeError)):
        fit(model, FirstAndLast(8, 2), steps=50, lr=lr, generator=generator)
    assert all(p.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize(("bad", "updates"), [(math.nan, 3), (math.inf, 3), (-1.0, 3), (-0.1, 1)])
def test_a_factor_that_cannot_be_is_refused_when_it_comes(bad, updates):
    good, model = OneWeight(1.0), OneWeight(1.0)
    fit(good, Fixed([0.5] * updates), steps=updates)
    with pytest.raises(ValueError, match=rf"schedule\({updates}\) to be a finite number, at leas"):
        fit(model, Fixed([0.5] * 9), steps=9, schedule=lambda n: 1.0 if n < updates else bad)
    assert model.w.item() == good.w.item()


@pytest.mark.parametrize(("bad", "error"), [(math.nan, ValueError), ("a", TypeError)])
def test_a_first_factor_that_cannot_be_trains_nothing(bad, error):
    model = OneWeight(1.0)
    with pytest.raises(error, match=r"schedule\(0\)"):
        fit(model, Fixed([0.5]), steps=1, schedule=lambda n: bad)
    assert model.w.item() == 1.0


NONE = nn.Identity()
FROZEN = OneWeight().requires_grad_(False)


@pytest.mark.parametrize(
    ("changed", "error", "said"),
    [
        ({"clip": -1.0}, ValueError, "clip to be a finite number, above 0, got -1.0"),
        ({"clip": 0}, ValueError, "above 0, got 0.0"),
        ({"clip": math.nan}, ValueError, "above 0, got nan"),
        ({"clip": -math.inf}, ValueError, "above 0, got -inf"),
        ({"clip": "1"}, TypeError, "clip to be a number, got str '1'"),
        ({"clip": torch.ones(2)}, TypeError, "clip to be a number, got Tensor"),
        ({"lr": -0.1}, ValueError, "lr to be a finite number, at least 0, got -0.1"),
        ({"lr": math.inf}, ValueError, "lr .* got inf"),
        ({"lr": math.nan}, ValueError, "lr .* got nan"),
        ({"lr": None}, TypeError, "lr to be a number, got NoneType"),
        ({"steps": -5}, ValueError, "steps to be a whole number from 0 on, got -5"),
        ({"steps": math.nan}, TypeError, "steps to be a whole number, got float nan"),
        ({"steps": 2.0}, TypeError, "steps to be a whole number, got float 2.0"),
        ({"steps": math.inf}, TypeError, "steps to be a whole number, got float inf"),
        ({"batch": 0}, ValueError, "batch to be a whole number from 1 on, got 0"),
        ({"batch": 2.5}, TypeError, "batch to be a whole number, got float 2.5"),
        ({"chunk": 0}, ValueError, "chunk to be a whole number from 1 on, got 0"),
        ({"chunk": "a"}, TypeError, "chunk to be a whole number, got str 'a'"),
        ({"schedule": 0.5}, TypeError, "schedule to be callable, got float"),
        ({"stop": 7}, TypeError, "stop to be callable or None, got int"),
        ({"checkpoint": "run.pt"}, TypeError, "checkpoint to be a Checkpoint or None, got str"),
        ({"generator": 3}, TypeError, "generator to be a torch.Generator or None, got int"),
        ({"model": "a"}, TypeError, "model to be a torch.nn.Module, got str"),
        ({"model": NONE}, ValueError, "a model with parameters to train, got one without"),
        ({"model": FROZEN}, ValueError, "a model with parameters to train, got one without"),
        ({"task": None}, TypeError, "got NoneType without sample, loss, accuracy"),
        ({"task": Fixed}, TypeError, "got the class Fixed itself"),
    ],
)
def test_arguments_that_cannot_be_train_nothing(changed, error, said):
    model, task = OneWeight(1.0), Fixed([0.5] * 3)
    with pytest.raises(error, match=said):
        fit(**{"model": model, "task": task, "steps": 3, **changed})
    assert model.w.item() == 1.0
    assert len(task.slopes) == 3


class Odd(Fixed):
    """A task that draws what is no pair of tensors."""

    def __init__(self, drawn):
        super().__init__([0.5])
        self.drawn = drawn

    def sample(self, batch, *, generator=None):
        return self.drawn


@pytest.mark.parametrize("drawn", [None, 3, (1, 2), torch.ones(2), (torch.ones(1),) * 3, "ab"])
def test_a_task_that_draws_something_else(drawn):
    with pytest.raises(TypeError, match="expected a task to draw inputs x and targets y, got"):
        fit(OneWeight(1.0), Odd(drawn), steps=1)


def test_a_task_whose_loss_is_no_scalar():
    task = Fixed([0.5])
    task.loss = lambda logits, y: 0.5
    with pytest.raises(TypeError, match=r"loss to be a torch.Tensor, got float"):
        fit(OneWeight(1.0), task, steps=1)
    task.loss = lambda logits, y: logits
    with pytest.raises(ValueError, match=r"a scalar loss, got shape \(64,\)"):
        fit(OneWeight(1.0), task, steps=1)


def test_a_limit_that_is_infinite_is_none():
    free, wanted = OneWeight(), OneWeight()
    fit(free, Fixed([1.0, 100.0]), steps=2, clip=math.inf)
    fit(wanted, Fixed([1.0, 100.0]), steps=2, clip=1e9)
    assert free.w.item() == wanted.w.item()


def test_the_line_on_a_terminal_ends_with_the_last_update(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    tell(None, 299, 300, None, 1.0)
    tell(None, int("300"), int("300"), None, 1.0)  # as two objects
    assert capsys.readouterr().err.count("\n") == 1


def test_a_training_does_not_last_longer_than_it_did():
    start, weight = time.perf_counter(), OneWeight()
    run = Run({}, weight, torch.optim.SGD(weight.parameters()), None, {}, None)
    assert run.seconds <= time.perf_counter() - start
