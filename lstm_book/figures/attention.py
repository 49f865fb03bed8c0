"""Figures of the chapter "Attention"."""

from collections.abc import Mapping, Sequence
from functools import partial

from torch import Tensor

from lstm_book.figures import page
from lstm_book.figures.seq2seq import arrow, box
from lstm_book.plotting import (
    INK,
    MUTED,
    PALETTE,
    ThemedFigure,
    colour_of,
    draw_dots,
    draw_heatmap,
    draw_history,
    draw_threshold,
    show,
    subplots,
)

save = partial(page.save, "attention")


def scheme() -> ThemedFigure:
    """Draw one step of a decoder with attention, on "7+21", while it writes the 9 of 19."""
    fig, ax = subplots(height=3.5)
    places, weights = [0.0, 1.1, 2.2, 3.3], [0.72, 0.06, 0.17, 0.05]
    mix, state, out = (1.65, 2.1), (5.2, 0.0), (5.2, 3.3)
    for k, (x, weight) in enumerate(zip(places, weights, strict=True)):
        box(ax, x, INK)
        ax.text(x, 0, f"$m_{k + 1}$", ha="center", va="center")
        arrow(ax, (x, -0.9), (x, -0.36))
        ax.text(x, -1.1, "7+21"[k], ha="center", va="center", fontsize=12)
        arrow(ax, (x, 0.36), (mix[0] + 0.12 * (k - 1.5), 1.72), INK, 0.7 + 6 * weight)
        side, at = ("right", x - 0.12) if k < 2 else ("left", x + 0.12)
        ax.text(at, 0.62, f"{weight:.2f}", ha=side, color=INK, fontsize=9.5)
        if k:
            arrow(ax, (places[k - 1] + 0.36, 0), (x - 0.36, 0))
    arrow(ax, (places[-1] + 0.36, 0), (3.95, 0), PALETTE["c"], 2.4)
    for x in (4.3, state[0]):
        box(ax, x, PALETTE["lstm"])
    ax.text(state[0], 0, "$h_t$", ha="center", va="center", color=PALETTE["lstm"])
    arrow(ax, (4.66, 0), (state[0] - 0.36, 0))
    for x, seen in ((4.3, "$"), (state[0], "1")):
        arrow(ax, (x, -0.9), (x, -0.36))
        ax.text(
            x, -1.1, rf"\{seen}" if seen == "$" else seen, ha="center", va="center", fontsize=12
        )
    ax.text(*mix, "$z_t$", ha="center", va="center", color=INK, fontsize=12)
    arrow(ax, (mix[0] + 0.35, mix[1] + 0.1), (out[0] - 0.4, out[1] - 0.08), INK, 1.6)
    arrow(ax, (state[0], 0.36), (out[0], out[1] - 0.36), PALETTE["lstm"], 1.6)
    box(ax, out[0], INK, out[1])
    arrow(ax, (out[0] + 0.36, out[1]), (6.1, out[1]))
    ax.text(6.25, out[1], "9", va="center", fontsize=12)
    words = {"ha": "left", "va": "center", "fontsize": 9.5}
    corner = state[0] + 0.22
    way = [corner, corner, places[0] + 0.2], [-0.36, -1.5, -1.5]
    ax.plot(*way, color=PALETTE["lstm"], lw=1.1, ls=(0, (3, 2)))
    for x in places:
        arrow(ax, (x + 0.2, -1.5), (x + 0.2, -0.36), PALETTE["lstm"], 0.9)
    told = "compared with each state: the weights"
    ax.text(2.6, -1.95, told, color=PALETTE["lstm"], ha="center", fontsize=9.5)
    ax.text(1.95, 3.1, "the mixture\nis joined to it", color=INK, **words)
    ax.set(xlim=(-0.8, 7.2), ylim=(-2.2, 3.8))
    ax.axis("off")
    return show(
        fig,
        alt="Four encoder states in a row, over the characters 7, plus, 2, 1. Arrows of different "
        "widths lead from them to a mixture; the widest comes from the first. The mixture and the "
        "decoder's state go together into the read-out, which writes 9.",
    )


def lengths(whole: Mapping[str, Tensor], trained: int) -> ThemedFigure:
    """Draw how many sequences are repeated without a mistake, against their length.

    Args:
        whole: In percent, (length, seed), by the model's name.
        trained: The longest length in training.
    """
    fig, ax = subplots(height=3.0)
    look = {"attention": (INK, 18.4, 60), "no attention": ("lstm", 12.6, 28)}
    said = []
    for name, shares in whole.items():
        colour, x, y = look[name]
        draw_history(ax, shares, colour=colour)
        ax.text(x, y, name, color=colour_of(colour), ha="left" if name == "attention" else "right")
        half = int((shares.median(1).values >= 50).sum())
        said.append(f"{name}: half of the sequences survive up to {half} digits")
    draw_threshold(ax, trained + 0.5, axis="x")
    ax.text(trained + 0.2, 3, "trained", color=MUTED, ha="right")
    ax.set(xlabel="digits", ylabel="without a mistake, %", ylim=(-3, 104))
    return show(
        fig,
        alt=f"Two curves fall. {'; '.join(said)}. The dashed line marks {trained} digits, the "
        "longest in training; the curve with attention drops just beyond it.",
    )


def alignment(weights: Tensor, trained: int) -> ThemedFigure:
    """Draw where a decoder looks while it repeats digits, (T, S)."""
    fig, ax = subplots(height=3.7)
    draw_heatmap(ax, weights, label="attention")
    limit = {"color": "#fefefe", "ls": (0, (3, 2)), "lw": 1.2}  # white in both themes
    ax.axvline(trained + 0.5, **limit)
    ax.axhline(trained + 0.5, **limit)
    ax.set(xlabel="character written", ylabel="digit read")
    return show(
        fig,
        alt="A bright diagonal: digit by digit, the decoder looks at the one that it writes. Near "
        "the dashed lines the diagonal blurs and bends, and the writing ends too early.",
    )


def orders(wrong: Mapping[str, Sequence[float]]) -> ThemedFigure:
    """Draw the share of wrong sums of every seed, in percent, with attention and without."""
    fig, ax = subplots(height=2.2)
    draw_dots(ax, wrong, colours=[INK if "," in name else "lstm" for name in wrong], ms=7)
    ax.grid(False, axis="y")
    ax.set(xlabel="wrong answers, %", xlim=(0, None))
    ranges = (f"{name} {page.span(shares)} percent" for name, shares in wrong.items())
    return show(fig, alt=f"One dot a seed, four rows. Wrong answers: {'; '.join(ranges)}.")
