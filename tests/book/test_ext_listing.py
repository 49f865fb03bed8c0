"""A listing is the package's own source, and references find the names that readers import."""

import ast
import inspect
import re

import pytest
from listing import find, narrowed, source_of
from sphinx_project import ROOT, build

import lstm_book.cells
from lstm_book.cells import LSTMCell, lstm_step


def test_a_listing_is_the_source_without_its_docstrings():
    bare, full = source_of(lstm_step), inspect.getsource(inspect.unwrap(lstm_step))
    assert '"""' in full
    assert '"""' not in bare
    assert bare.splitlines()[0] == "def lstm_step("
    assert set(bare.splitlines()) <= set(full.splitlines())
    assert "\n\n" not in bare  # the blank line behind the docstring is gone


def test_a_method_is_listed_without_its_indentation():
    assert source_of(LSTMCell.forward).startswith("def forward(")
    assert "def step(" in source_of(LSTMCell)


def listings():
    """The names of all listings in the book."""
    pages = (page.read_text(encoding="utf-8") for page in (ROOT / "docs").rglob("*.md"))
    return sorted(
        {name for text in pages for name in re.findall(r"^:+{listing} (\S+)", text, re.M)}
    )


@pytest.mark.parametrize("name", listings())
def test_a_page_shows_every_line_of_a_listing_whole(name):
    code = narrowed(source_of(find(name)))
    assert max(map(len, code.splitlines())) < 86  # a phone scrolls, a window of 1280 px shows 93
    assert ast.dump(ast.parse(code)) == ast.dump(ast.parse(source_of(find(name))))


def test_it_links_to_its_entry_and_names_its_file(tmp_path):
    entry = "```{py:function} lstm_book.cells.lstm_update(x)\n```\n"
    text = "# Page\n\n" + entry + "\n:::{listing} lstm_book.cells.lstm_update\n:::\n"
    built = build(tmp_path, index=text)
    assert built.warnings == []
    (block,) = built.page().xpath("//div[contains(@class, 'literal-block-wrapper')]")
    assert "return lstm_equations(a, c)" in block.text_content()
    assert "cells.lstm_update, from lstm_book/cells/step.py" in block.text_content()
    assert block.xpath(".//a[@href='#lstm_book.cells.lstm_update']")


def test_what_has_no_entry_is_listed_without_a_link(tmp_path):
    text = "# Page\n\n:::{listing} lstm_book.layers.lstm.unroll_untraced\n:::\n"
    built = build(tmp_path, {"nitpicky": True}, index=text)
    assert built.warnings == []
    assert "layers.lstm.unroll_untraced, from" in built.page().text_content()


@pytest.mark.parametrize("name", ["lstm_book.cells.no_such", "lstm_book.nowhere.x", "torch.pi"])
def test_an_unknown_name_is_an_error(tmp_path, name):
    (warning,) = build(tmp_path, index=f"# Page\n\n:::{{listing}} {name}\n:::\n").warnings[:1]
    assert "no class or function" in warning
    assert name in warning


@pytest.mark.parametrize("name", lstm_book.cells.__all__)
def test_a_reference_to_where_a_name_is_defined_finds_where_it_is_imported_from(tmp_path, name):
    module = getattr(getattr(lstm_book.cells, name), "__module__", "")
    entry = f"```{{py:class}} lstm_book.cells.{name}\n```\n\n"
    text = f"# Page\n\n{entry}{{py:obj}}`{module}.{name}`\n"
    if module.startswith("lstm_book.cells."):
        built = build(tmp_path, {"nitpicky": True, "nb_execution_mode": "off"}, index=text)
        assert built.warnings == []
        assert built.page().xpath(f"//a[@href='#lstm_book.cells.{name}']")
