"""Figures of the chapter on two directions."""

from collections.abc import Mapping, Sequence
from functools import partial

from matplotlib.patches import FancyBboxPatch

from lstm_book.figures import page
from lstm_book.plotting import (
    INK,
    MUTED,
    PALETTE,
    SURFACE,
    ThemedFigure,
    draw_dots,
    show,
    subplots,
)

save = partial(page.save, "bidirectional")


def layout(steps: int = 6, framed: int = 3) -> ThemedFigure:
    """Draw both directions of a layer over time: what is one step of `output`, and what `h_n`.

    Args:
        steps: How many steps there are.
        framed: Which of them has its frame named.
    """
    fig, ax = subplots(height=2.4)
    ways = ((1, PALETTE["h"], steps - 1), (0, INK, 0))
    for t in range(steps):
        for place, colour, last in ways:
            end = t == last
            ax.add_patch(
                FancyBboxPatch(
                    (t + 0.22, place + 0.22),
                    0.56,
                    0.56,
                    boxstyle="round,pad=0.02,rounding_size=0.08",
                    fc=colour if end else "none",
                    ec=colour,
                    lw=1.6,
                )
            )
            look = {"ha": "center", "va": "center", "color": SURFACE if end else MUTED}
            ax.text(t + 0.5, place + 0.5, f"{t}", **look)
        ax.add_patch(
            FancyBboxPatch(
                (t + 0.1, 0.08),
                0.8,
                1.84,
                boxstyle="round,pad=0.02,rounding_size=0.08",
                fc="none",
                ec=INK if t == framed else MUTED,
                lw=1.6 if t == framed else 0.7,
            )
        )
    for t in range(steps - 1):
        for row, colour, start, end_x in (
            (1.5, PALETTE["h"], t + 0.82, t + 1.2),
            (0.5, INK, t + 1.18, t + 0.8),
        ):
            arrow = {"arrowstyle": "-|>", "color": colour, "lw": 1.3, "shrinkA": 0, "shrinkB": 0}
            ax.annotate("", (end_x, row), (start, row), arrowprops=arrow)
    words: tuple[tuple[float, float, str, str, str], ...] = (
        (framed + 0.5, 2.25, f"output[{framed}]", INK, "center"),
        (steps + 0.05, 1.5, "h_n[0]", PALETTE["h"], "left"),
        (-0.05, 0.5, "h_n[1]", INK, "right"),
        (1, 2.25, "forward", PALETTE["h"], "center"),
        (steps - 1, -0.25, "backward", INK, "center"),
    )
    for x, y, text, colour, side in words:
        ax.text(x, y, text, ha=side, va="center", color=colour)
    ax.set(xlim=(-1.1, steps + 1.1), ylim=(-0.5, 2.5))
    ax.axis("off")
    return show(
        fig,
        alt=f"Two rows of {steps} boxes. Arrows run to the right in the forward row and to the "
        "left in the backward row. A frame around one column is called output at that step. The "
        "last forward box and the first backward box are filled and called h_n.",
    )


def losses(runs: Mapping[str, Mapping[str, Sequence[Sequence[float]]]]) -> ThemedFigure:
    """Draw the loss of every update by task and reader, the mean over the seeds, in tens."""
    fig, axes = subplots(1, len(runs), height=2.7, sharey=True)
    lines = {"one": "-", "two": (0, (3, 2)), "half": (0, (1, 1.5))}
    ends = []
    for ax, (task, readers) in zip(axes, runs.items(), strict=True):
        for (name, curves), line in zip(readers.items(), lines.values(), strict=True):
            means = [sum(step) / len(step) for step in zip(*curves, strict=True)]
            tens = [sum(means[k : k + 10]) / 10 for k in range(0, len(means) - 9, 10)]
            colour = INK if "two" in name else PALETTE["h"]
            ax.plot(range(5, 10 * len(tens), 10), tens, color=colour, ls=line, lw=1.4, label=name)
            ends.append(f"{task}, {name}, {tens[-1]:.2f}")
        ax.set(xlabel="updates", title=task, ylim=(0, None))
    axes[0].set_ylabel("loss (nats)")
    axes[0].legend(loc="center right", fontsize=8)
    return show(fig, alt=f"Falling curves. They end at: {'; '.join(ends)}.")


def equal_size(
    scores: Mapping[str, Mapping[str, Sequence[float]]], most: Mapping[str, float]
) -> ThemedFigure:
    """Draw the share of right tags by task and reader, a dot for each seed.

    Args:
        scores: By task and reader, the shares.
        most: By task, the share that no reader of the past can pass, where there is one.
    """
    fig, axes = subplots(len(scores), 1, height=3.8, sharex=True)
    told = []
    for ax, (task, readers) in zip(axes, scores.items(), strict=True):
        colours = [INK if "two" in name else PALETTE["h"] for name in readers]
        draw_dots(ax, readers, colours=colours)
        ax.set_title(task)
        if task in most:
            ax.axvline(most[task], color=MUTED, ls=(0, (3, 2)), lw=1.3)
        told += [f"{task}, {name}, {page.span(found)}" for name, found in readers.items()]
    axes[-1].set(xlabel="share of right tags")
    return show(fig, alt=f"Rows of dots. Shares of right tags: {'; '.join(told)}.")
