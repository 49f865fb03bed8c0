"""Figures of the chapter "From a data set to a trained model, end to end"."""

from collections.abc import Sequence
from functools import partial

from lstm_book.figures import page
from lstm_book.plotting import INK, PALETTE, ThemedFigure, show, subplots

save = partial(page.save, "end_to_end")


def training(losses: Sequence[float], checks: Sequence[float], best: int) -> ThemedFigure:
    """Draw training and validation loss over the passes, and mark the pass that is kept."""
    fig, axes = subplots(1, 2, height=2.6)
    passes = range(1, len(losses) + 1)
    for ax, values, label in (
        (axes[0], losses, "training loss"),
        (axes[1], checks, "validation loss"),
    ):
        ax.plot(passes, values, color=PALETTE["lstm"])
        ax.axvline(best, color=INK, lw=0.9, ls=(0, (3, 2)))
        ax.set(xlabel="pass", title=label, ylim=(0, None))
    return show(
        fig,
        alt=f"The training loss falls from {losses[0]:.2f} to {losses[-1]:.3f}. The validation "
        f"loss falls from {checks[0]:.2f} to {min(checks):.2f}, at pass {best}.",
    )
