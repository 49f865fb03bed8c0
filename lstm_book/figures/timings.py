"""Tables of the appendix "Timings"."""

from itertools import groupby
from typing import Any

from lstm_book.figures.page import Table, table


def rows_of(bench: dict[str, Any], name: str) -> Table:
    """Return what was measured under one name: where one thing varies, that in the first column."""
    rows = next(
        list(group)
        for found, group in groupby(bench["rows"], lambda row: row["name"])
        if found == name
    )
    varying = "peer" if len({row["shape"] for row in rows}) == 1 else "shape"
    return table(
        [varying, "ours", "peer's", "ratio", "its range"],
        [
            (
                row[varying],
                time(row["ours_ms"]),
                time(row["peer_ms"]),
                ratio(row["ratio"]),
                f"{ratio(row['ratio_min'])} to {ratio(row['ratio_max'])}",
            )
            for row in rows
        ],
    )


def source(bench: dict[str, Any]) -> str:
    """Say on what, with what and when it was measured."""
    versions = ", ".join(f"{name} {number}" for name, number in bench["versions"].items())
    return f"{bench['machine']}; {versions}; {bench['date']}; {bench['command']}"


def time(ms: float) -> str:
    """Write a time in ms, or in µs below one; a no-break space keeps the unit with its number."""
    if ms < 1:
        return f"{1000 * ms:.0f}\N{NO-BREAK SPACE}µs"
    return f"{ms:.{1 if ms < 100 else 0}f}\N{NO-BREAK SPACE}ms"


def ratio(value: float) -> str:
    """Write a ratio with as many digits as it is good for."""
    return f"{value:.0f}" if value >= 10 else f"{value:.2f}"
