"""Figures of the chapter "Encoder and decoder"."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from torch import Tensor

from lstm_book.figures import page
from lstm_book.plotting import (
    INK,
    MUTED,
    PALETTE,
    ThemedFigure,
    draw_dots,
    draw_threshold,
    label_end,
    show,
    subplots,
)

save = partial(page.save, "seq2seq")

_SIZES = {64: "-", 32: (0, (3, 1.5))}
"""How the curves of both sizes are drawn."""


def scheme() -> ThemedFigure:
    """Draw encoder and decoder on "7+21", with what passes between them."""
    fig, ax = subplots(height=2.0)
    places = [0, 1, 2, 3, 4.4, 5.4, 6.4]
    for k, (place, seen) in enumerate(zip(places, "7+21$19", strict=True)):
        reads = k < 4
        box(ax, place, INK if reads else PALETTE["lstm"])
        arrow(ax, (place, -0.85), (place, -0.36))
        ax.text(place, -1.05, seen, ha="center", va="center", fontsize=12)
        if not reads:
            arrow(ax, (place, 0.36), (place, 0.85))
            ax.text(place, 1.05, "19$"[k - 4], ha="center", va="center", fontsize=12)
        if k:
            over = k == 4
            ends = (places[k - 1] + 0.36, 0), (place - 0.36, 0)
            arrow(ax, *ends, PALETTE["c"] if over else MUTED, 3.0 if over else 1.2)
    ax.text(3.7, 0.32, "$h, c$", ha="center", color=PALETTE["c"])
    ax.text(1.5, -1.6, "the encoder reads", ha="center", color=INK)
    words = "the decoder sees what it wrote"
    ax.text(5.4, -1.6, words, ha="center", color=PALETTE["lstm"])
    ax.set(xlim=(-0.5, 7.0), ylim=(-1.8, 1.3))
    ax.axis("off")
    return show(
        fig,
        alt="Seven cells in a row. Four read 7, plus, 2, 1. A thick arrow hands their last state "
        "to the other three, which see dollar, 1, 9 and write 1, 9, dollar.",
    )


def losses(values: Sequence[float]) -> ThemedFigure:
    """Draw the loss before each update, and what knowing nothing costs."""
    fig, ax = subplots(height=2.4)
    ax.plot(range(1, len(values) + 1), values, color=PALETTE["lstm"], lw=1.0)
    ax.set(xlabel="update", ylabel="loss (nats a character)", ylim=(0, None), xlim=(0, None))
    return show(
        fig,
        alt=f"The loss falls from {values[0]:.1f} nats to {sum(values[-50:]) / 50:.2f}, fast at "
        "first, then in small steps.",
    )


def orders(wrong: Mapping[str, Sequence[float]]) -> ThemedFigure:
    """Draw the share of wrong answers of every seed, in percent, by the order of reading."""
    fig, ax = subplots(height=1.6)
    draw_dots(ax, wrong, colours="lstm", ms=7)
    ax.grid(False, axis="y")
    ax.set(xlabel="wrong answers, %", xlim=(0, None))
    ranges = (f"{name} {page.span(shares)} percent" for name, shares in wrong.items())
    return show(fig, alt=f"One dot a seed, two rows. Wrong answers: {'; '.join(ranges)}.")


def close_calls(units: Tensor, tens: Tensor) -> ThemedFigure:
    """Draw how often an answer is off by ten, by the sum of the last digits.

    Args:
        units: Last digit plus last digit of each question, (N,).
        tens: Whether its answer is off by ten, (N,).
    """
    fig, ax = subplots(height=2.7)
    shares = []
    for total in range(19):
        some = units == total
        n, p = int(some.sum()), float(tens[some].double().mean())
        shares.append(100 * p)
        middle = (p + 1.92 / n) / (1 + 3.84 / n)
        reach = 1.96 * (p * (1 - p) / n + 0.96 / n**2) ** 0.5 / (1 + 3.84 / n)
        ends = [100 * (middle - reach), 100 * (middle + reach)]
        ax.plot([total] * 2, ends, color=PALETTE["lstm"], lw=1.4)
        ax.plot(total, 100 * p, "o", ms=5, color=PALETTE["lstm"])
    draw_threshold(ax, 9.5, axis="x")
    ax.set(xlabel="last digit + last digit", ylabel="off by ten, %", ylim=(0, None))
    for words, x, side in (("carry", 9.9, "left"), ("no carry", 9.1, "right")):
        ax.text(x, 0.99 * ax.get_ylim()[1], words, va="top", ha=side, color=MUTED)
    ax.set_xticks(range(0, 19, 3))
    return show(
        fig,
        alt="Dots over the sums 0 to 18 of the last digits. They are highest at 9 and 10, with "
        f"{shares[9]:.1f} and {shares[10]:.1f} percent, on both sides of a dashed line; the "
        f"median of all is {torch.tensor(shares).median():.2f} percent.",
    )


def budgets(whole: Mapping[int, Mapping[int, Tensor]], updates: Sequence[int]) -> ThemedFigure:
    """Draw how many sequences arrive whole after each number of updates, one panel for a length.

    Args:
        whole: In percent, (budget, seed), by length and by units.
        updates: The budgets.
    """
    fig, axes = subplots(1, len(whole), height=2.9, sharey=True)
    said = []
    for ax, (length, sizes) in zip(axes, whole.items(), strict=True):
        for units, shares in sizes.items():
            thousands = [made / 1000 for made in updates]
            look = {"color": PALETTE["lstm"], "ls": _SIZES[units]}
            ax.plot(thousands, shares.median(1).values, **look)
            for seed in shares.T:
                ax.plot(thousands, seed, "o", color=PALETTE["lstm"], ms=4, alpha=0.6, mew=0)
            ends = page.span(shares[-1], ".0f")
            said.append(f"{length} digits, {units} units: {ends} percent in the end")
        ax.set(title=f"{length} digits", xlabel="thousand updates", ylim=(-3, 104))
        ax.set(xlim=(0, 13), xticks=[2, 4, 8, 12])
    axes[0].set_ylabel("without a mistake, %")
    for units, shares in whole[max(whole)].items():
        label_end(axes[-1], 12.3, float(shares[-1].median()), f"{units} units", "lstm")
    return show(fig, alt=f"Rising curves in three panels. {'; '.join(said)}.")


def one_mistake(places: Mapping[str, Tensor]) -> ThemedFigure:
    """Draw right digits by place, in percent, (T,), by what the decoder was shown."""
    fig, ax = subplots(height=2.6)
    for (name, shares), style in zip(places.items(), ("-", (0, (3, 1.5))), strict=True):
        steps = range(1, len(shares) + 1)
        ax.plot(steps, shares, "o", ms=5, color=PALETTE["lstm"], mew=0)
        ax.plot(steps, shares, color=PALETTE["lstm"], ls=style)
        label_end(ax, len(shares), float(shares[-1]), name, "lstm")
    draw_threshold(ax, 10)
    ax.text(1, 12, "a guess", color=MUTED)
    ax.set(xlabel="digit written", ylabel="right, %", ylim=(0, 105))
    low = min(float(shares.min()) for shares in places.values())
    return show(
        fig,
        alt="Two curves by the place of the digit. If all digits shown are right, nearly all are "
        f"written right. After one wrong digit the share falls to {low:.0f} percent at once, and "
        "rises again towards the end.",
    )


def box(ax: Axes, x: float, colour: str, y: float = 0.0) -> None:
    """Draw a cell around a place."""
    style = "round,pad=0.02,rounding_size=0.1"
    ax.add_patch(
        FancyBboxPatch((x - 0.3, y - 0.3), 0.6, 0.6, fill=False, ec=colour, lw=1.8, boxstyle=style)
    )


def arrow(
    ax: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    colour: str = MUTED,
    width: float = 1.2,
) -> None:
    """Draw an arrow from a place to another one."""
    look: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 9, "shrinkA": 0, "shrinkB": 0}
    ax.add_patch(FancyArrowPatch(start, end, color=colour, lw=width, **look))
