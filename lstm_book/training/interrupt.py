"""Let Ctrl-C and a request to end wait until an update is whole."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Waiting:
    """Signals that came and have not taken effect.

    Attributes:
        came: Their numbers, and where the program was.
    """

    def __init__(self) -> None:
        self.came: dict[int, FrameType | None] = {}
        self._before: dict[int, Callable[[int, FrameType | None], Any] | int] = {}
        self._over = False

    def take_effect(self) -> None:
        """Give the signals that came to the handlers that were there before.

        Raises:
            KeyboardInterrupt: On Ctrl-C, unless it has a handler of the user's own.
            SystemExit: On a signal that would have ended the process, with 128 plus its number.
        """
        while self.came:
            self._act(*self.came.popitem())

    def _install(self, number: int) -> None:
        before = signal.getsignal(number)
        if before not in (signal.SIG_IGN, None):  # ignored, or not for Python to give back
            self._before[number] = before
            signal.signal(number, self._note)

    def _restore(self) -> None:
        self._over = True
        for number, before in self._before.items():
            signal.signal(number, before)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._over or number in self.came:  # the second one does not wait
            self.came.pop(number, None)
            self._act(number, frame)
        else:
            self.came[number] = frame

    def _act(self, number: int, frame: FrameType | None) -> None:
        before = self._before[number]
        if callable(before):
            before(number, frame)
        else:
            raise SystemExit(128 + number)


@contextmanager
def waiting(*numbers: int) -> Iterator[Waiting]:
    """Let signals wait until they are told to take effect, at the latest until the end.

    A second one of a kind takes effect at once. Ignored signals stay ignored. Only the main thread
    hears signals; in others nothing changes.

    Args:
        numbers: The signals.

    Yields:
        Those that came.

    Raises:
        KeyboardInterrupt: At the end, if Ctrl-C was pressed inside.
        SystemExit: At the end, if a signal came that would have ended the process.
    """
    signals = Waiting()
    try:
        if threading.current_thread() is threading.main_thread():
            for number in numbers:
                signals._install(number)
        yield signals
    finally:
        try:
            signals._restore()
        finally:
            signals.take_effect()
