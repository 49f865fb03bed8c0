"""The command ``lstm-book``."""

import argparse
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from lstm_book import __version__
from lstm_book.experiments.by_name import (
    confirm_experiment,
    find_experiment,
    load_experiment,
    run_experiment,
)
from lstm_book.experiments.catalogue import EXPERIMENTS
from lstm_book.experiments.replay import differences
from lstm_book.experiments.store import STORED, check_seeds


def main(arguments: list[str] | None = None) -> int:
    """List the experiments, or run or confirm one; what goes wrong is one line.

    Returns:
        The exit code: 0; 1 if something is wrong or differs; 128 and the signal's number if one
        ended it. The parser itself exits with 2 where the command is not understood.
    """
    stopped = "stopped; the same command goes on from what is stored"
    try:
        code = _do(_parser().parse_args(arguments))
        if sys.stdout:  # None if it was closed
            sys.stdout.flush()
    except BrokenPipeError:  # whoever read what is printed has read enough
        code = 128 + 13
    except KeyboardInterrupt:
        _complain(stopped)
        code = 128 + signal.SIGINT
    except SystemExit as end:
        if end.code != 128 + signal.SIGTERM:  # that is how `fit` ends, with its update saved
            raise
        _complain(stopped)
        code = 128 + signal.SIGTERM
    except (OSError, ValueError, ArithmeticError, ImportError) as error:
        _complain(" ".join(str(error).split()) or type(error).__name__)
        code = 1
    finally:
        _let_go()
    return code


def _parser() -> argparse.ArgumentParser:
    """Return what reads the arguments."""
    parser = argparse.ArgumentParser(prog="lstm-book", description="The experiments of the book.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="name every experiment and say what it measures")
    runner = actions.add_parser("run", help="repeat an experiment")
    runner.add_argument("name", type=_known, metavar="NAME")
    runner.add_argument("--seeds", type=_seed, nargs="+", help="instead of those that are stored")
    runner.add_argument("--folder", type=Path, default=Path("runs"), help="where results go")
    confirmer = actions.add_parser(
        "confirm", help="repeat the first seed of a stored experiment, and compare"
    )
    confirmer.add_argument("name", type=_known, metavar="NAME")
    confirmer.add_argument("--folder", type=Path, default=STORED, help="where it is stored")
    confirmer.add_argument(
        "--mark", action="store_true", help="mark the record as today's if nothing differs"
    )
    replayer = actions.add_parser(
        "replay", help="make the first updates of stored experiments again, and compare"
    )
    replayer.add_argument("names", type=_known, nargs="*", metavar="NAME", help="all, if missing")
    replayer.add_argument("--folder", type=Path, default=STORED, help="where they are stored")
    return parser


def _do(asked: argparse.Namespace) -> int:
    """Do what was asked; return the exit code."""
    if asked.action == "list":
        width = max(map(len, EXPERIMENTS))
        for name, experiment in EXPERIMENTS.items():
            print(f"{name:{width}}  {experiment.about}")
        return 0
    if asked.action == "confirm":
        differ = confirm_experiment(asked.name, asked.folder, mark=asked.mark, report=_show)
        print("differs: " + ", ".join(differ) if differ else "the same to the last digit")
        return int(bool(differ))
    if asked.action == "replay":
        every = [_replay(name, asked.folder) for name in asked.names or EXPERIMENTS]
        return int(not all(every))
    stored = run_experiment(asked.name, asked.folder, seeds=asked.seeds, report=_show)
    print(stored.provenance)
    print(f"results:  {stored.path}")
    return 0


def _replay(name: str, folder: Path) -> bool:
    """Replay a stored run, say in a line how it went, and return whether it is the same."""
    repeats = load_experiment(name, folder).replay()
    largest, different = max((repeat.gap for repeat in repeats), default=0.0), differences(repeats)
    if different:
        print(f"{name}: {'; '.join(different)}")
    else:
        print(
            f"{name}: the same" + (f" but for {largest:.0e}" if largest else " to the last digit")
        )
    return not different


def _known(name: str) -> str:
    """Return the name of an experiment, or tell the parser what is wrong with it."""
    try:
        return find_experiment(name).name
    except KeyError as error:
        raise argparse.ArgumentTypeError(error.args[0]) from None


def _seed(text: str) -> int:
    """Return a seed, or tell the parser what is wrong with it."""
    try:
        seed = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a whole number, got {text!r}") from None
    try:
        return check_seeds([seed])[0]
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _show(words: str) -> None:
    """Write over the line before on a terminal; elsewhere only what ends a line."""
    if sys.stdout and sys.stdout.isatty():
        print(f"\r\x1b[K{words}", end="", flush=True)
    elif words.endswith("\n"):
        print(words, end="", flush=True)


def _complain(words: str) -> None:
    """Say in one line what is wrong; on a terminal, in place of how far the run was."""
    begin = "\r\x1b[K" if sys.stderr and sys.stderr.isatty() else ""
    with suppress(OSError):
        print(f"{begin}lstm-book: {words}", file=sys.stderr)


def _let_go() -> None:
    """Forget what is printed and cannot be written: the interpreter would complain at its end."""
    try:
        if sys.stdout:
            sys.stdout.flush()
    except OSError:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
