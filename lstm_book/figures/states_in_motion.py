"""Figures of the chapter "Where the state comes to rest"."""

from collections.abc import Mapping, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from lstm_book.dynamics import FixedPoints
from lstm_book.figures import page
from lstm_book.plotting import INK, MUTED, PALETTE, ThemedFigure, draw_dots, show, subplots

save = partial(page.save, "states_in_motion")
KINDS = ("stable point", "1 way out", "2 ways out", "3 ways out")
LOOKS = (("o", 8), ("D", 6), ("s", 6), ("^", 7))


@torch.no_grad()
def portrait(lstm: nn.LSTM, points: FixedPoints) -> ThemedFigure:
    """Draw the plane (h, c) of one unit without input: nullclines, motion and fixed points.

    Args:
        lstm: One unit and one input.
        points: Its fixed points.
    """
    fig, ax = subplots(height=3.4)
    h, c = torch.meshgrid(torch.linspace(-1, 1, 81), torch.linspace(-2, 2, 81), indexing="xy")
    state = h.reshape(1, -1, 1), c.reshape(1, -1, 1)
    _, (h_1, c_1) = lstm(torch.zeros(1, h.numel(), 1), state)
    dh, dc = h_1.view_as(h) - h, c_1.view_as(c) - c
    few = (slice(None, None, 8), slice(None, None, 8))
    arrows = (h[few], c[few], dh[few], dc[few])
    ax.quiver(*arrows, color=MUTED, angles="xy", scale_units="xy", scale=5, width=0.004)
    ax.contour(h, c, dh, levels=[0], colors=[PALETTE["h"]], linewidths=1.6)
    ax.contour(h, c, dc, levels=[0], colors=[PALETTE["c"]], linewidths=1.6)
    ax.text(0.97, 0.62, "h stays", color=PALETTE["h"], ha="right", va="center")
    ax.text(-0.3, -1.75, "c stays", color=PALETTE["c"], va="center")
    for h_k, c_k, out in zip(*points.states, points.unstable_directions, strict=True):
        fill = "none" if out else INK
        ax.plot(h_k, c_k, "o", ms=8, mfc=fill, mec=INK, mew=1.4)
    ax.set(xlabel="h", ylabel="c", xlim=(-1, 1), ylim=(-2, 2))
    return show(
        fig,
        alt="The plane of h and c with two curves, where h stays and where c stays. They cross in "
        f"{len(points.speed)} points; arrows lead to the two outer ones and away from the middle.",
    )


def losses(curves: Sequence[Sequence[float]]) -> ThemedFigure:
    """Draw the training loss of every seed.

    Args:
        curves: The loss before each update, for each seed.
    """
    fig, ax = subplots(height=2.6)
    for curve in curves:
        ax.plot(curve, color=PALETTE["lstm"], lw=0.9, alpha=0.6)
    ax.set(yscale="log", xlabel="updates", ylabel="squared error", xlim=(0, len(curves[0])))
    ends = page.span([curve[-1] for curve in curves], ".4f")
    return show(fig, alt=f"{len(curves)} falling curves; the last losses are {ends}.")


def cube(answers: Tensor, out: Tensor, path: Tensor) -> ThemedFigure:
    """Draw fixed points where the read-out puts them, and a run between them.

    Args:
        answers: The three numbers read out at each point, (K, 3).
        out: How many unstable directions each point has, (K,).
        path: The three numbers read out at each step of a run, (T, 3).
    """
    fig, ax = subplots(height=3.8)
    slant = torch.tensor([[1.0, 0.12], [0.0, 1.0], [0.45, 0.38]])
    ax.plot(*(path @ slant).T, color=PALETTE["lstm"], lw=0.7, alpha=0.35)
    flat = answers @ slant
    for n, (name, (marker, size)) in enumerate(zip(KINDS, LOOKS, strict=True)):
        x, y = flat[out == n].T
        fill = INK if n == 0 else "none"
        ax.plot(x, y, marker, ms=size, mfc=fill, mec=INK, mew=1.2, ls="none", label=name)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, 1.16), ncols=2)
    ax.set_axis_off()
    counts = ", ".join(f"{int((out == n).sum())} with {n}" for n in range(4))
    return show(
        fig,
        alt="A cube in a slanted view, with fixed points at its corners, on its edges, its faces "
        f"and in the middle. Unstable directions: {counts}. A run goes along its edges.",
    )


def exponents(rows: Mapping[str, Sequence[float]]) -> ThemedFigure:
    """Draw the largest exponent of every seed; rows of trained networks in violet.

    Args:
        rows: By the name of a case, the exponents of its seeds.
    """
    fig, ax = subplots(height=2.6)
    colours = ["lstm" if name.endswith("after") else "neutral" for name in rows]
    draw_dots(ax, rows, colours=colours)
    ax.axvline(0, color=INK, lw=0.9, ls=(0, (3, 3)))
    ax.set(xlabel="largest exponent, nats a step")
    told = "; ".join(f"{name} {page.span(values)}" for name, values in rows.items())
    return show(fig, alt=f"Rows of dots, one for each seed, all left of zero. {told}.")


def drift(before: Tensor, after: Mapping[int, Tensor]) -> ThemedFigure:
    """Draw what is answered after a wait against what would have been answered at once.

    Args:
        before: Answers before the wait, (B,).
        after: By the number of steps waited, the answers then, (B,).
    """
    fig, axes = subplots(1, len(after), height=2.9, sharey=True)
    for ax, (steps, answers) in zip(axes, after.items(), strict=True):
        ax.plot([0, 2], [0, 2], color=INK, lw=0.9, ls=(0, (3, 3)))
        ax.plot(before, answers, "o", ms=3.5, color=PALETTE["lstm"], alpha=0.6)
        ax.set(title=f"{steps:,} steps later", xlabel="answer at once")
    axes[0].set_ylabel("answer then")
    return show(
        fig,
        alt="Panels of answers against the answers before a wait. After the shorter wait they lie "
        "on one line near the diagonal, after the longer one they have drawn together.",
    )
