"""Figures of the chapter "The task, and what knowing nothing scores"."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lstm_book.figures import page
from lstm_book.figures.page import seeded
from lstm_book.plotting import (
    INK,
    MUTED,
    PALETTE,
    ThemedFigure,
    draw_history,
    label_end,
    show,
    subplots,
)
from lstm_book.tasks import (
    Adding,
    Copy,
    Counting,
    EmbeddedReber,
    FirstAndLast,
    Multiplication,
    Parity,
    Recall,
    TemporalOrder,
)
from lstm_book.tasks.reber import SYMBOLS

save = partial(page.save, "the_task")


def plane(first: Tensor, last: Tensor, wrong: Tensor) -> ThemedFigure:
    """Draw sequences by their first and last number, in red where the last alone is wrong.

    Args:
        first: The first numbers, (B,).
        last: The last numbers, (B,).
        wrong: Where the sign of the last number is not the class, (B,).
    """
    fig, ax = subplots(height=4.2)
    ax.plot(first[~wrong], last[~wrong], ".", color=PALETTE["neutral"], ms=3)
    ax.plot(first[wrong], last[wrong], ".", color=PALETTE["f"], ms=3)
    end = 1.05 * float(torch.stack([first, last]).abs().max())
    ax.plot([-end, end], [end, -end], color=INK, ls=(0, (4, 2)), lw=1.5)
    ax.plot([-end, end], [0, 0], color=INK, lw=1.5)
    ax.set(xlabel="first number", ylabel="last number", xlim=(-end, end), ylim=(-end, end))
    ax.set_aspect("equal")
    return show(
        fig,
        alt="A round cloud of dots. The wrong answers fill two opposite wedges of "
        "45 degrees, between the horizontal and the falling diagonal: "
        f"{wrong.float().mean():.2f} of all dots.",
    )


def moments(task: Any, x: Tensor, y: Tensor, n: int) -> list[tuple[int, int]]:
    """Return the steps of sequence ``n`` at which something is shown and asked, as pairs."""
    last = len(x) - 1
    shown: Iterable[int]
    if isinstance(task, Copy):
        return [(k, last - 9 + k) for k in range(10)]
    if isinstance(task, EmbeddedReber):
        return [(1, int(y[:, n].any(-1).sum()) - 2)]
    if isinstance(task, FirstAndLast):
        shown = [0, last]
    elif isinstance(task, Recall):
        shown = [0]
    elif isinstance(task, Parity | Counting):
        shown = range(last + 1)
    elif isinstance(task, TemporalOrder):
        shown = (x[:, n, 4] + x[:, n, 5]).nonzero().flatten().tolist()
    else:
        shown = (x[:, n, 1] == 1).nonzero().flatten().tolist()
    return [(t, last) for t in shown]


LETTERS: dict[type, Any] = {
    Copy: "01234567·?",
    Recall: "ABCDwxyz?",
    TemporalOrder: "abcdXYEB",
    EmbeddedReber: SYMBOLS,
    Parity: "01",
    Counting: "01",
}


def answer(task: Any, x: Tensor, y: Tensor) -> str:
    """Return the target of the only sequence, as the figure writes it."""
    if isinstance(task, TemporalOrder):
        symbols = {4: 2, 8: 3}[task.classes]
        return "".join("XY"[int(y) >> k & 1] for k in reversed(range(symbols)))
    if isinstance(task, EmbeddedReber):
        return f"{SYMBOLS[int(x[1, 0].argmax())]} again"
    if isinstance(task, Recall):
        return str(LETTERS[Recall][int(y)])
    if isinstance(task, Parity):
        return ("even", "odd")[int(y)]
    if isinstance(task, FirstAndLast):
        return ("minus", "plus")[int(y)]
    if isinstance(task, Counting):
        return f"… {int(y[-1])}"
    return "" if isinstance(task, Copy) else f"{float(y):.2f}"


def one_of_each() -> ThemedFigure:
    """Draw one short sequence of each task."""
    examples: dict[str, tuple[Any, int]] = {  # each with the seed of a sequence that shows it well
        "first and last": (FirstAndLast(30, 1), 0),
        "adding": (Adding(30), 15),
        "adding, 1997": (Adding(30, "1997"), 22),
        "multiplication": (Multiplication(30), 14),
        "recall": (Recall(30), 0),
        "copy": (Copy(10), 0),
        "temporal order 6a": (TemporalOrder(30), 7),
        "temporal order 6b": (TemporalOrder(30, "6b"), 5),
        "temporal order, Pascanu's": (TemporalOrder(30, "pascanu"), 8),
        "embedded Reber": (EmbeddedReber(), 9),
        "parity": (Parity(30), 0),
        "counting": (Counting(30), 1),
    }
    fig, ax = subplots(height=7.8)
    for row, (name, (task, seed)) in enumerate(examples.items()):
        x, y = task.sample(1, generator=seeded(seed))
        pairs = moments(task, x, y, 0)
        shown, asked = {t for t, _ in pairs}, {t for _, t in pairs}
        letters = next((s for kind, s in LETTERS.items() if isinstance(task, kind)), None)
        ax.text(0.4, row - 0.42, name, color=INK, fontsize=9.5, va="center")
        for t in range(len(x)):
            matters = t in shown
            colour = PALETTE["i"] if matters else MUTED
            if letters is None:
                spread = {"first and last": 0.09, "adding, 1997": 0.2}.get(name)
                low = row if spread else row + 0.13
                top = low - (spread or 0.3) * float(x[t, 0, 0])
                ax.plot(
                    [t + 1] * 2,
                    [low, top],
                    color=colour,
                    lw=3.4 if matters else 2,
                    alpha=1 if matters else 0.45,
                    solid_capstyle="butt",
                )
                continue
            place = int(x[t, 0].argmax()) if letters != "01" else int(x[t, 0, 0])
            if isinstance(task, Copy) and t in asked:
                place, colour, matters = int(y[t, 0]), PALETTE["o"], True
            ax.text(
                t + 1,
                row,
                letters[place],
                color=colour,
                ha="center",
                va="center",
                fontsize=9 if matters else 8,
                weight="bold" if matters else "normal",
                alpha=1 if matters else 0.7,
            )
        start, end = min(shown), max(asked)
        below = row + 0.24
        ax.plot([start + 1, end + 1], [below, below], color=PALETTE["c"], lw=1.8)
        ax.plot(
            sorted(t + 1 for t in asked),
            [below] * len(asked),
            "|",
            color=PALETTE["o"],
            ms=6,
            mew=2.2,
        )
        ax.text(
            max(len(x), end + 2) + 0.9,
            row,
            answer(task, x, y),
            color=PALETTE["o"],
            va="center",
            fontsize=9.5,
        )
    ax.set(
        xlim=(0, 38),
        ylim=(len(examples) - 0.5, -0.8),
        xlabel="step t",
        xticks=(1, 10, 20, 30),
        yticks=[],
    )
    ax.spines["left"].set_visible(False)
    ax.grid(False)
    return show(
        fig,
        alt=f"{len(examples)} strips, one for each task. In most of them one, two "
        "or three steps early on are green, a blue line runs from the first of "
        "them to the end, and the answer stands there. In copy the line ends under "
        "ten answers. In parity and counting every step is green.",
    )


def fixed_set(
    streamed: Sequence[Tensor], fixed: Sequence[Tensor], updates: int, every: int
) -> ThemedFigure:
    """Draw accuracy over training on fresh sequences and on a fixed set.

    Args:
        streamed: Accuracy on the batches and on fresh sequences, (looks, seeds) each.
        fixed: The same of the models that were trained on a fixed set.
        updates: How many updates were made.
        every: The updates between two looks.
    """
    fig, ax = subplots(height=3.4)
    ends = torch.arange(1, len(streamed[0]) + 1) * every
    for (batches, fresh), colour in ((streamed, "lstm"), (fixed, "rnn")):
        draw_history(ax, batches, x=ends - every / 2, colour=colour)
        draw_history(ax, fresh, x=ends, colour=colour)
        ax.lines[-1].set_linestyle(":")
    label_end(ax, updates, float(streamed[1][-1].median()), "stream", "lstm")
    label_end(ax, updates, float(fixed[0][-1].median()), "200, seen", "rnn")
    label_end(ax, updates, float(fixed[1][-1].median()), "200, fresh", "rnn")
    ax.axhline(0.75, color=MUTED, ls=(0, (3, 2)), lw=1.3)
    ax.set(xlabel="updates", ylabel="accuracy", xlim=(0, updates), ylim=(None, 1.02))
    return show(
        fig,
        alt="Trained on the stream, accuracy on batches and on fresh sequences "
        f"rise together to {streamed[1][-1].median():.2f}. On 200 fixed sequences "
        f"the accuracy on these reaches {fixed[0][-1].median():.2f}, that on fresh "
        f"ones ends at {fixed[1][-1].median():.2f}, below the dashed line at three "
        "quarters.",
    )
