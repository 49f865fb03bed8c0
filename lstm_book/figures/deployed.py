"""Figures of the chapter "An LSTM in use: a speech detector"."""

from collections.abc import Mapping, Sequence
from functools import partial

import torch
from torch import Tensor

from lstm_book.figures import page
from lstm_book.plotting import (
    INK,
    MUTED,
    PALETTE,
    ThemedFigure,
    draw_dots,
    label_end,
    show,
    subplots,
)

save = partial(page.save, "deployed")

FRAME = 0.032
"""Seconds between two steps of the LSTM."""


def decisions(phrase: Tensor, probabilities: Mapping[int, Tensor]) -> ThemedFigure:
    """Draw how probable speech is in one clip, a panel for each level of noise.

    Args:
        phrase: Whether something is said, (T,).
        probabilities: By how many decibels the speech is above the noise, (T,).
    """
    fig, axes = subplots(len(probabilities), 1, height=4.4, sharex=True, sharey=True)
    time = (torch.arange(len(phrase)) + 0.5) * FRAME
    for ax, (snr, p) in zip(axes, probabilities.items(), strict=True):
        ax.fill_between(time, 0, 1, where=phrase, color=MUTED, alpha=0.2, lw=0, step="mid")
        ax.plot(time, p, color=PALETTE["lstm"], lw=1.5)
        ax.set(ylim=(-0.03, 1.03), yticks=[0, 0.5, 1], title=f"speech {snr} dB above the noise")
    axes[1].set_ylabel("probability of speech")
    axes[-1].set_xlabel("seconds")
    told = (
        f"at {snr} dB {p[phrase].mean():.2f} in phrases and {p[~phrase].mean():.2f} elsewhere"
        for snr, p in probabilities.items()
    )
    return show(
        fig,
        alt="Three panels with three phrases each. The probability rises where a phrase begins and "
        f"falls a little after its end. On average it is {', '.join(told)}.",
    )


def half_lives(rows: Mapping[str, Tensor], lengths: Mapping[str, float]) -> ThemedFigure:
    """Draw the half-life of every unit in seconds, a row of dots for each kind of network.

    Args:
        rows: By name, half-lives of units, (H,).
        lengths: By name, how long something lasts that is heard.
    """
    fig, ax = subplots(height=3.2)
    for name, seconds in lengths.items():
        ax.axvline(seconds, color=MUTED, ls=(0, (3, 2)), lw=1.2)
        ax.text(seconds, -0.58, name, color=MUTED, ha="center", va="bottom")
    for row, life in enumerate(rows.values()):
        up = torch.rand(len(life), generator=page.seeded(row)) * 0.5 - 0.25
        ax.plot(life, row + up, "o", color=PALETTE["f"], ms=4, alpha=0.5, mew=0)
        ax.plot([life.median()] * 2, [row - 0.36, row + 0.36], color=INK, lw=1.6)
    ax.set_yticks(range(len(rows)), list(rows))
    ax.set(xscale="log", ylim=(len(rows) - 0.5, -0.5))
    ax.set_xticks([0.01, 0.1, 1, 10], ["0.01", "0.1", "1", "10"])
    ax.grid(False, axis="y")
    ax.set_xlabel("half-life of a unit's forget gate, in seconds")
    told = (f"{name}: {page.spread(life):.3f} s" for name, life in rows.items())
    return show(fig, alt=f"Rows of dots, one for each unit; median and range. {'; '.join(told)}.")


def past(same: Mapping[tuple[int, int], Sequence[float]]) -> ThemedFigure:
    """Draw how often a network that hears the last frames only decides as it does otherwise.

    Args:
        same: By how many decibels the speech is above the noise and by the number of frames,
            the share of each seed.
    """
    fig, ax = subplots(height=3.2)
    ends = []
    for snr, alpha in zip(sorted({snr for snr, _ in same}), (1, 0.7, 0.45), strict=True):
        frames = [n for s, n in same if s == snr]
        middle = [100 * page.spread(same[snr, n]).middle for n in frames]
        low, high = ([100 * end(same[snr, n]) for n in frames] for end in (min, max))
        seconds = [n * FRAME for n in frames]
        ax.fill_between(seconds, low, high, color=PALETTE["lstm"], alpha=0.2, lw=0)
        ax.plot(seconds, middle, "o-", color=PALETTE["lstm"], alpha=alpha, ms=4)
        ax.annotate(f"{snr} dB", (seconds[0], middle[0]), xytext=(-5, 0), ha="right", va="center",
                    textcoords="offset points", color=INK)  # fmt: skip
        ends.append(f"{snr} dB from {middle[0]:.0f} to {middle[-1]:.1f} %")
    ax.set(xscale="log", xlim=(0.019, 1.2), ylim=(None, 101), ylabel="same decision (%)")
    ax.set_xticks([0.032, 0.1, 0.3, 1], ["0.032", "0.1", "0.3", "1"])
    ax.minorticks_off()
    ax.set_xlabel("seconds that it may hear")
    return show(
        fig,
        alt="Three curves that rise: the same decision in this share of the frames, from one frame "
        f"heard to {max(n for _, n in same)}. {'; '.join(ends)}.",
    )


def holding(rows: Mapping[str, Sequence[float]]) -> ThemedFigure:
    """Draw for how long a phrase's end is overheard, a row for each set of units put to silence.

    Args:
        rows: By the name of the set, milliseconds, one for each seed and level of noise.
    """
    fig, ax = subplots(height=3.0)
    draw_dots(ax, rows, colours="h", medians=True)
    ax.set(xlabel='"speech" after the end of a phrase, in milliseconds')
    ax.set_xlim(left=-6)
    told = (f"{name}: {page.spread(values):.0f}" for name, values in rows.items())
    return show(fig, alt=f"Rows of dots, median and range. {'; '.join(told)}.")


def around_events(
    courses: Mapping[str, Mapping[str, Sequence[Tensor]]], before: int
) -> ThemedFigure:
    """Draw the mean of i, f and o around events, a panel for each kind of event.

    Args:
        courses: By kind of event and gate, the mean at each step, (steps,), of each recording.
        before: How many of the steps are before the event.
    """
    fig, axes = subplots(1, len(courses), height=3.4, sharey=True)
    told = []
    for ax, (kind, gates) in zip(axes, courses.items(), strict=True):
        ax.axvline(0, color=MUTED, ls=(0, (3, 2)), lw=1.2)
        for name, recordings in gates.items():
            runs = torch.stack(list(recordings))
            time = (torch.arange(runs.shape[1]) - before) * FRAME
            colour = PALETTE[name]
            ax.fill_between(time, runs.amin(0), runs.amax(0), color=colour, alpha=0.2, lw=0)
            ax.plot(time, runs.median(0).values, color=colour, lw=1.6)
            if ax is axes[-1]:
                label_end(ax, float(time[-1]), float(runs[:, -1].median()), f"${name}$", name)
            over, last = runs[:, before + 3].median(), runs[:, -1].median()
            told.append(
                f"{kind}, {name} from {runs[:, 0].median():.2f} over {over:.2f} to {last:.2f}"
            )
        ax.set(title=kind, ylim=(0, 1), xlabel="seconds")
    axes[0].set_ylabel("mean gate")
    return show(fig, alt=f"Two panels with three curves each. {'; '.join(told)}.")


def paths(shares: Mapping[str, Sequence[Tensor]]) -> ThemedFigure:
    """Draw gradients by lag: what arrives at all, and what arrives along the cell.

    Args:
        shares: "all ways" and "along the cell", for each run the norm by lag, (L,).
    """
    fig, ax = subplots(height=3.1)
    for (name, runs), colour in zip(shares.items(), ("lstm", "f"), strict=True):
        stacked = torch.stack(list(runs))
        time = torch.arange(stacked.shape[1]) * FRAME
        middle = stacked.median(0).values
        ax.fill_between(time, stacked.amin(0), stacked.amax(0), color=PALETTE[colour], alpha=0.2,
                        lw=0)  # fmt: skip
        ax.plot(time, middle, color=PALETTE[colour])
        label_end(ax, float(time[-1]), float(middle[-1]), name, colour)
    ax.set(yscale="log", xlabel="lag in seconds", ylabel="gradient, of that at lag 0")
    ax.set_yticks([0.03, 0.1, 0.3, 1], ["0.03", "0.1", "0.3", "1"])
    ax.minorticks_off()
    told = (
        f"{name}: {page.spread([run[-1] for run in runs]):.2f} at the largest lag"
        for name, runs in shares.items()
    )
    return show(fig, alt=f"Two curves with their ranges. {'; '.join(told)}.")
