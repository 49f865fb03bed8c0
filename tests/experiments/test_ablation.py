"""Ablations start from the same memories, and their own task counts what it says."""

import itertools

import pytest
import torch

from lstm_book.experiments.ablation import VARIANTS, Ablation, CountSinceReset
from lstm_book.tasks import Adding, TemporalOrder
from lstm_book.training import evaluate_by_length

TASKS = [Adding(40), TemporalOrder(40, form="pascanu"), CountSinceReset(40)]


def ablation(task, variant, **settings):
    return Ablation(name="x", about="", task=task, layer=variant, **settings)


def generator(seed):
    return torch.Generator().manual_seed(seed)


def total(cell, gate):
    rows = len(cell.rows)
    bias = (cell.bias_ih + cell.bias_hh).chunk(rows)
    return bias[cell.rows.index(gate)].detach()


@pytest.mark.parametrize("task", TASKS, ids=lambda task: type(task).__name__)
def test_every_variant_begins_with_the_same_memories(task):
    starts = {}
    for variant in VARIANTS:
        cell = ablation(task, variant).untrained(7).layer.cells[0]
        starts[variant] = {gate: total(cell, gate) for gate in "if" if gate in cell.rows}
    log_u = starts["peepholes"]["f"]
    assert 0 <= log_u.min() < log_u.max() <= torch.tensor(39.0).log()
    for gates in starts.values():
        torch.testing.assert_close(gates.get("f", log_u), log_u)
        torch.testing.assert_close(gates.get("i", -log_u), -log_u)
    assert [name for name in VARIANTS if "f" not in starts[name]] == [
        "no forget gate",
        "coupled gates",
    ]
    assert [name for name in VARIANTS if "i" not in starts[name]] == ["no input gate"]
    other = ablation(task, "peepholes").untrained(8).layer.cells[0]
    assert not torch.equal(total(other, "f"), log_u)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: type(task).__name__)
def test_variants_without_a_forget_bias_can_be_trained(task):
    for variant in ("no forget gate", "coupled gates"):
        small = ablation(task, variant, hidden_size=4, sequences=120, held_out=50)
        metrics, model = small.train(0, lambda words: None)
        assert metrics["sequences"] == 100
        assert not metrics["solved"]
        assert model(task.sample(3)[0]).shape[0] == 3


def test_an_ablation_is_solved_and_stops():
    easy = ablation(CountSinceReset(2), "peepholes", loss=1e-2, accuracy=0.5, batch=20)
    metrics, _ = easy.train(0, lambda words: None)
    assert metrics["solved"]
    assert metrics["sequences"] < easy.sequences
    assert metrics["sequences"] == 20 * len(metrics["history"]["loss"])


def test_the_count_is_that_of_a_loop():
    x, y = CountSinceReset(30, every=5).sample(200, generator=generator(0))
    for n in range(200):
        count = 0
        for one, reset in x[:, n].tolist():
            assert not (one and reset)
            count = 0 if reset else count + one
        assert y[n] == pytest.approx(count / 10)
    assert y.max() > 0.5
    assert (y == 0).any()


def test_the_baseline_of_the_count_is_the_variance_by_enumeration():
    T, every = 5, 3
    moments = [0.0, 0.0]
    for steps in itertools.product(("one", "none", "reset"), repeat=T):
        weight, count = 1.0, 0
        for step in steps:
            weight *= 1 / every if step == "reset" else (1 - 1 / every) / 2
            count = 0 if step == "reset" else count + (step == "one")
        for power in (1, 2):
            moments[power - 1] += weight * (count / 10) ** power
    baseline = CountSinceReset(T, every).baselines()["always the mean"]
    assert baseline == pytest.approx(moments[1] - moments[0] ** 2)
    _, y = CountSinceReset(40).sample(200_000, generator=generator(1))
    assert y.var().item() == pytest.approx(CountSinceReset(40).baselines()["always the mean"], 0.02)


@pytest.mark.parametrize(("length", "every"), [(0, 10), (5, 0)])
def test_settings_that_are_too_small_are_named(length, every):
    with pytest.raises(ValueError, match=r"to be a whole number from 1 on, got 0"):
        CountSinceReset(length, every)


def test_a_count_can_be_asked_at_other_lengths():
    model = ablation(CountSinceReset(40), "all gates").untrained(0)
    scores = evaluate_by_length(model, CountSinceReset(40), [10, 20], generator=generator(0))
    assert set(scores) == {10, 20}
