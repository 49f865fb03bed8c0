"""Processes forked from one that has torch loaded, to be killed, refused and raced."""

import os
import signal
import sys
import warnings
from contextlib import suppress


def start(function):
    """Run a function in a child, silently, to exit with what it returns; return the child's id."""
    sys.stdout.flush()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # threads that wait for work are no harm
        pid = os.fork()
    if pid:
        return pid
    code = 99
    try:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
        signal.signal(signal.SIGINT, signal.default_int_handler)
        code = function() or 0
    finally:
        os._exit(code)


def end(pid):
    """Wait for a child; return its exit code, minus the signal's number if one killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def kill(pid, number=signal.SIGKILL):
    """Send a signal to a child, if it is still there; return how it ended."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)
    return end(pid)


CHANGES = ("open", "os.rename", "os.remove", "os.mkdir", "os.chmod")


def before_each_change(folder, call):
    """Call a function with 1, 2, … before each change of a folder's files; only in a child."""
    count = 0

    def hook(event, arguments):
        nonlocal count
        if event in CHANGES and str(folder) in str(arguments[0]):
            count += 1
            call(count)

    sys.addaudithook(hook)
