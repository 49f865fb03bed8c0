"""The command ``lstm-book``: what it prints, its exit codes, and that nothing is a traceback."""

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

import pytest
from children import end, start
from torch import nn

import lstm_book
from lstm_book.experiments import EXPERIMENTS, Experiment, Outcome, load_experiment
from lstm_book.experiments.command import main
from lstm_book.experiments.learn_task import LearnTask
from lstm_book.experiments.run import run
from lstm_book.experiments.store import StoredRun, read
from lstm_book.tasks import FirstAndLast

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX's signals")


@dataclass(frozen=True, kw_only=True)
class Raise(Experiment):
    """Ends with an error, if it is given one."""

    error: BaseException | None = None

    @property
    def configuration(self):
        return {"name": self.name}

    def build(self):
        return nn.Linear(1, 1)

    def train(self, seed, report):
        report("half way")
        if self.error:
            raise self.error
        return Outcome({"seen": seed}, self.build())


@pytest.fixture
def entry(monkeypatch):
    """Put an experiment into the catalogue."""

    def put(error=None):
        experiment = Raise(name="raise", about="raises", seeds=(0, 1), error=error)
        monkeypatch.setitem(EXPERIMENTS, "raise", experiment)
        return experiment

    return put


def test_it_lists_runs_and_confirms(entry, tmp_path, capsys):
    entry()
    assert main(["list"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in EXPERIMENTS)
    assert main(["run", "raise", "--seeds", "1", "0", "1", "--folder", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "seed 1: done" in said
    assert f"results:  {tmp_path / 'raise.json'}" in said
    assert isinstance(load_experiment("raise", tmp_path), StoredRun)
    assert load_experiment("raise", tmp_path).values("seen") == [0, 1]
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert main(["confirm", "raise", "--folder", str(tmp_path)]) == 0
    assert "the same to the last digit" in capsys.readouterr().out
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert main(["confirm", "raise", "--folder", str(tmp_path), "--mark"]) == 0
    assert "confirmed" in read(EXPERIMENTS["raise"], tmp_path).record


def test_it_replays(tmp_path, capsys, monkeypatch):
    assert main(["replay", "gate-lab-rnn", "gate-lab-lstm"]) == 0
    assert re.fullmatch(
        r"(gate-lab-(rnn|lstm): the same( to the last digit| but for \de-\d+)\n){2}",
        capsys.readouterr().out,
    )
    other = lambda self, seed: [[9.0]]  # noqa: E731
    monkeypatch.setattr(LearnTask, "first_losses", other)
    assert main(["replay", "gate-lab-rnn"]) == 1
    said = capsys.readouterr().out
    assert said.startswith("gate-lab-rnn: loss 1 of seed 0 was 0.67535001 and is 9; ")
    with pytest.raises(SystemExit):
        main(["replay", "no-such"])
    assert main(["replay", "gate-lab-rnn", "--folder", str(tmp_path)]) == 1
    assert "expected gate-lab-rnn.json, got no such file" in capsys.readouterr().err


def test_what_differs_is_named_and_exit_code_1(entry, tmp_path, capsys, monkeypatch):
    entry()
    main(["run", "raise", "--folder", str(tmp_path)])
    other = lambda self, seed, report: Outcome({"seen": 7}, self.build())  # noqa: E731
    monkeypatch.setattr(Raise, "train", other)
    assert main(["confirm", "raise", "--folder", str(tmp_path), "--mark"]) == 1
    assert capsys.readouterr().out.endswith("differs: seen\n")
    assert "confirmed" not in read(EXPERIMENTS["raise"], tmp_path).record


def test_the_version(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"lstm-book {lstm_book.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "required: action"),
        (["run"], "required: NAME"),
        (["run", "gate-lab"], "expected the name of an experiment, such as gate-lab-"),
        (["run", "raise", "--seeds"], "expected at least one argument"),
        (["run", "raise", "--seeds", "-1"], "a seed to be a whole number from 0"),
        (["run", "raise", "--seeds", "x"], "expected a whole number, got 'x'"),
        (["run", "raise", "--seeds", str(2**40)], "a seed to be a whole number from 0"),
        (["confirm", "no such"], "expected the name of an experiment"),
    ],
)
def test_what_the_parser_refuses_has_exit_code_2(entry, arguments, said, capsys):
    entry()
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (OSError(28, "No space left on device", "x.json"), 1, "[Errno 28] No space left"),
        (ValueError("two\n  lines"), 1, "two lines"),
        (FloatingPointError("expected a finite loss, got nan"), 1, "expected a finite loss"),
        (ModuleNotFoundError("No module named 'sklearn'"), 1, "No module named"),
        (OSError(), 1, "OSError"),
        (KeyboardInterrupt(), 130, "stopped; the same command goes on"),
        (SystemExit(143), 143, "stopped; the same command goes on"),  # as `fit` ends on SIGTERM
        (BrokenPipeError(32, "Broken pipe"), 141, None),
    ],
)
def test_what_goes_wrong_is_one_line_and_an_exit_code(entry, tmp_path, capsys, error, code, said):
    entry(error)
    assert main(["run", "raise", "--folder", str(tmp_path)]) == code
    words = capsys.readouterr().err
    if said is None:
        assert words == ""
    else:
        assert words.startswith(f"lstm-book: {said}")
        assert words.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_the_programs_own_is_not_hidden(entry, tmp_path):
    entry(AttributeError("a fault"))
    with pytest.raises(AttributeError):
        main(["run", "raise", "--folder", str(tmp_path)])


@pytest.mark.parametrize("action", ["run", "confirm"])
def test_bad_folders_and_damaged_files_are_named(entry, tmp_path, capsys, action):
    entry()
    run(EXPERIMENTS["raise"], tmp_path)
    (tmp_path / "raise.json").write_bytes(b"")
    for folder, said in (
        (tmp_path, "raise.json to be what `lstm-book run raise` wrote, got 0 bytes"),
        (tmp_path / "raise.json", "Not a directory" if action == "run" else "got no such file"),
    ):
        assert main([action, "raise", "--folder", str(folder)]) == 1
        assert re.fullmatch(rf"lstm-book: .*{said}.*\n", capsys.readouterr().err)


@posix
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"]
)
def test_a_signal_ends_a_run_and_leaves_its_checkpoint_alone(tmp_path, monkeypatch, number, code):
    experiment = LearnTask(
        name="long",
        about="runs until it is told to stop",
        task=FirstAndLast(3, features=1),
        hidden_size=2,
        batch=2,
        sequences=100_000,
        held_out=10,
        loss=1e-9,
        save_every=2,
        seeds=(0,),
    )
    monkeypatch.setitem(EXPERIMENTS, "long", experiment)
    checkpoint = tmp_path / "long-0.checkpoint"
    child = start(lambda: main(["run", "long", "--folder", str(tmp_path)]))
    while not checkpoint.exists():
        time.sleep(0.01)
    os.kill(child, number)
    assert end(child) == code
    assert [path.name for path in tmp_path.iterdir()] == ["long-0.checkpoint"]


@posix
def test_without_a_reader_or_room_there_is_no_traceback():
    """And ``python -m lstm_book`` is the command."""
    command = [sys.executable, "-m", "lstm_book", "list"]
    read_end, write_end = os.pipe()
    os.close(read_end)
    no_reader = subprocess.run(command, stdout=write_end, stderr=subprocess.PIPE, check=False)
    os.close(write_end)
    assert (no_reader.returncode, no_reader.stderr) == (141, b"")
    if os.path.exists("/dev/full"):
        with open("/dev/full", "wb") as full:
            no_room = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
        assert no_room.returncode == 1
        assert no_room.stderr == b"lstm-book: [Errno 28] No space left on device\n"


def test_a_closed_output_is_no_fault(monkeypatch, entry, tmp_path):
    entry()
    monkeypatch.setattr(sys, "stdout", None)
    assert main(["run", "raise", "--folder", str(tmp_path)]) == 0
