"""Figures of the chapter "Why LSTMs don't vanish, and when they do"."""

from collections.abc import Mapping
from functools import partial

import torch
from matplotlib.axes import Axes
from torch import Tensor

from lstm_book.figures import page
from lstm_book.plotting import (
    INK,
    MUTED,
    PALETTE,
    ThemedFigure,
    draw_half_life,
    draw_jacobian,
    draw_lag,
    show,
    subplots,
)

save = partial(page.save, "gradient_flow")

_Place = tuple[float, float]


def roads() -> ThemedFigure:
    """Draw what depends on what over two steps of an LSTM."""
    fig, ax = subplots(height=2.7)
    columns = {"t-2": 0.0, "t-1": 2.0, "t": 4.0}
    place: dict[tuple[str, str], _Place] = {}
    for step, column in columns.items():
        for name, row in (("c", 1.6), ("h", 0.0)):
            place[name, step] = column, row
            ax.text(
                column,
                row,
                f"${name}_{{{step}}}$",
                color=PALETTE[name],
                fontsize=14,
                ha="center",
                va="center",
            )
    for before, after in (("t-2", "t-1"), ("t-1", "t")):
        c, h, last = place["c", before], place["h", before], after == "t"
        _road(ax, c, place["c", after], "f", "forget gate", (0, 0.2))
        _road(ax, h, place["c", after], "i", "f, i, g" if last else "", (0.42, -0.1))
        _road(ax, h, place["h", after], "o", "output gate", (0, -0.2), dashed=True)
    for step in columns:
        _road(ax, place["c", step], place["h", step], "h", "tanh" if step == "t" else "", (0.3, 0))
    ax.set(xlim=(-0.4, 4.6), ylim=(-0.5, 2.0))
    ax.axis("off")
    return show(
        fig,
        alt="A graph with the cell states of three steps above and their hidden states below. "
        "Arrows lead from cell to cell through the forget gate, down from each cell to its hidden "
        "state through the tanh, from a hidden state up to the next cell through the gates f, i "
        "and g, and, dashed, from a hidden state to the next one through the output gate.",
    )


def _road(
    ax: Axes,
    start: _Place,
    end: _Place,
    colour: str,
    text: str,
    offset: _Place,
    *,
    dashed: bool = False,
) -> None:
    """Draw an arrow between two states, with its name beside its middle."""
    ax.annotate(
        "",
        end,
        start,
        arrowprops={
            "arrowstyle": "-|>",
            "color": PALETTE[colour],
            "lw": 1.9,
            "shrinkA": 19,
            "shrinkB": 19,
            "ls": (0, (3, 2)) if dashed else "-",
        },
    )
    (x0, y0), (x1, y1) = start, end
    ax.text(
        (x0 + x1) / 2 + offset[0],
        (y0 + y1) / 2 + offset[1],
        text,
        color=PALETTE[colour],
        fontsize=9.5,
        ha="center",
        va="center",
    )


def jacobian(J: Tensor) -> ThemedFigure:
    """Draw the state Jacobian of one step, (2H, 2H)."""
    fig, ax = subplots(height=3.4)
    draw_jacobian(ax, J)
    return show(
        fig,
        alt="A matrix in four blocks. The lower right block, cell to cell, is a strong diagonal; "
        "the upper right block, cell to hidden, a weaker diagonal; the two left blocks, from the "
        "hidden state, are filled with small entries of both signs.",
    )


def left_out(missing: Mapping[str, Tensor]) -> ThemedFigure:
    """Draw what products of the one-step total leave out, from lag 2 on: (L, B) by name."""
    fig, ax = subplots()
    for (name, error), colour in zip(missing.items(), ("neutral", "o"), strict=True):
        draw_lag(ax, error[2:41], x=range(2, 41), label=name, colour=colour)
    ax.set_ylabel("relative error")
    return show(
        fig,
        alt="Two curves that rise with the lag: the products of the one-step total drift away "
        "from the full gradient.",
    )


def belt(
    full: Mapping[str, Tensor], kept: Mapping[str, Tensor], arrived: Mapping[str, page.Spread]
) -> ThemedFigure:
    """Draw the full gradient and the belt alone against the lag.

    Args:
        full: Norms by forget bias, (L, B).
        kept: What is left of the unit that keeps most, (L, B).
        arrived: The norm after 30 steps, over seeds.
    """
    fig, ax = subplots(height=3.4)
    for name, colour in (("default", "neutral"), ("bias 1", "g"), ("bias 3", "c")):
        bound = kept[name].median(dim=1).values
        draw_lag(ax, full[name], label=name, colour=colour, bound=bound)
    ax.axhline(1, color=MUTED, lw=0.8)
    return show(
        fig,
        alt="With the default initialisation the full gradient falls to "
        f"{arrived['default'].middle:.0e} after 30 steps and the belt alone still lower. With "
        f"forget bias 1 it falls to {arrived['bias 1'].middle:.1g}. With forget bias 3 the belt "
        f"falls slowly while the full gradient grows to {arrived['bias 3'].middle:.2g}.",
    )


def half_life(biases: Tensor, steps: Tensor) -> ThemedFigure:
    """Draw the half-life in steps, (K,), against the forget bias, (K,)."""
    fig, ax = subplots()
    draw_half_life(ax, biases, steps)
    return show(
        fig,
        alt="On a logarithmic axis the half-life rises from one step at forget bias zero along a "
        "line that becomes straight, through 100, 1 000 and 10 000 steps.",
    )


def recurrent(norms: Mapping[str, Tensor], peak: float) -> ThemedFigure:
    """Draw the full gradient with recurrent weights and without, for a half-life of 100 steps.

    Args:
        norms: Norms by lag, seed and sequence, (L, S, B), with the names "with U" and "U = 0".
        peak: The highest norm with recurrent weights, for the description.
    """
    fig, ax = subplots(height=3.4)
    for name, colour in (("with U", "lstm"), ("U = 0", "f")):
        draw_lag(ax, norms[name].flatten(1), label=name, colour=colour)
    lags = torch.arange(len(norms["U = 0"]))
    ax.lines[-1].set(lw=5, alpha=0.4)  # U = 0, wide and pale: the dashed line lies on it
    ax.plot(lags, 0.5 ** (lags / 100), color=INK, ls=(0, (4, 3)), lw=1.1, zorder=4)
    return show(
        fig,
        alt="Without recurrent weights the gradient lies on the dashed line and halves every "
        f"hundred steps. With PyTorch's recurrent weights it rises to about {peak:.1f}, with a "
        "wide spread.",
    )
