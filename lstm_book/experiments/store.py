"""Stored runs: results of every seed, weights of one, and where they come from."""

import hashlib
import json
import os
import platform
import re
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save
from torch import nn

from lstm_book.experiments.experiment import Experiment, Report, one_thread, plain
from lstm_book.experiments.replay import Repeat, differences, side_by_side
from lstm_book.experiments.resumable import ResumableExperiment
from lstm_book.training import Checkpoint, History

STORED = Path(__file__).parent / "stored"
"""The runs that the book quotes."""


@dataclass(frozen=True)
class StoredRun:
    """The results of an experiment, as a file holds them.

    Attributes:
        experiment: The experiment, with the settings it has today.
        record: All that the file says: configuration, results, versions, code, command.
        folder: Where the file lies.
    """

    experiment: Experiment
    record: dict[str, Any]
    folder: Path

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
            LookupError: If no weights are stored.
            RuntimeError: If the weights' file is not the one that the run wrote.
        """
        return self._model(self.record["weights"])

    def model_of(self, seed: int) -> nn.Module:
        """Return the trained model of a seed, in evaluation mode.

        Raises:
            LookupError: If no weights of that seed are stored.
            RuntimeError: If the weights' file is not the one that the run wrote.
        """
        every = [self.record["weights"], *self.record.get("more_weights", [])]
        return self._model(next((w for w in every if w and w["seed"] == seed), None))

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
        content = (self.folder / weights["file"]).read_bytes()
        found = hashlib.sha256(content).hexdigest()
        if found != weights["sha256"]:
            raise RuntimeError(
                f"expected {weights['file']} with sha256 {weights['sha256']}, got {found}"
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

        This is what ties the run to today's code, see :func:`differences`. It takes a second or a
        few for most runs, and a minute where sequences have 100 000 steps.

        Args:
            seeds: Of which seeds; of all that are stored, if missing.

        Returns:
            Each number that is stored, beside the one of today.

        Raises:
            RuntimeError: If a file of weights is not the one that the run wrote.
        """
        wanted = set(self.values("seed") if seeds is None else seeds)
        every = [self.record["weights"], *self.record.get("more_weights", [])]
        repeats: list[Repeat] = []
        with torch.random.fork_rng(devices=[]), one_thread():
            for result in self.results:
                if result["seed"] in wanted:
                    now = self.experiment.first_losses(result["seed"])
                    what = f"seed {result['seed']}, loss"
                    repeats += side_by_side(what, result.get("first_losses", []), now)
            for weights in filter(None, every):
                if weights["seed"] in wanted:
                    now = self.experiment.probe(self._model(weights))
                    what = f"weights of seed {weights['seed']}, loss"
                    repeats += side_by_side(what, weights.get("probe", []), now)
        return repeats


def run(
    experiment: Experiment,
    folder: Path,
    *,
    seeds: Iterable[int] | None = None,
    keep_every_seed: bool = False,
    report: Report = lambda words: None,
) -> StoredRun:
    """Train and measure, and store what each seed gave as soon as it is there.

    Seeds that the folder already holds, from the same settings and versions and by code that makes
    the same first updates, are kept, so that a run that was stopped goes on where it was.

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
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = list(experiment.seeds if seeds is None else seeds)
    path = folder / f"{experiment.name}.json"
    record = _fresh_record(experiment)
    if path.exists():
        old = json.loads(path.read_text(encoding="utf-8"))
        same = all(old[key] == record[key] for key in ("configuration", "versions"))
        stored = StoredRun(experiment, old, folder)
        if same and not differences(stored.replay(stored.values("seed")[:1])):
            record = old
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for seed in wanted:
            if any(result["seed"] == seed for result in record["results"]):
                report(f"seed {seed}: there already\n")
                continue
            tell = _named(f"seed {seed}: ", report)
            first_losses = experiment.first_losses(seed)
            first = seed == experiment.seeds[0]
            start = time.perf_counter()
            if isinstance(experiment, ResumableExperiment):
                checkpoint = Checkpoint(
                    folder / f"{experiment.name}-{seed}.checkpoint", experiment.save_every
                )
                resumed_at = checkpoint.updates()
                metrics, model = experiment.train(seed, tell, checkpoint)
            else:
                checkpoint, resumed_at = None, 0
                metrics, model = experiment.train(seed, tell)
            seconds = round(time.perf_counter() - start, 1)
            result = {
                "seed": seed,
                "seconds": seconds,
                "first_losses": first_losses,
                **plain(metrics),
            }
            if resumed_at:
                result["resumed_at"] = resumed_at
            if not keep_every_seed:
                result.pop("history", None)
            record["results"] = sorted([*record["results"], result], key=lambda r: r["seed"])
            if model is not None and (first or keep_every_seed):
                file = f"{experiment.name}{'' if first else f'-{seed}'}.safetensors"
                weights = _save_weights(experiment, model, folder / file, seed)
                if first:
                    record["weights"] = weights
                else:
                    record.setdefault("more_weights", []).append(weights)
            _write(path, _json(record))
            if checkpoint:
                checkpoint.path.unlink(missing_ok=True)
            report(f"seed {seed}: done in {seconds:.0f} s\n")
    finally:
        torch.set_num_threads(threads)
    return StoredRun(experiment, record, folder)


def confirm(
    experiment: Experiment, folder: Path = STORED, *, report: Report = lambda words: None
) -> list[str]:
    """Repeat a stored run's first seed with the code of today.

    If every metric comes out the same to the last digit, the record is marked as made by today's
    code; otherwise it stays as it was.

    Args:
        experiment: What to repeat.
        folder: Where the run is stored.
        report: Told how far the run is.

    Returns:
        The metrics that differ; none if the run is confirmed.

    Raises:
        FileNotFoundError: If the folder holds no such run.
    """
    stored = read(experiment, folder)
    then = stored.results[0]
    with tempfile.TemporaryDirectory() as elsewhere:
        again = run(
            experiment,
            Path(elsewhere),
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
    if not differ and stored.record["configuration"] == experiment.configuration:
        fresh = _fresh_record(experiment)
        kept: dict[str, Any] = {
            key: stored.record[key]
            for key in ("date", "results", "weights", "more_weights")
            if key in stored.record
        }
        record = {**fresh, **kept, "confirmed": fresh["date"]}
        _write(folder / f"{experiment.name}.json", _json(record))
    return differ


def read(experiment: Experiment, folder: Path = STORED) -> StoredRun:
    """Read a stored run.

    Raises:
        FileNotFoundError: If the folder holds none of that name.
    """
    path = folder / f"{experiment.name}.json"
    if not path.exists():
        raise FileNotFoundError(
            f"expected {path.name}, got no such file; make it: lstm-book run {experiment.name}"
        )
    return StoredRun(experiment, json.loads(path.read_text(encoding="utf-8")), folder)


def _save_weights(
    experiment: Experiment, model: nn.Module, path: Path, seed: int
) -> dict[str, Any]:
    """Write a model's weights; return what the record says about the file."""
    content = save({name: tensor.contiguous() for name, tensor in model.state_dict().items()})
    _write(path, content)
    sha256 = hashlib.sha256(content).hexdigest()
    return {
        "file": path.name,
        "seed": seed,
        "sha256": sha256,
        "probe": experiment.probe(model.eval()),
    }


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
    """Return a record as readable JSON, with a list of numbers on one line."""
    text = json.dumps(record, indent=1)
    numbers = re.compile(r"\[\s+(-?[\d.][^\[\]\"{}]*?)\s+\]")
    return (numbers.sub(lambda found: f"[{' '.join(found[1].split())}]", text) + "\n").encode()


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
