"""The loaders against the packages that ship the data."""

import importlib.util
import sys

import pytest
import torch

from lstm_book.data import Sequences, digits, load_digits, load_japanese_vowels, vowels
from lstm_book.data.records import SequenceDataset, check_hash

needs_sklearn = pytest.mark.skipif(not importlib.util.find_spec("sklearn"), reason="extra: data")
needs_aeon = pytest.mark.skipif(not importlib.util.find_spec("aeon"), reason="extra: data")


@needs_sklearn
@pytest.mark.parametrize("split", ["stratified", "halves"])
def test_digits_are_scikit_learns(split):
    from sklearn import datasets

    images = datasets.load_digits()
    known = {
        image.tobytes(): int(target)
        for image, target in zip(images.images, images.target, strict=True)
    }
    rows, pixels = load_digits("rows", split), load_digits("pixels", split)
    assert rows.train.x.shape[::2] == (8, 8)
    assert pixels.train.x.shape[::2] == (64, 1)
    assert len(rows.train) + len(rows.test) == 1797
    for part, same in ((rows.train, pixels.train), (rows.test, pixels.test)):
        assert torch.equal(part.y, same.y)
        # A pixel is a step of its own, row by row from the top.
        assert torch.equal(part.x.transpose(0, 1).flatten(1), same.x[..., 0].T)
        for place in range(0, len(part), 50):
            image = (part.x[:, place] * 16).double().numpy()
            assert known[image.tobytes()] == int(part.y[place])


@needs_sklearn
def test_digits_are_split_as_said():
    from sklearn import datasets

    data = load_digits()
    shares = data.test.y.bincount() / (data.train.y.bincount() + data.test.y.bincount())
    assert len(data.test) == 540
    assert float((shares - 0.3).abs().max()) < 0.01
    assert torch.equal(load_digits(seed=0).test.x, data.test.x)
    assert not torch.equal(load_digits(seed=1).test.x, data.test.x)
    halves = load_digits(split="halves")
    assert [
        *halves.train.y.tolist(),
        *halves.test.y.tolist(),
    ] == datasets.load_digits().target.tolist()
    assert (len(halves.train), len(halves.test)) == (898, 899)


@needs_aeon
def test_vowels_are_as_published():
    data = load_japanese_vowels()
    assert (len(data.train), len(data.test)) == (270, 370)
    assert data.train.y.bincount().tolist() == [30] * 9
    # Kudo, Toyama and Shimbo's own table of the test set.
    assert data.test.y.bincount().tolist() == [31, 35, 88, 44, 29, 24, 40, 50, 29]
    assert int(data.train.lengths.min()) == 7
    assert int(data.test.lengths.max()) == len(data.test.x) == 29
    # The first line of the training file.
    assert int(data.train.lengths[0]) == 20
    assert data.train.x[:3, 0, 0].tolist() == pytest.approx([1.860936, 1.891651, 1.939205])
    assert data.train.x[0, 0, :2].tolist() == pytest.approx([1.860936, -0.207383])
    for part in (data.train, data.test):
        for place, length in enumerate(part.lengths.tolist()):
            assert part.x[:length, place].abs().sum(-1).all()
            assert not part.x[length:, place].any()


@needs_aeon
def test_standardising_sees_own_steps_of_training_alone():
    data = load_japanese_vowels()
    scaled = data.standardised()
    own = torch.cat([data.train.x[:n, k] for k, n in enumerate(data.train.lengths.tolist())])
    for part, after in ((data.train, scaled.train), (data.test, scaled.test)):
        for place in (0, 100, 269):
            n = int(part.lengths[place])
            expected = (part.x[:n, place] - own.mean(0)) / own.std(0)
            torch.testing.assert_close(after.x[:n, place], expected)
            assert not after.x[n:, place].any()


def test_a_constant_feature_is_only_centred():
    part = Sequences(torch.full((3, 2, 1), 4.0), torch.tensor([3, 1]), torch.tensor([0, 1]))
    data = SequenceDataset("n", part, part, ("a", "b"), ("f",), "", "", "", "")
    assert not data.standardised().train.x.any()


def test_taking_some_trims_the_padding():
    part = Sequences(torch.randn(5, 3, 2), torch.tensor([5, 2, 3]), torch.tensor([0, 1, 2]))
    some = part.take(torch.tensor([2, 1]))
    assert torch.equal(some.x, part.x[:3, [2, 1]])
    assert some.lengths.tolist() == [3, 2]
    assert some.y.tolist() == [2, 1]
    assert len(some) == 2


@needs_sklearn
@needs_aeon
def test_provenance_says_where_from():
    for data, package in ((load_digits(), "scikit-learn"), (load_japanese_vowels(), "aeon")):
        assert package in data.source
        for line in (data.name, data.split, data.source, data.licence, data.sha256):
            assert line in data.provenance


@pytest.mark.parametrize(
    ("module", "load"), [("sklearn", load_digits), ("aeon", load_japanese_vowels)]
)
def test_a_missing_package_names_the_extra(monkeypatch, module, load):
    monkeypatch.setitem(sys.modules, module, None)  # what Python looks up says: not there
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, found=importlib.util.find_spec: None if name == module else found(name),
    )
    with pytest.raises(ImportError, match=r"pip install lstm-book\[data\]") as caught:
        load()
    assert caught.value.name == module


@needs_sklearn
@needs_aeon
@pytest.mark.parametrize(
    ("module", "load"), [(digits, load_digits), (vowels, load_japanese_vowels)]
)
def test_other_data_are_refused(monkeypatch, module, load):
    monkeypatch.setattr(module, "_SHA256", "0" * 64)
    with pytest.raises(RuntimeError, match="sha256 0000"):
        load()


def test_the_hash_is_sha256():
    """The oracle is the standard's own example, FIPS 180-4, of "abc"."""
    abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert check_hash("abc", b"abc", abc) == abc
    with pytest.raises(RuntimeError, match="expected abc"):
        check_hash("abc", b"abd", abc)


@pytest.mark.parametrize(
    ("call", "message"),
    [(lambda: load_digits("columns"), "'columns'"), (lambda: load_digits(split="no"), "'no'")],
)
def test_wrong_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
