"""Figures of the chapter on classification against DTW and ROCKET."""

import statistics
from collections.abc import Mapping, Sequence
from functools import partial

import torch

from lstm_book.figures import page
from lstm_book.figures.classification import draw_scores
from lstm_book.plotting import ThemedFigure, draw_history, show, subplots

save = partial(page.save, "classification_peers")


def losses(runs: Mapping[str, Sequence[Sequence[float]]]) -> ThemedFigure:
    """Draw the loss of every epoch, by what is read, one list for each seed."""
    fig, ax = subplots(height=3)
    ends = []
    for (name, curves), colour in zip(runs.items(), ("neutral", "lstm"), strict=True):
        found = torch.tensor(curves).T
        draw_history(ax, found, label=name, colour=colour)
        ends.append(f"{name} {found[9].median():.3f}")
    ax.set(ylabel="loss (nats)", yscale="log")
    return show(fig, alt=f"Two falling curves. Medians after ten epochs: {', '.join(ends)}.")


def vowels(scores: Mapping[str, Sequence[float]]) -> ThemedFigure:
    """Draw the scores of all models."""
    fig, ax = subplots(height=2.6)
    draw_scores(ax, scores)
    said = (f"{name} {100 * statistics.median(found):.1f}" for name, found in scores.items())
    return show(fig, alt=f"Rows of dots, medians in per cent: {', '.join(said)}.")
