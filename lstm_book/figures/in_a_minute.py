"""The figures of "An LSTM in one minute"."""

import torch

from lstm_book.cells import lstm_update
from lstm_book.plotting import (
    INK,
    MUTED,
    PALETTE,
    ThemedFigure,
    draw_cell,
    show,
    subplots,
)

WORDS = ("The", "clouds", "are", "in", "the")
# What each gate is asked to do, word by word: 1 open, 0 shut.
GATES = {"i": (0, 1, 0, 0, 0), "f": (1, 1, 1, 1, 1), "o": (0, 0, 0, 0, 1)}
NAMES = {"i": "input gate", "f": "forget gate", "c": "memory", "o": "output gate", "h": "shown"}


def sentence() -> ThemedFigure:
    """Draw the gates, the memory and what is shown, for one cell with gates set by hand."""
    rows = _run()
    fig, ax = subplots(height=2.9)
    for y, (name, values) in enumerate(reversed(rows.items())):
        ax.text(-0.75, y, NAMES[name], ha="right", va="center", color=INK)
        for x, value in enumerate(values):
            ax.bar(x, 0.62, 0.86, y - 0.31, fc=(PALETTE[name], value), ec=PALETTE[name], lw=1)
    for x, word in enumerate(WORDS):
        ax.text(x, len(rows) - 0.35, word, ha="center", color=INK)
    ax.text(len(WORDS), len(rows) - 0.35, "…", ha="center", color=MUTED)
    ax.set(xlim=(-2.6, len(WORDS) + 0.4), ylim=(-0.5, len(rows) + 0.1))
    ax.axis("off")
    return show(
        fig,
        alt="Five rows of five boxes, one column for each word of 'The clouds are in the'. The "
        "input gate is filled at 'clouds' only, the forget gate at every word, the memory from "
        "'clouds' on, the output gate and what is shown at the last word only.",
    )


def cell() -> ThemedFigure:
    """Draw the cell."""
    fig, ax = subplots(height=3.1)
    draw_cell(ax)
    return show(
        fig,
        alt="The LSTM cell. On top the memory passes a multiplication by the forget gate and an "
        "addition of the gated candidate. Four boxes below, fed by the input and the hidden state "
        "of the step before, are the gates and the candidate. The output gate lets the memory out "
        "as the new hidden state.",
    )


def _run() -> dict[str, list[float]]:
    """Run the cell's own equations with gates that are all but open or shut."""
    order = {"i": GATES["i"], "f": GATES["f"], "g": (1,) * len(WORDS), "o": GATES["o"]}
    a = 40.0 * torch.tensor(list(order.values())).T - 20.0
    c = torch.zeros(1)
    rows: dict[str, list[float]] = {name: [] for name in NAMES}
    for a_t in a:
        (h, c), gates = lstm_update(a_t, c)
        for name, value in {"i": gates.i, "f": gates.f, "c": c, "o": gates.o, "h": h}.items():
            rows[name].append(float(value.clamp(0, 1)))
    return rows
