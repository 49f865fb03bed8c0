"""A run that was stopped ends with the bits of one that was not."""

import copy
import hashlib
import io
import math
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from lstm_book.models import LastStepClassifier
from lstm_book.tasks import FirstAndLast
from lstm_book.training import Checkpoint, fit
from lstm_book.training.checkpoint import _parse
from lstm_book.training.randomness import random_state, set_random_state

TASK = FirstAndLast(length=4, features=2)


class Dropped(nn.Module):
    """A model whose dropout draws from torch's own random numbers."""

    def __init__(self, p=0.3, frozen=None, still=False):
        super().__init__()
        self.inner = LastStepClassifier(nn.LSTM(2, 5, num_layers=2, dropout=p))
        if frozen:
            self.get_parameter(frozen).requires_grad_(False)
        if still:
            self.inner.layer.eval()

    def forward(self, x):
        return self.inner(x)


class Chunked(Dropped):
    def forward(self, x, chunk=None):
        return super().forward(x)


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
from tests.training.test_checkpoint import Checkpoint, train
train(100_000, Checkpoint(Path({path!r}), every=5))
"""


@pytest.mark.skipif(os.name != "posix", reason="kills a process")
def test_a_killed_process_leaves_a_whole_file_to_go_on_from(tmp_path):
    path = tmp_path / "run.pt"
    script = SCRIPT.format(folder=os.getcwd(), path=str(path))
    process = subprocess.Popen([sys.executable, "-c", script])
    try:
        while not path.exists():
            assert process.poll() is None
            time.sleep(0.05)
        time.sleep(0.3)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = Checkpoint(path).updates()
    assert done % 5 == 0
    assert_same(train(done + 7, Checkpoint(path, every=5)), train(done + 7))


def test_a_run_that_ends_is_written_down(tmp_path):
    checkpoint = Checkpoint(tmp_path / "run.pt", every=5)
    assert checkpoint.updates() == 0
    train(12, checkpoint)
    assert checkpoint.updates() == 12
    written = checkpoint.path.stat().st_mtime_ns
    train(12, checkpoint)  # nothing is made, nothing is written
    assert checkpoint.path.stat().st_mtime_ns == written


def test_fewer_steps_than_the_file_has(tmp_path):
    checkpoint = Checkpoint(tmp_path / "run.pt", every=5)
    train(6, checkpoint)
    with pytest.raises(ValueError, match=r"at least as many steps as the 6 updates in .*, got 2"):
        train(2, checkpoint)


# What a run is of


class Plain:
    """A task without a repr of its own."""

    def __init__(self, gap=1, data=None):
        self.gap, self.data, self._drawn = gap, data, []

    def sample(self, batch, *, generator=None):
        self._drawn.append(batch)
        x = torch.randn(4, batch, 2, generator=generator)
        return x, (x[0, :, 0] > 0).float()

    def loss(self, logits, y):
        return nn.functional.binary_cross_entropy_with_logits(logits, y)

    def accuracy(self, logits, y):
        return np.mean(((logits > 0) == (y > 0.5)).numpy())  # NumPy's, and not a float


class Named(Plain):
    def __repr__(self):
        return f"Named({self.gap}, {object()!r})"  # with a place in memory


def fitted(steps, checkpoint, *, task=None, model=None, seed=0, **options):
    torch.manual_seed(seed)
    model = model or Dropped()
    generator = torch.Generator().manual_seed(seed)
    options = {"batch": 8, "generator": generator, **options}
    return model, fit(model, task or Plain(), steps=steps, checkpoint=checkpoint, **options)


@pytest.mark.parametrize("task", [Plain, Named])
def test_a_task_is_not_known_by_its_place_in_memory(tmp_path, task):
    checkpoint = Checkpoint(tmp_path / "run.pt", every=2)
    fitted(4, checkpoint, task=task())
    assert_same(fitted(8, checkpoint, task=task()), fitted(8, None, task=task()))


class Counting(Plain):
    """A task whose public attributes change with every draw."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def sample(self, batch, *, generator=None):
        self.count += 1
        return super().sample(batch, generator=generator)


def test_a_task_is_what_it_was_when_the_run_began(tmp_path):
    checkpoint = Checkpoint(tmp_path / "run.pt", every=2)
    fitted(4, checkpoint, task=Counting())
    assert_same(fitted(8, checkpoint, task=Counting()), fitted(8, None, task=Counting()))


def test_settings_and_results_may_be_numpys(tmp_path):
    checkpoint = Checkpoint(
        tmp_path / "run.pt", np.int64(2), {"start": np.float32(0.5), "name": np.str_("a")}
    )
    numbers = {
        "lr": np.logspace(-4, -2, 3)[1],
        "clip": np.float32(0.5),
        "batch": np.int64(8),
        "schedule": lambda n: np.float64(0.9) ** n,
        "task": Plain(gap=np.int32(3), data=np.arange(3)),
    }
    fitted(np.int64(4), checkpoint, **numbers)
    plain = {**numbers, "lr": 1e-3, "clip": 0.5, "batch": 8, "schedule": lambda n: 0.9**n}
    assert_same(fitted(8, checkpoint, **plain), fitted(8, None, **numbers))


def halved(n):
    return 0.5 if n > 3 else 1.0


CHANGES = {
    "lr 0.002, got 0.001": {"lr": 0.002},
    "clip 0.5, got 1.0": {"clip": 0.5},
    "batch 9, got 8": {"batch": 9},
    "chunk 2, got 'nothing'": {"chunk": 2},
    r"schedule\[4\] 0.5, got 1.0": {"schedule": halved},
    "generator None, got 'cpu'": {"generator": None},
    "task.gap 2, got 1": {"task": Plain(gap=2)},
    "task.data 5, got None": {"task": Plain(data=5)},
    r"task 'Named\(1, <object object>\)', got {'class': 'Plain'": {"task": Named()},
    r"model.structure\[.*dropout=0.4\)', got '.*dropout=0.3\)'": {"model": Dropped(0.4)},
    r"model.tensors.inner.readout.bias '\(1,\) torch.float32', got '\(1,\) torch.float32, tr": {
        "model": Dropped(frozen="inner.readout.bias")
    },
    r"model.tensors.inner.layer.bias_ih_l0 '\(20,\) torch.float64, t": {
        "model": Dropped().double()
    },
    r"model.in evaluation mode\[0\] 'inner.layer', got 'nothing'": {"model": Dropped(still=True)},
}


@pytest.mark.parametrize("said", CHANGES)
def test_a_run_with_other_settings_is_refused_by_name(tmp_path, said):
    checkpoint = Checkpoint(tmp_path / "run.pt", every=5)
    fitted(5, checkpoint)
    before = checkpoint.path.read_bytes()
    changed = CHANGES[said]
    if said.startswith("chunk"):
        changed = {**changed, "model": Chunked()}
    with pytest.raises(ValueError, match=f"run.pt to be of a run with (.*; )?{said}"):
        fitted(10, checkpoint, **changed)
    assert checkpoint.path.read_bytes() == before
    assert_same(fitted(10, checkpoint), fitted(10, None))


def test_a_schedule_may_differ_where_the_run_has_not_been(tmp_path):
    checkpoint = Checkpoint(tmp_path / "run.pt")
    fitted(3, checkpoint)
    assert_same(fitted(9, checkpoint, schedule=halved), fitted(9, None, schedule=halved))


def test_a_run_of_another_torch_is_refused(tmp_path, monkeypatch):
    checkpoint = Checkpoint(tmp_path / "run.pt")
    fitted(3, checkpoint)
    monkeypatch.setattr(torch, "__version__", "1.0")
    with pytest.raises(ValueError, match=r"with torch '1.0', got '2"):
        fitted(9, checkpoint)


def test_what_the_caller_says_is_part_of_it(tmp_path):
    path, first = tmp_path / "run.pt", {"start": -3.0, "of": {"code": "abc"}}
    fitted(3, Checkpoint(path, identity=first))
    with pytest.raises(ValueError, match=r"identity.start 2.0, got -3.0; identity.of.code 'x'"):
        fitted(9, Checkpoint(path, identity={"start": 2.0, "of": {"code": "x"}}))
    with pytest.raises(ValueError, match=r"identity 'nothing', got {'start': -3.0"):
        fitted(9, Checkpoint(path))
    assert_same(fitted(9, Checkpoint(path, identity=first)), fitted(9, None))


def test_a_long_list_of_differences_is_cut(tmp_path):
    checkpoint = Checkpoint(tmp_path / "run.pt")
    fitted(3, checkpoint)
    with pytest.raises(ValueError, match=r"clip 2.0, got 1.0; model.*; and 4 more$") as said:
        fitted(9, checkpoint, batch=9, lr=1.0, clip=2.0, model=Dropped(0.4), schedule=lambda n: 0.5)
    assert str(said.value).count(", got ") == 4


def everything(model, generator):
    numbers = [torch.get_rng_state(), generator.get_state(), *model.state_dict().values()]
    return copy.deepcopy((numbers, random.getstate(), np.random.get_state()[1].tolist()))


def assert_untouched(before, after):
    for a, b in zip(before[0], after[0], strict=True):
        assert torch.equal(a, b)
    assert before[1:] == after[1:]


@pytest.mark.parametrize("part", ["model", "optimiser", "scheduler", "history", "random", "numpy"])
def test_a_refused_file_changes_nothing(tmp_path, part):
    checkpoint = Checkpoint(tmp_path / "run.pt")
    fitted(3, checkpoint)
    content = _parse(checkpoint.path.read_bytes())
    if part == "numpy":
        content["state"]["random"]["numpy"] = {"bit_generator": "another"}
    elif part == "random":
        del content["state"]["random"]["given"]
    elif part == "history":
        del content["state"]["history"]["accuracy"]
    elif part == "model":
        content["state"]["model"]["inner.readout.bias"] = torch.zeros(7)
    else:
        content["state"][part] = {"nonsense": 1}
    written = io.BytesIO()
    torch.save(content, written)
    checkpoint.path.write_bytes(sealed(written.getvalue()))
    model, generator = Dropped(), torch.Generator().manual_seed(5)
    before = everything(model, generator)
    with pytest.raises(ValueError, match=r"expected .*run.pt to fit the run, got"):
        fit(model, Plain(), steps=5, batch=8, generator=generator, checkpoint=checkpoint)
    assert_untouched(before, everything(model, generator))


class Unwritable(Dropped):
    def get_extra_state(self):
        return type(self)  # no plain value

    def set_extra_state(self, state):
        raise AssertionError("never")


def test_a_run_that_could_not_be_read_again_is_refused_at_once(tmp_path):
    checkpoint = Checkpoint(tmp_path / "run.pt")
    with pytest.raises(TypeError, match="a run that can be written down and read again"):
        fitted(3, checkpoint, model=Unwritable())
    assert list(tmp_path.iterdir()) == []


# Random numbers


class Drawn(Plain):
    """A task that draws from every source there is."""

    def sample(self, batch, *, generator=None):
        x, y = super().sample(batch, generator=generator)
        return x + random.random() + float(np.random.randn()) + torch.rand(()), y


def test_every_source_of_random_numbers_goes_on(tmp_path):
    def run(steps, checkpoint=None):
        random.seed(0)
        np.random.seed(0)
        return fitted(steps, checkpoint, task=Drawn())

    checkpoint = Checkpoint(tmp_path / "run.pt")
    run(5, checkpoint)
    assert_same(run(9, checkpoint), run(9))


def test_each_cuda_device_is_asked(monkeypatch):
    states, was = [torch.tensor([1]), torch.tensor([2])], []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_rng_state_all", lambda: states)
    monkeypatch.setattr(torch.cuda, "set_rng_state_all", was.append)
    state = random_state(None)
    assert state["cuda"] == states
    set_random_state(state, None)
    assert was == [states]


@pytest.mark.parametrize("kind", ["MT19937", "PCG64"])
def test_numpys_state_is_plain_and_comes_back(kind):
    before = np.random.get_bit_generator()
    try:
        np.random.set_bit_generator(getattr(np.random, kind)(3))
        written = io.BytesIO()
        torch.save(random_state(None), written)
        wanted = np.random.rand(3).tolist()
        written.seek(0)
        set_random_state(torch.load(written, weights_only=True), None)
        assert np.random.rand(3).tolist() == wanted
    finally:
        np.random.set_bit_generator(before)


# Files


def sealed(content, format=3):
    digest = hashlib.sha256(content).hexdigest()
    return f"lstm_book checkpoint, format {format}, sha256 {digest}\n".encode() + content


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.99])
def test_a_truncated_file_is_named(tmp_path, share):
    checkpoint = Checkpoint(tmp_path / "run.pt", every=5)
    train(5, checkpoint)
    whole = checkpoint.path.read_bytes()
    kept = whole[: int(share * len(whole))]
    checkpoint.path.write_bytes(kept)
    with pytest.raises(ValueError, match=rf"whole checkpoint, got .*run.pt of {len(kept)} bytes"):
        train(10, checkpoint)
    with pytest.raises(ValueError, match=rf"whole checkpoint, got .*run.pt of {len(kept)} bytes"):
        checkpoint.updates()
    assert checkpoint.path.read_bytes() == kept


def saved(content):
    written = io.BytesIO()
    torch.save(content, written)
    return written.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "0 bytes, which is none, or of an earlier version"),
        (saved({"format": 1}), r"\d+ bytes, which is none, or of an earlier version"),
        (sealed(b"", 2), "bytes, of format 2 and not 3"),
        (sealed(b"")[:-1] + b"+", "which is none"),
        (sealed(b"one") + b"s", "bytes, which have changed since they were written"),
        (sealed(b""), "bytes, which hold something else"),
        (sealed(b"no zip"), "bytes, which hold something else"),
        (sealed(saved([1])), "bytes, which hold something else"),
        (sealed(saved({})), "bytes, which hold something else"),
        (sealed(saved({"state": {"history": {"loss": 3}}})), "bytes, which hold something else"),
        (sealed(saved({"state": {"history": {"loss": []}}})), "bytes, which hold something else"),
        (sealed(saved(Plain())), "bytes, which hold something else"),
    ],
)
def test_a_file_that_is_no_checkpoint_is_named(tmp_path, content, said):
    checkpoint = Checkpoint(tmp_path / "run.pt", every=5)
    checkpoint.path.write_bytes(content)
    for read in (lambda: train(10, checkpoint), checkpoint.updates):
        with pytest.raises(ValueError, match=f"whole checkpoint, got .*run.pt of .*{said}"):
            read()
    assert checkpoint.path.read_bytes() == content


def test_no_flipped_bit_is_loaded(tmp_path):
    checkpoint = Checkpoint(tmp_path / "run.pt", every=5)
    train(5, checkpoint)
    whole = bytearray(checkpoint.path.read_bytes())
    bits = random.Random(0).sample(range(8 * len(whole)), 60)
    for bit in [*range(0, 8 * 112, 29), *bits]:  # the first line has 111 bytes
        whole[bit // 8] ^= 1 << bit % 8
        checkpoint.path.write_bytes(whole)
        with pytest.raises(ValueError, match=r"a whole checkpoint, got .*run.pt of \d+ bytes"):
            checkpoint.updates()
        whole[bit // 8] ^= 1 << bit % 8


@contextmanager
def smallest_files(size):
    """Let the system refuse to write more than so many bytes to a file."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def test_a_full_disk_is_an_os_error_and_the_file_before_stays(tmp_path):
    checkpoint = Checkpoint(tmp_path / "run.pt", every=5)
    train(5, checkpoint)
    before = checkpoint.path.read_bytes()
    with smallest_files(len(before) // 2), pytest.raises(OSError, match="File too large"):
        train(10, checkpoint)
    assert checkpoint.path.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["run.pt"]
    assert_same(train(10, checkpoint), train(10))


def test_a_folder_in_the_files_place_is_an_os_error(tmp_path):
    with pytest.raises(OSError, match="directory"):
        train(10, Checkpoint(tmp_path))
    (tmp_path / "run.pt").touch()
    with pytest.raises(OSError, match=r"run\.pt"):
        train(10, Checkpoint(tmp_path / "run.pt" / "run.pt"))


def test_a_file_is_written_every_hundred_updates_by_default():
    assert (Checkpoint("run.pt").every, Checkpoint("run.pt").identity) == (100, None)


def test_only_one_run_has_a_file(tmp_path):
    checkpoint, refused = Checkpoint(tmp_path / "run.pt"), []

    def stop(model, updates):
        if updates == 2:
            with pytest.raises(BlockingIOError, match=r"the only writer of .*run\.pt"):
                train(3, Checkpoint(tmp_path / "run.pt"))
            refused.append(updates)
        return False

    train(4, checkpoint, stop=stop)
    assert refused == [2]
    assert checkpoint.updates() == 4


def test_the_path_may_be_text_and_its_folder_is_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    train(2, Checkpoint("a/b/run.pt"))
    assert Checkpoint(tmp_path / "a" / "b" / "run.pt").updates() == 2
    assert Checkpoint("a/b/run.pt").path == Path("a/b/run.pt")


@pytest.mark.skipif(os.name != "posix", reason="has no umask or links")
def test_umask_and_links_are_respected(tmp_path):
    (tmp_path / "disk").mkdir()
    link = tmp_path / "run.pt"
    link.symlink_to(tmp_path / "disk" / "real.pt")
    before = os.umask(0o027)
    try:
        train(2, Checkpoint(link))
    finally:
        os.umask(before)
    assert link.is_symlink()
    assert (tmp_path / "disk" / "real.pt").stat().st_mode & 0o777 == 0o640
    assert_same(train(5, Checkpoint(link)), train(5))


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"every": 0}, ValueError, "every to be a whole number from 1 on, got 0"),
        ({"every": -3}, ValueError, "from 1 on, got -3"),
        ({"every": math.nan}, TypeError, "every to be a whole number, got float nan"),
        ({"every": "5"}, TypeError, "every to be a whole number, got str"),
        ({"every": True}, TypeError, "every to be a whole number, got bool"),
        ({"path": 3}, TypeError, "path to be a path or text, got int"),
        ({"identity": [1]}, TypeError, "identity to be a mapping or None, got list"),
    ],
)
def test_checkpoints_that_cannot_be(arguments, error, said):
    with pytest.raises(error, match=said):
        Checkpoint(**{"path": "run.pt", **arguments})
