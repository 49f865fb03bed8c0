"""Figures that follow the theme of the page they stand on."""

import hashlib
import html
import io
import re
import sys
from collections import Counter
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from lstm_book.checks import check_whole
from lstm_book.plotting._common import mark_halos, mark_maps, separate_labels
from lstm_book.plotting.style import GRID, INK, MUTED, PALETTE, STYLE, SURFACE

_WIDTH = 4.8  # inches: 346 units, so that 10-point text is at least 10 px high on a phone

# The first variable is for our style sheet, the second is pydata-sphinx-theme's, the last value
# is for a page that has neither.
_CSS = {
    INK: "var(--lstm-ink, currentColor)",
    "#000000": "var(--lstm-ink, currentColor)",
    MUTED: "var(--lstm-muted, var(--pst-color-text-muted, #76808c))",
    GRID: "var(--lstm-grid, var(--pst-color-border, #80808055))",
    SURFACE: "var(--lstm-surface, var(--pst-color-background, Canvas))",
    "#ffffff": "var(--lstm-surface, var(--pst-color-background, Canvas))",
    **{value: f"var(--lstm-{name}, {value})" for name, value in PALETTE.items()},
}
_SENTINEL = re.compile("|".join(_CSS), re.IGNORECASE)
_FONT = "var(--lstm-font, var(--pst-font-family-base, 'DejaVu Sans', sans-serif))"
_MONOSPACE = (
    "var(--lstm-font-monospace, var(--pst-font-family-monospace, 'DejaVu Sans Mono', monospace))"
)

_shown: Counter[str] = Counter()


@dataclass(frozen=True)
class ThemedFigure:
    """A drawn figure as inline SVG whose text, grid and palette are CSS values.

    Attributes:
        alt: What the figure shows, in words.
        svg: The ``<svg>`` element.
    """

    alt: str
    svg: str = field(repr=False)
    _figure: Figure = field(repr=False, compare=False)

    def _repr_html_(self) -> str:
        return f'<div class="lstm-figure">{self.svg}</div>'

    def png(self, dpi: float = 150) -> bytes:
        """Return the figure as a PNG on white, for a thumbnail or for print."""
        buffer = io.BytesIO()
        self._figure.savefig(
            buffer, format="png", dpi=dpi, facecolor="white", metadata={"Software": None}
        )
        return buffer.getvalue()

    def savefig(self, path: str | PathLike[str], dpi: float = 150) -> None:
        """Write :meth:`png` to a file."""
        with open(path, "wb") as file:
            file.write(self.png(dpi))


def figure(height: float = 3.0, **kwargs: Any) -> Figure:
    """Create an empty figure of the book's width, in the book's style.

    It is not registered with pyplot: nothing shows it but :func:`show`.

    Args:
        height: Height in inches; the width is 4.8 and fills the page's column.
        **kwargs: Passed on to :class:`matplotlib.figure.Figure`.
    """
    with mpl.rc_context(STYLE):
        return Figure(**{"figsize": (_WIDTH, height), "layout": "constrained", **kwargs})


def subplots(rows: int = 1, cols: int = 1, *, height: float | None = None, **kwargs: Any) -> Any:
    """Create a figure with axes, in the book's style, as ``plt.subplots`` does.

    Prefer rows to columns: on a phone the page is narrow.

    Args:
        rows: Rows of axes.
        cols: Columns of axes.
        height: Height of the whole figure in inches; 3.0 for one row, 2.3 for each of several.
        **kwargs: Passed on to :meth:`matplotlib.figure.Figure.subplots`, as ``sharex=True``.

    Returns:
        The figure, and one ``Axes`` or an array of them.

    Raises:
        TypeError: If a number of rows or columns is no whole number.
        ValueError: If it is not from 1 to 100.
    """
    rows, cols = check_whole("rows", rows, 1, 100), check_whole("cols", cols, 1, 100)
    if height is None:
        height = 3.0 if rows == 1 else 2.3 * rows
    fig = figure(height)
    with mpl.rc_context(STYLE):
        return fig, fig.subplots(rows, cols, **kwargs)


def show(fig: Figure, *, alt: str) -> ThemedFigure:
    """End a cell with a figure: render it, close it, and return what the page displays.

    Args:
        fig: The figure, from :func:`subplots` or from pyplot.
        alt: What the figure shows, in a sentence or two: it is read out instead of the figure.

    Raises:
        TypeError: If it is no figure, or ``alt`` no text.
        ValueError: If ``alt`` is empty.
    """
    if not isinstance(fig, Figure):
        raise TypeError(f"expected fig to be a Matplotlib figure, got {type(fig).__name__}")
    if not isinstance(alt, str):
        raise TypeError(f"expected alt to be a str, got {type(alt).__name__}")
    if not alt.strip():
        raise ValueError("expected a text that says what the figure shows, got an empty alt")
    return ThemedFigure(alt, finished(fig, svg_of(fig, alt)), fig)


def svg_of(fig: Figure, alt: str) -> str:
    """Render a figure as an SVG element for a themed page, its ids as Matplotlib made them."""
    _titles_left(fig)
    separate_labels(fig)
    mark_halos(fig)
    mark_maps(fig)
    svg = _themed_svg(fig, " ".join(alt.split()))
    fig.set_layout_engine("none")  # keep the layout: drawing again would move it a little
    return svg


def finished(fig: Figure, svg: str) -> str:
    """Close a figure whose SVG is rendered; return that with ids that no other figure has."""
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close(fig)  # otherwise the inline backend shows it a second time
    return _with_own_ids(svg).strip()


def _titles_left(fig: Figure) -> None:
    """Put titles where the style has them, on pages too that leave Matplotlib's settings alone."""
    with mpl.rc_context(STYLE):
        for ax in fig.axes:
            if text := ax.get_title():
                colour = ax.title.get_color()
                ax.set_title("", loc="center")
                ax.set_title(text, loc="left", color=colour)


def _themed_svg(fig: Figure, alt: str) -> str:
    """Turn Matplotlib's SVG document into an element that lives inside a themed page."""
    buffer = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": STYLE["svg.hashsalt"]}):
        fig.savefig(buffer, format="svg", metadata={"Date": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # Matplotlib's style sheet says "*", which in a page means every element of the page.
    svg = re.sub(r"\s*<defs>\s*<style.*?</style>\s*</defs>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"(font: [^;\"]*?px|font-family:) ([^;\"]*)", _themed_font, svg)
    # Formulas carry their opacity twice, on the group and on each symbol: it would be squared.
    svg = re.sub(r'(<tspan[^>]*?); opacity: [\d.]+"', r'\1"', svg)
    svg = re.sub(r'(?<= d=")[^"]*', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]), svg)
    rim = f"paint-order: stroke; stroke: {SURFACE}; stroke-width: 3px; stroke-linejoin: round"
    svg = re.sub(r'<g id="halo-\d+"', rf'\g<0> style="{rim}"', svg)
    svg = _SENTINEL.sub(lambda match: _CSS[match[0].lower()], svg)
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    assert box is not None
    width = float(box[1])
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'{box[0]} role="img" aria-label="{html.escape(alt)}" '
        f'style="display: block; width: 100%; max-width: {width * 1.65:.0f}px; height: auto; '
        f"margin: 0 auto; fill: {_CSS[INK]}; stroke-linejoin: round; stroke-linecap: butt; "
        f'overflow: visible">'
    )
    svg = re.sub(r"<svg.*?>", lambda _: head, svg, count=1, flags=re.DOTALL)
    return svg


def _themed_font(declaration: re.Match[str]) -> str:
    """Return the declaration with the page's own font of that kind."""
    kind = _MONOSPACE if "monospace" in declaration[2] else _FONT
    return f"{declaration[1]} {kind}"


def _with_own_ids(svg: str) -> str:
    """Prefix all ids, so that no two figures of a page share one.

    The prefix is a hash of the content: the same figure has the same bytes in every build. Only
    a figure that is shown again in the same process gets a number.
    """
    digest = hashlib.sha256(svg.encode()).hexdigest()[:8]
    _shown[digest] += 1
    prefix = f"lstm-{digest}-" + (f"{_shown[digest]}-" if _shown[digest] > 1 else "")
    svg = re.sub(r'\bid="', f'id="{prefix}', svg)
    svg = re.sub(r'href="#', f'href="#{prefix}', svg)
    return re.sub(r"url\(#", f"url(#{prefix}", svg)
