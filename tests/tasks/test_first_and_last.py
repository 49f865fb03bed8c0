"""The task against its definition, its baselines and its own statistics."""

import dataclasses
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lstm_book.tasks import FirstAndLast

N = 20_000


def within(share, expected, n=N):
    """Whether a share of n trials lies within four standard deviations of what is expected."""
    return abs(share - expected) < 4 * math.sqrt(expected * (1 - expected) / n)


@given(T=st.integers(2, 8), D=st.integers(1, 4), B=st.integers(0, 6), seed=st.integers(0, 2**31))
def test_class_against_the_definition_row_by_row(T, D, B, seed):
    x, y = FirstAndLast(T, D).sample(B, generator=torch.Generator().manual_seed(seed))
    assert x.shape == (T, B, D)
    assert x.dtype == y.dtype == torch.float32
    assert y.tolist() == [float(x[0, k, 0] + x[T - 1, k, 0] > 0) for k in range(B)]


def test_inputs_are_standard_normal(generator):
    x, y = FirstAndLast(5, 3).sample(N, generator=generator)
    assert abs(x.mean().item()) < 4 / math.sqrt(x.numel())
    assert x.var().item() == pytest.approx(1, abs=4 * math.sqrt(2 / x.numel()))
    assert within(y.mean().item(), 0.5)
    # Steps and features are independent of each other.
    covariance = torch.cov(x.permute(0, 2, 1).reshape(15, N))
    off_diagonal = covariance[~torch.eye(15, dtype=torch.bool)]
    assert off_diagonal.abs().max() < 5 / math.sqrt(N)


def test_baselines_against_measured_rules(generator):
    task = FirstAndLast(10, 2)
    x, y = task.sample(N, generator=generator)
    baselines = task.baselines()
    coin = torch.randn(N, generator=generator)
    rules = {"a coin": coin, "the last element alone": x[-1, :, 0]}
    assert baselines.keys() == rules.keys()
    for name, logits in rules.items():
        assert within(task.accuracy(logits, y), baselines[name]), name
    # What lies between and beside is noise; the sum is the whole answer.
    assert within(task.accuracy(x[5, :, 0], y), 0.5)
    assert within(task.accuracy(x[-1, :, 1], y), 0.5)
    assert within(task.accuracy(x[0, :, 0], y), 0.75)
    assert task.accuracy(x[0, :, 0] + x[-1, :, 0], y) == 1.0


def test_draws_repeat_with_their_generator_and_go_on():
    task = FirstAndLast(4, 2)
    first, second = (torch.Generator().manual_seed(1) for _ in range(2))
    (x_1, y_1), (x_2, y_2) = task.sample(3, generator=first), task.sample(3, generator=second)
    assert torch.equal(x_1, x_2)
    assert torch.equal(y_1, y_2)
    assert not torch.equal(task.sample(3, generator=first)[0], x_1)


def test_loss_and_accuracy_against_hand_worked_numbers():
    task = FirstAndLast()
    logits, y = torch.tensor([0.0, math.log(3), -math.log(3)]), torch.tensor([1.0, 1.0, 1.0])
    # Probabilities 1/2, 3/4 and 1/4 of the right class.
    want = -(math.log(1 / 2) + math.log(3 / 4) + math.log(1 / 4)) / 3
    assert task.loss(logits, y).item() == pytest.approx(want, rel=1e-6)
    assert task.accuracy(logits, y) == pytest.approx(1 / 3)
    assert task.accuracy(logits, 1 - y) == pytest.approx(2 / 3)


@pytest.mark.parametrize("measure", ["loss", "accuracy"])
def test_logits_that_would_broadcast_are_an_error(measure):
    task, y = FirstAndLast(), torch.zeros(4)
    with pytest.raises(ValueError, match=r"4, ?1\]?\)"):
        getattr(task, measure)(torch.zeros(4, 1), y)


def test_accuracy_wants_one_answer_for_each_class():
    with pytest.raises(RuntimeError, match=r"expected logits of shape \(B=4\), got \(1,\)"):
        FirstAndLast().accuracy(torch.zeros(1), torch.zeros(4))
    with pytest.raises(ValueError, match=r"expected y of shape \(B\), 1-D, got 2-D"):
        FirstAndLast().accuracy(torch.zeros(4), torch.zeros(4, 1))


def test_defaults_are_the_series():
    assert FirstAndLast() == FirstAndLast(length=30, features=10)


def test_a_task_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        FirstAndLast().length = 3


@pytest.mark.parametrize("length", [1, 0, -3])
def test_too_few_steps(length):
    with pytest.raises(ValueError, match=f"length to be a whole number from 2 on, got {length}"):
        FirstAndLast(length=length)


@pytest.mark.parametrize("features", [0, -1])
def test_too_few_features(features):
    with pytest.raises(
        ValueError, match=f"features to be a whole number from 1 on, got {features}"
    ):
        FirstAndLast(features=features)
