"""Files that are whole or not there, and one writer at a time."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; what a reader finds is the file before or this one.

    Content and name are on the disk when this returns. Whoever calls holds the file's lock, see
    `locked`: a part that a killed writer left has a fixed name, so the next writer overwrites it.

    Args:
        path: The file; a symbolic link stays one, and what it points to is written.
        content: All of it.

    Raises:
        OSError: If it cannot be written, as on a full disk; the file before stays.
    """
    path = path.resolve()
    if path.exists() and not path.is_file():
        raise FileExistsError(errno.EEXIST, "Not a regular file", str(path))
    part = _part(path)
    try:
        with part.open("wb") as file:  # the permissions are what the umask leaves
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def remove(path: Path) -> None:
    """Remove a file, if it is there, and the part of it that a killed writer left.

    Args:
        path: The file. Whoever calls holds its lock.

    Raises:
        OSError: If it cannot be removed.
    """
    _part(path.resolve()).unlink(missing_ok=True)
    path.unlink(missing_ok=True)


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Be the only writer of a file, among all processes and threads; the lock dies with its holder.

    Args:
        path: The file; it need not exist, its folder must.
        wait: Whether to wait for another writer.

    Raises:
        BlockingIOError: If there is another writer and it is not waited for.
        OSError: If the folder cannot be written.
    """
    path = path.resolve()
    lock = filelock.FileLock(path.with_name(f".{path.name}.lock"), thread_local=False)
    try:
        lock.acquire(blocking=wait)
    except filelock.Timeout:
        raise BlockingIOError(
            f"expected to be the only writer of {path}, there is another"
        ) from None
    try:
        yield
    finally:
        # Removed while it is held: who waits for it sees that, and makes a new one. Where a system
        # has no locks but files that exist, filelock removes its own.
        if not isinstance(lock, filelock.SoftFileLock):
            with suppress(OSError):
                os.unlink(lock.lock_file)
        lock.release()


def _part(path: Path) -> Path:
    """Return where a file is written before it is whole."""
    return path.with_name(f".{path.name}.part")


def _sync_folder(folder: Path) -> None:
    """Bring a folder's names to the disk, where the system can."""
    if os.name != "nt":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
