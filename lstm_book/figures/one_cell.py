"""Figures of the chapter "One cell, from scratch"."""

from collections.abc import Mapping, Sequence
from functools import partial

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from torch import Tensor, nn

from lstm_book.figures import page
from lstm_book.plotting import MUTED, PALETTE, ThemedFigure, draw_dots, show, subplots

save = partial(page.save, "one_cell")

_GATES = "ifgo"
_GAP = 0.35  # between the blocks of two gates


def parameters(cell: nn.LSTMCell, x_t: Tensor, h: Tensor) -> ThemedFigure:
    """Draw every number of a small cell, and the gates that they make of one input and state.

    Args:
        cell: The cell, of D inputs and H units.
        x_t: One input, (D,).
        h: One hidden state, (H,).
    """
    D, H = cell.input_size, cell.hidden_size
    W, U = cell.weight_ih.detach(), cell.weight_hh.detach()
    b_ih, b_hh = cell.bias_ih.detach(), cell.bias_hh.detach()
    a = W @ x_t + U @ h + b_ih + b_hh
    fig, (ax, bars) = subplots(1, 2, height=4.9, width_ratios=(3.1, 1), sharey=True)
    columns = (
        (0.0, W, "weight_ih", x_t, "x"),
        (D + 0.8, U, "weight_hh", h, "h"),
        (D + H + 1.9, b_ih[:, None], "bias_ih", None, ""),
        (D + H + 4.5, b_hh[:, None], "bias_hh", None, ""),
    )
    for left, matrix, name, factors, kind in columns:
        for row, numbers in enumerate(matrix.tolist()):
            place, colour = row + _GAP * (row // H), PALETTE[_GATES[row // H]]
            for k, value in enumerate(numbers):
                _square(ax, left + k, place, value / 0.5, colour)
        middle = left + matrix.shape[1] / 2
        top = -0.6 if factors is None else -3.1
        ax.text(middle, top, name, ha="center", va="center", fontsize=9)
        for k, value in enumerate([] if factors is None else factors.tolist()):
            _square(ax, left + k, -1.5, value / 1.6, PALETTE[kind])
    for middle, name, kind in ((D / 2, "$x_t$", "x"), (D + 0.8 + H / 2, "$h_{t-1}$", "h")):
        ax.text(middle, -2.1, name, ha="center", va="center", color=PALETTE[kind])
    for k, (name, part) in enumerate(zip(_GATES, a.chunk(4), strict=True)):
        top = k * (H + _GAP)
        values = part.tanh() if name == "g" else part.sigmoid()
        look = {"ha": "right", "va": "center", "color": PALETTE[name], "fontsize": 13}
        ax.text(-0.5, top + H / 2, f"${name}$", **look)
        rows = [top + j + 0.5 for j in range(H)]
        bars.barh(rows, values.tolist(), color=PALETTE[name], height=0.7)
    bars.text(0, -0.6, "gates at step t", ha="center", va="center", fontsize=9)
    bars.plot([0, 0], [0, 4 * H + 3 * _GAP], color=MUTED, lw=0.8)
    bars.set(xlim=(-1.05, 1.05), xticks=[-1, 0, 1])
    bars.grid(visible=False)
    bars.spines["left"].set_visible(False)
    bars.tick_params(left=False, labelleft=False)
    ax.set(xlim=(-1.6, D + H + 6.2), ylim=(4 * H + 1.5, -3.6), aspect="equal")
    ax.axis("off")
    return show(
        fig,
        alt="Four blocks of rows, in the colours of the gates i, f, g and o from the top. Each "
        f"row has {D} squares of weight_ih, {H} of weight_hh and one of each bias, and beside it a "
        "bar: the value of the gate. Input and hidden state are drawn on top of the columns that "
        "they are multiplied with.",
    )


def _square(ax: Axes, column: float, row: float, size: float, colour: str) -> None:
    """Draw a number as a square of its area, hollow if it is negative."""
    side = 0.92 * min(abs(size), 1) ** 0.5
    corner = (column + 0.5 - side / 2, row + 0.5 - side / 2)
    fill = colour if size > 0 else "none"
    ax.add_patch(Rectangle(corner, side, side, fc=fill, ec=colour, lw=1.1))


def mistakes(errors: Mapping[str, Sequence[float]]) -> ThemedFigure:
    """Draw the relative error of the hidden states after each mistake, a dot for each seed."""
    fig, ax = subplots(height=2.5)
    draw_dots(ax, errors, colours="h")
    ax.set(xlabel="relative error of $h_t$", xlim=(0, None))
    told = (f"{name} {page.span(values)}" for name, values in errors.items())
    return show(fig, alt=f"Rows of dots. Relative errors: {'; '.join(told)}.")
