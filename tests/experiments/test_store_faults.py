"""A run that is killed, refused or raced loses nothing; `nox -s faults` does it more often."""

import os
import time
from dataclasses import dataclass, replace

import pytest
from flip_stored import flip
from kill_runs import kill_at_random, kill_at_steps
from pairs_into_one_folder import run_pairs
from refused_writes import fill, refuse_steps
from store_cases import SMALL, undisturbed

from lstm_book.experiments import EXPERIMENTS
from lstm_book.experiments.run import run
from lstm_book.experiments.store import read
from lstm_book.tasks import FirstAndLast

pytestmark = pytest.mark.skipif(os.name != "posix", reason="forks")


@pytest.fixture(autouse=True)
def _catalogue(monkeypatch):
    monkeypatch.setitem(EXPERIMENTS, SMALL.name, SMALL)  # what scripts put there goes again


def test_a_killed_run_ends_with_the_same_bits_and_leaves_nothing():
    kill_at_random(SMALL, 1)
    assert kill_at_steps(SMALL, 19) > 40


def test_pairs_of_processes_keep_each_others_seeds():
    run_pairs(1)


def test_no_flipped_bit_loads_other_content(tmp_path):
    undisturbed(SMALL, tmp_path)
    flip(SMALL, tmp_path, 60)


def test_a_refused_write_leaves_the_earlier_files():
    fill((1000, 64_000))
    assert refuse_steps(11) > 20


@dataclass(frozen=True)
class Stopped(FirstAndLast):
    """Takes a hundred seconds a draw by the clock, and stops one run at the twelfth."""

    def sample(self, batch, *, generator=None):
        if clock["running"]:
            clock["passed"] += 100
            if clock["passed"] == 1200:
                raise KeyboardInterrupt
        return super().sample(batch, generator=generator)


clock = {"running": False, "passed": 0}


def test_the_seconds_of_a_run_are_those_of_all_its_legs(tmp_path, monkeypatch):
    real = time.perf_counter
    monkeypatch.setattr(time, "perf_counter", lambda: real() + clock["passed"])
    experiment = replace(SMALL, task=Stopped(3, features=1), seeds=(0,))
    clock["running"] = True
    with pytest.raises(KeyboardInterrupt):
        run(experiment, tmp_path)
    clock["running"] = False
    result = run(experiment, tmp_path).results[0]
    assert result["resumed_at"] >= 4
    assert 400 <= result["seconds"] < 1200
    assert read(experiment, tmp_path).values("seconds") == [result["seconds"]]


@pytest.mark.parametrize("change", [{"lr": 0.5}, {"start": 2.0}, {"sequences": 30}])
def test_a_checkpoint_of_other_settings_is_not_taken_up(tmp_path, monkeypatch, change):
    monkeypatch.setitem(clock, "running", True)
    monkeypatch.setitem(clock, "passed", 0)
    experiment = replace(SMALL, task=Stopped(3, features=1), seeds=(0,))
    with pytest.raises(KeyboardInterrupt):
        run(experiment, tmp_path)
    clock["running"] = False
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert list(before) == ["small-0.checkpoint"]
    with pytest.raises(ValueError, match=rf"small-0.checkpoint .*{next(iter(change))}"):
        run(replace(experiment, **change), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
