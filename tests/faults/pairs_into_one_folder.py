"""Two processes run into one folder at once: every seed is kept, with its weights.

python tests/faults/pairs_into_one_folder.py [pairs of each kind, 100]
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from children import end, start
from store_cases import SMALL, Store, undisturbed

from lstm_book.experiments.run import run

SEEDS = {
    "other seeds": ((0, 1), (2, 3)),
    "the same seeds": ((0, 1), (0, 1)),
    "seeds that overlap": ((0, 1, 2), (3, 2, 1)),
}


def run_pairs(pairs, report=print):
    """Run each kind of pairs so many times."""
    for kind, both in SEEDS.items():
        experiment = replace(SMALL, seeds=tuple(sorted(set(sum(both, ())))))
        with tempfile.TemporaryDirectory() as folder:
            wanted = undisturbed(experiment, Path(folder), keep_every_seed=True)
        for number in range(pairs):
            with tempfile.TemporaryDirectory() as folder:
                children = [
                    start(lambda: one(experiment, folder, seeds))  # noqa: B023
                    for seeds in both
                ]
                assert [end(child) for child in children] == [0, 0]
                found = Store.of(experiment, Path(folder))
                assert found == wanted, f"{kind}, {number}: expected {wanted}, got {found}"
        report(f"{pairs} pairs with {kind}: every seed kept once, bit-equal, no file left")


def one(experiment, folder, seeds):
    """Run some seeds, and keep the weights of each."""
    run(experiment, folder, seeds=seeds, keep_every_seed=True)


if __name__ == "__main__":
    run_pairs(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
