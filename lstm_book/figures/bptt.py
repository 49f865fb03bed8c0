"""Figures of the chapter "Backpropagation through time, by hand"."""

from collections.abc import Mapping, Sequence
from functools import partial

from matplotlib.axes import Axes
from torch import Tensor

from lstm_book.figures import page
from lstm_book.plotting import (
    INK,
    MUTED,
    PALETTE,
    ThemedFigure,
    draw_lag,
    show,
    subplots,
)

save = partial(page.save, "bptt")

_Place = tuple[float, float]


def step() -> ThemedFigure:
    """Draw one step of the backward pass, laid out as the forward cell is, with arrows turned."""
    fig, ax = subplots(height=3.3)
    c, h, x = (PALETTE[name] for name in "chx")
    belt, row, bus, out = 5.0, 2.75, 1.2, 8.4
    # Along the belt, from the right to the left.
    _arrow(ax, (10.3, belt), (7.3, belt), c, r"from $c_{t+1}$", (0.3, 0.3), lw=3)
    _arrow(ax, (6.0, belt), (0.1, belt), c, r"$\times f_t$, to $c_{t-1}$", (-1.4, 0.3), lw=3)
    # The hidden state's error comes in below, and goes up to the belt and to the output gate.
    _arrow(ax, (10.3, bus), (out + 0.65, bus), h, r"from $h_{t+1}$", (0.1, 0.32))
    _arrow(ax, (out, -0.5), (out, bus - 0.5), MUTED, "loss at $t$", (1.0, -0.2))
    _arrow(
        ax, (out, bus + 0.5), (7.15, belt - 0.4), h, r"$\times\,o_t(1-\tanh^2 c_t)$", (1.75, 0.4)
    )
    at = {"f": 1.9, "i": 3.3, "g": 4.7, "o": 6.4}
    for name in "fig":
        _arrow(ax, (6.4 if name == "g" else 6.2, belt - 0.42), (at[name], row + 0.42), c)
    _arrow(ax, (out - 0.62, bus + 0.25), (at["o"] + 0.55, row - 0.25), h)
    for name, place in at.items():
        _box(ax, place, row, rf"$\delta a_{{{name}}}$", PALETTE[name])
        ax.plot([place, place], [bus, row - 0.42], color=INK, lw=1.3)
    ax.plot([at["o"], 1.0], [bus, bus], color=INK, lw=1.9)
    _arrow(ax, (1.0, bus), (0.1, bus), h, r"$\times U$, to $h_{t-1}$", (0.75, -0.35))
    _arrow(ax, (4.0, bus), (4.0, -0.5), x, r"$\times W$, to $x_t$", (1.15, -0.3))
    _box(ax, 6.65, belt, r"$\delta c_t$", c)
    _box(ax, out, bus, r"$\delta h_t$", h)
    ax.set(xlim=(0, 10.4), ylim=(-0.8, 5.7))
    ax.axis("off")
    return show(
        fig,
        alt="The LSTM cell with all arrows turned. The error of c comes in along the top from "
        "step t+1 and leaves it, times the forget gate, for step t-1. The error of h comes in "
        "below from step t+1 and from the loss, and goes up to the error of c and the output gate. "
        "From the error of c arrows lead to the forget gate, the input gate and the candidate. The "
        "four errors of the pre-activations lead through U to the hidden state before and through "
        "W to the input.",
    )


def _box(ax: Axes, x: float, y: float, text: str, colour: str) -> None:
    style = {"boxstyle": "round,pad=0.35", "fc": (colour, 0.14), "ec": colour, "lw": 1.5}
    ax.text(x, y, text, color=INK, fontsize=11, ha="center", va="center", bbox=style)


def _arrow(
    ax: Axes,
    start: _Place,
    end: _Place,
    colour: str,
    text: str = "",
    offset: _Place = (0, 0),
    *,
    lw: float = 1.9,
) -> None:
    style = {"arrowstyle": "-|>", "color": colour, "lw": lw, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", end, start, arrowprops=style)
    x, y = (start[0] + end[0]) / 2 + offset[0], (start[1] + end[1]) / 2 + offset[1]
    ax.text(x, y, text, color=colour, fontsize=9.5, ha="center", va="center")


def truncated(errors: Mapping[float, Tensor], lengths: Sequence[int]) -> ThemedFigure:
    """Draw the error of truncated gradients, (K, seeds), for two forget biases."""
    fig, ax = subplots()
    for (bias, found), colour in zip(errors.items(), ("neutral", "lstm"), strict=True):
        draw_lag(ax, found, x=list(lengths), label=f"bias {bias:.0f}", colour=colour)
    ax.set(xlabel="steps kept, k", ylabel="relative error")
    return show(
        fig,
        alt="With forget bias 1 the error of the truncated gradient falls steeply with the number "
        "of steps kept; with forget bias 3 it stays large until nearly all steps are kept.",
    )
