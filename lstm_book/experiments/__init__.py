"""Training runs that are too long for a page: named settings, stored results, weights of one."""

from lstm_book.experiments.by_name import confirm_experiment, load_experiment, run_experiment
from lstm_book.experiments.catalogue import EXPERIMENTS
from lstm_book.experiments.experiment import Experiment, Outcome
from lstm_book.experiments.replay import Repeat
from lstm_book.experiments.store import StoredRun

__all__ = [
    "EXPERIMENTS",
    "Experiment",
    "Outcome",
    "Repeat",
    "StoredRun",
    "confirm_experiment",
    "load_experiment",
    "run_experiment",
]
