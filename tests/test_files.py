"""A file is whole or not there, and has one writer at a time."""

import os
import stat
import subprocess
import sys
import threading
import time
from contextlib import ExitStack

import pytest

from lstm_book import files
from lstm_book.files import locked, remove, write_whole

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX's files")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_is_written_is_there_and_nothing_else(tmp_path):
    path = tmp_path / "a.json"
    for content in (b"one", b"", b"x" * 100_000):
        write_whole(path, content)
        assert path.read_bytes() == content
        assert names(tmp_path) == ["a.json"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_what_cannot_be_written_leaves_the_file_before(tmp_path, monkeypatch, call):
    path = tmp_path / "a.json"
    write_whole(path, b"one")

    def full(*_):
        raise OSError("disk full")

    monkeypatch.setattr(files.os, call, full)
    with pytest.raises(OSError, match="disk full"):
        write_whole(path, b"two")
    assert path.read_bytes() == b"one"
    assert names(tmp_path) == ["a.json"]


def test_content_is_on_the_disk_before_its_name_and_its_name_before_it_returns(
    tmp_path, monkeypatch
):
    done = []
    synced, replaced = os.fsync, os.replace

    def fsync(handle):
        done.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "content")
        synced(handle)

    def replace(*paths):
        done.append("name")
        replaced(*paths)

    monkeypatch.setattr(files.os, "fsync", fsync)
    monkeypatch.setattr(files.os, "replace", replace)
    write_whole(tmp_path / "a.json", b"one")
    assert done == ["content", "name"] + ["folder"] * (os.name == "posix")


def test_the_part_of_a_dead_writer_is_overwritten_and_removed(tmp_path):
    path = tmp_path / "a.json"
    part = tmp_path / ".a.json.part"
    part.write_bytes(b"half a file that is longer than the next")
    write_whole(path, b"one")
    assert path.read_bytes() == b"one"
    assert names(tmp_path) == ["a.json"]
    part.write_bytes(b"half")
    remove(path)
    assert names(tmp_path) == []
    remove(path)  # not there: nothing to do


@posix
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_permissions_are_what_the_umask_leaves(tmp_path, umask):
    before = os.umask(umask)
    try:
        write_whole(tmp_path / "a.json", b"one")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == 0o666 & ~umask


@posix
def test_a_symbolic_link_stays_one(tmp_path):
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "b.json", tmp_path / "a.json"
    link.symlink_to(target)
    for content in (b"one", b"two"):  # the first while the link dangles
        write_whole(link, content)
        assert link.is_symlink()
        assert target.read_bytes() == content
    assert names(tmp_path) == ["a.json", "there"]
    assert names(tmp_path / "there") == ["b.json"]
    with locked(link), pytest.raises(BlockingIOError), locked(target, wait=False):
        pass


@posix
def test_what_is_no_file_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    for name in ("fifo", "folder"):
        with pytest.raises(FileExistsError, match="Not a regular file"):
            write_whole(tmp_path / name, b"one")
    assert names(tmp_path) == ["fifo", "folder"]
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "no" / "such", b"one")


def test_another_writer_is_refused_or_waited_for(tmp_path):
    path = tmp_path / "a.json"
    came = []

    def other():
        with locked(path):
            came.append("other")

    thread = threading.Thread(target=other)
    with locked(path):
        with pytest.raises(BlockingIOError, match=r"only writer of .*a\.json, there is another"):
            ExitStack().enter_context(locked(path, wait=False))
        thread.start()
        time.sleep(0.1)
        came.append("this")
    thread.join()
    assert came == ["this", "other"]
    assert names(tmp_path) == []  # the lock's own file is gone too


def test_an_error_inside_frees_the_lock(tmp_path):
    with pytest.raises(KeyError), locked(tmp_path / "a"):
        raise KeyError
    with locked(tmp_path / "a", wait=False):
        pass
    assert names(tmp_path) == []


ADD = """
import importlib.util, sys
from pathlib import Path
# The module alone: the package's imports take seconds.
spec = importlib.util.spec_from_file_location("files", sys.argv[1])
files = importlib.util.module_from_spec(spec)
spec.loader.exec_module(files)
path = Path(sys.argv[2])
for _ in range(30):
    with files.locked(path):
        files.write_whole(path, str(int(path.read_text()) + 1).encode())
"""


def test_processes_that_add_one_under_a_lock_lose_none(tmp_path):
    path = tmp_path / "sum"
    path.write_text("0")
    command = [sys.executable, "-c", ADD, files.__file__, path]
    writers = [subprocess.Popen(command) for _ in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert path.read_text() == "90"
    assert names(tmp_path) == ["sum"]


@posix
def test_the_lock_of_a_killed_process_is_free_and_its_file_is_removed(tmp_path):
    pid = os.fork()
    if pid == 0:
        with locked(tmp_path / "a"):
            os.kill(os.getpid(), 9)
    os.waitpid(pid, 0)
    assert names(tmp_path) == [".a.lock"]
    with locked(tmp_path / "a", wait=False):
        pass
    assert names(tmp_path) == []
