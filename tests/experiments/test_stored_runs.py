"""The runs that the book quotes: complete, loadable, and with what their replay needs."""

import math
from pathlib import Path

import pytest

from lstm_book.experiments import EXPERIMENTS, load_experiment
from lstm_book.experiments.learn_task import LearnInStages
from lstm_book.experiments.store import STORED

STORED_NAMES = sorted(path.stem for path in STORED.glob("*.json"))


def numbers(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for inner in value for number in numbers(inner)]
    return [value] if isinstance(value, int | float) else []


@pytest.mark.parametrize("name", sorted(EXPERIMENTS))
def test_an_experiment_is_stored_with_all_its_seeds(name):
    """Listed by pytest as xfailed: experiments that have not been run, or not with every seed."""
    done = load_experiment(name).values("seed") if name in STORED_NAMES else []
    missing = [str(seed) for seed in EXPERIMENTS[name].seeds if seed not in done]
    if missing:
        pytest.xfail(f"not run yet: lstm-book run {name} --seeds {' '.join(missing)}")
    assert done == list(EXPERIMENTS[name].seeds)


def test_nothing_else_is_stored():
    assert set(STORED_NAMES) <= set(EXPERIMENTS)
    weights = {path.stem for path in STORED.glob("*.safetensors")}
    records = [load_experiment(name).record for name in STORED_NAMES]
    kept = [[record["weights"], *record.get("more_weights", [])] for record in records]
    assert weights == {Path(each["file"]).stem for every in kept for each in every if each}


@pytest.mark.parametrize("name", STORED_NAMES)
def test_a_stored_run_is_whole(name):
    stored = load_experiment(name)
    assert set(stored.values("seed")) <= set(stored.experiment.seeds)
    assert stored.changes() == []
    assert all(math.isfinite(number) for result in stored.results for number in numbers(result))
    assert all(result["seconds"] > 0 for result in stored.results)
    assert stored.record["command"] == f"lstm-book run {name}"


# Of these the book needs the scores alone.
BARE = {name for name, experiment in EXPERIMENTS.items() if isinstance(experiment, LearnInStages)}


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in STORED_NAMES
        if name not in BARE and EXPERIMENTS[name].kept and EXPERIMENTS[name].build() is not None
    ],
)
def test_stored_weights_load_and_are_no_first_weights(name):
    stored = load_experiment(name)
    fresh = stored.experiment.build().state_dict()
    loaded = stored.model.state_dict()
    assert loaded.keys() == fresh.keys()
    assert all(value.isfinite().all() for value in loaded.values())
    assert any((loaded[key] != fresh[key]).any() for key in loaded)
