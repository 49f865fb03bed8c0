"""Figures of the chapter on tagging."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from matplotlib.axes import Axes
from torch import Tensor

from lstm_book.data import CHARACTER_TAGS
from lstm_book.figures import page
from lstm_book.plotting import (
    INK,
    MUTED,
    PALETTE,
    ThemedFigure,
    draw_dots,
    draw_history,
    label_end,
    show,
    subplots,
)

save = partial(page.save, "tagging")

_COLOURS = {"forwards": PALETTE["neutral"], "both ways": PALETTE["lstm"]}
_TAG_COLOURS = [
    MUTED,
    INK,
    PALETTE["o"],
    PALETTE["g"],
    PALETTE["i"],
    PALETTE["h"],
    PALETTE["rnn"],
]


def losses(runs: Mapping[str, Sequence[Sequence[float]]]) -> ThemedFigure:
    """Draw the mean loss of every epoch, by tagger, one list for each seed."""
    fig, ax = subplots(height=2.8)
    ends = []
    for name, curves in runs.items():
        found = torch.tensor(curves).T
        draw_history(ax, found, label=name, colour=_COLOURS[name])
        ends.append(f"{name} from {found[0].median():.2f} to {found[-1].median():.2f}")
    ax.set(ylabel="loss (nats)", yscale="log")
    return show(fig, alt=f"Two falling curves: {', '.join(ends)}.")


def accuracy(scores: Mapping[str, Sequence[float]]) -> ThemedFigure:
    """Draw the share of right tags of every seed, by tagger."""
    return _dots(scores, "of 5 seeds")


def files(scores: Mapping[str, Sequence[float]]) -> ThemedFigure:
    """Draw the share of right tags on every file, by tagger."""
    return _dots(scores, "of all files")


def code(text: str, taggers: Mapping[str, tuple[Tensor, Tensor]]) -> ThemedFigure:
    """Draw a piece of code in the colours of its tags.

    Args:
        text: The piece, of T characters.
        taggers: The tags, (T,), and which of them are wrong, (T,), by the tagger's name.
    """
    fig, axes = subplots(2, height=4.8)
    for ax, (name, (tags, wrong)) in zip(axes, taggers.items(), strict=True):
        _write(ax, text, tags, wrong)
        ax.set_title(f"{name}: {int(wrong.sum())} wrong")
        ax.set_ylim(-11, 0.8)
    for place, tag in enumerate(range(1, len(CHARACTER_TAGS))):
        look: dict[str, Any] = {"color": _TAG_COLOURS[tag], "fontsize": 9}
        axes[1].text(9.1 * place, -10.6, CHARACTER_TAGS[tag], **look)
    counts = {name: int(wrong.sum()) for name, (_, wrong) in taggers.items()}
    return show(
        fig,
        alt=f"A piece of Python code twice. Reading forwards, {counts['forwards']} characters are "
        "underlined: the first words, which belong to a comment, and single letters at the start "
        f"of words. Reading both ways, {counts['both ways']} are.",
    )


def positions(blocks: Mapping[str, Tensor], block: int) -> ThemedFigure:
    """Draw the share of mistakes against the position in the piece.

    Args:
        blocks: Per cent of strings and of all others, (2, blocks), by tagger.
        block: Characters of a block.
    """
    fig, axes = subplots(2, height=4.4, sharex=True)
    for row, (ax, title) in enumerate(
        zip(axes, ("characters of strings", "all others"), strict=True)
    ):
        for name, curves in blocks.items():
            centres = [(k + 0.5) * block for k in range(curves.shape[1])]
            ax.plot(centres, curves[row], color=_COLOURS[name], marker="o", ms=3.5)
            label_end(ax, centres[-1], float(curves[row, -1]), name, _COLOURS[name])
        ax.set(title=title, ylabel="wrong (%)", ylim=(0, None), xlim=(0, block * len(centres)))
    axes[1].set(xlabel="position in the piece", xticks=range(0, block * len(centres) + 1, 64))
    first = {name: float(curves[0, 0]) for name, curves in blocks.items()}
    return show(
        fig,
        alt="Two panels with the same shapes. Reading forwards, the share of mistakes starts very "
        f"high, at {first['forwards']:.0f} per cent in strings, falls within some sixty "
        "characters, and stays flat to the end. Reading both ways, it is lower and rises a little "
        "at both ends of the piece.",
    )


def _dots(scores: Mapping[str, Sequence[float]], of: str) -> ThemedFigure:
    """Draw rows of shares in per cent."""
    fig, ax = subplots(height=0.55 * len(scores) + 0.9)
    rows = {name: [100 * score for score in found] for name, found in scores.items()}
    colours = [_COLOURS.get(name, INK) for name in rows]
    draw_dots(ax, rows, colours=colours, medians=True)
    ax.set(xlabel="right (%)")
    said = (f"{name} {page.span(found, '.1f')}" for name, found in rows.items())
    return show(fig, alt=f"Rows of dots, per cent right {of}: {', '.join(said)}.")


def _write(ax: Axes, text: str, tags: Tensor, wrong: Tensor) -> None:
    """Write a piece of code, each character in the colour of its tag, wrong ones underlined."""
    row = column = 0
    for character, tag, is_wrong in zip(text, tags.tolist(), wrong.tolist(), strict=True):
        if is_wrong:
            line: dict[str, Any] = {"color": PALETTE["f"], "lw": 1.8, "solid_capstyle": "butt"}
            ax.plot([column, column + 1], [-row - 0.42] * 2, **line)
        if not character.isspace():
            look: dict[str, Any] = {"family": "monospace", "fontsize": 8.5}
            look |= {"ha": "center", "va": "center", "color": _TAG_COLOURS[tag]}
            ax.text(column + 0.5, -row, character, **look)
        row, column = (row + 1, 0) if character == "\n" else (row, column + 1)
    ax.set(xlim=(-0.5, 55), ylim=(-row - 0.8, 1))
    ax.axis("off")
