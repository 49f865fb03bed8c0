"""Experiments by name: run one, load one."""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from lstm_book.experiments.catalogue import EVERY_SEED, EXPERIMENTS
from lstm_book.experiments.experiment import Experiment, Report
from lstm_book.experiments.store import STORED, StoredRun, confirm, read, run


def find_experiment(name: str) -> Experiment:
    """Return the experiment of that name.

    Raises:
        KeyError: If there is none; the nearest names are suggested.
    """
    if name not in EXPERIMENTS:
        near = get_close_matches(name, EXPERIMENTS, n=3, cutoff=0.4) or sorted(EXPERIMENTS)
        raise KeyError(
            f"expected the name of an experiment, such as {', '.join(near)}; got {name!r}"
        )
    return EXPERIMENTS[name]


def load_experiment(name: str, folder: Path = STORED) -> StoredRun:
    """Load a stored run: its results, its provenance and its trained model.

    Args:
        name: The experiment's.
        folder: Where to look; in the package, if missing.

    Returns:
        The stored run.

    Raises:
        KeyError: If there is no experiment of that name.
        FileNotFoundError: If it has not been run.
    """
    return read(find_experiment(name), folder)


def run_experiment(
    name: str,
    folder: Path,
    *,
    seeds: Iterable[int] | None = None,
    report: Report = lambda words: None,
) -> StoredRun:
    """Run an experiment and store what each seed gave as soon as it is there.

    Args:
        name: The experiment's.
        folder: Where to put the results. Seeds that it holds already, from the same settings,
            code and versions, are not run again.
        seeds: Which seeds; the experiment's own if missing.
        report: Told how far the run is.

    Returns:
        The stored run.

    Raises:
        KeyError: If there is no experiment of that name.
        OSError: If the folder cannot be written.
    """
    experiment = find_experiment(name)
    kept = name in EVERY_SEED
    return run(experiment, folder, seeds=seeds, keep_every_seed=kept, report=report)


def confirm_experiment(
    name: str, folder: Path = STORED, *, report: Report = lambda words: None
) -> list[str]:
    """Repeat a stored run's first seed, and mark the run as today's if nothing differs.

    Args:
        name: The experiment's.
        folder: Where the run is stored; in the package, if missing.
        report: Told how far the run is.

    Returns:
        The metrics that differ; none if the run is confirmed.

    Raises:
        KeyError: If there is no experiment of that name.
        FileNotFoundError: If it has not been run.
    """
    return confirm(find_experiment(name), folder, report=report)
