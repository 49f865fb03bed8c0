"""The command ``lstm-book``."""

import argparse
import sys
from pathlib import Path

from lstm_book.experiments.catalogue import EXPERIMENTS
from lstm_book.experiments.load import confirm_experiment, find_experiment, run_experiment
from lstm_book.experiments.store import STORED


def main(arguments: list[str] | None = None) -> int:
    """List the experiments, or run one; return the exit code."""
    parser = argparse.ArgumentParser(prog="lstm-book", description="The experiments of the book.")
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="name every experiment and say what it measures")
    runner = actions.add_parser("run", help="repeat an experiment")
    runner.add_argument("name", type=_known, metavar="NAME")
    runner.add_argument("--seeds", type=int, nargs="+", help="instead of those that are stored")
    runner.add_argument("--folder", type=Path, default=Path("runs"), help="where results go")
    confirmer = actions.add_parser("confirm", help="repeat the first seed of a stored experiment")
    confirmer.add_argument("name", type=_known, metavar="NAME")
    confirmer.add_argument("--folder", type=Path, default=STORED, help="where it is stored")
    asked = parser.parse_args(arguments)
    if asked.action == "list":
        width = max(map(len, EXPERIMENTS))
        for name, experiment in EXPERIMENTS.items():
            print(f"{name:{width}}  {experiment.about}")
        return 0
    if asked.action == "confirm":
        differ = confirm_experiment(asked.name, asked.folder, report=_show)
        print("differs: " + ", ".join(differ) if differ else "the same to the last digit")
        return int(bool(differ))
    stored = run_experiment(asked.name, asked.folder, seeds=asked.seeds, report=_show)
    print(stored.provenance)
    print(f"results:  {asked.folder / asked.name}.json")
    return 0


def _known(name: str) -> str:
    """Return the name of an experiment, or tell the parser what is wrong with it."""
    try:
        return find_experiment(name).name
    except KeyError as error:
        raise argparse.ArgumentTypeError(error.args[0]) from None


def _show(words: str) -> None:
    """Write over the line before on a terminal; elsewhere only what ends a line."""
    if sys.stdout.isatty():
        print(f"\r\x1b[K{words}", end="", flush=True)
    elif words.endswith("\n"):
        print(words, end="", flush=True)
