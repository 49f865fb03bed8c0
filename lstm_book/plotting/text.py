"""A text on its page, each character on a ground that is coloured by a number."""

import re
from itertools import groupby
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from lstm_book.plotting._common import Array, as_array, as_number, check_axes, require_same_length
from lstm_book.plotting.style import INK, MUTED, colour_of

_WIDTH = 44  # columns: on a phone of 390 px a character is then about 8 px wide
_ROW = 0.21  # inches
_BAR = 0.24  # rows: a mark's place under its character
_LEVELS = 12  # shades of each colour; neighbours of the same shade are one rectangle
STRONGEST = 0.5  # opacity of full colour: page ink stays legible on it (contrast 4.5)


def text_height(text: str, *, width: int = _WIDTH) -> float:
    """Return how high a figure has to be for :func:`draw_text`, in inches.

    Args:
        text: What will be drawn.
        width: Columns, as for :func:`draw_text`.

    Raises:
        ValueError: If the text is empty, or the width is not positive.
    """
    return _ROW * (_places(text, width)[-1][0] + 1) + 0.1


def draw_text(
    ax: Axes,
    text: str,
    values: Any,
    *,
    vmin: float = -1.0,
    vmax: float = 1.0,
    width: int = _WIDTH,
    marks: Any = None,
    positive: str = "c",
    negative: str = "f",
) -> Axes:
    """Write a text in columns of equal width, each character on the colour of its value.

    Zero is the page itself. What is positive is blue, with full colour from `vmax` on, what is
    negative red, with full colour from `vmin` on, if no other colours are asked for. A word that
    does not fit goes on to the next row. A line end is a small arrow, and is coloured as any other
    character.

    Args:
        ax: The axes; give their figure the height that :func:`text_height` returns.
        text: N characters, written as they are.
        values: (N,), one value per character.
        vmin: Value of full red, below zero.
        vmax: Value of full blue, above zero.
        width: Columns.
        marks: (N,) of truth values: which characters to underline.
        positive: Colour of what is positive, as :func:`colour_of` takes it.
        negative: Colour of what is negative.

    Raises:
        ValueError: If a colour is unknown, the text is empty, a shape is wrong, vmin < 0 < vmax
            does not hold, or the width is not positive.
    """
    check_axes(ax)
    places = _places(text, width)
    shades = as_array(values, "values", "N")
    low, high = as_number(vmin, "vmin"), as_number(vmax, "vmax")
    above, below = colour_of(positive), colour_of(negative)
    if not vmin < 0 < vmax:
        raise ValueError(f"expected vmin < 0 < vmax, got {vmin} and {vmax}")
    marked = np.zeros(len(text)) if marks is None else as_array(marks, "marks", "N")
    require_same_length(text=np.zeros(len(text)), values=shades, marks=marked)
    for row, start, end, level in _runs(places, _levels(shades, low, high)):
        if level:
            ax.add_patch(
                Rectangle(
                    (start, row),
                    end - start,
                    1,
                    color=above if level > 0 else below,
                    alpha=STRONGEST * abs(level) / _LEVELS,
                    lw=0,
                )
            )
    for row, start, end, mark in _runs(places, marked.astype(bool)):
        if mark:
            ax.plot([start, end], [row + 1 - _BAR / 2] * 2, color=INK, lw=1, solid_capstyle="butt")
    points = 72 * ax.figure.bbox.width / ax.figure.dpi / (width + 1)
    size = min(points / 0.63, 9.5)  # an advance of 0.6 is usual for a monospaced font
    for character, (row, column) in zip(text, places, strict=True):
        if character == "\n" or not character.isspace():
            end_of_line = character == "\n"
            ax.text(
                column + 0.5,
                row + 0.42,
                "↵" if end_of_line else character,
                ha="center",
                va="center_baseline",
                family="monospace",
                fontsize=0.8 * size if end_of_line else size,
                color=MUTED if end_of_line else INK,
                parse_math=False,
            )
    ax.set(xlim=(0, width + 1), ylim=(places[-1][0] + 1, 0))
    ax.axis("off")
    return ax


def _places(text: str, width: int) -> list[tuple[int, int]]:
    """Return each character's row and column; blanks and line ends may be one beyond the width."""
    if not isinstance(text, str):
        raise TypeError(f"expected text to be a str, got {type(text).__name__}")
    if isinstance(width, bool) or not isinstance(width, int):
        raise TypeError(f"expected width to be a whole number, got {type(width).__name__}")
    if not text:
        raise ValueError("expected a text of at least one character, got none")
    if width < 1:
        raise ValueError(f"expected a width of at least 1 column, got {width}")
    places: list[tuple[int, int]] = []
    row = column = 0
    for piece in re.findall(r"\S+|\s", text):
        if column and column + len(piece) > width and len(piece) <= width and not piece.isspace():
            row, column = row + 1, 0
        for character in piece:
            if column > width or (column == width and not character.isspace()):
                row, column = row + 1, 0
            places.append((row, column))
            row, column = (row + 1, 0) if character == "\n" else (row, column + 1)
    return places


def _levels(values: Array, vmin: float, vmax: float) -> Array:
    """Return the shade of each value, from -_LEVELS to _LEVELS."""
    share = np.where(values < 0, -values / vmin, values / vmax).clip(-1, 1)
    levels: Array = np.rint(share * _LEVELS)
    return levels


def _runs(places: list[tuple[int, int]], values: Any) -> list[tuple[int, int, int, Any]]:
    """Return row, first column, column after the last, and value of all stretches of one value."""
    runs = []
    placed = [(row, column, value) for (row, column), value in zip(places, values, strict=True)]
    for (row, value), group in groupby(placed, key=lambda place: (place[0], place[2])):
        columns = [column for _, column, _ in group]
        runs.append((row, columns[0], columns[-1] + 1, value))
    return runs
