"""A small experiment to be disturbed, and what its store must be like afterwards."""

from dataclasses import dataclass

from lstm_book.experiments import EXPERIMENTS
from lstm_book.experiments.command import main
from lstm_book.experiments.learn_task import LearnTask
from lstm_book.experiments.run import run
from lstm_book.experiments.store import read
from lstm_book.tasks import FirstAndLast

SMALL = LearnTask(
    name="small",
    about="a few updates of a small model",
    task=FirstAndLast(3, features=1),
    start="default",
    hidden_size=2,
    batch=2,
    sequences=16,
    held_out=10,
    loss=1e-9,
    save_every=4,
    seeds=(0, 1),
)


def command(experiment, folder, *more):
    """Run an experiment as ``lstm-book run`` does; return the exit code."""
    EXPERIMENTS[experiment.name] = experiment
    return main(["run", experiment.name, "--folder", str(folder), *map(str, more)])


@dataclass
class Store:
    """What a folder holds of a run, without what no two runs share."""

    results: list
    weights: list
    files: list

    @classmethod
    def of(cls, experiment, folder):
        stored = read(experiment, folder)
        results = [
            {k: v for k, v in result.items() if k not in ("seconds", "resumed_at")}
            for result in stored.results
        ]
        weights = [stored.record["weights"], *stored.record.get("more_weights", [])]
        for each in weights:
            stored.model_of(each["seed"])  # the file is there, and whole
        return cls(results, weights, sorted(path.name for path in folder.iterdir()))


def undisturbed(experiment, folder, keep_every_seed=False):
    """Run an experiment in peace."""
    run(experiment, folder, keep_every_seed=keep_every_seed)
    return Store.of(experiment, folder)
