"""Runs on long-range tasks: what they measure, and that stopping one changes nothing."""

import itertools
import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace

import pytest
import torch
from torch import nn

from lstm_book.cells import weights_of
from lstm_book.experiments import EXPERIMENTS, Experiment, Outcome, learn_task, run_experiment
from lstm_book.experiments.catalogue import EVERY_SEED
from lstm_book.experiments.experiment import ResumableExperiment
from lstm_book.experiments.learn_task import LAYERS, GoOn, LearnInStages, LearnTask, LearnTaskInTime
from lstm_book.experiments.run import confirm, run
from lstm_book.experiments.store import read
from lstm_book.layers import Recurrent
from lstm_book.tasks import Adding, FirstAndLast, TemporalOrder
from lstm_book.training import Checkpoint, Score, evaluate

TINY = LearnTask(
    name="tiny",
    about="adding over six steps, hardly trained",
    seeds=(0, 1),
    task=Adding(6, batch_first=True),
    hidden_size=4,
    batch=5,
    sequences=500,
    held_out=40,
    loss=1e-9,
    save_every=10,
)
EASY = replace(TINY, name="easy", hidden_size=8, batch=20, loss=0.05, accuracy=0.1)


def silent(words):
    pass


def same_weights(model, other):
    pairs = zip(model.parameters(), other.parameters(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def without_time(record):
    """Return a record's results but for how long they took, and whether they were stopped."""
    unequal = ("seconds", "resumed_at")
    return [{k: v for k, v in r.items() if k not in unequal} for r in record["results"]]


# What a run measures.


def test_training_ends_when_the_task_is_solved():
    experiment = replace(EASY, sequences=40_000)
    metrics, model = experiment.train(0, silent)
    assert metrics["solved"] is True
    assert metrics["sequences"] < 40_000
    assert metrics["sequences"] % (50 * experiment.batch) == 0
    assert len(metrics["history"]["loss"]) * experiment.batch == metrics["sequences"]
    assert not model.training
    x, y = experiment.task.sample(4000, generator=torch.Generator().manual_seed(8))
    with torch.no_grad():
        error = (model(x).squeeze(1) - y).abs()
    # The run's own score is of 40 sequences, so it is only near to that of 4000.
    assert error.square().mean().item() == pytest.approx(metrics["loss"], rel=0.5)
    assert (error < 0.04).float().mean().item() == pytest.approx(metrics["accuracy"], abs=0.25)


def test_a_task_that_is_not_solved_takes_all_sequences():
    said = []
    metrics, _ = TINY.train(0, said.append)
    assert metrics["solved"] is False
    assert metrics["sequences"] == 500
    assert [words.split(",")[0] for words in said] == [f"update {n} of 100" for n in range(1, 101)]
    assert "held out Score(loss=" in said[-1]


@pytest.mark.parametrize(
    ("loss", "accuracy", "solved"), [(10, 0, True), (0, 0, False), (10, 1, False)]
)
def test_solved_asks_for_loss_and_accuracy(loss, accuracy, solved):
    metrics, _ = replace(TINY, sequences=5, loss=loss, accuracy=accuracy).train(0, silent)
    assert metrics["solved"] is solved


def test_training_ends_a_fifth_beyond_what_is_asked_and_on_fresh_sequences_too():
    losses = []

    class Watched(Adding):
        def loss(self, prediction, y):
            score = super().loss(prediction, y)
            if not torch.is_grad_enabled():
                losses.append(score.item())
            return score

    task = Watched(6, batch_first=True)
    metrics, _ = replace(EASY, task=task, sequences=40_000, loss=0.1, accuracy=-1).train(0, silent)
    held_out, fresh, final = losses[-3:]
    assert held_out < 0.08
    assert final == fresh == metrics["loss"] < 0.1
    assert fresh != held_out


def test_training_goes_on_if_fresh_sequences_say_no(monkeypatch):
    asked = []

    def at_first_bad(*args, **options):
        asked.append(options["generator"].initial_seed())
        score = evaluate(*args, **options)
        return score if len(asked) > 2 else Score(9.0, 0.0)

    monkeypatch.setattr("lstm_book.experiments.learn_task.evaluate", at_first_bad)
    metrics, _ = replace(EASY, sequences=40_000).train(0, silent)
    assert metrics["solved"] is True
    assert len(set(asked)) == len(asked) - 1 >= 3  # others at each look; the last for the score


def test_a_seed_decides_all_and_training_is_on_fresh_sequences():
    drawn = []

    class Watched(Adding):
        def sample(self, batch, *, generator=None):
            x, y = super().sample(batch, generator=generator)
            drawn.append(x)
            return x, y

    watched = replace(TINY, task=Watched(6, batch_first=True), sequences=50)
    first, model = watched.train(3, silent)
    seen = torch.cat(drawn[1:])  # without the one that shows the shape
    assert len(seen) == 50 + 2 * 40
    assert len(seen.unique(dim=0)) == len(seen)
    again, other = watched.train(3, silent)
    assert again == first
    assert same_weights(model, other)
    assert watched.train(4, silent).metrics["loss"] != first["loss"]


def test_chunks_change_memory_only():
    whole, _ = TINY.train(0, silent)
    cut, _ = replace(TINY, chunk=2).train(0, silent)
    assert cut["history"]["loss"] == pytest.approx(whole["history"]["loss"], abs=2e-5)
    assert cut["loss"] == pytest.approx(whole["loss"], rel=1e-4)


# How a run begins.


def test_untrained_is_what_training_begins_with():
    model = TINY.untrained(2)
    x, y = TINY.task.sample(5, generator=torch.Generator().manual_seed(1_000_003 + 2))
    metrics, _ = TINY.train(2, silent)
    assert metrics["history"]["loss"][0] == round(TINY.task.loss(model(x), y).item(), 5)


def test_first_biases():
    def biases(start):
        layer = replace(TINY, task=Adding(1000), hidden_size=64, start=start).untrained(0).layer
        return weights_of(layer).b.detach().chunk(4)

    i, f, g, o = biases("chrono")
    assert torch.equal(i, -f)
    assert 0 <= f.min() < 4
    assert 6 < f.max() <= math.log(999)
    default = biases("default")
    assert max(gate.abs().max() for gate in default) <= 2 / math.sqrt(64)
    chosen = biases(3.5)
    assert torch.equal(chosen[1], torch.full((64,), 3.5))
    for k in (0, 2, 3):
        assert torch.equal(chosen[k], default[k])
    assert torch.equal(g, default[2])
    assert torch.equal(o, default[3])


def test_each_half_of_chrono_alone():
    def layer(start):
        return replace(TINY, task=Adding(200), hidden_size=16, start=start).untrained(0).layer

    chrono, default, spread, shut = (
        weights_of(layer(start)).b.detach().chunk(4)
        for start in ("chrono", "default", "spread", "shut")
    )
    assert torch.equal(spread[1], chrono[1])
    assert torch.equal(shut[1], torch.full((16,), math.log(200)))
    assert torch.equal(shut[0], -shut[1])
    assert torch.equal(spread[0], default[0])
    for biases in (spread, shut):
        assert torch.equal(biases[2], default[2])
        assert torch.equal(biases[3], default[3])


# Learning told from polishing.

STAGES = LearnInStages(
    name="stages", about="", task=TINY.task, hidden_size=8, batch=10, sequences=8_000,
    held_out=40, loss=0.02, accuracy=0.1, block=100,
)  # fmt: skip


def test_the_plateau_is_left_when_the_mean_of_a_block_falls():
    metrics, model = STAGES.train(0, silent)
    plain, _ = LearnTask.train(STAGES, 0, silent)
    loss = plain["history"]["loss"]
    assert model is None
    assert "history" not in metrics
    assert {k: v for k, v in plain.items() if k != "history"}.items() <= metrics.items()
    means = [sum(loss[k : k + 10]) / 10 for k in range(0, len(loss) - 9, 10)]
    assert metrics["curve"] == pytest.approx(means, abs=1e-5)
    sliding = [sum(loss[k : k + 10]) / 10 for k in range(len(loss) - 9)]
    first = next(k for k, mean in enumerate(sliding) if mean < 0.05)
    assert metrics["left"] == 10 * (first + 10) < metrics["sequences"]


def test_a_plateau_that_is_never_left():
    metrics, _ = replace(STAGES, sequences=200, left=1e-9).train(0, silent)
    assert metrics["left"] is None
    assert len(metrics["curve"]) == 2
    metrics, _ = replace(STAGES, sequences=50).train(0, silent)
    assert metrics["curve"] == []
    assert metrics["left"] is None


def test_a_network_goes_on_where_another_task_left_it(tmp_path, monkeypatch):
    run(TINY, tmp_path, keep_every_seed=True)
    monkeypatch.setattr(learn_task, "read", lambda experiment: read(experiment, tmp_path))
    longer = GoOn(
        name="longer", about="", task=Adding(12, batch_first=True), hidden_size=4, batch=5,
        sequences=50, held_out=40, origin=TINY,
    )  # fmt: skip
    for seed in (0, 1):
        taught = read(TINY, tmp_path).model_of(seed)
        assert same_weights(longer.untrained(seed), taught)
        b = weights_of(replace(longer, shift=0.5).untrained(seed).layer).b
        change = (b - weights_of(taught.layer).b).detach().chunk(4)
        for gate, wanted in zip(change, (-0.5, 0.5, 0.0, 0.0), strict=True):
            assert gate == pytest.approx(torch.full((4,), wanted), abs=1e-6)
    metrics, model = longer.train(1, silent)
    x, y = longer.task.sample(40, generator=torch.Generator().manual_seed(4 * 1_000_003 + 1))
    assert metrics["loss_before"] == pytest.approx(longer.task.loss(taught(x), y).item())
    assert metrics["sequences"] == 50
    assert model is None  # scores alone are stored
    assert longer.configuration["origin"] == TINY.configuration
    assert json.loads(json.dumps(longer.configuration)) == longer.configuration


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("batch_first", [False, True])
def test_every_layer_trains(layer, batch_first):
    without = ("gru", "rnn", "1997", "no forget gate", "coupled gates")
    start = "default" if layer in without else "chrono"
    task = Adding(6, batch_first=batch_first)
    experiment = replace(TINY, layer=layer, start=start, task=task, sequences=10, chunk=3)
    metrics, model = experiment.train(0, silent)
    assert metrics["sequences"] == 10
    assert math.isfinite(metrics["loss"])
    assert not same_weights(model, experiment.untrained(0))
    wanted = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}.get(layer, Recurrent)
    assert isinstance(model.layer, wanted)


@pytest.mark.parametrize(
    ("task", "shape"),
    [
        (Adding(6, batch_first=True), (3, 1)),
        (Adding(6), (3, 1)),
        (FirstAndLast(6), (3,)),
        (TemporalOrder(length=100), (3, 4)),
    ],
)
def test_the_read_out_fits_the_task(task, shape):
    x, _ = task.sample(3)
    assert replace(TINY, task=task).build()(x).shape == shape


def test_settings_are_stored_as_they_are_written():
    settings = TINY.configuration
    assert settings["task"] == "Adding(length=6, form='modern', batch_first=True)"
    assert json.loads(json.dumps(settings)) == settings
    assert "save_every" not in settings  # how often a run is written down decides nothing
    assert replace(TINY, save_every=3).configuration == settings
    assert replace(TINY, task=Adding(7, batch_first=True)).configuration != settings


def test_in_time_the_learning_rate_rises_and_falls_to_nothing():
    experiment = LearnTaskInTime(
        name="in time", about="", task=Adding(6), batch=10, sequences=1_000, warm_up=4
    )
    factors = [experiment.schedule(made) for made in range(101)]
    assert factors[:4] == pytest.approx([0.25, 0.5, 0.75, 1], rel=3e-3)
    assert factors[50] == pytest.approx(0.5)
    assert factors[25] + factors[75] == pytest.approx(1)
    assert all(now > later for now, later in itertools.pairwise(factors[3:]))
    assert factors[100] == 0


def test_the_schedule_is_what_trains():
    settings = {"name": "tiny", "about": "", "task": TINY.task, "hidden_size": 4, "batch": 5}
    settings |= {"sequences": 100, "held_out": 20}
    model = LearnTaskInTime(**settings, lr=1e-2, warm_up=5).train(0, silent).model
    same = LearnTaskInTime(**settings, lr=1e-2, warm_up=5).train(0, silent).model
    constant = LearnTask(**settings, lr=1e-2).train(0, silent).model
    still = LearnTaskInTime(**settings, lr=1e-2, warm_up=10**9).train(0, silent).model
    assert same_weights(model, same)
    assert not same_weights(model, constant)
    start = LearnTask(**settings).untrained(0)
    for kept, first in zip(still.parameters(), start.parameters(), strict=True):
        assert torch.allclose(kept, first, atol=1e-6)


# A run that is stopped.

SCRIPT = """
import sys, time
sys.path.insert(0, {folder!r})
from pathlib import Path
from lstm_book.experiments.run import run
from tests.experiments.test_learn_task import LONGER, silent
run(LONGER, Path({target!r}), seeds=[0], keep_every_seed=True)
"""


@dataclass(frozen=True)
class Slow(Adding):
    """Adding whose sequences take a little longer to come, so that a process can be stopped."""

    seconds: float = 0.0

    def __repr__(self):
        return "Slow"

    def sample(self, batch, *, generator=None):
        time.sleep(self.seconds)
        return super().sample(batch, generator=generator)


LONGER = replace(
    TINY, name="longer", task=Slow(6, batch_first=True, seconds=0.005), sequences=800, seeds=(0,)
)


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_a_run_stopped_by_ctrl_c_ends_as_if_it_had_not_been(tmp_path):
    target = tmp_path / "stopped"
    script = SCRIPT.format(folder=os.getcwd(), target=str(target))
    process = subprocess.Popen(
        [sys.executable, "-c", script], stderr=subprocess.PIPE, start_new_session=True
    )
    written = target / "longer-0.checkpoint"
    try:
        while not written.exists():
            assert process.poll() is None
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert process.returncode != 0
    assert b"KeyboardInterrupt" in errors
    assert [path.name for path in target.iterdir()] == ["longer-0.checkpoint"]
    done = Checkpoint(written).updates()
    assert 10 <= done < 160

    stopped = run(LONGER, target, keep_every_seed=True)
    whole = run(LONGER, tmp_path / "whole", keep_every_seed=True)
    assert stopped.results[0]["resumed_at"] == done
    assert "resumed_at" not in whole.results[0]
    assert without_time(stopped.record) == without_time(whole.record)
    assert stopped.record["weights"] == whole.record["weights"]  # the bits, by their sha256
    assert not written.exists()
    assert confirm(LONGER, target) == []


def test_a_stopped_run_keeps_the_seeds_it_has(tmp_path, monkeypatch):
    begun = []
    train = LearnTask.train

    def stopping(self, seed, report, checkpoint=None):
        if checkpoint is None:  # the first losses
            return train(self, seed, report)
        begun.append(seed)
        if seed == 1 and begun.count(1) == 1:
            fewer = replace(self, sequences=100)
            train(fewer, seed, report, checkpoint)  # as far as the first checkpoints
            raise KeyboardInterrupt
        return train(self, seed, report, checkpoint)

    monkeypatch.setattr(LearnTask, "train", stopping)
    with pytest.raises(KeyboardInterrupt):
        run(TINY, tmp_path)
    assert [result["seed"] for result in read(TINY, tmp_path).results] == [0]
    stored = run(TINY, tmp_path)
    assert begun == [0, 1, 1]
    assert stored.results[1]["resumed_at"] == 20
    assert without_time(stored.record) == without_time(run(TINY, tmp_path / "whole").record)


def test_a_checkpoint_of_other_settings_is_refused(tmp_path):
    checkpoint = Checkpoint(tmp_path / "tiny-0.checkpoint", every=10)
    replace(TINY, sequences=100).train(0, silent, checkpoint)
    before = checkpoint.path.read_bytes()
    with pytest.raises(ValueError, match=r"to be of a run with lr 0.5, got 0.01"):
        run(replace(TINY, lr=0.5), tmp_path)
    assert checkpoint.path.read_bytes() == before


# What is stored of it.


def test_every_seeds_weights_and_history_if_asked_for(tmp_path):
    stored = run(TINY, tmp_path, keep_every_seed=True)
    again = read(TINY, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "tiny.json", "tiny.safetensors", "tiny-1.safetensors",
    }  # fmt: skip
    for seed in (0, 1):
        model = again.model_of(seed)
        assert not model.training
        assert same_weights(model, TINY.train(seed, silent).model)
        assert "history" in stored.results[seed]
    assert same_weights(again.model, again.model_of(0))
    assert not same_weights(again.model, again.model_of(1))
    with pytest.raises(LookupError, match="tiny: expected stored weights"):
        again.model_of(2)
    (tmp_path / "tiny-1.safetensors").write_bytes((tmp_path / "tiny.safetensors").read_bytes())
    with pytest.raises(ValueError, match=r"expected tiny-1.safetensors with sha256 \w+, got"):
        again.model_of(1)
    assert same_weights(again.model, again.model_of(0))


def test_the_first_seeds_weights_alone_otherwise(tmp_path):
    stored = run(TINY, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"tiny.json", "tiny.safetensors"}
    assert not any("history" in result for result in stored.results)
    assert confirm(TINY, tmp_path) == []
    with pytest.raises(LookupError, match="tiny: expected stored weights"):
        stored.model_of(1)
    later = replace(TINY, seeds=(3, 0))  # weights are stored of seed 3 alone: not of one below
    with pytest.raises(LookupError, match="tiny: expected stored weights"):
        run(later, tmp_path / "later").model_of(0)


def test_task_and_history_come_with_the_run(tmp_path):
    run(TINY, tmp_path, seeds=[0], keep_every_seed=True)
    stored = read(TINY, tmp_path)
    assert stored.task == Adding(6, batch_first=True)
    assert len(stored.history.loss) == len(stored.history.accuracy) == 100
    assert stored.history.loss == stored.results[0]["history"]["loss"]
    assert stored.model(stored.task.sample(7)[0]).shape == (7, 1)


@dataclass(frozen=True, kw_only=True)
class Number(Experiment):
    """An experiment on data, without a task and without a history."""

    def train(self, seed, report):
        return Outcome({"number": seed}, None)


def test_what_an_experiment_has_not_is_an_error_that_says_so(tmp_path):
    stored = run(Number(name="number", about="a number"), tmp_path)
    with pytest.raises(LookupError, match="number: expected a task"):
        _ = stored.task
    with pytest.raises(LookupError, match="number: expected a history"):
        _ = stored.history
    with pytest.raises(LookupError, match="number: expected stored weights"):
        stored.model_of(0)


def test_the_book_keeps_all_weights_of_the_runs_it_reads(tmp_path, monkeypatch):
    assert set(EXPERIMENTS) >= EVERY_SEED
    for name, kept in (("adding-100", True), ("adding-200-chrono", False)):
        monkeypatch.setitem(EXPERIMENTS, name, replace(TINY, name=name))
        run_experiment(name, tmp_path)
        assert (name in EVERY_SEED) is kept
        assert (tmp_path / f"{name}-1.safetensors").exists() is kept


def test_long_range_experiments_can_be_stopped_and_loaded():
    learned = [e for e in EXPERIMENTS.values() if isinstance(e, LearnTask)]
    assert {e.task.length for e in learned} >= {50, 100, 200, 1000, 10_000, 100_000}
    assert all(isinstance(e, ResumableExperiment) for e in learned)
    assert all(len(e.seeds) >= 5 for e in learned if e.task.length < 100_000)
