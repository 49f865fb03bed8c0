"""Figures of the chapter "Additive memory"."""

from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor

from lstm_book.figures import page
from lstm_book.plotting import (
    INK,
    MUTED,
    PALETTE,
    SURFACE,
    SlidingFigure,
    ThemedFigure,
    draw_lag,
    show,
    slide,
    subplots,
)

save = partial(page.save, "additive_memory")

_FLOOR = 1e-7  # where the drawing of what is left ends


def belt() -> ThemedFigure:
    """Draw the running sum as a conveyor belt."""
    fig, ax = subplots(height=1.9)
    arrow = {"arrowstyle": "-|>", "shrinkA": 0, "shrinkB": 0}
    on_belt = {**arrow, "lw": 4, "color": PALETTE["c"], "mutation_scale": 22}
    from_below = {**arrow, "lw": 2, "color": PALETTE["g"], "mutation_scale": 14}
    middle = {"ha": "center", "va": "center", "fontsize": 12}
    ax.annotate("", (10.4, 2), (0.2, 2), arrowprops=on_belt)
    for k, stop in enumerate((1.8, 4.0, 6.2, 8.4), start=1):
        ax.annotate("", (stop, 1.72), (stop, 0.45), arrowprops=from_below)
        ax.plot(stop, 2, "o", ms=19, mfc=SURFACE, mec=PALETTE["c"], mew=1.8, zorder=5)
        ax.text(stop, 2, "+", color=PALETTE["c"], zorder=6, **middle)
        ax.text(stop, 0.15, f"$w_{k}$", color=PALETTE["g"], **middle)
        ax.text(stop + 1.1, 2.55, f"$c_{k}$", color=PALETTE["c"], **middle)
    ax.text(0.7, 2.55, "$c_0$", color=PALETTE["c"], **middle)
    ax.set(xlim=(0, 10.6), ylim=(-0.2, 3))
    ax.axis("off")
    return show(
        fig,
        alt="A thick arrow runs from left to right through four plus signs. From below, w_1 to w_4 "
        "are added to it one after the other.",
    )


def lags(memories: Mapping[float, Tensor], rnn: Tensor) -> SlidingFigure:
    """Draw how much is left of a nudge against the lag, with a slider for the factor λ.

    Args:
        memories: By the factor, (L,) from lag 0 on.
        rnn: The norms in RNNs, one column for each seed, (L, S).
    """
    fig, ax = subplots(height=3.2)
    L = len(memories[1.0])
    rnn = rnn[:L]
    seen = 1 + int((rnn.median(dim=1).values > _FLOOR).nonzero()[-1])
    draw_lag(ax, rnn, colour="rnn")
    ax.text(seen + 4, 10 * _FLOOR, "RNN, and on down", color=PALETTE["rnn"])
    ax.plot(range(L), memories[1.0], color=PALETTE["c"], lw=5, alpha=0.4)
    ax.text(L - 1, 2, "sum", color=PALETTE["c"], ha="right")
    (line,) = ax.plot(range(L), range(1, L + 1), color=PALETTE["c"], ls=(0, (4, 2)))
    words = ax.text(L / 2, 1e-5, "", color=PALETTE["c"])
    ax.set(ylim=(_FLOOR, 20), xlim=(0, L - 1), ylabel="left of a nudge")

    def update(leak: float) -> None:
        line.set_ydata(memories[leak])
        words.set_text(f"λ = {leak:g}: {memories[leak][100]:.2g} at lag 100")

    ends = ", ".join(f"{left[100]:.1g} with λ = {leak:g}" for leak, left in memories.items())
    return slide(
        fig,
        update,
        list(memories),
        start=0.99,
        label="Factor λ",
        alt=f"The sum is a horizontal line at 1. A leaky memory is a straight line that starts "
        f"there too; at lag 100 it is at {ends}. The median of the RNNs leaves the drawing below "
        f"{_FLOOR:.0e} after lag {seen - 1} and is at {rnn[100].median():.0e} at lag 100.",
    )


def drowned(plus: Tensor, minus: Tensor, right: Tensor) -> ThemedFigure:
    """Draw how sums that began with +3 and sums that began with -3 are distributed.

    Args:
        plus: Sums that began with +3, by seed and step, (S, T, N).
        minus: Sums that began with -3, (S, T, N).
        right: How many of them the sign tells apart, in percent, (S, T).
    """
    steps = (5, 25, 100)
    fig, axes = subplots(len(steps), height=4.6, sharex=True)
    shown = torch.stack([plus, minus])[:, :, [t - 1 for t in steps]]
    reach = 1 + int(shown.abs().max())
    bins = torch.linspace(-reach, reach, 2 * reach + 1).tolist()
    for k, (ax, t) in enumerate(zip(axes, steps, strict=True)):
        for group, colour, alpha in (
            (shown[1], PALETTE["neutral"], 0.8),
            (shown[0], PALETTE["c"], 0.6),
        ):
            ax.hist(group[:, k].flatten().tolist(), bins, color=colour, alpha=alpha, density=True)
        words = f"after step {t}\n{right[:, t - 1].mean():.0f} % right"
        corner = {"ha": "right", "va": "top", "transform": ax.transAxes}
        ax.text(0.99, 0.95, words, color=INK, **corner)
        ax.axvline(0, color=MUTED, lw=0.8)
        ax.set(yticks=[])
        ax.spines["left"].set_visible(False)
    axes[0].text(9, 0.07, "began with +3", color=PALETTE["c"])
    axes[0].text(-9, 0.07, "began with −3", color=PALETTE["neutral"], ha="right")
    axes[-1].set(xlabel="memory $c_t$", xlim=(-reach, reach))
    shares = ", ".join(f"{right[:, t - 1].mean():.0f} % after step {t}" for t in steps)
    return show(
        fig,
        alt="Three pairs of histograms. After step 5 the two groups are two hills side by side. "
        "Later both are wider, and at the end they lie on each other. The sign of the sum tells "
        f"the group in {shares}.",
    )
