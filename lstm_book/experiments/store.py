"""Stored runs: results of every seed, weights of one, and where they come from."""

import errno
import hashlib
import json
import os
import platform
import re
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save
from torch import nn

from lstm_book.checks import check_path, check_type, check_whole
from lstm_book.experiments.experiment import Experiment, Report, one_thread, plain
from lstm_book.experiments.replay import Repeat, answered_again, differences, trained_again
from lstm_book.experiments.resumable import ResumableExperiment
from lstm_book.files import locked, remove, write_whole
from lstm_book.training import Checkpoint, History

STORED = Path(__file__).parent / "stored"
"""The runs that the book quotes."""

IDENTITY = ("configuration", "versions")
"""What two records must share to be of one run; with the seed, what a checkpoint must share."""


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
        _check_record(check_type("the record", self.record, dict, "a dictionary"))
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
        seed, every = check_whole("seed", seed, 0), _all_weights(self.record)
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
        now, then = self.experiment.configuration, self.record["configuration"]
        return [
            f"setting {name}"
            for name in sorted(now.keys() | then.keys())
            if now.get(name) != then.get(name)
        ]

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
            for weights in _all_weights(self.record):
                if (seed := weights["seed"]) in wanted:
                    answers = self.experiment.probe(self._model(weights))
                    repeats += answered_again(seed, weights.get("probe", []), answers)
        return repeats


def run(
    experiment: Experiment,
    folder: str | os.PathLike[str],
    *,
    seeds: Iterable[int] | None = None,
    keep_every_seed: bool = False,
    report: Report = lambda words: None,
) -> StoredRun:
    """Train and measure, and store what each seed gave as soon as it is there.

    Seeds that the folder already holds are kept, so that a run that was stopped goes on where it
    was. Several processes may run into one folder: each adds its seeds, and a seed that another
    process trains is waited for.

    Args:
        experiment: What to run.
        folder: Where ``NAME.json`` and ``NAME.safetensors`` go.
        seeds: Which seeds; the experiment's own if missing.
        keep_every_seed: Whether the weights of every seed are stored, and not of the first alone,
            and the history of its training.
        report: Told how far the run is.

    Returns:
        The stored run.

    Raises:
        OSError: If the folder cannot be written.
        TypeError: If a seed is no whole number.
        ValueError: If a seed is negative or there is none, or if the folder's record is damaged or
            of other settings, versions or code (whose first updates today's does not repeat);
            nothing of it is changed.
    """
    folder = check_path("folder", folder)
    wanted = check_seeds(experiment.seeds if seeds is None else seeds)
    _check_report(report)
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "Not a directory", str(folder))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{experiment.name}.json"
    fresh = _fresh_record(experiment)
    with locked(path):  # the lock's file of a process that was killed goes with this one's
        record = _record_to_extend(path, fresh)  # refused before anything is trained
    if record["results"] and not all(_has(record, seed) for seed in wanted):
        there = record["results"][0]["seed"]
        repeats = StoredRun(experiment, record, folder).replay([there])
        _refuse(path, differences(repeats))
    with one_thread():
        for seed in wanted:
            tell = _named(f"seed {seed}: ", report)
            checkpoint = folder / f"{experiment.name}-{seed}.checkpoint"
            with _only_trainer(checkpoint.with_suffix(""), tell):
                if _has(_record_to_extend(path, fresh), seed):
                    tell("there already\n")
                else:
                    result, model = _train(experiment, seed, checkpoint, fresh, tell)
                    first = (seed,) == experiment.seeds[:1]
                    if not keep_every_seed:
                        result.pop("history", None)
                    weights = None
                    if model is not None and (first or keep_every_seed):
                        file = f"{experiment.name}{'' if first else f'-{seed}'}.safetensors"
                        weights = _save_weights(model, folder / file, seed)
                        weights["probe"] = experiment.probe(model.eval())
                    _add(path, fresh, result, weights, first=first)
                    tell(f"done in {result['seconds']:.0f} s\n")
                with locked(checkpoint):
                    remove(checkpoint)
    return read(experiment, folder)


def confirm(
    experiment: Experiment,
    folder: str | os.PathLike[str] = STORED,
    *,
    mark: bool = False,
    report: Report = lambda words: None,
) -> list[str]:
    """Repeat a stored run's first seed with the code of today.

    Args:
        experiment: What to repeat.
        folder: Where the run is stored.
        mark: Whether the record is marked as made by today's code if every metric comes out the
            same to the last digit. Otherwise nothing is written.
        report: Told how far the run is.

    Returns:
        The metrics that differ; none if the run is confirmed.

    Raises:
        FileNotFoundError: If the folder holds no such run.
        OSError: If the record is to be marked and cannot be written.
        ValueError: If the record is damaged or of other settings.
    """
    check_type("mark", mark, bool, "True or False")
    _check_report(report)
    stored = read(experiment, folder)
    _refuse(stored.path, _other_settings(stored.record, experiment.configuration))
    then = stored.results[0]
    with tempfile.TemporaryDirectory() as elsewhere:
        again = run(
            experiment,
            elsewhere,
            seeds=[then["seed"]],
            keep_every_seed="history" in then,
            report=report,
        )
    now = again.results[0]
    differ = sorted(
        metric
        for metric in then.keys() | now.keys()
        if metric not in ("seconds", "resumed_at") and then.get(metric) != now.get(metric)
    )
    if mark and not differ:
        fresh = _fresh_record(experiment)
        with locked(stored.path):
            record = _read_record(stored.path, experiment.name)
            kept = ("date", "results", "weights", "more_weights")
            record = {**fresh, **{key: record[key] for key in kept if key in record}}
            write_whole(stored.path, _json({**record, "confirmed": fresh["date"]}))
    return differ


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
    return StoredRun(experiment, _read_record(path, experiment.name), folder)


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


@contextmanager
def _only_trainer(path: Path, tell: Report) -> Iterator[None]:
    """Train a seed alone: a process that trains the same one is waited for."""
    with ExitStack() as held:
        try:
            held.enter_context(locked(path, wait=False))
        except BlockingIOError:
            tell("another process trains it, waiting\n")
            held.enter_context(locked(path))
        yield


def _train(
    experiment: Experiment, seed: int, path: Path, fresh: dict[str, Any], tell: Report
) -> tuple[dict[str, Any], nn.Module | None]:
    """Train a seed, from its checkpoint if there is one; return what JSON keeps, and the model."""
    first_losses = experiment.first_losses(seed)
    start = time.perf_counter()
    if isinstance(experiment, ResumableExperiment):
        identity = {"seed": seed, **{key: fresh[key] for key in IDENTITY}}
        # To three digits, which another processor keeps.
        identity["code"] = [[f"{loss:.3g}" for loss in losses] for losses in first_losses]
        checkpoint = Checkpoint(path, experiment.save_every, identity)
        resumed_at, before = checkpoint.updates(), checkpoint.seconds()
        metrics, model = experiment.train(seed, tell, checkpoint)
    else:
        resumed_at, before = 0, 0.0
        metrics, model = experiment.train(seed, tell)
    seconds = round(before + time.perf_counter() - start, 1)
    result = {"seed": seed, "seconds": seconds, "first_losses": first_losses, **plain(metrics)}
    return result | ({"resumed_at": resumed_at} if resumed_at else {}), model


def _save_weights(model: nn.Module, path: Path, seed: int) -> dict[str, Any]:
    """Write a model's weights; return what the record says about the file."""
    content = save({name: tensor.contiguous() for name, tensor in model.state_dict().items()})
    write_whole(path, content)
    return {"file": path.name, "seed": seed, "sha256": hashlib.sha256(content).hexdigest()}


def _add(
    path: Path,
    fresh: dict[str, Any],
    result: dict[str, Any],
    weights: dict[str, Any] | None,
    *,
    first: bool,
) -> None:
    """Add a seed's result to what the file holds by now; its weights are on the disk already."""
    with locked(path):
        record = _record_to_extend(path, fresh)
        if _has(record, result["seed"]):
            return
        record["results"] = sorted([*record["results"], result], key=lambda r: r["seed"])
        if first:
            record["weights"] = weights
        elif weights:
            more = [*record.get("more_weights", []), weights]
            record["more_weights"] = sorted(more, key=lambda w: w["seed"])
        write_whole(path, _json(record))


def _has(record: dict[str, Any], seed: int) -> bool:
    """Return whether a record holds a seed."""
    return any(result["seed"] == seed for result in record["results"])


def _record_to_extend(path: Path, fresh: dict[str, Any]) -> dict[str, Any]:
    """Return the record that a new seed may be added to: what the file holds, or a fresh one."""
    if not path.exists():
        return dict(fresh)
    record = _read_record(path, fresh["name"])
    versions = [
        f"{name} is {record['versions'].get(name)} there and {number} here"
        for name, number in fresh["versions"].items()
        if record["versions"].get(name) != number
    ]
    _refuse(path, _other_settings(record, fresh["configuration"]) + versions)
    return record


def _other_settings(record: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Say which settings differ."""
    then = record["configuration"]
    return [
        f"setting {name} is {then.get(name)!r} there and {now.get(name)!r} here"
        for name in sorted(now.keys() | then.keys())
        if now.get(name) != then.get(name)
    ]


def _refuse(path: Path, differences: list[str]) -> None:
    """Raise ValueError if there are differences."""
    if differences:
        raise ValueError(
            f"expected {path} to be of the same run, but {', '.join(differences)}; "
            "choose another folder"
        )


def _read_record(path: Path, name: str) -> dict[str, Any]:
    """Return what a file holds, if it is what a run of that experiment wrote.

    Raises:
        ValueError: If it is not.
    """
    content = path.read_bytes()
    try:
        record = json.loads(content)
        if not isinstance(record, dict):
            raise ValueError(f"it holds a {type(record).__name__}")
        digest = record.pop("sha256", None)
        _check_record(record)
        if record["name"] != name:
            raise ValueError(f"it is of {record['name']!r}")
        if digest != _digest(record):
            raise ValueError("its content is not that of its sha256")
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"expected {path} to be what `lstm-book run {name}` wrote, "
            f"got {len(content)} bytes that are not: {error}"
        ) from None
    return record


def _check_record(record: dict[str, Any]) -> None:
    """Raise ValueError unless all that is read of a record later is there, with its type."""
    wanted = {
        **dict.fromkeys(("name", "command", "machine", "date"), str),
        **{"configuration": dict, "versions": dict, "results": list},
    }
    for key, kind in wanted.items():
        if not isinstance(record.get(key), kind):
            raise ValueError(f"expected a {kind.__name__} as {key!r}, got {record.get(key)!r:.40}")
    for result in record["results"] or [None]:
        if not _is(result, {"seed": int, "seconds": int | float}):
            raise ValueError(f"expected results with seed and seconds, got {result!r:.40}")
        for losses in _list(result, "first_losses"):
            _check_numbers("first losses", losses)
    for weights in _all_weights(record):
        if not _is(weights, {"file": str, "seed": int, "sha256": str}):
            raise ValueError(f"expected weights with file, seed and sha256, got {weights!r:.40}")
        # Whatever the system: / on all, \\ and : on some.
        if weights["file"] in ("", ".", "..") or set(weights["file"]) & set("/\\:\0"):
            raise ValueError(f"expected the bare name of a file, got {weights['file']!r}")
        _check_numbers("a probe", _list(weights, "probe"))


def _is(value: Any, kinds: dict[str, Any]) -> bool:
    """Return whether a value is a dictionary that has these keys, with these types."""
    return isinstance(value, dict) and all(isinstance(value.get(k), t) for k, t in kinds.items())


def _all_weights(record: dict[str, Any]) -> list[Any]:
    """Return what a record says about files of weights."""
    every = (record.get("weights"), *_list(record, "more_weights"))
    return [weights for weights in every if weights is not None]


def _list(holder: dict[str, Any], key: str) -> list[Any]:
    """Return a list, empty if there is none."""
    found = holder.get(key, [])
    if not isinstance(found, list):
        raise ValueError(f"expected a list as {key!r}, got {found!r:.40}")
    return found


def _check_numbers(name: str, values: Any) -> None:
    """Raise ValueError if these are not numbers."""
    if not isinstance(values, list) or not all(isinstance(v, int | float) for v in values):
        raise ValueError(f"expected {name} to be numbers, got {values!r:.40}")


def _digest(record: dict[str, Any]) -> str:
    """Return a hash of what a record says; how it is laid out does not count."""
    content = json.dumps(record, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()


def _check_report(report: Report) -> None:
    """Raise TypeError now, and not after hours, if a report cannot be told anything."""
    if not callable(report):
        raise TypeError(f"expected report to be callable, got {type(report).__name__}")


def _named(prefix: str, report: Report) -> Report:
    """Begin each report with the same words."""
    return lambda words: report(prefix + words)


def _fresh_record(experiment: Experiment) -> dict[str, Any]:
    """Return a record without results."""
    return {
        "name": experiment.name,
        "command": f"lstm-book run {experiment.name}",
        "configuration": experiment.configuration,
        "versions": {"Python": platform.python_version(), "torch": version("torch")},
        "machine": f"{platform.machine()}, {platform.system()}, one thread",
        "date": date.today().isoformat(),
        "results": [],
        "weights": None,
    }


def _json(record: dict[str, Any]) -> bytes:
    """Return a record and its digest as readable JSON, with a list of numbers on one line."""
    text = json.dumps({**record, "sha256": _digest(record)}, indent=1)
    numbers = re.compile(r"\[\s+(-?[\d.][^\[\]\"{}]*?)\s+\]")
    return (numbers.sub(lambda found: f"[{' '.join(found[1].split())}]", text) + "\n").encode()
