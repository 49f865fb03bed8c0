"""Names lead to definitions, and definitions to the names that readers import."""

from pathlib import Path

import pytest
from listing import source_lines
from source_map import SourceMap

import lstm_book.cells

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def sources() -> SourceMap:
    return SourceMap(ROOT, "lstm_book")


def test_a_public_name_is_found_where_it_is_defined(sources):
    found = sources.find("lstm_book.cells.lstm_step")
    assert (found.module, found.qualname) == ("lstm_book.cells.step", "lstm_step")
    assert found.module == lstm_book.cells.lstm_step.__module__


def test_methods_are_found(sources):
    found = sources.find("lstm_book.cells.LSTMCell.forward")
    assert found.qualname == "LSTMCell.forward"


@pytest.mark.parametrize(
    "name",
    [
        "lstm_book.cells.no_such",
        "lstm_book.no_room.x",
        "torch.nn.LSTM",
        "lstm_book.cells",
        "lstm_book.cells.LSTMCell.no_such",
    ],
)
def test_unknown_names_are_not_found(sources, name):
    assert sources.find(name) is None


@pytest.mark.parametrize("name", lstm_book.cells.__all__)
def test_public_names_of_a_room(sources, name):
    found = sources.find(f"lstm_book.cells.{name}")
    assert sources.public_name(found.module, found.qualname) == f"lstm_book.cells.{name}"


def test_a_listing_drops_the_docstring_unless_asked(sources):
    found = sources.find("lstm_book.cells.lstm_step")
    bare, full = source_lines(found), source_lines(found, docstring=True)
    assert '"""' not in "\n".join(bare)
    assert '"""' in "\n".join(full)
    assert bare[0] == "def lstm_step("
    assert set(bare) <= set(full)


def test_a_listing_is_the_source(sources):
    import inspect

    found = sources.find("lstm_book.cells.lstm_step")
    assert source_lines(found, docstring=True) == inspect.getsource(
        lstm_book.cells.lstm_step
    ).rstrip().split("\n")


def test_a_method_is_listed_without_its_indentation(sources):
    lines = source_lines(sources.find("lstm_book.cells.LSTMCell.forward"))
    assert lines[0].startswith("def forward(")
