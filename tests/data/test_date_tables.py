"""The frozen tables of dates against the Babel that they were made with."""

from importlib import resources

import pytest

from lstm_book.data import _freeze_dates, date_tables

babel = pytest.importorskip("babel")
same_babel = pytest.mark.skipif(
    babel.__version__ != _freeze_dates.VERSION, reason="another version of CLDR"
)


@same_babel
def test_the_script_writes_what_is_shipped(tmp_path):
    _freeze_dates.main(tmp_path)
    shipped = resources.files("lstm_book.data").joinpath("resources")
    names = {written.name for written in tmp_path.iterdir()}
    assert names == {"dates.json", "LICENSE-Unicode.txt"}
    for written in tmp_path.iterdir():
        assert written.read_bytes() == shipped.joinpath(written.name).read_bytes()


def test_a_table_of_another_version_is_refused(monkeypatch):
    monkeypatch.setattr(date_tables, "_SHA256", "0" * 64)
    with pytest.raises(RuntimeError, match="sha256 0000"):
        date_tables.date_tables.__wrapped__()


def test_spaces_are_plain():
    for table in date_tables.date_tables().values():
        assert not {"\xa0", "\u202f"} & set(str(table))
