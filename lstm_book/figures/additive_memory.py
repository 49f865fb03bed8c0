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
    ThemedFigure,
    draw_lag,
    label_end,
    show,
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


def lags(memories: Mapping[float, Tensor], rnn: Tensor) -> ThemedFigure:
    """Draw how much is left of a nudge against the lag.

    Args:
        memories: By the factor λ, (L,) from lag 0 on.
        rnn: The norms in RNNs, one column for each seed, (L, S).
    """
    fig, ax = subplots()
    L = 101
    seen = 1 + int((rnn[:L].median(dim=1).values > _FLOOR).nonzero()[-1])
    draw_lag(ax, rnn[:L], colour="rnn")
    ax.text(seen + 2, 20 * _FLOOR, "RNN ↓", color=PALETTE["rnn"])
    looks = {1.0: "-", 0.99: (0, (6, 2)), 0.9: (0, (2, 1.5))}
    for leak, left in memories.items():
        ax.plot(range(L), left[:L], color=PALETTE["c"], ls=looks[leak])
        name = "sum, λ = 1" if leak == 1 else f"λ = {leak:g}"
        label_end(ax, L - 1, float(left[L - 1]), name, PALETTE["c"])
    ax.set(ylim=(_FLOOR, 4), xlim=(0, L - 1), ylabel="left of a nudge")
    return show(
        fig,
        alt="The sum is a horizontal line at 1. With a leak of 0.99 the curve falls to "
        f"{memories[0.99][100]:.2f} at lag 100, with 0.9 to {memories[0.9][100]:.0e}. The median "
        f"of the RNNs leaves the drawing below {_FLOOR:.0e} after lag {seen - 1} and is at "
        f"{rnn[100].median():.0e} at lag 100.",
    )


def drowned(sums: Mapping[int, tuple[Tensor, Tensor]], right: Mapping[int, float]) -> ThemedFigure:
    """Draw how sums that began with +3 and sums that began with -3 are distributed.

    Args:
        sums: By step, the sums that began with +3 and those that began with -3.
        right: By step, the share that the sign of the sum tells apart.
    """
    fig, axes = subplots(len(sums), height=4.6, sharex=True)
    reach = 1 + max(int(torch.stack(both).abs().max()) for both in sums.values())
    bins = torch.linspace(-reach, reach, 2 * reach + 1).tolist()
    for ax, (t, (plus, minus)) in zip(axes, sums.items(), strict=True):
        for group, colour, alpha in ((minus, INK, 0.75), (plus, PALETTE["c"], 0.6)):
            ax.hist(group.tolist(), bins, color=colour, alpha=alpha, density=True)
        ax.text(
            0.99, 0.95, f"after step {t}\n{100 * right[t]:.0f} % told apart",
            transform=ax.transAxes, ha="right", va="top", color=INK,
        )  # fmt: skip
        ax.axvline(0, color=MUTED, lw=0.8)
        ax.set(yticks=[])
        ax.spines["left"].set_visible(False)
    axes[0].text(5, 0.05, "began\nwith +3", color=PALETTE["c"])
    axes[0].text(-5, 0.05, "began\nwith −3", color=INK, ha="right")
    axes[-1].set(xlabel="the sum $c_t$", xlim=(-reach, reach))
    shares = ", ".join(f"{100 * share:.0f} % after step {t}" for t, share in right.items())
    return show(
        fig,
        alt="Three pairs of histograms. After step 5 the two groups are two hills side by side. "
        "Later both are wider, and at the end they lie on each other. The sign of the sum gives "
        f"the group away in {shares}.",
    )
