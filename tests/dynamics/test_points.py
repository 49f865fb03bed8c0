"""Fixed points against nets set by hand, scipy's root finder, and long runs."""

import math

import pytest
import torch
from dynamics_layers import KINDS, layer_of, starts_of, stepped
from scipy.optimize import root
from torch import nn

from lstm_book.cells import RecurrentDropoutLSTMCell
from lstm_book.dynamics import fixed_points
from lstm_book.layers import Recurrent


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported")
@pytest.mark.parametrize("kind", KINDS)
def test_the_layer_itself_stays_at_a_fixed_point(kind):
    layer, x = layer_of(kind), torch.tensor([0.3, -0.7])
    points = fixed_points(layer, x, starts_of(layer))
    assert len(points.speed) >= 1
    assert points.fixed.all()
    layer.double()
    after = stepped(layer, x.double(), points.states)
    pairs = zip(after, points.states, strict=True) if isinstance(after, tuple) else None
    for new, old in pairs or [(after, points.states)]:
        torch.testing.assert_close(new, old, rtol=0, atol=1e-7)  # biases add in float32


def test_the_points_of_a_single_unit_and_their_stability():
    rnn = nn.RNN(1, 1)
    for weight, value in zip(rnn.parameters(), (0.0, 2.0, 0.0, 0.0), strict=True):
        nn.init.constant_(weight, value)
    points = fixed_points(rnn, torch.zeros(1), torch.linspace(-2, 2, 41)[:, None])
    order = points.states[:, 0].argsort()
    rest = 0.9575040240772687  # of h = tanh 2h
    wanted = torch.tensor([-rest, 0.0, rest], dtype=torch.float64)
    torch.testing.assert_close(points.states[order, 0], wanted, rtol=0, atol=1e-9)
    assert points.stable[order].tolist() == [True, False, True]
    assert points.unstable_directions[order].tolist() == [0, 1, 0]
    slopes = torch.tensor([2 * (1 - rest**2), 2.0, 2 * (1 - rest**2)], dtype=torch.float64)
    torch.testing.assert_close(points.eigenvalues[order, 0].real, slopes)
    torch.testing.assert_close(points.time_scales[order, 0], 1 / slopes.log().abs())


def test_an_lstm_set_by_hand():
    lstm = nn.LSTM(1, 1)
    for weight in lstm.parameters():
        nn.init.zeros_(weight)
    with torch.no_grad():
        lstm.bias_ih_l0.copy_(torch.tensor([0.0, math.log(3), math.atanh(0.5), 0.0]))
    points = fixed_points(lstm, torch.zeros(1), (torch.zeros(2, 1), torch.ones(2, 1)))
    # c = 0.75 c + 0.5 · 0.5, so c = 1 and h = tanh(1)/2
    assert points.states.c[:, 0].tolist() == pytest.approx([1.0], abs=1e-6)
    assert points.states.h[0, 0].item() == pytest.approx(math.tanh(1) / 2, abs=1e-6)
    assert points.eigenvalues.abs()[0].tolist() == pytest.approx([0.75, 0.0], abs=1e-6)
    assert points.ended.tolist() == [0, 0]


@pytest.mark.parametrize("kind", ["torch LSTM", "GRU", "tanh RNN"])
def test_against_scipy(kind):
    layer, x = layer_of(kind), torch.tensor([0.3, -0.7])
    with torch.no_grad():
        for name, weight in layer.named_parameters():
            weight.mul_(4 if "weight_hh" in name else 1)
    starts = starts_of(layer)
    points = fixed_points(layer, x, starts)
    mine = torch.cat(points.states, -1) if isinstance(starts, tuple) else points.states
    layer.double()

    def distance(s):
        s = torch.tensor(s)[None]
        state = s.split(3, -1) if isinstance(starts, tuple) else s
        with torch.no_grad():
            after = stepped(layer, x.double(), state)
        after = torch.cat(after, -1) if isinstance(after, tuple) else after
        return (after - s)[0].numpy()

    found = 0
    for start in torch.cat(starts, -1) if isinstance(starts, tuple) else starts:
        answer = root(distance, start.double().numpy(), tol=1e-12)
        reached = abs(answer.x[:3]).max() <= 1  # beyond, gates saturate and nothing moves
        if answer.success and reached and abs(distance(answer.x)).max() < 1e-10:
            found += 1
            assert (mine - torch.tensor(answer.x)).abs().amax(-1).min() < 1e-6
    assert found >= 5


def test_a_slow_point_is_told_from_a_fixed_one():
    rnn = nn.RNN(1, 1)
    for weight, value in zip(rnn.parameters(), (1.0, 1.0, 0.0, 0.0), strict=True):
        nn.init.constant_(weight, value)
    with torch.no_grad():
        rnn.weight_hh_l0.fill_(1.2)
    # h = tanh(1.2 h + a) loses two points where a passes the fold, and q keeps a minimum there
    rest = math.sqrt(1 - 1 / 1.2)
    fold = math.atanh(rest) - 1.2 * rest
    points = fixed_points(rnn, torch.tensor([-fold + 1e-4]), torch.tensor([[-rest], [1.0]]))
    assert points.fixed.tolist() == [True, False]
    assert points.ended.tolist() == [1, 0]
    assert points.states[1, 0].item() == pytest.approx(-rest, abs=0.02)
    assert 0 < points.speed[1] < 1e-8
    none = fixed_points(rnn, torch.tensor([-fold + 1e-4]), torch.tensor([[-rest]]), slow=1e-12)
    assert none.ended.tolist() == [-1]
    assert not none.converged.any()
    assert none.states.shape == (0, 1)


def test_no_starts_and_too_few_steps():
    rnn = layer_of("tanh RNN")
    assert fixed_points(rnn, torch.zeros(2), torch.zeros(0, 3)).speed.shape == (0,)
    few = fixed_points(rnn, torch.ones(2), torch.ones(3, 3), steps=1)
    assert not few.converged.any()


@pytest.mark.parametrize("kind", ["torch LSTM", "GRU", "tanh RNN"])
def test_a_layer_that_does_more_than_its_equations(kind):
    layer = layer_of(kind)
    layer.register_forward_hook(lambda *_: None)
    with pytest.raises(TypeError, match="without forward hooks"):
        fixed_points(layer, torch.zeros(2), starts_of(layer))


@pytest.mark.parametrize("kind", ["LSTM cell", "GRU cell", "coupled cell"])
def test_a_cell_that_does_more_than_its_equations(kind):
    layer = layer_of(kind)
    layer.cells[0].register_forward_hook(lambda *_: None)
    with pytest.raises(TypeError, match="hook"):
        fixed_points(layer, torch.zeros(2), starts_of(layer))


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported")
@pytest.mark.parametrize("kind", KINDS)
def test_no_search_moves_the_generator(kind):
    layer, starts = layer_of(kind), starts_of(layer_of(kind))
    before = torch.get_rng_state()
    fixed_points(layer, torch.zeros(2), starts, steps=2)
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_that_are_nan_converge_to_nothing():
    layer = layer_of("GRU")
    layer.weight_hh_l0.data[0, 0] = math.nan
    assert not fixed_points(layer, torch.zeros(2), torch.zeros(4, 3)).converged.any()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: fixed_points(nn.Linear(2, 3), torch.zeros(2), None), TypeError, "layer"),
        (lambda: fixed_points(nn.GRU(2, 3, 2), torch.zeros(2), None), ValueError, "one layer"),
        (
            lambda: fixed_points(nn.GRU(2, 3, bidirectional=True), torch.zeros(2), None),
            ValueError,
            "2 directions",
        ),
        (
            lambda: fixed_points(nn.GRU(2, 3), torch.zeros(5, 2), torch.zeros(1, 3)),
            ValueError,
            "held at every step",
        ),
        (lambda: fixed_points(nn.GRU(2, 3), torch.zeros(3), None), RuntimeError, "D=2"),
        (
            lambda: fixed_points(nn.GRU(2, 3), torch.full((2,), math.nan), torch.zeros(1, 3)),
            ValueError,
            "finite numbers in x",
        ),
        (
            lambda: fixed_points(nn.GRU(2, 3), torch.zeros(2), torch.full((1, 3), math.inf)),
            ValueError,
            "finite numbers in starts",
        ),
        (
            lambda: fixed_points(nn.LSTM(2, 3), torch.zeros(2), torch.zeros(1, 3)),
            TypeError,
            "starts to be a tuple",
        ),
        (
            lambda: fixed_points(
                nn.LSTM(2, 3), torch.zeros(2), (torch.zeros(2, 3), torch.zeros(1, 3))
            ),
            RuntimeError,
            r"starts\.c of shape \(B=2, H=3\)",
        ),
        (
            lambda: fixed_points(
                Recurrent(RecurrentDropoutLSTMCell(2, 3, p=0.5)), torch.zeros(2), None
            ),
            TypeError,
            "mask",
        ),
        (
            lambda: fixed_points(nn.GRU(2, 3), torch.zeros(2), torch.zeros(1, 3), tolerance=0),
            ValueError,
            "tolerance",
        ),
    ],
)
def test_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()
