"""Figures of the chapter "Decoding"."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from lstm_book.figures import page
from lstm_book.models import BeamSearch
from lstm_book.plotting import INK, MUTED, PALETTE, SURFACE, ThemedFigure, show, subplots

save = partial(page.save, "decoding")


def tree(
    search: BeamSearch, question: str, letter: Callable[[int], str], least: float = 0.01
) -> ThemedFigure:
    """Draw the beginnings that a search kept, and the best answer's way through them.

    Args:
        search: What the search kept at each step, and what it found.
        question: Written at the root.
        letter: What a token stands for.
        least: Beginnings that are less probable are left out.
    """
    best = search.hypotheses[0].tokens
    every = {one.tokens: math.exp(one.log_probability) for step in search.kept for one in step}
    kept = {tokens: p for tokens, p in every.items() if p > least}
    ends = sorted(t for t in kept if not any(other[:-1] == t for other in kept))
    height = {tokens: float(-place) for place, tokens in enumerate(ends)}
    for tokens in sorted([*kept, ()], key=len, reverse=True):
        onward = [height[other] for other in kept if other[:-1] == tokens and other]
        if onward:
            height[tokens] = sum(onward) / len(onward)
    fig, ax = subplots(height=1.0 + 0.6 * len(ends))
    for tokens, p in kept.items():
        x, y = len(tokens), height[tokens]
        on_best = best[:x] == tokens
        colour, width = (PALETTE["lstm"], 2.6) if on_best else (MUTED, 1.2)
        ax.plot([x - 1, x], [height[tokens[:-1]], y], color=colour, lw=width, zorder=1)
        ax.plot(x, y, "o", ms=21, color=SURFACE, mec=colour, mew=width)
        places: dict[str, Any] = {"ha": "center", "va": "center", "color": colour, "fontsize": 12}
        ax.text(x, y, letter(tokens[-1]).replace("$", r"\$"), **places)
        below: dict[str, Any] = {"xytext": (0, -20), "textcoords": "offset points", "ha": "center"}
        ax.annotate(f"{p:.2f}", (x, y), color=colour, fontsize=9.5, **below)
    ax.text(-0.1, height[()], question, ha="right", va="center", color=INK)
    ax.set(xlim=(-1.3, 5.4), ylim=(1 - len(ends) - 0.6, 0.5))
    ax.axis("off")
    found = ", ".join(
        f"{''.join(letter(token) for token in one.tokens)} with {math.exp(one.log_probability):.2f}"
        for one in search.hypotheses[:3]
    )
    return show(
        fig,
        alt=f"A tree of beginnings of answers to {question}. It ends in {found}. The way to the "
        "first is drawn bold.",
    )
