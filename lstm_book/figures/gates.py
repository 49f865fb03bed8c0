"""Figures of the chapter "Three gates"."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from lstm_book.plotting import (
    INK,
    MUTED,
    PALETTE,
    ThemedFigure,
    draw_cell,
    figure,
    label_end,
    show,
    subplots,
)
from lstm_book.plotting.style import STYLE


def sigmoid() -> ThemedFigure:
    """Draw the sigmoid, the switch that it softens, and its slope."""
    a = torch.linspace(-8, 8, 321)
    gate = a.sigmoid()
    fig, ax = subplots(height=2.5)
    ax.step([-8, 0, 8], [0, 0, 1], where="pre", color=MUTED, lw=1.3)
    ax.plot(a, gate, color=INK)
    ax.plot(a, gate * (1 - gate), color=INK, ls=(0, (3, 2)), lw=1.4)
    ax.text(-7.8, 0.08, "shut", color=INK)
    ax.text(7.8, 0.88, "open", color=INK, ha="right")
    ax.text(1.7, 0.19, "slope", color=INK)
    ax.set(xlabel="pre-activation a", ylabel="gate", xlim=(-8, 8), ylim=(-0.03, 1.06))
    return show(
        fig,
        alt="The sigmoid rises from 0 to 1 around a = 0. Its slope is a bump there and close to "
        "zero on both sides.",
    )


def cell() -> ThemedFigure:
    """Draw the whole cell."""
    fig, ax = subplots(height=3.3)
    draw_cell(ax)
    return show(
        fig,
        alt="The LSTM cell. On top, the cell state passes a multiplication by the forget gate and "
        "an addition. Below, four boxes for the forget gate, input gate, candidate and output "
        "gate are fed by the old hidden state and the input.",
    )


def forget(memories: Mapping[str, Tensor], drop: int) -> ThemedFigure:
    """Draw what is left of a value that was written once.

    Args:
        memories: The cell state of one unit, (T,), by the value at which its gate is held.
        drop: The step at which the gate is shut.
    """
    fig, ax = _below_a_cell("f", height=5.4)
    ax.axvspan(drop - 0.5, drop + 0.5, color=PALETTE["f"], alpha=0.22, lw=0)
    ax.text(drop + 0.9, 0.62, "drop:\n$f_t$ = 0", color=PALETTE["f"])
    spots = {"1": (14, 0.89), "0.9": (14, 0.3), "0.5": (5.6, 0.09)}
    for (held, c), style in zip(memories.items(), ("-", "-", (0, (1.5, 1.2))), strict=True):
        _states(ax, c, "c", ls=style)
        ax.text(*spots[held], f"$f$ = {held}", color=INK)
    ax.set(xlabel="step t", ylabel="memory $c_t$", xlim=(0, len(c) + 4), ylim=(-0.05, 1.1))
    return show(
        fig,
        alt="Above, the cell with the forget gate highlighted on the belt. Below, three stairs of "
        "the cell state start at 1: with f = 1 it stays level, with 0.9 it decays, with 0.5 it is "
        f"gone after a few steps. At step {drop} all are at zero.",
    )


def write(candidate: Tensor, gated: Tensor, ungated: Tensor, marked: Sequence[int]) -> ThemedFigure:
    """Draw the candidates and the memory with an input gate, and with one that is held open.

    Args:
        candidate: What is on offer, (T,).
        gated: The memory where the gate opens at the marked steps only, (T,).
        ungated: The memory where it is always open, (T,).
        marked: The steps at which the gate opens, counted from one.
    """
    fig, (top, bottom) = _below_a_cell("ig", 2, height=6.8)
    T = len(candidate)
    bars = top.bar(range(1, T + 1), candidate, color=PALETTE["g"], width=0.7, alpha=0.3)
    for step in marked:
        bars[step - 1].set_alpha(1)
        for ax in (top, bottom):
            ax.axvspan(step - 0.5, step + 0.5, color=PALETTE["i"], alpha=0.22, lw=0, zorder=0)
        top.text(step + 0.8, 1.0, "$i_t$ = 1", color=PALETTE["i"])
    top.axhline(0, color=MUTED, lw=0.8)
    top.set(ylabel="candidate $g_t$", xlim=(0, T + 1), ylim=(-1.1, 1.35))
    _states(bottom, ungated, "neutral", lw=1.3)
    _states(bottom, gated, "c")
    label_end(bottom, T + 0.5, float(gated[-1]), "gated", PALETTE["c"])
    label_end(bottom, T + 0.5, float(ungated[-1]), "always open", PALETTE["neutral"])
    bottom.set(xlabel="step t", ylabel="memory $c_t$", xlim=(0, T + 1))
    return show(
        fig,
        alt="Above, the cell with input gate and candidate highlighted. In the middle, a bar for "
        f"the candidate at every step; at steps {marked[0]} and {marked[1]} the input gate is "
        "open. Below, the gated memory moves at these two steps and is level between them; the "
        "memory whose gate is always open wanders.",
    )


def output(o: Tensor, c: Tensor, h: Tensor) -> ThemedFigure:
    """Draw a memory, the output gate and what is shown, each (T,)."""
    fig, ax = _below_a_cell("oh", height=5.4)
    _strips(ax, {"memory $c_t$": ("c", c), "output gate $o_t$": ("o", o), "shown $h_t$": ("h", h)})
    ax.set_xlabel("step t")
    asked = 1 + int(o.argmax())
    return show(
        fig,
        alt="Above, the cell with the output gate and the path to h highlighted. Below, three rows "
        "of bars, one bar a step: the memory is there from the third step on, the output gate is "
        f"open at step {asked} only, and so is what is shown.",
    )


def together(x: Tensor, gates: Mapping[str, Tensor], c: Tensor, h: Tensor) -> ThemedFigure:
    """Draw the hand-built LSTM on one sequence.

    Args:
        x: Value, write mark and read mark, (T, 3).
        gates: The gates i, f and o by name, (T,) each.
        c: Cell state, (T,).
        h: Hidden state, (T,).
    """
    T = len(x)
    fig, (top, middle, bottom) = subplots(3, height=6.0, sharex=True, height_ratios=[1, 0.9, 1])
    marks = x[:, 1].nonzero()[:, 0]
    value = x[:, 0]
    top.plot(range(1, T + 1), value, ".", color=PALETTE["x"], ms=7)
    circles = {"mfc": "none", "mec": PALETTE["i"], "ms": 11, "mew": 1.8}
    top.plot(marks + 1, value[marks], "o", **circles)
    top.axhline(0, color=MUTED, lw=0.8)
    top.set(ylabel="value")
    names = {"i": "input $i_t$", "f": "forget $f_t$", "o": "output $o_t$"}
    _strips(middle, {words: (name, gates[name]) for name, words in names.items()})
    bottom.axhline(0, color=MUTED, lw=0.8)
    bottom.bar(range(1, T + 1), h, color=PALETTE["h"], width=0.86)
    _states(bottom, c, "c")
    label_end(bottom, T + 0.5, float(c[-1]), "$c_t$", PALETTE["c"])
    label_end(bottom, T + 0.5, float(h[-1]), "$h_t$", PALETTE["h"])
    bottom.set(xlabel="step t", ylabel="state", xlim=(0, T + 1))
    first, second = (marks + 1).tolist()
    return show(
        fig,
        alt=f"Of {T} noisy values those at steps {first} and {second} are circled. There the input "
        "gate is open and the forget gate shut, at all other steps it is the other way round. The "
        f"cell state goes to a new level at each of the two steps and is level otherwise. The "
        "output gate opens at the last step, where the hidden state leaves zero.",
    )


def _below_a_cell(highlight: str, rows: int = 1, *, height: float) -> tuple[Figure, Any]:
    """Draw a cell over the whole width, and create axes below it."""
    fig = figure(height)
    above = 2.9 / (height - 2.9)
    halves: Any = fig.subfigures(2, 1, height_ratios=[above, 1], facecolor="none")
    upper, lower = halves
    draw_cell(upper.subplots(), highlight=highlight)
    with mpl.rc_context(STYLE):
        return fig, lower.subplots(rows, sharex=True)


def _states(ax: Axes, values: Tensor, colour: str, *, lw: float = 1.9, ls: object = "-") -> None:
    """Draw values that exist at whole steps only as stairs, (T,): one tread for each step."""
    T = len(values)
    edges = [step + 0.5 for step in range(T + 1)]
    ax.stairs(values.tolist(), edges, baseline=None, color=PALETTE[colour], lw=lw, ls=ls)


def _strips(ax: Axes, rows: Mapping[str, tuple[str, Tensor]]) -> None:
    """Draw rows of bars between 0 and 1, one bar a step: words to a palette name and (T,)."""
    T = 0
    for y, (words, (colour, values)) in zip(range(len(rows))[::-1], rows.items(), strict=True):
        T = len(values)
        frame = [step + 0.5 for step in range(T + 1)]
        ax.stairs([y + 0.75] * T, frame, baseline=y, color=MUTED, lw=0.5, fill=False)
        ax.bar(range(1, T + 1), 0.75 * values, bottom=y, width=0.86, color=PALETTE[colour])
        place: dict[str, Any] = {
            "xycoords": ("axes fraction", "data"),
            "ha": "right",
            "va": "center",
        }
        ax.annotate(words, (-0.02, y + 0.375), color=PALETTE[colour], **place)
    ax.set(xlim=(0, T + 1), ylim=(-0.1, len(rows)), yticks=[])
    ax.grid(False)
    ax.spines["left"].set_visible(False)
