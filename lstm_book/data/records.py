"""What the loaders return: tensors or text, and where they come from."""

import hashlib
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from lstm_book.checks import check_number, check_shape
from lstm_book.layers.lengths import valid_steps


@dataclass(frozen=True, eq=False)
class Sequences:
    """N labelled sequences, padded with zeros; :func:`lstm_book.training.fit` can train on them.

    Attributes:
        x: Time first, (T, N, D).
        lengths: Steps of each sequence, (N,), from 1 to T.
        y: The class of each, (N,), int64.
    """

    x: Tensor
    lengths: Tensor
    y: Tensor

    def __len__(self) -> int:
        """Return how many sequences there are, N."""
        return len(self.y)

    def take(self, places: Tensor) -> "Sequences":
        """Return some of the sequences, padded no longer than they need.

        Args:
            places: Which, (n,) of int64, at least one.

        Raises:
            TypeError: If it is no tensor.
            ValueError: If it has not one dimension, or is empty.
            RuntimeError: If it is not of int64.
            IndexError: If there is no such sequence.
        """
        if not len(check_shape("places", places, "n", (None,))):
            raise ValueError("expected at least one sequence to take, got none")
        if places.dtype != torch.int64:
            raise RuntimeError(f"expected places of dtype torch.int64, got {places.dtype}")
        if not -len(self) <= int(places.min()) <= int(places.max()) < len(self):
            raise IndexError(f"expected places below {len(self)}, got {places.tolist()}")
        lengths = self.lengths[places]
        return Sequences(self.x[: int(lengths.max()), places], lengths, self.y[places])

    def batch(self, places: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Return what a model is called with for some of the sequences, and their classes.

        Args:
            places: As for `take`.

        Returns:
            x and lengths by name, and y.

        Raises:
            TypeError: As `take`.
            ValueError: As `take`.
            RuntimeError: As `take`.
            IndexError: As `take`.
        """
        part = self.take(places)
        return {"x": part.x, "lengths": part.lengths}, part.y

    def loss(self, logits: Tensor, y: Tensor) -> Tensor:
        """Return the mean cross-entropy in nats; logits are (B, C), y is (B,) of int64."""
        return functional.cross_entropy(logits, y)

    def accuracy(self, logits: Tensor, y: Tensor) -> float:
        """Return the share of sequences whose class has the largest logit; NaN is never right."""
        return float(((logits.argmax(-1) == y) & ~logits.isnan().any(-1)).float().mean())


@dataclass(frozen=True, eq=False)
class SequenceDataset:
    """Labelled sequences for training and for testing, and their provenance.

    Attributes:
        name: What it is called.
        train: To learn from, and to choose everything by.
        test: To report.
        classes: The name of each class, in the order of their numbers.
        features: The name of each of the D features.
        split: How the two parts were told apart.
        source: Who made the data, and the package that ships it.
        licence: What it may be used under.
        sha256: Hash of the values, as checked while loading.
    """

    name: str
    train: Sequences
    test: Sequences
    classes: tuple[str, ...]
    features: tuple[str, ...]
    split: str
    source: str
    licence: str
    sha256: str

    @property
    def provenance(self) -> str:
        """Name, sizes, split, source, licence and hash, one a line."""
        return "\n".join(
            (
                f"{self.name}: {len(self.train)} training and {len(self.test)} test sequences, "
                f"{len(self.features)} features, {len(self.classes)} classes",
                f"split:   {self.split}",
                f"source:  {self.source}",
                f"licence: {self.licence}",
                f"sha256:  {self.sha256}",
            )
        )

    def standardised(self) -> "SequenceDataset":
        """Return the data with mean 0 and deviation 1 for each feature, padding still zero.

        Mean and deviation are those of the training sequences' own steps. A feature that is
        constant there is only centred.
        """
        own = self.train.x[valid_steps(self.train.lengths, len(self.train.x))]
        mean, deviation = own.mean(0), own.std(0)
        deviation = torch.where(deviation > 0, deviation, 1.0)

        def scaled(part: Sequences) -> Sequences:
            valid = valid_steps(part.lengths, len(part.x))[..., None]
            return replace(part, x=((part.x - mean) / deviation) * valid)

        return replace(self, train=scaled(self.train), test=scaled(self.test))


class TextParts(NamedTuple):
    """A text cut into three: what comes first is learnt, what comes last is reported."""

    train: str
    validation: str
    test: str


@dataclass(frozen=True)
class Text:
    """A text and its provenance.

    Attributes:
        name: What it is called.
        text: All of it.
        source: Where it comes from.
        changes: What was done to it.
        licence: The short name of what it may be used under.
        licence_text: The licence itself.
        sha256: Hash of the text in UTF-8, as checked while loading.
    """

    name: str
    text: str
    source: str
    changes: str
    licence: str
    licence_text: str
    sha256: str

    @property
    def provenance(self) -> str:
        """Name, size, source, changes, licence and hash, one a line."""
        return _provenance(self, f"{len(self.text)} characters")

    def split(self, train: float = 0.8, validation: float = 0.1) -> TextParts:
        """Cut the text twice; nothing is shuffled, so that no part holds what surrounds another.

        Args:
            train: The first part's share of the characters.
            validation: The second part's share; the test part is the rest.

        Raises:
            ValueError: If a share is not above 0, or nothing is left for the test.
        """
        _check_shares(train, validation)
        first = round(train * len(self.text))
        second = round((train + validation) * len(self.text))
        return TextParts(self.text[:first], self.text[first:second], self.text[second:])


class SourceFile(NamedTuple):
    """One file: its name and what it says."""

    name: str
    text: str


class SourceParts(NamedTuple):
    """Files in three parts."""

    train: tuple[SourceFile, ...]
    validation: tuple[SourceFile, ...]
    test: tuple[SourceFile, ...]


@dataclass(frozen=True)
class Sources:
    """Source files and their provenance.

    Attributes:
        name: What they are called.
        files: In alphabetical order.
        source: Where they come from.
        changes: What was done to them.
        licence: The short name of what they may be used under.
        licence_text: The licence itself.
        sha256: Hash of names and texts, as checked while loading.
    """

    name: str
    files: tuple[SourceFile, ...]
    source: str
    changes: str
    licence: str
    licence_text: str
    sha256: str

    @property
    def provenance(self) -> str:
        """Name, size, source, changes, licence and hash, one a line."""
        size = sum(len(file.text) for file in self.files)
        return _provenance(self, f"{len(self.files)} files, {size} characters")

    def split(self, train: float = 0.8, validation: float = 0.1) -> SourceParts:
        """Part the files in their order; no file is in two parts.

        Args:
            train: The first part's share of the characters, as nearly as whole files allow.
            validation: The second part's share; the test part is the rest.

        Raises:
            ValueError: If a share is not above 0, or nothing is left for the test.
        """
        _check_shares(train, validation)
        size = sum(len(file.text) for file in self.files)
        if not size:
            raise ValueError("expected files with something in them to split, got none")
        parts: tuple[list[SourceFile], ...] = ([], [], [])
        before = 0
        for file in self.files:
            middle = (before + len(file.text) / 2) / size
            parts[(middle > train) + (middle > train + validation)].append(file)
            before += len(file.text)
        return SourceParts(*(tuple(part) for part in parts))


def check_hash(name: str, content: bytes, expected: str) -> str:
    """Return the sha256 of some content.

    Raises:
        RuntimeError: If it is not the expected one.
    """
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise RuntimeError(
            f"expected {name} with sha256 {expected}, got {found}: not the data that the book's "
            "results were made with"
        )
    return found


def _provenance(data: Text | Sources, size: str) -> str:
    return "\n".join(
        (
            f"{data.name}: {size}",
            f"source:  {data.source}",
            f"changes: {data.changes}",
            f"licence: {data.licence}",
            f"sha256:  {data.sha256}",
        )
    )


def _check_shares(train: float, validation: float) -> None:
    check_number("train", train, above=0)
    check_number("validation", validation, above=0)
    if train + validation >= 1:
        raise ValueError(
            f"expected shares above 0 that leave something, got {train} and {validation}"
        )
