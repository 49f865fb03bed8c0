"""Signals wait until an update is whole and saved; then they do what they would have done."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest
import torch

from lstm_book.tasks import FirstAndLast
from lstm_book.training import Checkpoint, fit
from lstm_book.training.interrupt import waiting
from tests.training.test_checkpoint import Dropped, assert_same, train

INT, TERM = signal.SIGINT, signal.SIGTERM
ENDS = {INT: KeyboardInterrupt, TERM: SystemExit}


@contextmanager
def handled(number, handler):
    """Install a handler for a while."""
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)


@pytest.mark.parametrize("number", [INT, TERM])
def test_what_is_inside_is_finished_first(number):
    done = []

    def work():
        with waiting(INT, TERM) as signals:
            signal.raise_signal(number)
            done.append(list(signals.came))
        done.append("never")

    with pytest.raises(ENDS[number]) as raised:
        work()
    assert done == [[number]]
    if number == TERM:
        assert raised.value.code == 143


@pytest.mark.parametrize("number", [INT, TERM])
def test_a_second_one_does_not_wait(number):
    done = []

    def work():
        with waiting(INT, TERM) as signals:
            signal.raise_signal(number)
            done.append("waited")
            try:
                signal.raise_signal(number)
            finally:
                done.append(list(signals.came))
            done.append("never")

    with pytest.raises(ENDS[number]):
        work()
    assert done == ["waited", []]


def test_one_of_another_kind_waits_too():
    done = []

    def work():
        with waiting(INT, TERM) as signals:
            signal.raise_signal(INT)
            signal.raise_signal(TERM)
            done.append(sorted(signals.came))

    with pytest.raises((KeyboardInterrupt, SystemExit)):
        work()
    assert done == [[INT, TERM]]


@pytest.mark.parametrize("number", [INT, TERM])
def test_one_that_is_told_to_take_effect_does_and_can_come_again(number):
    seen = []
    with handled(number, lambda n, frame: seen.append((n, frame is not None))):
        with waiting(INT, TERM) as signals:
            for times in (1, 2):
                signal.raise_signal(number)
                assert len(seen) == times - 1
                signals.take_effect()
                assert seen == [(number, True)] * times
                signals.take_effect()
        assert seen == [(number, True)] * 2


@pytest.mark.parametrize("number", [INT, TERM])
def test_ignored_ones_stay_ignored(number):
    with handled(number, signal.SIG_IGN), waiting(INT, TERM) as signals:
        assert signal.getsignal(number) is signal.SIG_IGN
        signal.raise_signal(number)
        assert not signals.came


@pytest.mark.parametrize("error", [None, ValueError])
def test_the_handlers_before_come_back(error):
    before = [signal.getsignal(number) for number in ENDS]
    try:
        with waiting(INT, TERM):
            assert all(signal.getsignal(n) is not b for n, b in zip(ENDS, before, strict=True))
            if error:
                raise error
    except ValueError:
        pass
    assert [signal.getsignal(number) for number in ENDS] == before


def test_a_signal_is_not_lost_when_what_is_inside_fails():
    def work():
        with waiting(INT):
            signal.raise_signal(INT)
            raise ValueError("inside")

    with pytest.raises(KeyboardInterrupt) as raised:
        work()
    assert isinstance(raised.value.__context__, ValueError)


def test_a_handler_that_was_not_taken_back_does_what_the_one_before_did():
    with waiting(INT):
        note = signal.getsignal(INT)
    with pytest.raises(KeyboardInterrupt):
        note(INT, None)


def test_one_inside_another_waits_for_both():
    done = []

    def work():
        with waiting(INT) as outer:
            with waiting(INT):
                signal.raise_signal(INT)
                done.append(list(outer.came))
            done.append(list(outer.came))

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == [[], [INT]]


def test_other_threads_are_left_alone():
    before, seen = signal.getsignal(INT), []

    def work():
        with waiting(INT, TERM) as signals:
            seen.append((signal.getsignal(INT), dict(signals.came)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(before, {})]


class Signalled(FirstAndLast):
    """A task with signals at given moments of given updates, and what the process has seen."""

    moments: tuple = ()
    updates = 0

    def sample(self, batch, *, generator=None):
        self.here("sample")
        return super().sample(batch, generator=generator)

    def loss(self, logits, y):
        self.here("loss")
        return super().loss(logits, y)

    def accuracy(self, logits, y):
        type(self).updates += 1
        self.here("accuracy")
        return super().accuracy(logits, y)

    @classmethod
    def here(cls, moment):
        for number, at, update in cls.moments:
            if (at, update) == (moment, cls.updates):
                signal.raise_signal(number)


def run(steps, checkpoint=None, moments=(), stop=None, seed=0):
    Signalled.moments, Signalled.updates = moments, 0
    torch.manual_seed(seed)
    model = Dropped()
    generator = torch.Generator().manual_seed(seed)

    def look(model, updates):
        Signalled.here("stop")
        return bool(stop) and updates == stop

    task = Signalled(length=4, features=2)
    history = fit(
        model, task, steps=steps, batch=8, generator=generator, checkpoint=checkpoint, stop=look
    )
    return model, history


@pytest.mark.parametrize("number", [INT, TERM])
@pytest.mark.parametrize(
    ("moment", "update", "saved"),
    [("sample", 6, 7), ("loss", 6, 7), ("accuracy", 7, 7), ("stop", 6, 7), ("accuracy", 20, 20)],
)
def test_a_run_is_saved_whole_and_goes_on_bit_for_bit(tmp_path, number, moment, update, saved):
    checkpoint = Checkpoint(tmp_path / "run.pt", every=100)
    with pytest.raises(ENDS[number]):
        run(20, checkpoint, [(number, moment, update)])
    assert checkpoint.updates() == Signalled.updates == saved
    assert [path.name for path in tmp_path.iterdir()] == ["run.pt"]
    assert_same(run(20, checkpoint), run(20))


@pytest.mark.parametrize("number", [INT, TERM])
def test_a_signal_while_the_file_is_written_waits_for_it(tmp_path, monkeypatch, number):
    checkpoint = Checkpoint(tmp_path / "run.pt", every=4)
    save, saves = Checkpoint._save, []

    def saving(self, run):
        saves.append(run.updates)
        if len(saves) == 2:
            signal.raise_signal(number)
        save(self, run)

    monkeypatch.setattr(Checkpoint, "_save", saving)
    with pytest.raises(ENDS[number]):
        run(20, checkpoint)
    # It came after the look at whether one had come: the next update is made, and saved.
    assert checkpoint.updates() == Signalled.updates == 9
    assert_same(run(20, checkpoint), run(20))


@pytest.mark.parametrize("number", [INT, TERM])
def test_a_signal_in_the_call_of_stop_that_ends_the_run(tmp_path, number):
    checkpoint = Checkpoint(tmp_path / "run.pt", every=100)
    with pytest.raises(ENDS[number]):
        run(20, checkpoint, [(number, "stop", 6)], stop=6)
    assert checkpoint.updates() == 6


def test_a_second_ctrl_c_leaves_the_file_and_the_weights_before(tmp_path):
    checkpoint = Checkpoint(tmp_path / "run.pt", every=4)
    with pytest.raises(KeyboardInterrupt):
        run(20, checkpoint, [(INT, "sample", 6), (INT, "loss", 6)])
    assert checkpoint.updates() == 4
    assert_same(run(20, checkpoint), run(20))


@pytest.mark.parametrize("number", [INT, TERM])
def test_a_handler_of_the_users_own_is_called_and_training_goes_on(tmp_path, number):
    checkpoint, seen = Checkpoint(tmp_path / "run.pt", every=100), []
    moments = [(number, "loss", 3), (number, "stop", 9)]
    with handled(number, lambda n, frame: seen.append((n, checkpoint.updates()))):
        done = run(20, checkpoint, moments)
    assert seen == [(number, 4), (number, 10)]
    assert_same(done, run(20))


@pytest.mark.parametrize("number", [INT, TERM])
def test_a_run_goes_on_through_what_is_ignored(tmp_path, number):
    with handled(number, signal.SIG_IGN):
        done = run(10, Checkpoint(tmp_path / "run.pt"), [(number, "loss", 3)])
    assert_same(done, run(10))


def test_without_a_checkpoint_ctrl_c_waits_and_a_request_to_end_does_not():
    seen = []
    with pytest.raises(KeyboardInterrupt):
        run(20, None, [(INT, "sample", 6)])
    assert Signalled.updates == 7
    with handled(TERM, lambda *_: seen.append(Signalled.updates)):
        run(10, None, [(TERM, "sample", 6)])
    assert seen == [6]


SCRIPT = """
import sys
sys.path.insert(0, {folder!r})
from tests.training.test_checkpoint import Checkpoint, train
train(10**6, Checkpoint({path!r}, every=5))
"""


@pytest.mark.skipif(os.name != "posix", reason="sends a signal to a process")
@pytest.mark.parametrize("number", [INT, TERM])
def test_a_process_that_gets_a_signal_ends_with_its_last_update_saved(tmp_path, number):
    path = tmp_path / "run.pt"
    script = SCRIPT.format(folder=os.getcwd(), path=str(path))
    process = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE)
    while not path.exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    _, errors = process.communicate()
    if number == INT:
        assert process.returncode != 0
        assert b"KeyboardInterrupt" in errors
    else:
        assert process.returncode == 143
        assert errors == b""
    done = Checkpoint(path).updates()
    assert_same(train(done + 3, Checkpoint(path, every=5)), train(done + 3))
    assert [path.name for path in tmp_path.iterdir()] == ["run.pt"]
