"""A full disk and a read-only folder: an OSError, one line, and the earlier files are intact.

    python tests/faults/refused_writes.py

Each change of the folder is refused in turn, by a hook in the process; a limit on the size of files
stands for a full disk; and where it may be mounted, a small disk is filled, and one is read-only.
"""

import errno
import resource
import signal
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

from children import before_each_change, end, start
from store_cases import SMALL, Store, command, undisturbed

from lstm_book.experiments.store import read

MORE = replace(SMALL, seeds=(0, 1, 2))


def holds(found, earlier):
    """Whether a store has all that it had, and at most a checkpoint or a result more."""
    return (
        found.results[: len(earlier.results)] == earlier.results
        and found.weights == earlier.weights
        and set(earlier.files) <= set(found.files)
    )


def refuse_steps(every=1, report=print):
    """Refuse each change that a second run makes, or every so many; return how many it makes."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = undisturbed(MORE, Path(folder))
    for step in count(1, every):
        with tempfile.TemporaryDirectory() as folder:
            earlier = undisturbed(SMALL, Path(folder))

            def refuse(number):
                if number == step:  # noqa: B023
                    raise OSError(errno.EROFS, "Read-only file system")

            def refused():
                before_each_change(folder, refuse)
                return command(MORE, folder)

            ended = end(start(refused))
            found = Store.of(SMALL, Path(folder))
            assert holds(found, earlier)
            assert end(start(lambda: command(MORE, folder))) == 0
            assert Store.of(MORE, Path(folder)) == wanted, f"step {step}"
            if ended == 0 and len(found.results) == 3 and step > 30:
                break
            assert ended in (0, 1), f"step {step}: exit code {ended}"
    report(
        f"step 1, {1 + every}, ... to {step} refused: exit code 0 or 1, what was stored is intact"
    )
    return step


def fill(sizes=(0, 100, 1000, 4000, 16_000, 64_000), report=print):
    """Let no file grow beyond some sizes."""
    codes = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            earlier = undisturbed(SMALL, Path(folder))

            def limited():
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))  # noqa: B023
                return command(MORE, folder)

            codes.append(end(start(limited)))
            assert codes[-1] in (0, 1)
            found = Store.of(SMALL, Path(folder))
            assert holds(found, earlier)
    assert 1 in codes
    assert codes[-1] == 0, codes
    report(f"files of at most {sizes} bytes: exit codes {codes}, what was stored is intact")


@contextmanager
def mounted(*options):
    """A folder on a small disk of its own; raises CalledProcessError where that is not allowed."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", folder]
        subprocess.run(command, check=True, capture_output=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", folder], check=True)


def fill_a_disk(report=print):
    """Leave room for some kilobytes on a disk, and then none."""
    for kilobytes in range(0, 64, 4):
        with mounted("size=256k") as disk:
            earlier = undisturbed(SMALL, disk)
            room = 256 - sum(-(-path.stat().st_size // 4096) * 4 for path in disk.iterdir())
            (disk / "rest").write_bytes(b"x" * 1024 * max(0, room - kilobytes))
            code = end(start(lambda: command(MORE, disk)))
            (disk / "rest").unlink()
            found = Store.of(SMALL, disk)
            assert code in (0, 1)
            assert holds(found, earlier)
            left = [name for name in found.files if name.endswith(".part")]
            assert not left, f"left: {left}"
            if code == 0:
                break
    report(
        f"a disk with 0, 4, … {kilobytes} kB left: what was stored is intact, enough at the last"
    )


def read_only_disk(report=print):
    """Run into a disk that is mounted read-only."""
    with mounted("size=256k") as disk:
        earlier = undisturbed(SMALL, disk)
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        assert end(start(lambda: command(MORE, disk))) == 1
        assert Store.of(SMALL, disk) == earlier
        assert read(SMALL, disk).model is not None
    report("a read-only disk: exit code 1, what was stored is intact and loads")


if __name__ == "__main__":
    refuse_steps()
    fill()
    try:
        fill_a_disk()
        read_only_disk()
    except subprocess.CalledProcessError as error:
        print(f"no disk may be mounted here: {error.stderr}")
