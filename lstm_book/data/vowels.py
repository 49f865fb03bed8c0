"""Nine men say two vowels: sequences of truly different lengths."""

import importlib.util
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from lstm_book.data.records import SequenceDataset, Sequences, check_hash

_SHA256 = "6a4da70f8b6513e1b0a3625eece4ee55736c75ac4979230c0a58bf5b5c078f91"


def load_japanese_vowels() -> SequenceDataset:
    """Load JapaneseVowels :cite:p:`kudo1999` from the files that aeon ships.

    640 utterances of /ae/ by nine men, each a sequence of 7 to 29 steps of 12 cepstrum
    coefficients. The task is to tell who speaks. 270 utterances are for training, 30 of each man;
    the other 370 are for the test. aeon is not imported: its files are read where they lie.

    Returns:
        The utterances, each part padded to its longest one, not scaled.

    Raises:
        ImportError: If aeon is missing; it comes with ``pip install lstm-book[data]``.
        RuntimeError: If the installed data are others than the book's.
    """
    spec = importlib.util.find_spec("aeon")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(
            "load_japanese_vowels needs aeon: pip install lstm-book[data]", name="aeon"
        )
    folder = Path(spec.submodule_search_locations[0]) / "datasets" / "data" / "JapaneseVowels"
    texts = [
        (folder / f"JapaneseVowels_{part}.ts").read_text(encoding="utf-8").split("@data\n")[1]
        for part in ("TRAIN", "TEST")
    ]
    sha256 = check_hash("aeon's JapaneseVowels", "".join(texts).encode(), _SHA256)
    train, test = (_parse(text) for text in texts)
    return SequenceDataset(
        name="JapaneseVowels",
        train=train,
        test=test,
        classes=tuple(f"speaker {k}" for k in range(1, 10)),
        features=tuple(f"coefficient {k}" for k in range(1, 13)),
        split="as published",
        source="aeon, from the UCI repository: M. Kudo, J. Toyama, M. Shimbo, 1999",
        licence="BSD-3-Clause (aeon)",
        sha256=sha256,
    )


def _parse(text: str) -> Sequences:
    """Read the data part of a .ts file: features between colons, steps between commas."""
    sequences: list[Tensor] = []
    labels = []
    for line in text.splitlines():
        *features, label = line.split(":")
        rows = [[float(value) for value in feature.split(",")] for feature in features]
        sequences.append(torch.tensor(rows).T)
        labels.append(int(label) - 1)
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    return Sequences(pad_sequence(sequences), lengths, torch.tensor(labels))
