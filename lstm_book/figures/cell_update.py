"""Figures of the chapter "The cell update"."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from torch import Tensor

from lstm_book.figures import page
from lstm_book.plotting import INK, PALETTE, ThemedFigure, draw_cell, label_end, show, subplots

save = partial(page.save, "cell_update")


def step(values: Mapping[str, float], **before: float) -> ThemedFigure:
    """Draw the cell with the numbers of one step.

    Args:
        values: i, f, g, o, kept, written, c, tanh_c and h.
        **before: x, h_prev and c_prev.
    """
    fig, ax = subplots(height=3.3)
    draw_cell(ax, values={**before, **values})
    return show(
        fig,
        alt=f"The LSTM cell with the numbers of one step: of the old cell state "
        f"{before['c_prev']:.2f} the forget gate keeps {values['kept']:.2f}, the input gate adds "
        f"{values['written']:.2f}, the new cell state is {values['c']:.2f}, and the output gate "
        f"lets {values['h']:.2f} out.",
    )


def counters(c: Mapping[float, Tensor], h: Mapping[float, Tensor]) -> ThemedFigure:
    """Draw cells that write at every step: cell and hidden state by forget bias, (T,) each."""
    fig, (top, bottom) = subplots(2, 1, height=4.2, sharex=True)
    looks: dict[float, dict[str, Any]] = {  # wide and pale what others lie on
        12.0: {"lw": 5, "alpha": 0.4, "solid_capstyle": "butt"},
        3.0: {"lw": 1.9},
        1.0: {"lw": 1.9, "ls": (0, (1, 1))},
    }
    T = len(c[12.0])
    steps = range(1, T + 1)
    top.plot(steps, steps, color=INK, ls=(0, (4, 3)), lw=1.1, zorder=4)
    label_end(top, T, T, "bound $t$", INK)
    for bias, look in looks.items():
        top.plot(steps, c[bias], color=PALETTE["c"], **look)
        label_end(top, T, float(c[bias][-1]), f"$b_f$ = {bias:.0f}", PALETTE["c"])
        bottom.plot(steps, h[bias], color=PALETTE["h"], **look)
    top.set_ylabel("memory $c_t$")
    label_end(bottom, T, float(h[12.0][-1]), "all three", PALETTE["h"])
    bottom.set(ylabel="shown $h_t$", xlabel="step t", ylim=(0, 0.6))
    return show(
        fig,
        alt=f"With forget bias 12 the memory climbs along the bound to {c[12.0][-1]:.1f} after {T} "
        f"steps; with bias 3 it bends away and is at {c[3.0][-1]:.1f}; with bias 1 it levels off "
        f"near {c[1.0][-1]:.1f}. The hidden states of all three go to one half and stay there.",
    )
