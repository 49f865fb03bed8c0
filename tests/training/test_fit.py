"""fit against Adam by hand, against the baselines of a task, and when numbers go wrong."""

import math

import pytest
import torch
from torch import nn

from lstm_book.models import LastStepClassifier
from lstm_book.tasks import FirstAndLast
from lstm_book.training import History, fit


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
