"""Figures of the chapter "Shapes and layouts"."""

from collections.abc import Mapping, Sequence
from functools import partial

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from lstm_book.figures import page
from lstm_book.plotting import INK, MUTED, PALETTE, ThemedFigure, show, subplots

save = partial(page.save, "shapes")

_KINDS = {"T": "x", "B": "c", "D": "neutral", "H": "h", "2H": "h", "L": "o", "2L": "o"}


def tiles(rows: Mapping[str, Sequence[Sequence[str]]]) -> ThemedFigure:
    """Draw shapes as coloured tiles.

    Args:
        rows: By the name of an option, the letters of the input, the output and the states.
    """
    fig, ax = subplots(height=2.6)
    for row, (name, tensors) in enumerate(rows.items()):
        ax.text(-0.3, row + 0.5, name, ha="right", va="center", color=INK)
        for column, letters in enumerate(tensors):
            for place, letter in enumerate(letters):
                _tile(ax, 4 * column + place, row, letter)
    for column, name in enumerate(("input", "output", "h_n and c_n")):
        ax.text(4 * column + 1.5, -0.25, name, ha="center", va="center", color=MUTED)
    ax.set(xlim=(-4.1, 11.1), ylim=(len(rows), -0.6))
    ax.axis("off")
    return show(
        fig,
        alt="Three rows of tiles for the default, batch_first and bidirectional, three tiles for "
        "each tensor. With batch_first T and B change places in input and output; the states stay "
        "L, B, H. With two directions the output ends in 2H and the states begin with 2L.",
    )


def questions() -> ThemedFigure:
    """Draw which outputs are used: one answer for a sequence, and one answer for every step."""
    fig, axes = subplots(1, 2, height=2.3)
    steps = 4
    for ax, title, used in zip(
        axes, ("many to one", "many to many"), ({steps - 1}, set(range(steps))), strict=True
    ):
        for t in range(steps):
            _tile(ax, 1.6 * t, 1.5, "h", width=1.0)
            _arrow(ax, (1.6 * t + 0.5, 2.85), (1.6 * t + 0.5, 2.25), PALETTE["x"])
            ax.text(
                1.6 * t + 0.5, 3.1, f"$x_{t + 1}$", ha="center", va="center", color=PALETTE["x"]
            )
            if t < steps - 1:
                _arrow(ax, (1.6 * t + 1.0, 2.0), (1.6 * t + 1.6, 2.0), PALETTE["h"])
            if t in used:
                _arrow(ax, (1.6 * t + 0.5, 1.7), (1.6 * t + 0.5, 1.0), INK)
                answer = r"$\hat y$" if len(used) == 1 else rf"$\hat y_{t + 1}$"
                ax.text(1.6 * t + 0.5, 0.7, answer, ha="center", va="center", color=INK)
        ax.set(xlim=(-0.2, 1.6 * steps), ylim=(3.4, 0.3), title=title)
        ax.axis("off")
    return show(
        fig,
        alt="Two rows of four steps, each with an input below and an arrow to the next step. On "
        "the left only the last step has an answer, on the right every step has one.",
    )


def _tile(ax: Axes, left: float, row: float, letter: str, width: float = 1.0) -> None:
    """Draw one dimension, or one state."""
    colour = PALETTE[_KINDS.get(letter, "h")]
    box = FancyBboxPatch(
        (left + 0.06, row + 0.2),
        width - 0.12,
        0.6,
        boxstyle="round,pad=0.02,rounding_size=0.08",
        fc="none",
        ec=colour,
        lw=1.8,
    )
    ax.add_patch(box)
    ax.text(left + width / 2, row + 0.5, letter, ha="center", va="center", color=colour)


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], colour: str) -> None:
    """Draw an arrow."""
    ax.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 1.5})
