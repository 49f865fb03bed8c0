"""Kill ``lstm-book run`` at random moments and at each step it writes; then let it end.

python tests/faults/kill_runs.py [kills of gate-lab-lstm at random, 40]
"""

import random
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from itertools import count
from pathlib import Path

from children import before_each_change, end, kill, start
from store_cases import SMALL, Store, command, undisturbed

from lstm_book.experiments import EXPERIMENTS


def kill_at_random(experiment, kills, report=print):
    """Kill runs so many times in all, each up to three times, at moments in the whole of them."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        wanted = undisturbed(experiment, Path(folder))
        length = time.perf_counter() - started
    draw, killed, runs, left = random.Random(0), 0, 0, Counter()
    while killed < kills:
        with tempfile.TemporaryDirectory() as folder:
            for _ in range(draw.randint(1, 3)):
                pid = start(lambda: command(experiment, folder))
                time.sleep(draw.uniform(0, length))
                if kill(pid) == 0:  # it was at its end already: the machine is faster now
                    length *= 0.9
                else:
                    killed += 1
            left.update(path.suffix for path in Path(folder).iterdir())
            assert end(start(lambda: command(experiment, folder))) == 0
            found = Store.of(experiment, Path(folder))
            assert found == wanted, f"run {runs}: expected {wanted}, got {found}"
            runs += 1
    report(
        f"{runs} runs of {experiment.name}, killed {killed} times at random: results and weights "
        f"bit-equal, no file left; files after the kills: {dict(left)}"
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
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    # Three seeds that are solved soon; the first of these keeps its weights.
    kill_at_random(replace(EXPERIMENTS["gate-lab-lstm"], seeds=(1, 2, 4)), kills)
