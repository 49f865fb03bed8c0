"""Figures of the chapters "The series' experiment, audited" and "Longer sequences"."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch

from lstm_book.figures import page
from lstm_book.plotting import (
    MUTED,
    PALETTE,
    ThemedFigure,
    draw_dots,
    draw_history,
    draw_threshold,
    label_end,
    show,
    subplots,
)

save = partial(page.save, "series_experiment")
save_longer = partial(page.save, "longer_sequences")

_LAST_ALONE = 75
_COLOURS = {"RNN": "rnn", "LSTM": "lstm", "GRU": "g", "Transformer": "i"}


def _colour(name: str) -> str:
    """Return the palette name of a model's kind."""
    return _COLOURS[name.split(",")[0]]


def accuracies(rows: Mapping[str, Sequence[float]], *, series: bool = False) -> ThemedFigure:
    """Draw accuracies in per cent, one row for each model and one dot for each seed.

    Args:
        rows: By the name of a model.
        series: Whether to shade where the series puts the RNN.
    """
    fig, ax = subplots(height=0.9 + 0.34 * len(rows))
    if series:
        ax.axvspan(60, 70, color=PALETTE["neutral"], alpha=0.2, lw=0)
    draw_threshold(ax, _LAST_ALONE, axis="x")
    draw_dots(ax, rows, colours=[_colour(name) for name in rows])
    low = min(min(values) for values in rows.values())
    ax.set(xlim=(58 if series else min(66, low - 1), 101), xlabel="right answers, %")
    told = (f"{name} {page.span(values, '.1f')}" for name, values in rows.items())
    return show(
        fig,
        alt="Rows of dots, with a dashed line at 75 per cent, what the last number alone gives. "
        f"{'; '.join(told)}.",
    )


def by_heart(runs: Mapping[str, Any]) -> ThemedFigure:
    """Draw accuracy on training and on test sequences over the epochs, a panel for each run."""
    fig, axes = subplots(len(runs), 1, height=2.3 * len(runs), sharex=True, sharey=True)
    told = []
    for ax, (name, run) in zip(axes, runs.items(), strict=True):
        draw_threshold(ax, _LAST_ALONE)
        for metric, label, style in (
            ("accuracy", "training", (0, (4, 2))),
            ("test_accuracy", "test", "-"),
        ):
            values = 100 * torch.tensor(run.values(metric)).T
            draw_history(ax, values, colour=_colour(name))
            ax.lines[-1].set_linestyle(style)
            end = values[-1].median().item()
            label_end(ax, len(values), end, label, _colour(name))
            told.append(f"{name}, {label} {end:.0f}")
        ax.set(title=name, ylabel="right answers, %", ylim=(62, 101), xticks=range(0, 101, 20))
        ax.label_outer()
    return show(fig, alt=f"Curves over 100 epochs. Medians after the last: {'; '.join(told)}.")


def overfitting(runs: Mapping[str, Any]) -> ThemedFigure:
    """Draw test losses over the epochs, with a dot where validation finds the best one."""
    fig, axes = subplots(len(runs), 1, height=1.6 * len(runs), sharex=True, sharey=True)
    for ax, (name, run) in zip(axes, runs.items(), strict=True):
        colour = PALETTE[_colour(name)]
        for result in run.results:
            losses, best = result["test_loss"], result["best_epoch"]
            ax.plot(range(1, len(losses) + 1), losses, color=colour, lw=1, alpha=0.7)
            ax.plot(best, losses[best - 1], "o", color=colour, ms=6)
        ax.set(title=name, ylabel="test loss", ylim=(0, 0.32))
        ax.label_outer()
    axes[-1].set(xlabel="epoch")
    return show(
        fig,
        alt="Test losses of the LSTMs fall steeply within ten epochs, are lowest at the epochs "
        "that are marked, and rise from there. Those of the RNNs stay up for several epochs, "
        "fall, and rise less.",
    )


def remedies(
    last: Mapping[str, Sequence[float]], best: Mapping[str, Sequence[float]]
) -> ThemedFigure:
    """Draw accuracies in per cent after training and, hollow, at the best epoch, by remedy."""
    fig, ax = subplots(height=2.3)
    for row, name in enumerate(last):
        look = {"color": PALETTE["lstm"], "ms": 6, "ls": "", "marker": "o"}
        ax.plot(last[name], [row - 0.13] * len(last[name]), alpha=0.8, **look)
        if name in best:
            ax.plot(best[name], [row + 0.17] * len(best[name]), mfc="none", **look)
    draw_threshold(ax, _LAST_ALONE, axis="x")
    ax.text(_LAST_ALONE + 0.3, 2.38, "the last number alone", color=MUTED, va="center")
    ax.set(ylim=(2.6, -0.5), xlabel="right answers, %", xlim=(66, 98))
    ax.set_yticks(range(len(last)), list(last))
    ax.grid(visible=False, axis="y")
    told = (f"{name} {page.span(values, '.0f')}" for name, values in last.items())
    return show(fig, alt=f"Rows of dots. Right answers in per cent: {'; '.join(told)}.")
