"""Experiments by name: run one, load one."""

import os
from collections.abc import Iterable
from difflib import get_close_matches

from lstm_book.checks import check_type
from lstm_book.experiments.catalogue import EVERY_SEED, EXPERIMENTS
from lstm_book.experiments.experiment import Experiment, Report
from lstm_book.experiments.run import confirm, run
from lstm_book.experiments.store import STORED, StoredRun, read


def find_experiment(name: str) -> Experiment:
    """Return the experiment of that name.

    Raises:
        KeyError: If there is none; the nearest names are suggested.
        TypeError: If the name is no text.
    """
    check_type("the name of an experiment", name, str, "text")
    if name not in EXPERIMENTS:
        near = get_close_matches(name, EXPERIMENTS, n=3, cutoff=0.4) or sorted(EXPERIMENTS)
        raise KeyError(
            f"expected the name of an experiment, such as {', '.join(near)}; got {name!r}"
        )
    return EXPERIMENTS[name]


def load_experiment(name: str, folder: str | os.PathLike[str] = STORED) -> StoredRun:
    """Load a stored run: its results, its provenance and its trained model.

    Args:
        name: The experiment's.
        folder: Where to look; in the package, if missing.

    Returns:
        The stored run.

    Raises:
        KeyError: If there is no experiment of that name.
        FileNotFoundError: If it has not been run.
        ValueError: If the file is damaged.
    """
    return read(find_experiment(name), folder)


def run_experiment(
    name: str,
    folder: str | os.PathLike[str],
    *,
    seeds: Iterable[int] | None = None,
    report: Report = lambda words: None,
) -> StoredRun:
    """Run an experiment and store what each seed gave as soon as it is there.

    Args:
        name: The experiment's.
        folder: Where to put the results. Seeds that it holds already are not run again; several
            processes may run into one folder.
        seeds: Which seeds; the experiment's own if missing.
        report: Told how far the run is.

    Returns:
        The stored run.

    Raises:
        KeyError: If there is no experiment of that name.
        OSError: If the folder cannot be written.
        ValueError: If a seed is negative, or if the folder's record is damaged or of other settings
            or versions; nothing of it is changed.
    """
    experiment = find_experiment(name)
    kept = name in EVERY_SEED
    return run(experiment, folder, seeds=seeds, keep_every_seed=kept, report=report)


def confirm_experiment(
    name: str,
    folder: str | os.PathLike[str] = STORED,
    *,
    mark: bool = False,
    report: Report = lambda words: None,
) -> list[str]:
    """Repeat a stored run's first seed, whole, and compare to the last digit.

    Args:
        name: The experiment's.
        folder: Where the run is stored; in the package, if missing.
        mark: Whether the record is marked as made by today's code if nothing differs. Otherwise
            nothing is written.
        report: Told how far the run is.

    Returns:
        The metrics that differ; none if the run is confirmed.

    Raises:
        KeyError: If there is no experiment of that name.
        FileNotFoundError: If it has not been run.
        OSError: If the record is to be marked and cannot be written.
        ValueError: If the record is damaged or of other settings.
    """
    return confirm(find_experiment(name), folder, mark=mark, report=report)
