"""Write a training run to a file, and take it up again where it was."""

import copy
import hashlib
import io
import os
import re
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from lstm_book.checks import check_path, check_type, check_whole
from lstm_book.files import locked, write_whole
from lstm_book.training.identity import describe, differences
from lstm_book.training.interrupt import waiting
from lstm_book.training.run import Run

FORMAT = 3
"""The version of what the files hold."""


@dataclass(frozen=True, init=False)
class Checkpoint:
    """Where and how often `fit` writes a run down.

    A run that is stopped and started again with the same arguments goes on from its last file, and
    ends with the same bits as one that was never stopped. The file holds the model, the optimiser,
    the schedule, the history, and the state of every source of random numbers: Python's, NumPy's,
    torch's on the CPU and on each CUDA device, and the generator that `fit` was given. Of a data
    set it holds what is to come in this epoch, and of a task or a stop what its `state_dict`
    returns, if it has one. It is replaced as a whole: whenever the process dies, a complete file is
    there. A digest tells whether it is still what was written.

    The file also says what it is of: the settings of `fit`, the schedule so far, the structure of
    the model, the version of torch. A run that differs in any of these is refused, and nothing of
    it is changed. A task is told by its own `repr`; without one, by its class and what its public
    attributes are.

    Args:
        path: The file; its folder is made if it is not there.
        every: Updates between two writes, at least 1.
        identity: What else the run is of, in plain values by name.

    Raises:
        TypeError: If the path is none, `every` no whole number, or `identity` no mapping.
        ValueError: If `every` is below 1.
    """

    path: Path
    every: int
    identity: Mapping[str, Any] | None = field(hash=False)

    def __init__(
        self,
        path: str | os.PathLike[str],
        every: int = 100,
        identity: Mapping[str, Any] | None = None,
    ) -> None:
        check_type("identity", identity, (Mapping, type(None)), "a mapping or None")
        object.__setattr__(self, "path", check_path("path", path))
        object.__setattr__(self, "every", check_whole("every", every, 1))
        object.__setattr__(self, "identity", identity)

    def updates(self) -> int:
        """Return how many updates the file's run has made; 0 if there is no file.

        Raises:
            ValueError: If the file is not a whole checkpoint of this version.
        """
        return len(self._read()["state"]["history"]["loss"]) if self.path.exists() else 0

    def seconds(self) -> float:
        """Return how long the file's run has taken, in all its legs; 0 if there is no file.

        Raises:
            ValueError: If the file is not a whole checkpoint of this version.
        """
        return float(self._read()["state"]["seconds"]) if self.path.exists() else 0.0

    def _save(self, run: Run) -> None:
        """Write a run.

        Raises:
            OSError: If the file cannot be written, as on a full disk; the one before stays.
        """
        write_whole(self.path, self._content(run))

    def _load(self, run: Run, steps: int) -> None:
        """Put a run into the state that the file holds, in place; without a file, do nothing.

        Raises:
            ValueError: If the file is not a whole checkpoint of this version, is of another run, or
                has made more updates than `steps`; the run is left as it was.
        """
        if not self.path.exists():
            return
        content = self._read()
        state, made = content["state"], len(content["state"]["history"]["loss"])
        wanted = self._identity(run)
        wanted["schedule"] = run.schedule.so_far(made)
        if different := differences(wanted, content["identity"]):
            more = f"; and {len(different) - 4} more" * (len(different) > 4)
            raise ValueError(
                f"expected {self.path} to be of a run with {'; '.join(different[:4])}{more}"
            )
        if made > steps:
            raise ValueError(
                f"expected at least as many steps as the {made} updates in {self.path}, got {steps}"
            )
        before = copy.deepcopy(run.state())
        try:
            run.restore(state)
        except Exception as error:
            run.restore(before)
            raise ValueError(f"expected {self.path} to fit the run, got {error}") from error

    def _check(self, run: Run) -> None:
        """Raise TypeError if a file of this run could not be read again."""
        try:
            _parse(self._content(run))
        except Exception as error:
            raise TypeError(
                f"expected a run that can be written down and read again, got {error}"
            ) from error

    def _identity(self, run: Run) -> dict[str, Any]:
        """Return what the file is of."""
        given = {} if self.identity is None else {"identity": describe(self.identity)}
        return {**run.identity, **given, "schedule": run.schedule.so_far(run.updates)}

    def _content(self, run: Run) -> bytes:
        """Return what the file is to hold."""
        written = io.BytesIO()
        torch.save({"identity": self._identity(run), "state": run.state()}, written)
        digest = hashlib.sha256(written.getbuffer()).hexdigest()
        head = f"lstm_book checkpoint, format {FORMAT}, sha256 {digest}\n"
        return head.encode() + written.getbuffer()

    def _read(self) -> dict[str, Any]:
        """Return what the file holds."""
        content = self.path.read_bytes()
        try:
            return _parse(content)
        except ValueError as error:
            raise ValueError(
                f"expected a whole checkpoint, got {self.path} of {len(content)} bytes, {error}; "
                "delete it to begin anew"
            ) from error


def _parse(content: bytes) -> dict[str, Any]:
    """Return what a file's content stands for; nothing is loaded before its digest is right.

    Raises:
        ValueError: If it is not what this version has written.
    """
    head = re.match(rb"lstm_book checkpoint, format (\d+), sha256 ([0-9a-f]{64})\n", content)
    if head is None:
        raise ValueError("which is none, or of an earlier version")
    if int(head[1]) != FORMAT:
        raise ValueError(f"of format {int(head[1])} and not {FORMAT}")
    body = memoryview(content)[head.end() :]
    if hashlib.sha256(body).hexdigest() != head[2].decode():
        raise ValueError("which have changed since they were written")
    try:
        read: dict[str, Any] = torch.load(io.BytesIO(body), weights_only=True)
        len(read["state"]["history"]["loss"]), read["identity"], float(read["state"]["seconds"])
    except Exception as error:  # what was not written by `save` can raise anything
        raise ValueError(f"which hold something else ({error})") from error
    return read


@contextmanager
def resumed(run: Run, checkpoint: Checkpoint | None, steps: int) -> Iterator[Callable[[], None]]:
    """Take a run up from its checkpoint, and write it down at the end of what is inside.

    Ctrl-C, and with a checkpoint a request to end the process, wait until an update is whole and
    written.

    Args:
        run: The run, changed in place.
        checkpoint: Its checkpoint, if it has one.
        steps: How many updates it is to have at the end.

    Yields:
        What is to be called after every update: it writes the checkpoint when that is due, and lets
        signals take effect.
    """
    with waiting(signal.SIGINT, *([signal.SIGTERM] if checkpoint else [])) as signals:
        if checkpoint is None:
            yield signals.take_effect
            return
        checkpoint.path.parent.mkdir(parents=True, exist_ok=True)
        with locked(checkpoint.path, wait=False):
            checkpoint._check(run)
            checkpoint._load(run, steps)
            written = run.updates

            def after_update() -> None:
                nonlocal written
                came = bool(signals.came)  # one that comes later waits for the next update
                if came or run.updates % checkpoint.every == 0:
                    checkpoint._save(run)
                    written = run.updates
                if came:
                    signals.take_effect()

            yield after_update
            if run.updates > written:
                checkpoint._save(run)
