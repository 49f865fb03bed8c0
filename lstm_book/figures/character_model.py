"""Figures of the chapter on a character model."""

from collections.abc import Mapping, Sequence
from functools import partial

from torch import Tensor

from lstm_book.figures import page
from lstm_book.plotting import INK, PALETTE, ThemedFigure, label_end, show, subplots

save = partial(page.save, "characters")


def reach(gaps: Mapping[int, Sequence[Tensor]]) -> ThemedFigure:
    """Draw what a short view costs.

    Args:
        gaps: For each number of characters seen, three values of every prediction:
            the divergence in bits, the size of the difference in price, the difference itself.
    """
    fig, ax = subplots(height=3.2)
    windows = list(gaps)
    said = []
    for place, (name, colour, marker) in enumerate(
        (
            ("divergence", PALETTE["lstm"], "o"),
            ("size of the difference", INK, "s"),
            ("mean difference", PALETTE["g"], "D"),
        )
    ):
        values = [float(found[place].mean()) for found in gaps.values()]
        ax.plot(windows, values, f"{marker}-", color=colour, ms=4)
        label_end(ax, windows[-1], values[-1], name, colour)
        said.append(f"{name} {values[0]:.2f} to {values[-1]:.3f}")
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_xticks(windows, [str(k) for k in windows])
    ax.minorticks_off()
    ax.set(xlabel="characters seen", ylabel="bits")
    return show(fig, alt=f"Three falling curves on a logarithmic axis: {'; '.join(said)}.")
