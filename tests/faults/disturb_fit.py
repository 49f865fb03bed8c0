"""Kill, signal and refuse `fit`, flip the bits of what it wrote: nothing earned may be lost.

    python tests/faults/disturb_fit.py [kills, 500] [flips, 3000] [signals of each kind, 200]

Every run is forked from this process, which has torch loaded, so that most of a child's life is
training. Each is compared with an undisturbed run, to the last bit.
"""

import hashlib
import mmap
import os
import random
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn

from lstm_book.models import LastStepClassifier
from lstm_book.tasks import FirstAndLast
from lstm_book.training import Checkpoint, fit

STEPS = 40
draw = random.Random(0)


class Counted(FirstAndLast):
    """A task that counts whole updates where the parent of the process sees them."""

    seen = mmap.mmap(-1, 8)  # shared with children

    def accuracy(self, logits, y):
        (made,) = struct.unpack("q", self.seen[:])
        self.seen[:] = struct.pack("q", made + 1)
        return super().accuracy(logits, y)

    @classmethod
    def updates(cls, start=None):
        if start is not None:
            cls.seen[:] = struct.pack("q", start)
        return struct.unpack("q", cls.seen[:])[0]


def train(steps, checkpoint=None, stop=None):
    """Make a run with dropout, a schedule and draws from three generators; return its digest."""
    torch.manual_seed(0)
    model = LastStepClassifier(nn.LSTM(2, 5, num_layers=2, dropout=0.3))
    history = fit(
        model, Counted(length=4, features=2), steps=steps, batch=8, lr=1e-2,
        generator=torch.Generator().manual_seed(0), schedule=lambda n: 1 / (1 + n),
        stop=stop, checkpoint=checkpoint,
    )  # fmt: skip
    return digest(model, history)


def digest(model, history):
    """Return what two runs share that have the same bits."""
    numbers = b"".join(p.detach().numpy().tobytes() for p in model.parameters())
    return hashlib.sha256(numbers + repr(history).encode()).hexdigest()


def start(work):
    """Do something in a child; return its number. Its exit code is what `work` returns."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    try:
        code = work()
    except KeyboardInterrupt:
        code = 130
    except SystemExit as ended:
        code = ended.code
    finally:
        os._exit(code)


def end(pid):
    """Wait for a child; return its exit code, or the signal that killed it as a negative number."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def kill(kills):
    """Kill runs at random moments until each has ended by itself."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        wanted = train(STEPS, Checkpoint(Path(folder) / "run.pt", every=1))
        length = time.perf_counter() - started
    done, runs, left = 0, 0, {}
    while done < kills:
        with tempfile.TemporaryDirectory() as folder:
            checkpoint = Checkpoint(Path(folder) / "run.pt", every=draw.choice([1, 2]))
            result = Path(folder).with_suffix(".result")

            def work(checkpoint=checkpoint, result=result):
                result.write_text(train(STEPS, checkpoint))
                return 0

            code = None
            while code != 0:
                pid = start(work)
                if done < kills:
                    time.sleep(draw.uniform(0, length))
                    os.kill(pid, signal.SIGKILL)
                code = end(pid)
                assert code in (0, -signal.SIGKILL), f"expected 0 or a kill, got {code}"
                done += code != 0
                assert checkpoint.updates() <= STEPS  # whole, or an error says that it is not
                for path in Path(folder).iterdir() if code else ():
                    left[path.name] = left.get(path.name, 0) + 1
            runs += 1
            assert result.read_text() == wanted, f"run {runs} ended with other bits"
            files = [path.name for path in Path(folder).iterdir()]
            assert files == ["run.pt"], f"run {runs} left {files}"
            result.unlink()
    print(
        f"{done} SIGKILLs in {runs} runs of {STEPS} updates ({length:.1f} s): all bit-equal, "
        f"none corrupt, no file left at the end; after the kills there were {left}"
    )


def flip(flips):
    """Flip single bits of a checkpoint; the file must be refused each time."""
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Checkpoint(Path(folder) / "run.pt")
        train(3, checkpoint)
        whole = bytearray(checkpoint.path.read_bytes())
        for bit in draw.sample(range(8 * len(whole)), flips):
            whole[bit // 8] ^= 1 << bit % 8
            checkpoint.path.write_bytes(whole)
            whole[bit // 8] ^= 1 << bit % 8
            said = "nothing: it was loaded"
            try:
                checkpoint.updates()
            except ValueError as error:
                said = str(error)
            assert "run.pt" in said, f"bit {bit}: {said}"
        checkpoint.path.write_bytes(whole)
        assert checkpoint.updates() == 3
    print(f"{flips} single bits flipped in a file of {len(whole)} bytes: all refused by name")


def interrupt(number, times):
    """Send a signal at random moments; what the process has seen must be in the file."""
    wanted, updates = [], 0
    for count in range(times):
        with tempfile.TemporaryDirectory() as folder:
            checkpoint = Checkpoint(Path(folder) / "run.pt", every=draw.choice([1, 3, 10**6]))
            Counted.updates(0)
            pid = start(lambda checkpoint=checkpoint: train(10**6, checkpoint, lambda *_: False))
            while not Counted.updates():
                time.sleep(0.001)
            time.sleep(draw.uniform(0, 0.05))
            os.kill(pid, number)
            code = end(pid)
            assert code == 128 + number, f"expected {128 + number}, got {code}"
            seen, saved = Counted.updates(), checkpoint.updates()
            assert seen == saved, f"{number.name} {count}: {saved} saved of {seen}"
            files = [path.name for path in Path(folder).iterdir()]
            assert files == ["run.pt"], f"{number.name} {count} left {files}"
            while len(wanted) <= saved:
                wanted.append(train(len(wanted) + 1))
            assert train(saved + 1, checkpoint) == wanted[saved], "went on with other bits"
            updates += saved
    print(f"{times} {number.name}s: all {updates} whole updates saved, each went on bit for bit")


@contextmanager
def mounted(folder, options):
    """Mount a small disk of memory, where that is allowed; say whether it was."""
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    try:
        allowed = subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        allowed = False
    try:
        yield allowed
    finally:
        if allowed:
            subprocess.run(["umount", str(folder)], check=True)


def refused(checkpoint):
    """Go on from a file where none can be written; it must stay as it is."""
    before, there = checkpoint.path.read_bytes(), set(checkpoint.path.parent.iterdir())
    try:
        train(20, checkpoint)
    except OSError as error:
        said = type(error).__name__ + ": " + error.strerror
    else:
        raise AssertionError("expected an OSError")
    assert checkpoint.path.read_bytes() == before
    assert set(checkpoint.path.parent.iterdir()) == there
    return said


def refuse(times):
    """Fill the disk, and make it read-only."""
    said = {}
    wanted = train(20)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Checkpoint(Path(folder) / "run.pt")
        train(3, checkpoint)
        size = checkpoint.path.stat().st_size
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        for _ in range(times):
            resource.setrlimit(resource.RLIMIT_FSIZE, (draw.randrange(size), limits[1]))
            try:
                words = refused(checkpoint)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            said[words] = said.get(words, 0) + 1
        assert train(20, checkpoint) == wanted
    for name, options in (("full", "size=128k"), ("read-only", "size=1m")):
        with tempfile.TemporaryDirectory() as folder, mounted(folder, options) as allowed:
            if not allowed:
                print(f"no disk could be mounted here: not tried on one that is {name}")
                continue
            checkpoint = Checkpoint(Path(folder) / "run.pt")
            train(3, checkpoint)
            filler = Path(folder) / "filler"
            if name == "full":
                try:
                    with filler.open("wb", buffering=0) as file:
                        while file.write(bytes(4096)):
                            pass
                except OSError:
                    pass
            else:
                subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
            words = refused(checkpoint)
            said[words] = said.get(words, 0) + 1
            if name == "full":
                filler.unlink()
            else:
                subprocess.run(["mount", "-o", "remount,rw", folder], check=True)
            assert train(20, checkpoint) == wanted
    print(f"refused writes, the earlier file intact and gone on from: {said}")


def main(kills=500, flips=3000, signals=200):
    """Do all of it; an AssertionError says what was lost."""
    torch.set_num_threads(1)
    train(2)
    kill(kills)
    flip(flips)
    interrupt(signal.SIGINT, signals)
    interrupt(signal.SIGTERM, signals)
    refuse(20)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
