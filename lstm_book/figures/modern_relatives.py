"""Figures of the chapter on relatives of the LSTM: GRU, JANET, minLSTM, sLSTM."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from lstm_book.figures import initialisation, page
from lstm_book.plotting import (
    INK,
    PALETTE,
    ThemedFigure,
    draw_dots,
    draw_threshold,
    label_end,
    show,
    subplots,
)

save = partial(page.save, "modern_relatives")

_COLOURS = {"LSTM": "lstm"}
_BLIND = 0.75  # what the last number alone brings


def five_cells(scores: Mapping[str, Sequence[float]]) -> ThemedFigure:
    """Draw the accuracies of all seeds by cell."""
    fig, ax = subplots(height=2.7)
    colours = [_COLOURS.get(name, "neutral") for name in scores]
    draw_dots(ax, scores, colours=colours, medians=True)
    draw_threshold(ax, _BLIND, axis="x")
    ax.set(xlabel="accuracy")
    said = (f"{name} {min(values):.2f} to {max(values):.2f}" for name, values in scores.items())
    return show(fig, alt=f"Five rows of dots and a dashed line at 0.75. {'; '.join(said)}.")


def losses(runs: Mapping[str, Sequence[Sequence[float]]]) -> ThemedFigure:
    """Draw the losses of four cells, one panel each, every curve a mean of ten updates."""
    return initialisation.losses(runs, {name: _COLOURS.get(name, "neutral") for name in runs})


def weights(built: Mapping[float, float], runs: Sequence[Mapping[str, Any]]) -> ThemedFigure:
    """Draw accuracy against the largest weight, built by hand and trained.

    Args:
        built: Accuracy by the largest weight of the read-out.
        runs: What the seeds gave, each at several budgets.
    """
    fig, ax = subplots(height=3.2)
    line = sorted(built.items())
    ax.plot(*zip(*line, strict=True), "-", color=INK)
    label_end(ax, *line[-1], "built", INK)
    found = [
        point for run in runs for point in zip(run["largest_weight"], run["accuracy"], strict=True)
    ]
    ax.plot(*zip(*found, strict=True), "o", color=PALETTE["g"], ms=5, alpha=0.75, mew=0)
    ax.text(14, 0.76, "trained", color=PALETTE["g"])
    draw_threshold(ax, _BLIND)
    ax.set(xscale="log", xlabel="largest weight", ylabel="accuracy")
    powers = range(0, 10, 3)
    ax.set_xticks([10.0**power for power in powers])
    best, largest = max(accuracy for _, accuracy in found), line[-1][0]
    return show(
        fig,
        alt="A line rises from 0.75 at small weights to 1 at weights of "
        f"10 to the power of {math.log10(largest):.0f}. The dots of trained layers stand together "
        f"at its left end, and none is above {best:.2f}.",
    )
