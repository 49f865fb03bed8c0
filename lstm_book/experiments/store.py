"""Stored runs: results of every seed, weights of some, and where they come from."""

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load
from torch import nn

from lstm_book.checks import check_path, check_type, check_whole
from lstm_book.experiments.experiment import Experiment, one_thread
from lstm_book.experiments.record import all_weights, check_record, other_settings, read_record
from lstm_book.experiments.replay import Repeat, answered_again, trained_again
from lstm_book.training import History

STORED = Path(__file__).parent / "stored"
"""The runs that the book quotes."""


@dataclass(frozen=True)
class StoredRun:
    """The results of an experiment, as a file holds them.

    Attributes:
        experiment: The experiment, with the settings it has today.
        record: All that the file says: configuration, results, versions, code, command.
        folder: Where the file lies.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If the record lacks something.
    """

    experiment: Experiment
    record: dict[str, Any]
    folder: Path

    def __post_init__(self) -> None:
        check_type("the experiment", self.experiment, Experiment, "an Experiment")
        check_record(check_type("the record", self.record, dict, "a dictionary"))
        object.__setattr__(self, "folder", check_path("the folder", self.folder))

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / f"{self.experiment.name}.json"

    @property
    def results(self) -> list[dict[str, Any]]:
        """What each seed gave, in the order of the seeds."""
        results: list[dict[str, Any]] = self.record["results"]
        return results

    def values(self, metric: str) -> list[Any]:
        """Return one metric of every seed.

        Raises:
            KeyError: If the run has no such metric.
        """
        for result in self.results:
            if metric not in result:
                raise KeyError(f"expected a metric among {sorted(result)}, got {metric!r}")
        return [result[metric] for result in self.results]

    @cached_property
    def model(self) -> nn.Module:
        """The trained model of the first seed, in evaluation mode.

        Raises:
            FileNotFoundError: If the weights' file is gone.
            LookupError: If no weights are stored.
            ValueError: If the weights' file is not the one that the run wrote.
        """
        return self._model(self.record.get("weights"))

    def model_of(self, seed: int) -> nn.Module:
        """Return the trained model of a seed, in evaluation mode.

        Raises:
            FileNotFoundError: If the weights' file is gone.
            LookupError: If no weights of that seed are stored.
            ValueError: If the weights' file is not the one that the run wrote.
        """
        seed, every = check_whole("seed", seed, 0), all_weights(self.record)
        return self._model(next((w for w in every if w["seed"] == seed), None))

    @property
    def task(self) -> Any:
        """The task that the model was trained on.

        Raises:
            LookupError: If the experiment has none, but data.
        """
        if not hasattr(self.experiment, "task"):
            raise LookupError(f"{self.experiment.name}: expected a task, it is trained on data")
        return self.experiment.task

    @property
    def history(self) -> History:
        """Loss and accuracy before every update of the first seed.

        Raises:
            LookupError: If they are not stored.
        """
        if "history" not in self.results[0]:
            raise LookupError(f"{self.experiment.name}: expected a history, there is none")
        return History(**self.results[0]["history"])

    def _model(self, weights: dict[str, Any] | None) -> nn.Module:
        """Return the model with the weights that a file holds."""
        model = self.experiment.build()
        if model is None or weights is None:
            raise LookupError(f"{self.experiment.name}: expected stored weights, there are none")
        path = self.folder / weights["file"]
        if not path.exists():
            raise FileNotFoundError(
                f"expected {path.name} beside {self.path}, which names it; got no such file"
            )
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != weights["sha256"]:
            raise ValueError(
                f"expected {path.name} with sha256 {weights['sha256']}, got other content, "
                f"{len(content)} bytes in {self.folder}"
            )
        model.load_state_dict(load(content))
        return model.eval()

    @property
    def provenance(self) -> str:
        """Seeds, versions, machine, time and the command that repeats the run, one a line."""
        record = self.record
        seconds = [result["seconds"] for result in self.results]
        versions = ", ".join(f"{name} {number}" for name, number in record["versions"].items())
        return "\n".join(
            (
                f"{self.experiment.name}: {self.experiment.about}",
                f"seeds:    {', '.join(str(result['seed']) for result in self.results)}",
                f"time:     {min(seconds):.0f} to {max(seconds):.0f} s a seed, one thread",
                f"made:     {record['date']}, {record['machine']}",
                f"versions: {versions}",
                f"repeat:   {record['command']}",
            )
        )

    def changes(self) -> list[str]:
        """Name the settings that are no longer as they were when the run was made."""
        now = self.experiment.configuration
        return [f"setting {name}" for name in other_settings(self.record, now)]

    def replay(self, seeds: Iterable[int] | None = None) -> list[Repeat]:
        """Make the first updates again, and let the stored weights answer again.

        This is what ties the run to today's code. It takes a second for most runs, and a few
        where sequences have 100 000 steps.

        Args:
            seeds: Of which seeds; of all that are stored, if missing.

        Returns:
            Each number that is stored, beside the one of today; its `same` says whether they agree.

        Raises:
            FileNotFoundError: If a file of weights is gone.
            ValueError: If a seed is not stored, or a file of weights is not the one that the run
                wrote.
        """
        there = self.values("seed")
        wanted = there if seeds is None else check_seeds(seeds)
        if missing := [seed for seed in wanted if seed not in there]:
            raise ValueError(f"expected seeds among {there}, got {missing}")
        repeats = []
        with torch.random.fork_rng(devices=[]), one_thread():
            for result in self.results:
                if (seed := result["seed"]) in wanted:
                    now = self.experiment.first_losses(seed)
                    repeats += trained_again(seed, result.get("first_losses", []), now)
            for weights in all_weights(self.record):
                if (seed := weights["seed"]) in wanted:
                    answers = self.experiment.probe(self._model(weights))
                    repeats += answered_again(seed, weights.get("probe", []), answers)
        return repeats


def read(experiment: Experiment, folder: str | os.PathLike[str] = STORED) -> StoredRun:
    """Read a stored run.

    Raises:
        FileNotFoundError: If the folder holds none of that name.
        ValueError: If the file is not whole, or not what a run of that experiment wrote.
    """
    folder = check_path("folder", folder)
    path = folder / f"{experiment.name}.json"
    if not path.exists():
        raise FileNotFoundError(
            f"expected {path.name}, got no such file in {folder}; "
            f"make it: lstm-book run {experiment.name}"
        )
    return StoredRun(experiment, read_record(path, experiment.name), folder)


def check_seeds(seeds: Iterable[int]) -> list[int]:
    """Return the seeds, each once.

    Raises:
        TypeError: If one is no whole number.
        ValueError: If one cannot be a seed, or there is none.
    """
    check_type("seeds", seeds, Iterable, "whole numbers")
    checked = [check_whole("a seed", seed, 0, 2**32 - 1) for seed in seeds]
    if not checked:
        raise ValueError("expected one seed or more, got none")
    return list(dict.fromkeys(checked))
