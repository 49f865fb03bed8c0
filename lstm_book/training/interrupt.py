"""Let Ctrl-C wait until an update is whole."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass
class Interrupt:
    """Whether Ctrl-C has been pressed."""

    came: bool = False


@contextmanager
def whole() -> Iterator[Interrupt]:
    """Finish what is inside before Ctrl-C takes effect; a second Ctrl-C takes effect at once.

    Only the main thread hears Ctrl-C; in others nothing changes.

    Raises:
        KeyboardInterrupt: At the end, if Ctrl-C was pressed inside.
    """
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return

    def note(number: int, frame: FrameType | None) -> None:
        interrupt.came = True
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, before)
    if interrupt.came:
        raise KeyboardInterrupt
