"""Figures of the chapter "The LSTM of 1997, and why it learned to forget"."""

from collections.abc import Sequence
from functools import partial

from torch import Tensor

from lstm_book.figures import page
from lstm_book.plotting import PALETTE, ThemedFigure, label_end, show, subplots

save = partial(page.save, "lstm_of_1997")


def stream(c_1997: Sequence[Tensor], c_2000: Sequence[Tensor]) -> ThemedFigure:
    """Draw the mean size of the memory on an endless stream, by seed, each (T, H)."""
    fig, ax = subplots()
    for old, new in zip(c_1997, c_2000, strict=True):
        steps = range(1, len(old) + 1)
        ax.plot(steps, old.abs().mean(-1), color=PALETTE["c"], lw=1.2)
        ax.plot(steps, new.abs().mean(-1), color=PALETTE["f"], lw=1.2)
    end_1997, end_2000 = (
        page.spread(c[-1].abs().mean() for c in streams).middle for streams in (c_1997, c_2000)
    )
    label_end(ax, 2000, end_1997, "1997", PALETTE["c"])
    label_end(ax, 2000, end_2000, "forget gate", PALETTE["f"])
    ax.set(xlabel="step t", ylabel="mean $|c_t|$", xscale="log", yscale="log")
    return show(
        fig,
        alt=f"The memories of 1997 grow without end, to about {end_1997:.0f} after 2 000 steps; "
        f"with a forget gate they stay near {end_2000:.1f}.",
    )
