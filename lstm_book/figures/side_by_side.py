"""Figures of the chapter "RNN and LSTM, side by side"."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from matplotlib.axes import Axes
from torch import Tensor

from lstm_book.figures import page
from lstm_book.plotting import (
    INK,
    MUTED,
    PALETTE,
    ThemedFigure,
    draw_lag,
    draw_threshold,
    label_end,
    show,
    subplots,
)

save = partial(page.save, "side_by_side")

DRAWN = (
    *("rnn default", "rnn gain 1", "rnn gain 1.2", "rnn gain 1.4"),
    *("lstm default", "lstm bias 1", "lstm bias 2", "lstm bias 3"),
)
"""The starts that the curves are drawn of: all would be too many lines."""

_NAMES = {"rnn": "RNN", "lstm": "LSTM"}
_LOWEST = 2e-4  # of the reach: the default starts lie far below, and are drawn here
_Runs = Mapping[str, Sequence[Mapping[str, Any]]]


def state(norms: Mapping[str, Tensor]) -> ThemedFigure:
    """Draw what reaches h_T from h_t, from c_t and from both: (T, S), by "h", "c" and "both"."""
    fig, ax = subplots()
    for name, colour, label in (
        ("both", "lstm", "both"),
        ("c", "c", "from $c_t$"),
        ("h", "h", "from $h_t$"),
    ):
        draw_lag(ax, norms[name][1:], x=range(1, len(norms[name])), label=label, colour=colour)
    h, c, both = (norms[name][5].median().item() for name in ("h", "c", "both"))
    return show(
        fig,
        alt=f"At lag five, {h:.2f} reaches the last hidden state from the hidden state alone, "
        f"{c:.2f} from the cell, and {both:.2f} from both. The curve from the hidden state stays "
        "well below the other two at every lag.",
    )


def fresh(reach: Mapping[str, Tensor]) -> ThemedFigure:
    """Draw the reach of untrained models by lag, (T, S): RNNs on the left, LSTMs on the right."""
    fig, axes = subplots(1, 2, height=3.6, sharey=True)
    for ax, kind in zip(axes, _NAMES, strict=True):
        for name, curves in reach.items():
            if not name.startswith(kind):
                continue
            ax.plot(curves, color=PALETTE[kind], lw=0.9, alpha=0.8)
            label = name.removeprefix(f"{kind} ")
            label_end(ax, len(curves) - 1, curves[-1].median().item(), label, kind)
        ax.axhline(1, color=MUTED, lw=0.8)
        ax.set(title=_NAMES[kind], xlabel="lag (steps back)", yscale="log", ylim=(1e-9, 10))
    axes[0].set_ylabel("reach")
    ends = (f"{name} {curves[-1].median().item():.1g}" for name, curves in reach.items())
    return show(
        fig,
        alt="Two panels with the same axes. In both, the curves fan out from one at lag zero: "
        "some fall to nearly nothing, some stay near one. Medians at the largest lag: "
        f"{', '.join(ends)}.",
    )


def losses(curves: Mapping[str, Tensor], last_alone: float) -> ThemedFigure:
    """Draw the loss of single runs, means of ten updates, (E, S), for an RNN and an LSTM."""
    fig, axes = subplots(2, 1, height=4.4, sharex=True, sharey=True)
    for ax, (name, values) in zip(axes, curves.items(), strict=True):
        ax.plot(5 + 10 * torch.arange(len(values)), values, color=PALETTE[name.split()[0]], lw=1)
        draw_threshold(ax, last_alone)
        ax.set(title=_titled(name), ylabel="loss (nats)", ylim=(0, 0.75))
    axes[1].set_xlabel("updates")
    label_end(axes[0], 10 * len(values), last_alone, "last alone", MUTED)
    ends = (
        f"{_titled(name)} between {values[-10:].mean(0).min():.2f} and "
        f"{values[-10:].mean(0).max():.2f}"
        for name, values in curves.items()
    )
    return show(
        fig,
        alt="Ten curves, five for each layer. All come down to the line of the last number alone, "
        "stay there for a while, each for its own time, and then go below it or not. Over the "
        f"last hundred updates the loss is for {' and for '.join(ends)}.",
    )


def who_learns(runs: _Runs, looks: Sequence[int], last_alone: float) -> ThemedFigure:
    """Draw the accuracy of every run against its reach before training, one panel for each look.

    Args:
        runs: What every start gave, by its name and seed.
        looks: After how many updates.
        last_alone: The accuracy of the last number alone.
    """
    fig, axes = subplots(len(looks), 1, height=2.5 * len(looks), sharex=True, sharey=True)
    for place, (ax, updates) in enumerate(zip(axes, looks, strict=True), 1):
        draw_threshold(ax, last_alone)
        for name, found in runs.items():
            for run in found:
                reach = run["first"][0]["mean"] / run["last"][0]["mean"]
                kind = name.split()[0]
                mark = "<" if reach < _LOWEST else {"rnn": "o", "lstm": "s"}[kind]
                look = {"color": PALETTE[kind], "ms": 5.5, "alpha": 0.75, "mew": 0}
                ax.plot(max(reach, _LOWEST), run["accuracy"][place], mark, **look)
        ax.set(title=f"after {updates} updates", ylabel="accuracy", ylim=(0.48, 1.01))
    axes[-1].set(xscale="log", xlabel="reach before training", xlim=(_LOWEST / 1.3, 3))
    _legend(axes[0])
    return show(
        fig,
        alt="Two panels with one mark for each run, circles for RNNs and squares for LSTMs. "
        + " ".join(_bins(runs, place, updates) for place, updates in enumerate(looks, 1)),
    )


def trained(runs: _Runs) -> ThemedFigure:
    """Draw the reach of every run after training against its reach before."""
    fig, ax = subplots(height=3.8)
    ax.axhline(1, color=MUTED, lw=0.8)
    ax.plot([1e-9, 10], [1e-9, 10], color=MUTED, ls=":", lw=1)
    for name, found in runs.items():
        kind = name.split()[0]
        for run in found:
            before, after = (run["first"][k]["mean"] / run["last"][k]["mean"] for k in (0, -1))
            colour = PALETTE[kind]
            fill = colour if run["accuracy"][-1] > 0.8 else "none"
            mark = {"rnn": "o", "lstm": "s"}[kind]
            ax.plot(before, after, mark, mec=colour, mfc=fill, ms=5.5, alpha=0.8)
    ax.set(xscale="log", yscale="log", xlabel="reach before training", ylabel="after training")
    _legend(ax)
    return show(
        fig,
        alt="One mark for each run, filled if it learned.",
    )


def _titled(name: str) -> str:
    """Write "rnn gain 1.2" as a title."""
    kind, rest = name.split(maxsplit=1)
    return f"{_NAMES[kind]}, {rest}"


def _legend(ax: Axes) -> None:
    """Name the marks."""
    for kind, mark, x in (("rnn", "o", 0.03), ("lstm", "s", 0.16)):
        ax.plot(x, 0.93, mark, color=PALETTE[kind], ms=5.5, mew=0, transform=ax.transAxes)
        ax.text(x + 0.02, 0.93, _NAMES[kind], color=INK, va="center", transform=ax.transAxes)


def _bins(runs: _Runs, place: int, updates: int) -> str:
    """Say for the description how many runs of each kind learned."""
    said = []
    for kind, title in _NAMES.items():
        found = [run for name, every in runs.items() if name.startswith(kind) for run in every]
        learned = sum(run["accuracy"][place] > 0.8 for run in found)
        said.append(f"{learned} of {len(found)} {title}s")
    return f"After {updates} updates, {' and '.join(said)} are above 80 %."
