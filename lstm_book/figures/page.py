"""What every chapter repeats: seeded draws, a spread over seeds, a table, numbers for the text."""

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from typing import Any, NamedTuple

import torch


class Spread(NamedTuple):
    """What several seeds gave; ``f"{spread:.2f}"`` writes ``0.52 (0.48 to 0.60)``.

    If all look the same, it writes one number.

    Attributes:
        middle: The median.
        low: The smallest.
        high: The largest.
    """

    middle: float
    low: float
    high: float

    def __format__(self, fmt: str) -> str:
        ends = span(self, fmt)
        return f"{self.middle:{fmt}} ({ends})" if " to " in ends else ends


class Table(str):
    """A table in Markdown: a page renders it, an interpreter prints it."""

    __slots__ = ()

    __repr__ = str.__str__

    def _repr_markdown_(self) -> str:
        return str(self)


def seeded(seed: int) -> torch.Generator:
    """Return a random generator of its own for one seed."""
    return torch.Generator().manual_seed(seed)


def spread(values: Iterable[Any]) -> Spread:
    """Return the median and the range of numbers, or of a tensor of one axis.

    Raises:
        ValueError: If there are none.
    """
    numbers = [float(value) for value in values]
    return Spread(statistics.median(numbers), min(numbers), max(numbers))


def span(values: Iterable[Any], fmt: str = ".2f") -> str:
    """Write the range of numbers: ``0.48 to 0.60``, or one number if both look the same.

    Raises:
        ValueError: If there are none.
    """
    numbers = [float(value) for value in values]
    return " to ".join(dict.fromkeys(f"{end:{fmt}}" for end in (min(numbers), max(numbers))))


def table(head: Sequence[str], rows: Iterable[Iterable[Any]]) -> Table:
    """Return a table: the names of its columns, and what stands in its rows, as text.

    Raises:
        ValueError: If a column has no name, or a row not one entry for every column.
    """
    if not all(head):
        raise ValueError(f"expected a name for every column, got {list(head)}")
    lines = [list(head), ["---"] * len(head), *([str(cell) for cell in row] for row in rows)]
    for line in lines:
        if len(line) != len(head):
            raise ValueError(f"expected {len(head)} entries in a row, got {line}")
    return Table("\n".join(f"| {' | '.join(line)} |" for line in lines))


def measured(name: str) -> dict[str, Any]:
    """Return the table that a benchmark left, such as ``"bench_models"``.

    The page has to name the file itself, here or in its front matter: a page is run again when a
    file that it names has changed.

    Raises:
        FileNotFoundError: If there is no such table.
    """
    file = resources.files("lstm_book.figures") / "stored" / f"{name}.json"
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def save(chapter: str, values: Mapping[str, Any] = {}, **named: Any) -> None:
    """Keep numbers for the text, which glues them in by chapter and name, as ``chapter-name``.

    Where there is no book to print them in, nothing happens.

    Args:
        chapter: The page's file name, without folder and ending.
        values: Numbers or texts by name. A :class:`Spread` is kept as its middle, and its ends
            under the names with ``_low`` and ``_high``.
        **named: More of them; ``ten=2.3`` is the same as ``{"ten": 2.3}``.
    """
    try:
        from IPython import get_ipython
        from myst_nb import glue
    except ImportError:
        return
    if get_ipython() is None:
        return
    for name, value in {**values, **named}.items():
        kept = {"": value.item() if isinstance(value, torch.Tensor) else value}
        if isinstance(value, Spread):
            kept = {"": value.middle, "_low": value.low, "_high": value.high}
        for end, number in kept.items():
            glue(f"{chapter}-{name}{end}", number, display=False)
