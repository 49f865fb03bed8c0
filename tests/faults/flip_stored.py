"""Flip one bit of stored records and weights: none loads other content.

python tests/faults/flip_stored.py [flips of records, of weights, 1500]
"""

import random
import shutil
import sys
import tempfile
from pathlib import Path

import torch
from store_cases import SMALL, undisturbed

from lstm_book.experiments import EXPERIMENTS
from lstm_book.experiments.store import STORED, read


def flip(experiment, stored, flips, report=print):
    """Flip bits of the record and of the weights of the first seed, so many of each."""
    draw = random.Random(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for suffix in (".json", ".safetensors"):
            shutil.copy(stored / f"{experiment.name}{suffix}", folder)
        wanted = read(experiment, folder)
        weights = wanted.model.state_dict()
        for suffix in (".json", ".safetensors"):
            path = folder / f"{experiment.name}{suffix}"
            whole = path.read_bytes()
            refused = named = 0
            for _ in range(flips):
                bit = draw.randrange(8 * len(whole))
                content = bytearray(whole)
                content[bit // 8] ^= 1 << bit % 8
                path.write_bytes(content)
                try:
                    found = read(experiment, folder)
                    loaded = found.model.state_dict()
                except (ValueError, RuntimeError) as error:
                    named += path.name in str(error)
                    refused += 1
                else:
                    assert found.record == wanted.record, f"bit {bit} of {path.name}"
                    assert all(torch.equal(loaded[key], weights[key]) for key in weights)
            path.write_bytes(whole)
            assert named == refused, "the file's name is not in every message"
            report(
                f"{flips} flips of {path.name}: {refused} refused, "
                f"{flips - refused} load the same content, none another"
            )


if __name__ == "__main__":
    flips = int(sys.argv[1]) if len(sys.argv) > 1 else 1500
    with tempfile.TemporaryDirectory() as folder:
        undisturbed(SMALL, Path(folder))
        flip(SMALL, Path(folder), flips)
    flip(EXPERIMENTS["gate-lab-lstm"], STORED, flips)
