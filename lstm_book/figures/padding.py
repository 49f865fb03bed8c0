"""Figures of the chapter "Padding, lengths and the last valid state"."""

from functools import partial

from torch import Tensor

from lstm_book.figures import page
from lstm_book.plotting import PALETTE, ThemedFigure, show, subplots

save = partial(page.save, "padding")


def drift(distances: Tensor) -> ThemedFigure:
    """Draw how far states move from the last valid one, (zeros read, sequences)."""
    fig, ax = subplots()
    steps, middle = range(len(distances)), distances.median(dim=1).values
    ax.plot(steps, middle, color=PALETTE["h"])
    low, high = (distances.quantile(q, dim=1) for q in (0.1, 0.9))
    ax.fill_between(steps, low, high, color=PALETTE["h"], alpha=0.2, lw=0)
    ax.set(xlabel="zeros read after the end", ylabel="relative distance")
    ax.set(xlim=(0, steps[-1]), ylim=(0, None))
    return show(
        fig,
        alt="A curve that rises steeply over the first few zeros and then levels off: the state is "
        f"{middle[1]:.1f} of its own size away after one zero and {middle[-1]:.1f} at the end.",
    )
