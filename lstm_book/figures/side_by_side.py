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

KEYS = {
    "rnn": "rnn default",
    "gain1": "rnn gain 1",
    "gain14": "rnn gain 1.4",
    "lstm": "lstm default",
    "bias1": "lstm bias 1",
    "bias25": "lstm bias 2.5",
    "bias3": "lstm bias 3",
}
"""What the text calls the starts whose reach it quotes."""

_NAMES = {"rnn": "RNN", "lstm": "LSTM"}
_MARKS = {"rnn": "o", "lstm": "s"}
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
            if name.split()[0] != kind:
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


def losses(runs: Mapping[float, _Runs]) -> ThemedFigure:
    """Draw the loss of single runs for an RNN and an LSTM that begin with the same reach.

    Args:
        runs: By learning rate and start, what every seed gave; two rates are drawn.
    """
    fig, axes = subplots(2, 1, height=4.6, sharex=True, sharey=True)
    said = []
    for ax, name in zip(axes, ("rnn gain 1.2", "lstm bias 2"), strict=True):
        kind = name.split()[0]
        for rate, colour, width in ((0.01, MUTED, 0.7), (0.003, PALETTE[kind], 1.2)):
            found = torch.tensor([run["loss"] for run in runs[rate][name]]).T
            ax.plot(5 + 10 * torch.arange(len(found)), found, color=colour, lw=width)
            end = found[-10:].mean(0)
            label_end(ax, 10 * len(found), end.median().item(), f"rate {rate:g}", colour)
            said.append(f"{_titled(name)}, at {rate:g}, {end.min():.2f} to {end.max():.2f}")
        draw_threshold(ax, 0.5)
        ax.set(title=_titled(name), ylabel="loss (nats)", ylim=(0, 0.8))
    axes[1].set_xlabel("updates")
    return show(
        fig,
        alt="Two panels, an RNN above and an LSTM below, with ten curves each, five for a learning "
        "rate. All come down to half a nat, the line of the last number alone, stay there for a "
        "while, and then most go below it. Mean loss of the last hundred updates: "
        f"{'; '.join(said)}.",
    )


def who_learns(runs: Mapping[float, _Runs], levels: Mapping[str, float]) -> ThemedFigure:
    """Draw the accuracy of every run at its end against its reach before training.

    Args:
        runs: By learning rate and start, what every seed gave; one panel for each rate.
        levels: Accuracies to compare with, by name.
    """
    fig, axes = subplots(len(runs), 1, height=2.3 * len(runs), sharex=True, sharey=True)
    for ax, (rate, starts) in zip(axes, runs.items(), strict=True):
        for words, level in levels.items():
            draw_threshold(ax, level)
            label_end(ax, 3, level, words, MUTED)
        for name, found in starts.items():
            kind = name.split()[0]
            look = {"color": PALETTE[kind], "ms": 5.5, "alpha": 0.75, "mew": 0}
            for run in found:
                reach, mark = reach_of(run, 0), _MARKS[kind]
                if reach < _LOWEST:  # the two kinds side by side, as they would hide each other
                    reach, mark = _LOWEST * (1 if kind == "rnn" else 1.25), "<"
                ax.plot(reach, run["accuracy"][-1], mark, **look)
        ax.set(title=f"learning rate {rate:g}", ylabel="accuracy", ylim=(0.68, 1.01))
    lowest = min(
        run["accuracy"][-1]
        for starts in runs.values()
        for found in starts.values()
        for run in found
    )
    if lowest < axes[0].get_ylim()[0]:
        axes[0].set_ylim(bottom=lowest - 0.02)
    axes[-1].set(xscale="log", xlabel="reach before training", xlim=(_LOWEST / 1.3, 3))
    _legend(axes[0])
    return show(
        fig,
        alt="Panels with one mark for each run, circles for RNNs and squares for LSTMs. "
        + " ".join(_counted(rate, starts) for rate, starts in runs.items()),
    )


def trained(runs: _Runs) -> ThemedFigure:
    """Draw the reach of every run after training against its reach before."""
    fig, ax = subplots(height=3.8)
    ax.axhline(1, color=MUTED, lw=0.8)
    ax.plot([1e-9, 10], [1e-9, 10], color=MUTED, ls=":", lw=1)
    for name, found in runs.items():
        kind = name.split()[0]
        for run in found:
            colour = PALETTE[kind]
            fill = colour if run["accuracy"][-1] > 0.8 else "none"
            look = {"mec": colour, "mfc": fill, "ms": 5.5, "alpha": 0.8}
            ax.plot(reach_of(run, 0), reach_of(run, -1), _MARKS[kind], **look)
    ax.set(xscale="log", yscale="log", xlabel="reach before training", ylabel="after training")
    _legend(ax)
    return show(
        fig,
        alt="One mark for each run, on two logarithmic axes. The filled squares, LSTMs that "
        "learned, all stand on the line at one. The filled circles, RNNs that learned, stand there "
        "or up to a few hundred times lower. The open marks stand below the diagonal: they have "
        "lost reach.",
    )


def reach_of(run: Mapping[str, Any], look: int) -> float:
    """Return the reach that a stored run had at one of its looks, at the largest lag."""
    reach: float = run["first"][look]["mean"] / run["last"][look]["mean"]
    return reach


def _titled(name: str) -> str:
    """Write "rnn gain 1.2" as a title."""
    kind, rest = name.split(maxsplit=1)
    return f"{_NAMES[kind]}, {rest}"


def _legend(ax: Axes) -> None:
    """Name the marks."""
    for kind, x in (("rnn", 0.03), ("lstm", 0.16)):
        ax.plot(x, 0.93, _MARKS[kind], color=PALETTE[kind], ms=5.5, mew=0, transform=ax.transAxes)
        ax.text(x + 0.02, 0.93, _NAMES[kind], color=INK, va="center", transform=ax.transAxes)


def _counted(rate: float, starts: _Runs) -> str:
    """Say for the description how many runs of each kind are past 80 % in the end."""
    said = []
    for kind, title in _NAMES.items():
        of_kind = [found for name, found in starts.items() if name.split()[0] == kind]
        ends = [run["accuracy"][-1] for found in of_kind for run in found]
        said.append(f"{sum(end > 0.8 for end in ends)} of {len(ends)} {title}s")
    return f"With a learning rate of {rate:g}, {' and '.join(said)} end above 80 %."
