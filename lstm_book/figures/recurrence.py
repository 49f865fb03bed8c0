"""Figures of the chapter "Recurrence"."""

from functools import partial

import torch
from torch import Tensor

from lstm_book.figures import page
from lstm_book.plotting import (
    ThemedFigure,
    draw_lag,
    draw_rnn_cell,
    draw_unrolled,
    show,
    subplots,
)

save = partial(page.save, "recurrence")


def cell() -> ThemedFigure:
    """Draw one step of an RNN."""
    fig, ax = subplots(height=2.2)
    draw_rnn_cell(ax)
    return show(
        fig,
        alt="The old hidden state, times U, and the input, times W, meet at a plus sign. The sum "
        "goes through a tanh and leaves as the new hidden state.",
    )


def unrolled() -> ThemedFigure:
    """Draw the same cell at four steps."""
    fig, ax = subplots(height=2.4)
    draw_unrolled(ax, 4, kind="rnn")
    return show(
        fig,
        alt="Four RNN boxes in a row. An input enters each from below, a hidden state leaves each "
        "upwards, and an arrow carries the hidden state from each box to the next.",
    )


def dependence(strength: Tensor) -> ThemedFigure:
    """Draw how strongly each state depends on each input: (T, T), state by input."""
    T = len(strength)
    log = strength.clamp_min(1e-30).log10()
    fig, ax = subplots(height=3.3)
    image = ax.imshow(
        torch.where(log > -29, log, torch.nan).flip(0).numpy(),
        extent=(0.5, T + 0.5, 0.5, T + 0.5),
        cmap="cividis",
        vmin=-6,
        vmax=0,
        interpolation="none",
        aspect="equal",
    )
    ax.grid(False)
    ax.set(xlabel="input at step s", ylabel="state at step t")
    fig.colorbar(image, ax=ax, label="norm, power of ten", fraction=0.046)
    return show(
        fig,
        alt=f"A square image with {T} states and {T} inputs. The lower right half, where the input "
        "is later than the state, is empty. On the diagonal the values are near one; away from it "
        "they fall by orders of magnitude.",
    )


def fading(distance: Tensor, rounding: Tensor) -> ThemedFigure:
    """Draw the distance of two runs and their rounding error by step and seed, both (T, S)."""
    T = len(distance)
    steps = torch.arange(1, T + 1)
    fig, ax = subplots()
    draw_lag(ax, distance, label="distance", colour="rnn", x=steps)
    draw_lag(ax, rounding, label="rounding", colour="neutral", x=steps)
    ax.set(xlabel="step t", ylabel="norm", xlim=(0, T + 13))
    crossing = int((distance < rounding).float().argmax(0).median()) + 1
    return show(
        fig,
        alt="On a logarithmic axis the distance falls along a straight line from about "
        f"{distance[0].median():.0f} to {distance[-1].median():.0e} at step {T}. The rounding "
        f"error is flat near {rounding[20:].median():.0e}; the lines cross near step {crossing}.",
    )
