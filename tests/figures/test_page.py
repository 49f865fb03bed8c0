"""What chapters repeat: spreads as text, tables, benchmark tables, numbers kept for the text."""

import statistics
import sys
import types

import pytest
import torch

from lstm_book.figures import page


def test_a_spread_is_the_median_and_the_range():
    values = torch.tensor([3.0, 1.0, 2.0, 9.0, 4.0])
    assert page.spread(values) == (3.0, 1.0, 9.0)
    assert f"{page.spread(values):.1f}" == "3.0 (1.0 to 9.0)"


def test_what_looks_the_same_is_written_once():
    assert f"{page.spread([0.501, 0.502, 0.503]):.2f}" == "0.50"
    assert page.span([2, 2]) == "2.00"
    assert page.span([5, 2, 3], ".0f") == "2 to 5"


def test_no_numbers_have_no_spread():
    with pytest.raises(statistics.StatisticsError):
        page.spread([])
    with pytest.raises(ValueError, match="empty"):
        page.span([])


def test_seeded_draws_are_those_of_torchs_seed():
    torch.manual_seed(3)
    assert torch.equal(torch.rand(4, generator=page.seeded(3)), torch.rand(4))


def test_a_table_is_markdown_to_a_page_and_text_to_an_interpreter():
    table = page.table(["model", "steps"], [("RNN", 30), ("LSTM", 100)])
    wanted = "| model | steps |\n| --- | --- |\n| RNN | 30 |\n| LSTM | 100 |"
    assert table._repr_markdown_() == wanted
    assert repr(table) == wanted


def test_a_row_has_an_entry_for_every_column():
    with pytest.raises(ValueError, match=r"expected 2 entries in a row, got \['RNN'\]"):
        page.table(["model", "steps"], [("RNN",)])
    with pytest.raises(ValueError, match="a name for every column"):
        page.table(["", "steps"], [("RNN", 30)])


@pytest.mark.parametrize("name", ["gradients", "layers", "models", "recording"])
def test_benchmark_tables_come_with_the_package(name):
    table = page.measured(f"bench_{name}")
    assert table["rows"]
    assert table["command"] == "python -m nox -s bench"


def test_an_unknown_benchmark_is_told():
    with pytest.raises(FileNotFoundError):
        page.measured("bench_nothing")


@pytest.fixture
def kept(monkeypatch):
    """What a page would glue."""
    found = {}
    ipython, myst_nb = types.ModuleType("IPython"), types.ModuleType("myst_nb")
    ipython.get_ipython = lambda: object()
    myst_nb.glue = lambda name, value, display: found.update({name: (value, display)})
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "myst_nb", myst_nb)
    return found


def test_numbers_are_kept_under_the_name_of_their_chapter(kept):
    page.save("gates", {"bias-1": torch.tensor(2.0)}, said="four")
    assert kept == {"gates-bias-1": (2.0, False), "gates-said": ("four", False)}
    assert isinstance(kept["gates-bias-1"][0], float)


def test_a_spread_is_kept_as_three_numbers(kept):
    page.save("gates", share=page.Spread(2.0, 1.0, 3.0))
    assert {name: value for name, (value, _) in kept.items()} == {
        "gates-share": 2.0,
        "gates-share_low": 1.0,
        "gates-share_high": 3.0,
    }


@pytest.mark.parametrize("missing", ["IPython", "myst_nb"])
def test_without_a_book_nothing_is_kept(kept, monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    page.save("gates", ten=10)
    assert kept == {}


def test_outside_a_notebook_nothing_is_kept(kept):
    sys.modules["IPython"].get_ipython = lambda: None
    page.save("gates", ten=10)
    assert kept == {}
