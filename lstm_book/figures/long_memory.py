"""Figures of the chapter "How long a memory can be learned"."""

from collections.abc import Mapping, Sequence
from functools import partial

from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator
from torch import Tensor

from lstm_book.figures import page
from lstm_book.plotting import (
    INK,
    MUTED,
    PALETTE,
    ThemedFigure,
    draw_threshold,
    label_end,
    show,
    subplots,
)

save = partial(page.save, "long_memory")

IN_1997 = {100: 74_000, 500: 209_000, 1_000: 853_000}
"""Sequences until solved, by T, as :cite:t:`hochreiter1997` report them for their form."""

_Curves = Sequence[tuple[Sequence[float], Sequence[float]]]


def curves(runs: Mapping[str, _Curves], solved: float = 1e-3) -> ThemedFigure:
    """Draw losses against the sequences read, a panel for each case.

    Args:
        runs: By the name of a case, for each seed the sequences and the mean losses up to them.
        solved: The loss that counts as solved.
    """
    fig, axes = subplots(len(runs), 1, sharex=True, sharey=True, height=1.9 * len(runs))
    for ax, (name, of_seeds) in zip(axes, runs.items(), strict=True):
        for sequences, losses in of_seeds:
            ax.plot(sequences, losses, color=PALETTE["lstm"], lw=1.2, alpha=0.85)
        draw_threshold(ax, 1 / 6)
        ax.axhline(solved, color=MUTED, ls=(0, (1, 2)), lw=1.3)
        ax.set(yscale="log", ylim=(2e-4, 0.6), ylabel="loss")
        _title(ax, name)
    axes[-1].set_xlabel("sequences read")
    return show(
        fig,
        alt=f"{len(runs)} panels: {', '.join(runs)}. In each, losses rest on the dashed line at "
        "one sixth, fall steeply, and go on more slowly to the dotted line.",
    )


def sequences(runs: Mapping[int, Sequence[tuple[int, bool]]]) -> ThemedFigure:
    """Draw how many sequences each run read, against the length of its task.

    Args:
        runs: By T, for each seed the sequences and whether it was solved with them.
    """
    fig, ax = subplots(height=3.2)
    for T, seeds in runs.items():
        for k, (count, solved) in enumerate(seeds):
            place = T * 1.08 ** (k - (len(seeds) - 1) / 2)
            ax.plot(place, count, "o" if solved else "x", color=PALETTE["lstm"], ms=6, alpha=0.8)
    ax.plot(list(IN_1997), list(IN_1997.values()), "s--", color=PALETTE["rnn"], ms=6)
    label_end(ax, 10_000, min(n for n, _ in runs[10_000]), "here", "lstm")
    label_end(ax, 1_000, IN_1997[1_000], "1997", "rnn")
    ax.set(xscale="log", yscale="log", xlim=(75, 1.35e5), ylim=(8e3, 2e6))
    ax.set(xlabel="steps T", ylabel="sequences")
    ax.yaxis.set_minor_locator(NullLocator())
    told = (f"{T} steps {page.span([n for n, _ in of], '.0f')}" for T, of in runs.items())
    return show(
        fig,
        alt=f"On logarithmic axes, dots for our runs: {'; '.join(told)}. The table of 1997 rises "
        "from 74 000 at 100 steps to 853 000 at 1 000.",
    )


def peaks(steps: Sequence[int], bytes_of: Mapping[str, Sequence[int]]) -> ThemedFigure:
    """Draw the peak of memory against the length, for several ways to read."""
    fig, ax = subplots(height=3.3)
    for (name, values), colour in zip(bytes_of.items(), ("rnn", "lstm"), strict=True):
        megabytes = [value / 1e6 for value in values]
        ax.plot(steps, megabytes, "o-", color=PALETTE[colour], ms=6)
        label_end(ax, steps[-1], megabytes[-1], name, colour)
    ax.set(xscale="log", yscale="log", xlabel="steps T", ylabel="megabytes")
    told = (f"{name}, {values[-1] / 1e6:.1f} at the end" for name, values in bytes_of.items())
    return show(
        fig, alt=f"Two straight lines on logarithmic axes, in megabytes: {'; '.join(told)}."
    )


def lengths(asked: Sequence[int], errors: Sequence[Tensor], trained: int) -> ThemedFigure:
    """Draw errors at other lengths than the trained one, with a band of one standard deviation.

    Args:
        asked: The lengths.
        errors: For each seed, (lengths, sequences).
        trained: The length that all have seen in training.
    """
    fig, ax = subplots(height=3.6)
    for values in errors:
        mean, deviation = values.mean(1), values.std(1)
        ax.plot(asked, mean, color=PALETTE["lstm"], lw=1.3)
        low, high = mean - deviation, mean + deviation
        ax.fill_between(asked, low, high, color=PALETTE["lstm"], alpha=0.15, lw=0)
    for edge in (-0.04, 0.04):
        ax.axhline(edge, color=MUTED, ls=(0, (1, 2)), lw=1.3)
    ax.axvline(trained, color=INK, ls=(0, (3, 2)), lw=1.2)
    ax.set(xlabel="length asked for", ylabel="answer minus sum")
    worst = max(values[-1].mean().item() for values in errors)
    return show(
        fig,
        alt=f"Narrow bands cross zero at {trained} steps. To the left all lie below zero, to the "
        f"right all above, up to {worst:.2f} at {asked[-1]} steps; the bands stay narrow.",
    )


def _title(ax: Axes, text: str) -> None:
    """Write what a panel shows into its upper right corner."""
    ax.text(0.99, 0.94, text, transform=ax.transAxes, ha="right", va="top", color=INK)
