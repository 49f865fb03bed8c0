"""Kill ``lstm-book run`` at random moments and at each step it writes; then let it end.

python tests/faults/kill_runs.py [runs of gate-lab-lstm to kill at random, 40]
"""

import random
import signal
import sys
import tempfile
import time
from dataclasses import replace
from itertools import count
from pathlib import Path

from children import before_each_change, end, kill, start
from store_cases import SMALL, Store, command, undisturbed

from lstm_book.experiments import EXPERIMENTS


def kill_at_random(experiment, runs, report=print):
    """Kill each run up to three times, at moments that fall in the whole of it."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        wanted = undisturbed(experiment, Path(folder))
        length = time.perf_counter() - started
    draw, kills, left = random.Random(0), 0, {}
    for number in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            for _ in range(draw.randint(1, 3)):
                pid = start(lambda: command(experiment, folder))
                time.sleep(draw.uniform(0, length))
                kills += kill(pid) == -signal.SIGKILL
            for path in Path(folder).iterdir():
                kind = path.suffix
                left[kind] = left.get(kind, 0) + 1
            assert end(start(lambda: command(experiment, folder))) == 0
            found = Store.of(experiment, Path(folder))
            assert found == wanted, f"run {number}: expected {wanted}, got {found}"
    report(
        f"{runs} runs of {experiment.name} ({length:.1f} s), killed {kills} times at random: "
        f"results and weights bit-equal, no file left; files after the kills: {left}"
    )


def kill_at_steps(experiment, every=1, report=print):
    """Kill a run before each change, or every so many, and let the next end; return the changes."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = undisturbed(experiment, Path(folder))
    for step in count(1, every):
        with tempfile.TemporaryDirectory() as folder:

            def killed():
                before_each_change(folder, lambda n: n == step and kill_self())  # noqa: B023
                return command(experiment, folder)

            ended = end(start(killed))
            if ended == -signal.SIGKILL:
                ended = end(start(lambda: command(experiment, folder)))
            else:
                report(
                    f"{experiment.name} killed before step 1, {1 + every}, ... to {step - every}: "
                    "results and weights bit-equal, no file left"
                )
                return step - 1
            assert ended == 0
            found = Store.of(experiment, Path(folder))
            assert found == wanted, f"step {step}: expected {wanted}, got {found}"
    raise AssertionError


def kill_self():
    signal.raise_signal(signal.SIGKILL)


if __name__ == "__main__":
    kill_at_steps(SMALL)
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    # Three seeds that are solved soon; the first of these keeps its weights.
    kill_at_random(replace(EXPERIMENTS["gate-lab-lstm"], seeds=(1, 2, 4)), runs)
