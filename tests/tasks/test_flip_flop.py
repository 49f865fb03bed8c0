"""The flip-flop against a loop over its steps, and its baselines against sequences."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lstm_book.tasks import FlipFlop


@given(
    T=st.integers(1, 20),
    bits=st.integers(1, 4),
    pulses=st.floats(0, 1),
    seed=st.integers(0, 2**31),
)
def test_targets_against_a_loop(T, bits, pulses, seed):
    task = FlipFlop(T, bits, pulses)
    x, y = task.sample(3, generator=torch.Generator().manual_seed(seed))
    assert x.shape == y.shape == (T, 3, bits)
    assert (x[0] != 0).all()
    kept = x[0]
    for x_t, y_t in zip(x, y, strict=True):
        kept = torch.where(x_t != 0, x_t, kept)
        assert torch.equal(kept, y_t)


def test_baselines_are_what_such_answers_score():
    task = FlipFlop(length=10, bits=2, pulses=0.3)
    draws = torch.Generator().manual_seed(0)
    x, y = task.sample(20_000, generator=draws)
    coin = torch.randn(x.shape, generator=draws)
    baselines = task.baselines()
    assert task.accuracy(coin, y) == pytest.approx(baselines["a coin for each bit"], abs=0.01)
    seen = torch.where(x != 0, x, coin)
    assert task.accuracy(seen, y) == pytest.approx(baselines["this step's pulses alone"], abs=0.01)
    assert task.accuracy(y, y) == 1
    assert task.loss(y, y) == 0


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"length": 0}, ValueError),
        ({"bits": 0}, ValueError),
        ({"pulses": 1.5}, ValueError),
        ({"pulses": "often"}, TypeError),
        ({"bits": 3.0}, TypeError),
    ],
)
def test_refused(options, error):
    with pytest.raises(error, match="expected"):
        FlipFlop(**options)
