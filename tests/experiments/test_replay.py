"""The code of today makes the first updates of every stored run again, and other code does not."""

from dataclasses import replace
from math import nan

import pytest
import torch
from torch import nn

from lstm_book.cells import GreffLSTMCell, LSTMState
from lstm_book.experiments import EXPERIMENTS, learn_task, load_experiment
from lstm_book.experiments.ablation import CountSinceReset
from lstm_book.experiments.classification import Choice, Classification
from lstm_book.experiments.learn_task import LearnTask
from lstm_book.experiments.replay import (
    TRAINED,
    UNTRAINED,
    Repeat,
    answered_again,
    differences,
    trained_again,
)
from lstm_book.experiments.run import run
from lstm_book.tasks import Adding
from lstm_book.training.watch import first_losses


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_stored_runs_first_updates_repeat_and_its_weights_answer_as_before(name):
    repeats = load_experiment(name).replay()
    assert repeats
    assert differences(repeats) == []


# Other code does not repeat them. An ablation's cell is the package's own, and quick.

NAME = "ablation-reset-peepholes"


def replayed(name=NAME, **settings):
    """Return which numbers of the first seed differ, each as the loss's place or "weights"."""
    stored = load_experiment(name)
    stored = replace(stored, experiment=replace(stored.experiment, **settings))
    repeats = stored.replay(stored.values("seed")[:1])
    return [
        "weights" if "weights" in r.what else int(r.what.split()[1]) for r in repeats if not r.same
    ]


def test_todays_code_repeats():
    assert replayed() == []


@pytest.mark.parametrize(
    "memory",
    [
        lambda gates, c: gates.i * c + gates.f * gates.g,
        lambda gates, c: gates.f * c - gates.i * gates.g,
        lambda gates, c: 1.01 * gates.f * c + gates.i * gates.g,
    ],
    ids=["gates exchanged", "a sign", "a hundredth"],
)
def test_another_equation_is_noticed(monkeypatch, memory):
    step = GreffLSTMCell.step

    def other(self, x_t, state):
        _, gates = step(self, x_t, state)
        c = memory(gates, state.c)
        return LSTMState(gates.o * c.tanh(), c), gates

    monkeypatch.setattr(GreffLSTMCell, "step", other)
    assert replayed() == [1, 2, 3, "weights"]


def test_other_first_weights_are_noticed(monkeypatch):
    start = learn_task.init_chrono_

    def later(layer, length):
        start(layer, length + 1)

    monkeypatch.setattr(learn_task, "init_chrono_", later)
    assert replayed("adding-50-chrono")[:1] == [1]


def test_other_sequences_are_noticed(monkeypatch):
    sample = CountSinceReset.sample

    def one_draw_more(self, batch, *, generator=None):
        torch.rand(1, generator=generator)
        return sample(self, batch, generator=generator)

    monkeypatch.setattr(CountSinceReset, "sample", one_draw_more)
    assert replayed() == [1, 2, 3, "weights"]


def test_another_learning_rate_is_noticed():
    assert replayed(lr=1.1e-2) == [2, 3]


def test_another_optimiser_is_noticed(monkeypatch):
    monkeypatch.setattr(torch.optim, "AdamW", torch.optim.Adamax)
    assert replayed()[-1:] == [3]


def test_a_gradient_that_does_not_flow_is_noticed(monkeypatch):
    clip = nn.utils.clip_grad_norm_

    def without_the_first(parameters, limit):
        parameters = list(parameters)
        parameters[0].grad.zero_()
        return clip(parameters, limit)

    monkeypatch.setattr(nn.utils, "clip_grad_norm_", without_the_first)
    assert replayed()[:1] == [2]


def test_weights_of_another_seed_are_noticed(monkeypatch):
    first = load_experiment("adding-100").model_of(1)
    monkeypatch.setattr(type(load_experiment("adding-100")), "_model", lambda *_: first)
    assert replayed("adding-100") == ["weights"]


# What is compared.

TINY = LearnTask(
    name="tiny", about="", seeds=(0, 1), task=Adding(6), hidden_size=4, batch=5, sequences=50,
    held_out=20,
)  # fmt: skip


def test_the_first_losses_are_those_of_the_whole_training(tmp_path):
    stored = run(TINY, tmp_path, keep_every_seed=True)
    for result in stored.results:
        (losses,) = result["first_losses"]
        assert len(losses) == 3
        assert [round(loss, 5) for loss in losses] == result["history"]["loss"][:3]
    assert [repeat.gap for repeat in stored.replay()] == [0.0] * (3 * 2 + 2)
    assert len(stored.replay([1])) == 4
    assert len(replace(stored, experiment=replace(TINY, replayed=2)).replay([1])) == 4


def test_a_replay_leaves_threads_and_random_numbers_as_they_are(tmp_path):
    stored = run(TINY, tmp_path, seeds=[0])
    torch.set_num_threads(2)
    try:
        before = torch.get_rng_state()
        stored.replay()
        assert torch.get_num_threads() == 2
        assert torch.equal(torch.get_rng_state(), before)
    finally:
        torch.set_num_threads(1)


def test_a_search_replays_each_candidates_first_updates():
    few = Classification(name="small", about="", data="digits-rows", hidden_size=4, epochs=1)
    choice = Choice(
        name="c", about="", candidates=(few, replace(few, name="b", noise=0.0)), folds=3
    )
    one, other = choice.first_losses(0)
    assert len(one) == len(other) == 3
    assert one != other
    with first_losses(3) as whole:
        choice.train(0, lambda words: None)
    assert whole == one  # of the first candidate, on the first fold


@pytest.mark.parametrize(
    ("then", "now", "same"),
    [
        (0.5, 0.5 * (1 + 0.9 * UNTRAINED), True),
        (0.5, 0.5 * (1 + 1.1 * UNTRAINED), False),
        (0.0, 0.0, True),
        (0.0, 1e-6, False),
        (nan, 0.5, False),
        (0.5, nan, False),
    ],
)
def test_a_loss_before_any_update_is_the_same_or_not(then, now, same):
    (repeat,) = trained_again(3, [[then]], [[now]])
    assert repeat.same is same
    assert bool(differences([repeat])) is not same


def test_later_losses_and_trained_weights_may_be_off_a_little_more():
    now = [1 + 0.9 * TRAINED] * 2
    assert [r.same for r in trained_again(0, [[1.0, 1.0]], [now])] == [False, True]
    assert [r.same for r in answered_again(0, [1.0], now[:1])] == [True]
    assert [r.same for r in answered_again(0, [1.0], [1 + 1.1 * TRAINED])] == [False]


def test_what_is_not_stored_or_does_not_come_out_differs():
    assert [r.same for r in trained_again(0, [], [[1.0, 2.0]])] == [False, False]
    assert [r.same for r in trained_again(0, [[1.0, 2.0]], [[1.0]])] == [True, False]
    assert answered_again(0, [], []) == []
    names = [repeat.what for repeat in trained_again(4, [[1.0], [1.0]], [[1.0], [1.0]])]
    assert names == ["loss 1 of training 1 of seed 4", "loss 1 of training 2 of seed 4"]
    assert differences([Repeat("loss 1 of the weights of seed 0", nan, 2.0, 0.1)]) == [
        "loss 1 of the weights of seed 0 was nan and is 2"
    ]
