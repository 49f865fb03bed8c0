"""The frozen excerpts against the Python that they were taken from."""

import ast
import gzip
import platform
import sysconfig
from importlib import resources
from pathlib import Path

import pytest
import torch

from lstm_book.data import (
    SourceFile,
    Sources,
    Text,
    _freeze,
    contiguous_batches,
    frozen,
    python_sources,
    python_text,
)

same_python = pytest.mark.skipif(
    platform.python_version() != _freeze.VERSION, reason="frozen from another Python"
)


def text(characters):
    return Text("t", characters, "", "", "", "", "")


@same_python
def test_the_excerpts_are_what_the_script_makes():
    assert python_text().text == _freeze.topics()
    files = _freeze.sources(Path(sysconfig.get_path("stdlib")))
    assert {file.name: file.text for file in python_sources().files} == files


@same_python
def test_the_script_writes_what_is_shipped(tmp_path):
    _freeze.main(tmp_path)
    shipped = resources.files("lstm_book.data").joinpath("resources")
    for written in tmp_path.iterdir():
        content, expected = written.read_bytes(), shipped.joinpath(written.name).read_bytes()
        if written.suffix == ".gz":  # compressors differ, what they hold does not
            content, expected = gzip.decompress(content), gzip.decompress(expected)
        assert content == expected


def test_no_paragraph_comes_twice():
    paragraphs = [paragraph.strip() for paragraph in python_text().text.split("\n\n")]
    long = [paragraph for paragraph in paragraphs if len(paragraph) > 40]
    assert len(long) == len(set(long))
    assert len(long) > 1500


def test_the_sources_are_python_without_a_licence_of_their_own():
    files = python_sources().files
    assert [file.name for file in files] == sorted(f"{name}.py" for name in _freeze.MODULES)
    for file in files:
        ast.parse(file.text)
        assert "copyright" not in file.text.lower()


def test_the_licence_and_the_provenance_come_along():
    for data in (python_text(), python_sources()):
        assert "PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2" in data.licence_text
        for line in (data.name, data.source, data.changes, data.licence, data.sha256):
            assert line in data.provenance
        assert "3.11.7" in data.source


def test_the_resources_are_small():
    folder = resources.files("lstm_book.data").joinpath("resources")
    assert sum(len(file.read_bytes()) for file in folder.iterdir()) < 1_000_000


@pytest.mark.parametrize(("load", "name"), [(python_text, "_TEXT"), (python_sources, "_SOURCES")])
def test_another_text_is_refused(monkeypatch, load, name):
    monkeypatch.setattr(frozen, f"{name}_SHA256", "0" * 64)
    with pytest.raises(RuntimeError, match="sha256 0000"):
        load()


def test_a_text_is_cut_and_not_shuffled():
    parts = text("abcdefghij").split(0.7, 0.2)
    assert parts == ("abcdefg", "hi", "j")
    whole = python_text()
    assert "".join(whole.split()) == whole.text


def test_files_are_parted_and_not_cut():
    files = tuple(SourceFile(name, "x" * 10) for name in "abcdefghij")
    parts = Sources("s", files, "", "", "", "", "").split(0.7, 0.2)
    assert ["".join(file.name for file in part) for part in parts] == ["abcdefg", "hi", "j"]
    whole = python_sources()
    parts = whole.split()
    assert sum(parts, ()) == whole.files
    sizes = [sum(len(file.text) for file in part) for part in parts]
    assert sizes[0] / sum(sizes) == pytest.approx(0.8, abs=0.05)
    assert min(sizes) > 0.05 * sum(sizes)


@pytest.mark.parametrize("shares", [(0.0, 0.1), (0.9, 0.1), (0.5, 0.0), (1.2, -0.3)])
def test_shares_that_leave_nothing(shares):
    with pytest.raises(ValueError, match=r"shares above 0|above 0, got"):
        text("abcdefghij").split(*shares)


@pytest.mark.parametrize(
    ("n", "batch", "length"), [(100, 4, 7), (101, 4, 24), (9, 4, 5), (50, 1, 3)]
)
def test_streams_go_on_where_they_stopped(n, batch, length):
    tokens = torch.arange(n)
    batches = list(contiguous_batches(tokens, batch, length))
    x = torch.cat([x for x, _ in batches])
    y = torch.cat([y for _, y in batches])
    steps = n // batch
    assert x.shape == (steps - 1, batch)
    assert torch.equal(y, x + 1)  # tokens are their own places, so the next one is one more
    assert x[0].tolist() == [stream * steps for stream in range(batch)]
    assert torch.equal(x[1:], x[:-1] + 1)
    assert all(len(x) == length for x, _ in batches[:-1])


@pytest.mark.parametrize(
    ("tokens", "batch", "length", "message"),
    [
        (torch.zeros(2, 2), 1, 1, r"shape \(N\)"),
        (torch.zeros(9), 0, 1, "batch to be a whole number from 1"),
        (torch.zeros(9), 1, 0, "length to be a whole number from 1"),
        (torch.zeros(9), 5, 1, "at least 10 tokens"),
    ],
)
def test_wrong_streams(tokens, batch, length, message):
    with pytest.raises(ValueError, match=message):
        next(contiguous_batches(tokens, batch, length))
