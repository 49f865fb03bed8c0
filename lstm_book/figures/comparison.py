"""Figures of the chapter "RNN, LSTM, GRU, Transformer: what each costs"."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import torch
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from lstm_book.figures import page
from lstm_book.plotting import (
    MUTED,
    PALETTE,
    ThemedFigure,
    draw_history,
    draw_threshold,
    label_end,
    show,
    subplots,
)
from lstm_book.plotting.style import STYLE

save = partial(page.save, "comparison")

_COLOURS = {"RNN": "rnn", "GRU": "g", "LSTM": "lstm", "Transformer": "i"}
_Rows = Iterable[Mapping[str, Any]]


@rc_context(STYLE)
def passes(histories: Mapping[str, Tensor]) -> ThemedFigure:
    """Draw accuracies in validation by pass and seed, (E, S), against the passes."""
    fig, ax = subplots(height=3.6)
    draw_threshold(ax, 0.75)
    for name, values in histories.items():
        colour = _COLOURS[name.split(",")[0]]
        draw_history(ax, values, colour=colour, x=range(1, len(values) + 1))
        label_end(ax, len(values), values[-1].median().item(), name, colour)
    ax.set(xscale="log", xlabel="passes", ylabel="right answers", xlim=(1, 105), ylim=(0.45, 1))
    _ticks(ax.xaxis, [1, 3, 10, 30, 100])
    last = (f"{name} {values[-1].median().item():.2f}" for name, values in histories.items())
    return show(
        fig,
        alt="One curve for each model, with a band over the seeds. Medians after the last pass: "
        f"{', '.join(last)}.",
    )


@rc_context(STYLE)
def steps(rows: _Rows, turning: Mapping[str, int]) -> ThemedFigure:
    """Draw the time of one more step against the steps before it.

    Args:
        rows: What the benchmark measured.
        turning: By size, the step at which attention multiplies as often as the weights.
    """
    fig, axes = subplots(2, 1, height=5.0, sharex=True)
    titles = {"small": "0.2 million parameters", "large": "3.2 million"}
    ends = {}
    for ax, (size, title) in zip(axes, titles.items(), strict=True):
        ends[size] = _against_length(ax, rows, "step", size)
        ax.axvline(turning[size], color=MUTED, ls=":", lw=1.3)
        ax.set_title(title)
    axes[1].set_xlabel("steps so far, n")
    return show(
        fig,
        alt="Two panels. The three recurrent curves do not rise, and scatter below. The "
        f"Transformer's does rise, with the length: from {ends['small'][0]:.1f} to "
        f"{ends['small'][-1]:.1f} times the LSTM's step above, from {ends['large'][0]:.1f} to "
        f"{ends['large'][-1]:.1f} below.",
    )


@rc_context(STYLE)
def sequences(rows: _Rows) -> ThemedFigure:
    """Draw the time of a whole sequence against its length."""
    fig, axes = subplots(2, 1, height=5.0, sharex=True)
    tops = {}
    for ax, (mode, title) in zip(
        axes, {"read": "reading", "update": "training"}.items(), strict=True
    ):
        tops[mode] = _against_length(ax, rows, mode, "small")[-1]
        ax.set_title(title)
    axes[1].set_xlabel("length n")
    return show(
        fig,
        alt="Two panels, the LSTM at one. The Transformer's curve rises with the length, to "
        f"{tops['read']:.1f} times the LSTM's time for reading and {tops['update']:.1f} times "
        "for training.",
    )


def _against_length(ax: Axes, rows: _Rows, mode: str, size: str) -> list[float]:
    """Draw ratios to the LSTM's time for every model, and return the Transformer's."""
    rows = list(rows)
    longest = max(row["length"] for row in rows)
    ratios: list[float] = []
    for name, colour in _COLOURS.items():
        found = [row for row in rows if (row["mode"], row["size"]) == (mode, size)]
        lengths = list(dict.fromkeys(row["length"] for row in found))
        found = [row for row in found if row["peer"] == name]
        ratios = [1.0] * len(lengths) if name == "LSTM" else [row["ratio"] for row in found]
        ax.plot(lengths, ratios, "o-", color=PALETTE[colour], ms=3.5)
        if name != "LSTM":
            low = [row["ratio_min"] for row in found]
            high = [row["ratio_max"] for row in found]
            ax.fill_between(lengths, low, high, color=PALETTE[colour], alpha=0.15, lw=0)
        label_end(ax, lengths[-1], ratios[-1], name, colour)
    ax.set(xscale="log", yscale="log", xlim=(14, 1.1 * longest), ylabel="times the LSTM's")
    _ticks(ax.xaxis, [16, 64, 256, 1024, 4096])
    _ticks(ax.yaxis, [0.5, 1, 2, 4, 8, 16, 32])
    return ratios


def _ticks(axis: Axis, places: list[float]) -> None:
    """Mark these places of a logarithmic axis, in plain numbers, and no others."""
    axis.set_major_locator(FixedLocator(places))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_locator(NullLocator())


def slower_where(ratios: Mapping[str, Mapping[int, float]]) -> str:
    """Say in words from which length on a ratio stays above one.

    Args:
        ratios: By the name of a case, the ratio at each length, ascending.
    """
    first = {}
    for name, found in ratios.items():
        slower = [n for n in found if all(found[m] > 1 for m in found if m >= n)]
        first[name] = slower[0] if slower else "none measured"
    if all(first[name] == min(found) for name, found in ratios.items()):
        return "at every length that was measured"
    return " and ".join(f"from n = {n} on ({name})" for name, n in first.items())


class _CountCalls(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Count what reaches PyTorch's kernels."""

    calls: int = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.calls += 1
        return func(*args, **(kwargs or {}))


def calls(work: Callable[[Tensor], Any], x: Tensor) -> int:
    """Return how many operations of PyTorch some work on x is made of."""
    with torch.no_grad(), _CountCalls() as counter:  # type: ignore[no-untyped-call]
        work(x)
    found: int = counter.calls
    return found
