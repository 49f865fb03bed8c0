"""Figures of the chapter "Dates in twelve languages"."""

from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor

from lstm_book.figures import page
from lstm_book.plotting import (
    INK,
    ThemedFigure,
    draw_dots,
    draw_heatmap,
    draw_history,
    label_end,
    show,
    subplots,
)

save = partial(page.save, "dates")


def losses(runs: Mapping[str, Tensor]) -> ThemedFigure:
    """Draw the loss of training, (hundreds of updates, seed), by the model's name."""
    fig, ax = subplots(height=2.7)
    said = []
    for (name, values), colour in zip(runs.items(), (INK, "lstm"), strict=True):
        x = 100 * torch.arange(1, len(values) + 1)
        draw_history(ax, values, x=x, colour=colour)
        label_end(ax, float(x[-1]), float(values[-1].median()), name, colour)
        said.append(f"{name}: {values[0].median():.2f} to {values[-1].median():.4f}")
    ax.set(xlabel="update", ylabel="loss (nats a character)", yscale="log")
    return show(fig, alt=f"Two curves fall on a logarithmic axis. {'; '.join(said)}.")


def scores(rows: Mapping[str, list[float]]) -> ThemedFigure:
    """Draw the shares of right dates, in percent, one dot a seed, by model and test."""
    fig, ax = subplots(height=0.7 + 0.33 * len(rows))
    looks = {"rules": "neutral", "attention": INK}
    colours = [looks.get(name.split(", ")[-1], "lstm") for name in rows]
    draw_dots(ax, rows, colours=colours, ms=6.5)
    ax.grid(False, axis="y")
    ax.set(xlabel="dates read right, %", xlim=(-2, 102))
    ranges = (f"{name} {page.span(shares, '.1f')}" for name, shares in rows.items())
    return show(fig, alt=f"One dot a seed, one row for each test and reader: {'; '.join(ranges)}.")


def attention(weights: Tensor, text: str, answer: str) -> ThemedFigure:
    """Draw where the decoder looks in a text, (T, S), while it writes an answer."""
    fig, ax = subplots(height=1.2 + 0.17 * len(text))
    draw_heatmap(ax, weights, label="attention")
    ax.invert_yaxis()
    ax.set_xticks(range(1, len(answer) + 1), [one.replace("$", r"\$") for one in answer])
    ax.set_yticks(range(1, len(text) + 1), list(text))
    ax.tick_params(length=0)
    ax.set(xlabel="written", ylabel="read")
    year = sum(float(weights[k].argmax() >= len(text) - 4) for k in range(4))
    return show(
        fig,
        alt=f"A map of attention: the characters of {text} from top to bottom, those of {answer} "
        f"from left to right. In {year:.0f} of its first four steps the decoder looks most at the "
        "year at the end; after that it moves up to the month and the day.",
    )


def by_form(shares: Mapping[str, list[float]]) -> ThemedFigure:
    """Draw right dates by held-out form, in percent, one dot a seed."""
    fig, ax = subplots(height=0.7 + 0.26 * len(shares))
    draw_dots(ax, shares, colours=INK, ms=6)
    ax.grid(False, axis="y")
    ax.set(xlabel="dates read right, %", xlim=(min(min(v) for v in shares.values()) - 5, 102))
    low = min(shares, key=lambda name: min(shares[name]))
    ends = page.span(shares[low], ".0f")
    return show(
        fig,
        alt=f"One dot a seed, a row for each form. The lowest row is {low}, {ends} percent.",
    )
