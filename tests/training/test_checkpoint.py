"""A run that was stopped ends with the bits of one that was not."""

import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from torch import nn

from lstm_book.models import LastStepClassifier
from lstm_book.tasks import FirstAndLast
from lstm_book.training import Checkpoint, fit

TASK = FirstAndLast(length=4, features=2)


class Dropped(nn.Module):
    """A model whose dropout draws from torch's own random numbers."""

    def __init__(self):
        super().__init__()
        self.inner = LastStepClassifier(nn.LSTM(2, 5, num_layers=2, dropout=0.3))

    def forward(self, x):
        return self.inner(x)


def train(steps, checkpoint=None, seed=0, **options):
    torch.manual_seed(seed)
    model = Dropped()
    generator = torch.Generator().manual_seed(seed)
    options = {"lr": 0.01, "batch": 8, "schedule": lambda n: 1 / (1 + n), **options}
    history = fit(model, TASK, steps=steps, generator=generator, checkpoint=checkpoint, **options)
    return model, history


def assert_same(one, two):
    (model, history), (other, again) = one, two
    assert history == again
    for a, b in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("stopped_after", [10, 13, 20])
def test_a_resumed_run_has_the_bits_of_an_uninterrupted_one(tmp_path, stopped_after):
    whole = train(30)
    checkpoint = Checkpoint(tmp_path / "new" / "run.pt", every=10)
    train(stopped_after, checkpoint)
    torch.manual_seed(99)  # what the new process starts with does not matter
    assert_same(train(30, checkpoint), whole)
    assert_same(train(30, checkpoint), whole)  # finished: nothing more is done
    assert [path.name for path in checkpoint.path.parent.iterdir()] == ["run.pt"]


SCRIPT = """
import sys
sys.path.insert(0, {folder!r})
from pathlib import Path
from test_checkpoint import Checkpoint, train
train(100_000, Checkpoint(Path({path!r}), every=5))
"""


@pytest.mark.skipif(os.name != "posix", reason="kills a process")
def test_a_killed_process_leaves_a_whole_file_to_go_on_from(tmp_path):
    path = tmp_path / "run.pt"
    script = SCRIPT.format(folder=os.path.dirname(__file__), path=str(path))
    process = subprocess.Popen([sys.executable, "-c", script])
    try:
        while not path.exists():
            assert process.poll() is None
            time.sleep(0.05)
        time.sleep(0.3)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = len(torch.load(path, weights_only=True)["history"]["loss"])
    assert done % 5 == 0
    assert_same(train(done + 7, Checkpoint(path, every=5)), train(done + 7))


def test_a_failed_write_leaves_the_file_before(tmp_path, monkeypatch):
    checkpoint = Checkpoint(tmp_path / "run.pt", every=5)
    train(5, checkpoint)
    before = checkpoint.path.read_bytes()

    def full(*_):
        raise OSError("disk full")

    monkeypatch.setattr("lstm_book.training.checkpoint.os.replace", full)
    with pytest.raises(OSError, match="disk full"):
        train(10, checkpoint)
    assert checkpoint.path.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["run.pt"]


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    checkpoint = Checkpoint(tmp_path / "run.pt", every=5)
    train(5, checkpoint)
    before = checkpoint.path.read_bytes()
    with pytest.raises(ValueError, match=r"to be of a run with .*'lr': 0.02.*got .*'lr': 0.01"):
        train(10, checkpoint, lr=0.02)
    with pytest.raises(ValueError, match="does not fit the model"):
        fit(
            LastStepClassifier(nn.LSTM(2, 3)), TASK, steps=9, lr=0.01, batch=8,
            generator=torch.Generator(), checkpoint=checkpoint,
        )  # fmt: skip
    with pytest.raises(ValueError, match="with a generator"):
        fit(Dropped(), TASK, steps=9, lr=0.01, batch=8, checkpoint=checkpoint)
    assert checkpoint.path.read_bytes() == before


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_truncated_file_is_named(tmp_path, share):
    checkpoint = Checkpoint(tmp_path / "run.pt", every=5)
    train(5, checkpoint)
    whole = checkpoint.path.read_bytes()
    kept = whole[: int(share * len(whole))]
    checkpoint.path.write_bytes(kept)
    with pytest.raises(ValueError, match=rf"whole checkpoint, got .*run.pt of {len(kept)} bytes"):
        train(10, checkpoint)
    assert checkpoint.path.read_bytes() == kept


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"format": 0}, r"run.pt in format 1, got format 0"),
        ({}, r"run.pt in format 1, got format None"),
        ([1], r"whole checkpoint, got .*run.pt of \d+ bytes"),
    ],
)
def test_a_file_of_another_version_is_named(tmp_path, content, said):
    checkpoint = Checkpoint(tmp_path / "run.pt", every=5)
    torch.save(content, checkpoint.path)
    with pytest.raises(ValueError, match=said):
        train(10, checkpoint)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_full_disk_is_an_os_error_and_the_file_before_stays(tmp_path, monkeypatch):
    checkpoint = Checkpoint(tmp_path / "run.pt", every=5)
    train(5, checkpoint)
    before = checkpoint.path.read_bytes()

    def on_a_full_disk(**_):
        name = str(tmp_path / "part")
        os.symlink("/dev/full", name)
        return os.open(name, os.O_WRONLY), name

    monkeypatch.setattr("lstm_book.training.checkpoint.tempfile.mkstemp", on_a_full_disk)
    with pytest.raises(OSError, match="No space left"):
        train(10, checkpoint)
    assert checkpoint.path.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["run.pt"]


def test_updates_are_counted_without_loading_the_run(tmp_path):
    checkpoint = Checkpoint(tmp_path / "run.pt", every=5)
    assert checkpoint.updates() == 0
    train(12, checkpoint)
    assert checkpoint.updates() == 10


def test_a_checkpoint_every_zero_updates():
    with pytest.raises(ValueError, match="every 1 update or more, got 0"):
        Checkpoint("run.pt", every=0)
