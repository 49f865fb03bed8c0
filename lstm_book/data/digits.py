"""Handwritten digits as sequences."""

from typing import Any, Literal, get_args

import torch
from torch import Tensor

from lstm_book.checks import check_choice, check_whole
from lstm_book.data.records import SequenceDataset, Sequences, check_hash

Order = Literal["rows", "pixels"]
Split = Literal["stratified", "halves"]

_SHA256 = "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"
_TEST_SHARE = 0.3


def load_digits(
    order: Order = "rows", split: Split = "stratified", *, seed: int = 0
) -> SequenceDataset:
    """Load scikit-learn's 1 797 images of 8×8 pixels, read from the top left.

    How the test images are chosen decides the score. The file is ordered by when it was written:
    its second half comes from other writers than the first, and is harder.

    Args:
        order: "rows" gives T = 8 steps of D = 8 pixels, "pixels" gives T = 64 steps of 1.
        split: "stratified" draws 30 % of each class for the test; "halves" trains on the first 898
            images and tests on the last 899.
        seed: Of the stratified draw.

    Returns:
        The images, values from 0 to 1; all of the same length.

    Raises:
        ImportError: If scikit-learn is missing; it comes with ``pip install lstm-book[data]``.
        TypeError: If the seed is no whole number.
        ValueError: If order or split is none of the two, or the seed is not from 0 to 2^32 - 1.
        RuntimeError: If the installed data are others than the book's.
    """
    check_choice("order", order, get_args(Order))
    check_choice("split", split, get_args(Split))
    seed = check_whole("seed", seed, 0, 2**32 - 1)
    try:
        from sklearn import datasets, model_selection
    except ImportError as error:
        raise ImportError(
            "load_digits needs scikit-learn: pip install lstm-book[data]", name="sklearn"
        ) from error
    bunch: Any = datasets.load_digits()
    content = bunch.images.astype("uint8").tobytes() + bunch.target.astype("uint8").tobytes()
    sha256 = check_hash("scikit-learn's digits", content, _SHA256)
    images = torch.as_tensor(bunch.images, dtype=torch.float32) / 16
    y = torch.as_tensor(bunch.target, dtype=torch.int64)
    x = images.permute(1, 0, 2) if order == "rows" else images.flatten(1).T[..., None]
    places = torch.arange(len(y))
    if split == "halves":
        half = len(y) // 2
        train, test = places[:half], places[half:]
        how = f"the first {half} images against the others, which other people wrote"
    else:
        drawn: tuple[Any, Any] = tuple(
            model_selection.train_test_split(
                places.numpy(), test_size=_TEST_SHARE, stratify=y.numpy(), random_state=seed
            )
        )
        train, test = (torch.as_tensor(part) for part in drawn)
        how = f"stratified by class, 70/30, seed {seed}"
    return SequenceDataset(
        name=f"digits by {order}",
        train=_take(x, y, train),
        test=_take(x, y, test),
        classes=tuple(str(digit) for digit in range(10)),
        features=tuple(f"column {k}" for k in range(1, 9)) if order == "rows" else ("pixel",),
        split=how,
        source="scikit-learn, from the UCI repository: optical recognition of handwritten digits",
        licence="BSD-3-Clause (scikit-learn)",
        sha256=sha256,
    )


def _take(x: Tensor, y: Tensor, places: Tensor) -> Sequences:
    """Return some of the images."""
    lengths = torch.full((len(places),), len(x))
    return Sequences(x[:, places].contiguous(), lengths, y[places])
