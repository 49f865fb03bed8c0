"""Ctrl-C waits until an update is whole, and the state is saved."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
import torch
from test_checkpoint import Dropped, assert_same, train

from lstm_book.tasks import FirstAndLast
from lstm_book.training import Checkpoint, fit
from lstm_book.training.interrupt import whole


def test_what_is_inside_is_finished_first():
    done = []

    def work():
        with whole() as interrupt:
            done.append(interrupt.came)
            signal.raise_signal(signal.SIGINT)
            done.append(interrupt.came)
        done.append("never")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == [False, True]


def test_a_second_one_does_not_wait():
    done = []

    def work():
        with whole():
            signal.raise_signal(signal.SIGINT)
            done.append("waited")
            signal.raise_signal(signal.SIGINT)
            done.append("never")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["waited"]


@pytest.mark.parametrize("error", [None, ValueError])
def test_the_handler_before_comes_back(error):
    before = signal.getsignal(signal.SIGINT)
    try:
        with whole():
            assert signal.getsignal(signal.SIGINT) is not before
            if error:
                raise error
    except ValueError:
        pass
    assert signal.getsignal(signal.SIGINT) is before


def test_other_threads_are_left_alone():
    before, seen = signal.getsignal(signal.SIGINT), []

    def work():
        with whole() as interrupt:
            seen.append((signal.getsignal(signal.SIGINT), interrupt.came))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(before, False)]


class Interrupted(FirstAndLast):
    """A task during whose given draw Ctrl-C is pressed."""

    draws = 0

    def sample(self, batch, *, generator=None):
        type(self).draws += 1
        if self.draws == 7:
            signal.raise_signal(signal.SIGINT)
        return super().sample(batch, generator=generator)


def test_a_run_stopped_by_ctrl_c_is_saved_whole_and_goes_on_bit_for_bit(tmp_path):
    task = Interrupted(length=4, features=2)

    def run(steps, checkpoint=None):
        torch.manual_seed(0)
        model = Dropped()
        generator = torch.Generator().manual_seed(0)
        return model, fit(model, task, steps=steps, generator=generator, checkpoint=checkpoint)

    checkpoint = Checkpoint(tmp_path / "run.pt", every=100)
    Interrupted.draws = 0
    with pytest.raises(KeyboardInterrupt):
        run(20, checkpoint)
    assert checkpoint.updates() == 7
    resumed = run(20, checkpoint)
    Interrupted.draws = 100
    assert_same(resumed, run(20))


SCRIPT = """
import sys
sys.path.insert(0, {folder!r})
from pathlib import Path
from test_checkpoint import Checkpoint, train
train(10**6, Checkpoint(Path({path!r}), every=5))
"""


@pytest.mark.skipif(os.name != "posix", reason="sends a signal to a process")
def test_a_process_that_gets_ctrl_c_ends_with_its_last_update_saved(tmp_path):
    path = tmp_path / "run.pt"
    script = SCRIPT.format(folder=os.path.dirname(__file__), path=str(path))
    process = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE)
    while not path.exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode != 0
    assert b"KeyboardInterrupt" in errors
    done = Checkpoint(path).updates()
    assert_same(train(done + 3, Checkpoint(path, every=5)), train(done + 3))
