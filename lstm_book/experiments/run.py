"""Run an experiment, seed by seed, and store what each gave; repeat one, and compare."""

import errno
import hashlib
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import nn

from lstm_book.checks import check_path, check_type
from lstm_book.experiments.experiment import (
    Experiment,
    Report,
    ResumableExperiment,
    one_thread,
    plain,
)
from lstm_book.experiments.record import (
    as_json,
    fresh_record,
    has_seed,
    other_settings,
    read_record,
    record_to_extend,
    refuse,
)
from lstm_book.experiments.replay import differences
from lstm_book.experiments.store import STORED, StoredRun, check_seeds, read
from lstm_book.files import locked, remove, write_whole
from lstm_book.training import Checkpoint

IDENTITY = ("configuration", "versions")
"""What two records must share to be of one run; with the seed, what a checkpoint must share."""


def run(
    experiment: Experiment,
    folder: str | os.PathLike[str],
    *,
    seeds: Iterable[int] | None = None,
    keep_every_seed: bool = False,
    report: Report = lambda words: None,
) -> StoredRun:
    """Train and measure, and store what each seed gave as soon as it is there.

    As `lstm_book.experiments.run_experiment`, of an experiment itself. A seed that another process
    trains is waited for.

    Args:
        experiment: What to run.
        folder: Where ``NAME.json`` and ``NAME.safetensors`` go.
        seeds: Which seeds; the experiment's own if missing.
        keep_every_seed: Whether the weights of every seed are stored, and not of the first alone,
            and the history of its training.
        report: Told how far the run is.
    """
    folder = check_path("folder", folder)
    wanted = check_seeds(experiment.seeds if seeds is None else seeds)
    _check_report(report)
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "Not a directory", str(folder))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{experiment.name}.json"
    fresh = fresh_record(experiment)
    with locked(path):  # the lock's file of a process that was killed goes with this one's
        record = record_to_extend(path, fresh)  # refused before anything is trained
    if record["results"] and not all(has_seed(record, seed) for seed in wanted):
        there = record["results"][0]["seed"]
        repeats = StoredRun(experiment, record, folder).replay([there])
        refuse(path, differences(repeats))
    with one_thread():
        for seed in wanted:
            tell = _named(f"seed {seed}: ", report)
            checkpoint = folder / f"{experiment.name}-{seed}.checkpoint"
            with _only_trainer(checkpoint.with_suffix(""), tell):
                if has_seed(record_to_extend(path, fresh), seed):
                    tell("there already\n")
                else:
                    result, model = _train(experiment, seed, checkpoint, fresh, tell)
                    first = (seed,) == experiment.seeds[:1]
                    if not keep_every_seed:
                        result.pop("history", None)
                    weights = None
                    if model is not None and ((first and experiment.kept) or keep_every_seed):
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

    As `lstm_book.experiments.confirm_experiment`, of an experiment itself.
    """
    check_type("mark", mark, bool, "True or False")
    _check_report(report)
    stored = read(experiment, folder)
    settings = other_settings(stored.record, experiment.configuration)
    refuse(stored.path, list(settings.values()))
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
        fresh = fresh_record(experiment)
        with locked(stored.path):
            record = read_record(stored.path, experiment.name)
            kept = ("date", "results", "weights", "more_weights")
            record = {**fresh, **{key: record[key] for key in kept if key in record}}
            write_whole(stored.path, as_json({**record, "confirmed": fresh["date"]}))
    return differ


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
        record = record_to_extend(path, fresh)
        if has_seed(record, result["seed"]):
            return
        record["results"] = sorted([*record["results"], result], key=lambda r: r["seed"])
        if first:
            record["weights"] = weights
        elif weights:
            more = [*record.get("more_weights", []), weights]
            record["more_weights"] = sorted(more, key=lambda w: w["seed"])
        write_whole(path, as_json(record))


def _check_report(report: Report) -> None:
    """Raise TypeError now, and not after hours, if a report cannot be told anything."""
    if not callable(report):
        raise TypeError(f"expected report to be callable, got {type(report).__name__}")


def _named(prefix: str, report: Report) -> Report:
    """Begin each report with the same words."""
    return lambda words: report(prefix + words)
