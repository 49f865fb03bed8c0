"""Figures of the book: one palette, figures that follow the page's theme, and ``draw_*`` functions.

The package draws what it is given: arrays (NumPy, or torch tensors) in, Matplotlib artists out.
It imports nothing else of ``lstm_book``, so that it can draw numbers from anywhere::

    fig, ax = subplots()
    draw_lag(ax, norms, label="RNN", colour="rnn")
    show(fig, alt="What the figure shows, for those who cannot see it.")
"""

try:
    import matplotlib  # noqa: F401
except ImportError as error:
    raise ImportError(
        "lstm_book.plotting needs Matplotlib, which is an extra of the package: "
        "pip install lstm-book[plot]"
    ) from error

from lstm_book.plotting._common import label_end
from lstm_book.plotting.curves import (
    draw_bars,
    draw_dots,
    draw_gates,
    draw_half_life,
    draw_history,
    draw_lag,
    draw_threshold,
)
from lstm_book.plotting.maps import draw_heatmap, draw_jacobian
from lstm_book.plotting.schematic import draw_cell, draw_gru_cell, draw_rnn_cell, draw_unrolled
from lstm_book.plotting.slide import SlidingFigure, slide
from lstm_book.plotting.style import INK, MUTED, PALETTE, SURFACE, colour_of, stylesheet, use_style
from lstm_book.plotting.text import draw_text, text_height
from lstm_book.plotting.themed import ThemedFigure, figure, show, subplots

__all__ = [
    "INK",
    "MUTED",
    "PALETTE",
    "SURFACE",
    "SlidingFigure",
    "ThemedFigure",
    "colour_of",
    "draw_bars",
    "draw_cell",
    "draw_dots",
    "draw_gates",
    "draw_gru_cell",
    "draw_half_life",
    "draw_heatmap",
    "draw_history",
    "draw_jacobian",
    "draw_lag",
    "draw_rnn_cell",
    "draw_text",
    "draw_threshold",
    "draw_unrolled",
    "figure",
    "label_end",
    "show",
    "slide",
    "stylesheet",
    "subplots",
    "text_height",
    "use_style",
]
