"""Figures of the chapter "Initialisation decides"."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from lstm_book.figures import page
from lstm_book.plotting import (
    MUTED,
    PALETTE,
    ThemedFigure,
    draw_dots,
    draw_threshold,
    show,
    subplots,
)

save = partial(page.save, "initialisation_decides")

CHANCE = 1 / 6
"""The squared error of always answering 1."""


def losses(runs: Mapping[int, Mapping[str, Any]]) -> ThemedFigure:
    """Draw the squared error after training: a panel for each length, a row for each start.

    Args:
        runs: By length and by start, a stored run.
    """
    fig, axes = subplots(len(runs), 1, height=5.6, sharex=True)
    told = []
    for ax, (T, starts) in zip(axes, runs.items(), strict=True):
        for row, run in enumerate(starts.values()):
            for n, result in enumerate(run.results):
                y = row + 0.12 * (n - (len(run.results) - 1) / 2)
                fill = PALETTE["lstm"] if result["solved"] else "none"
                ax.plot(result["loss"], y, "o", ms=6, mfc=fill, mec=PALETTE["lstm"])
        draw_threshold(ax, CHANCE, axis="x")
        ax.set(xscale="log", xlim=(3e-4, 0.4), ylim=(len(starts) - 0.4, -0.6))
        ax.set(ylabel="forget bias", title=f"{T} steps")
        ax.set_yticks(range(len(starts)), list(starts))
        won = (f"{name} {sum(run.values('solved'))}" for name, run in starts.items())
        told.append(f"at {T} steps: {', '.join(won)}")
    axes[-1].set_xlabel("squared error")
    return show(fig, alt=f"Two panels of dots. Solved runs of 5 {'; '.join(told)}.")


def halves(readable: Mapping[str, Sequence[float]], solved: Mapping[str, int]) -> ThemedFigure:
    """Draw how much of the answer untrained networks hold, and how many of them learn.

    Args:
        readable: By start, the share that a linear read-out finds, of each seed.
        solved: By start, how many seeds solved the task after training.
    """
    fig, ax = subplots(height=2.7)
    colours = ["lstm" if "shut" in name else "rnn" for name in readable]
    draw_dots(ax, readable, colours=colours)
    for row, name in enumerate(readable):
        ax.text(1.07, row, f"{solved[name]} of 5", color=MUTED, va="center")
    ax.text(1.07, -0.8, "solved", color=MUTED, va="center")
    ax.set(xlabel="share of the answer that can be read before training", xlim=(-0.05, 1.04))
    told = (f"{name}: {page.span(readable[name])}, {solved[name]} of 5" for name in readable)
    return show(
        fig,
        alt="Rows of dots, and beside each row how many of five seeds solve the task after "
        f"training. {'; '.join(told)}.",
    )


def before(rows: Sequence[tuple[int, str, float, float]]) -> ThemedFigure:
    """Draw untrained networks: a panel for each length, coloured by what becomes of them.

    Args:
        rows: Of each network the length, its fate ("solved", "under way" or "chance"), the gradient
            and the readable share.
    """
    lengths = sorted({row[0] for row in rows})
    fig, axes = subplots(1, len(lengths), height=3.6, sharey=True)
    colours = {"solved": "lstm", "under way": "lstm", "chance": "rnn"}
    for ax, T in zip(axes, lengths, strict=True):
        for length, fate, slope, share in rows:
            if length == T:
                edge = PALETTE[colours[fate]]
                fill = "none" if fate == "under way" else edge
                ax.plot(max(slope, 1e-20), share, "o", ms=6, mec=edge, mfc=fill, alpha=0.7)
        ax.set(xscale="log", xlim=(1e-21, 10), ylim=(-0.15, 1.1), title=f"{T} steps")
        ax.set_xlabel("gradient at T/2, by that at T")
        ax.set_xticks([1e-20, 1e-10, 1])
    axes[0].set_ylabel("readable from $c_T$")
    return show(
        fig,
        alt="Two panels of dots, one for each untrained network. At 50 steps networks that will "
        "solve the task lie at all heights. At 200 steps only those at the top right will, and "
        "those without gradient all stay at chance.",
    )
