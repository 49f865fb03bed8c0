"""Figures of the chapter on classification."""

import statistics
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from matplotlib.axes import Axes

from lstm_book.data import Sequences
from lstm_book.figures import page
from lstm_book.plotting import (
    INK,
    MUTED,
    PALETTE,
    ThemedFigure,
    draw_dots,
    draw_heatmap,
    draw_threshold,
    label_end,
    show,
    subplots,
)

save = partial(page.save, "classification")


def utterances(part: Sequences, places: Sequence[int], names: Sequence[str]) -> ThemedFigure:
    """Draw some sequences as images on one time axis, each with its class."""
    fig, axes = subplots(len(places), height=4.8, sharex=True)
    for ax, k, name in zip(axes, places, names, strict=True):
        steps = int(part.lengths[k])
        own = part.x[:steps, k]
        draw_heatmap(ax, own, vmin=-3, vmax=3, label="deviations", colourbar=ax is axes[0])
        ax.set(xlabel="", ylabel="coefficient", xlim=(0.5, len(part.x) + 0.5))
        ax.set_title(f"{name}, {steps} steps")
    axes[-1].set_xlabel("step t")
    widths = ", ".join(str(int(part.lengths[k])) for k in places)
    return show(
        fig,
        alt=f"Images of twelve rows that are {widths} steps wide. Within each, most rows change "
        "slowly.",
    )


def loss(losses: Sequence[float], updates_an_epoch: int) -> ThemedFigure:
    """Draw the loss of every batch against the epochs."""
    fig, ax = subplots(height=2.8)
    epochs = [k / updates_an_epoch for k in range(len(losses))]
    ax.plot(epochs, losses, color=PALETTE["lstm"])
    draw_threshold(ax, 2.197)
    label_end(ax, epochs[-1], 2.197, "guessing", MUTED)
    ax.set(xlabel="epochs", ylabel="loss (nats)", ylim=(0, None))
    return show(
        fig,
        alt=f"The loss falls from {losses[0]:.1f}, near the line of guessing, to "
        f"{statistics.median(losses[-updates_an_epoch:]):.2f} in the last epoch.",
    )


def candidates(
    rows: Sequence[tuple[bool, int, str, float, Sequence[float], bool]],
) -> ThemedFigure:
    """Draw the folds of every candidate: its settings, its scores, and whether it was taken."""
    fig, ax = subplots(height=4.4)
    labels, means = [], []
    for row, (both, units, readout, noise, folds, taken) in enumerate(rows):
        colour = PALETTE["lstm"] if taken else MUTED
        means.append(100 * statistics.mean(folds))
        for place, fold in enumerate(folds):  # equal scores stay visible
            ax.plot(100 * fold, row + 0.09 * (place - 2), "o", color=colour, ms=4, mew=0)
        ax.plot(means[-1], row, "o", color=colour, ms=8)
        ways = "2 ways" if both else "1 way"
        labels.append(f"{ways}, {units}, {readout}{', noise' if noise else ''}")
    ax.set_yticks(range(len(labels)), labels)
    ax.invert_yaxis()
    ax.set(xlabel="right on the fold left out (%)")
    return show(
        fig,
        alt="Twelve rows of five small dots and one large one. The means lie between "
        f"{min(means):.1f} and {max(means):.1f} per cent, the small dots of each row are spread "
        "over several per cent. One row is coloured.",
    )


def digits(scores: Mapping[str, Mapping[str, Sequence[float]]]) -> ThemedFigure:
    """Draw the scores of all models by how the images were split."""
    titles = {"stratified": "all writers in both parts", "halves": "other writers in the test"}
    fig, axes = subplots(2, height=5, sharex=True)
    said = []
    for ax, (split, found) in zip(axes, scores.items(), strict=True):
        draw_scores(ax, found)
        ax.set_title(titles[split])
        medians = (f"{name} {100 * statistics.median(v):.1f}" for name, v in found.items())
        said.append(f"{titles[split]}: {', '.join(medians)}")
    axes[0].set_xlabel("")
    return show(fig, alt=f"Two panels on one axis. Per cent right, {'; '.join(said)}.")


def draw_scores(ax: Axes, scores: Mapping[str, Sequence[float]]) -> None:
    """Draw one row of dots for each model, and its median as a number."""
    rows = {name: [100 * score for score in found] for name, found in scores.items()}
    colours = [
        PALETTE["lstm"] if name.startswith(("LSTM", "differences")) else INK for name in rows
    ]
    draw_dots(ax, rows, colours=colours, medians=True)
    right: dict[str, Any] = {
        "xycoords": ("axes fraction", "data"),
        "textcoords": "offset points",
        "va": "center",
    }
    for row, found in enumerate(rows.values()):
        ax.annotate(f"{statistics.median(found):.1f}", (1.0, row), xytext=(6, 0), **right)
    ax.set(xlabel="right (%)")
