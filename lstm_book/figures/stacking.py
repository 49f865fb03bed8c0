"""Figures of the chapter on stacking layers."""

from collections.abc import Mapping, Sequence
from functools import partial

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch, Rectangle
from torch import Tensor

from lstm_book.figures import page
from lstm_book.plotting import (
    INK,
    MUTED,
    PALETTE,
    ThemedFigure,
    draw_dots,
    label_end,
    show,
    subplots,
)

save = partial(page.save, "stacking")

_LAYERS = ("x", "c", "o")


def dropout(masks: Sequence[Tensor], steps: int = 6) -> ThemedFigure:
    """Draw a stack over time, and what each layer hands up to the next.

    Args:
        masks: One for each gap between two layers, (T, B, H), zero where a unit is dropped. The
            first sequence is drawn.
        steps: How many steps to draw.
    """
    fig, ax = subplots(height=3.4)
    top = 2 * len(masks)
    for t in range(steps):
        for low in range(0, top + 1, 2):
            ax.add_patch(
                FancyBboxPatch(
                    (t + 0.16, low + 0.15),
                    0.68,
                    0.7,
                    boxstyle="round,pad=0.02,rounding_size=0.08",
                    fill=False,
                    ec=PALETTE["h"],
                    lw=1.6,
                )
            )
            if t < steps - 1:
                _arrow(ax, (t + 0.84, low + 0.5), (t + 1.16, low + 0.5), PALETTE["h"])
        for k, mask in enumerate(masks):
            for unit, passes in enumerate(mask[t, 0].tolist()):
                fill = INK if passes else "none"
                corner = (t + 0.12 + 0.13 * unit, 2 * k + 1.44)
                ax.add_patch(Rectangle(corner, 0.1, 0.14, fc=fill, ec=INK, lw=0.9))
            for start, end in ((0.9, 1.4), (1.64, 2.1)):
                _arrow(ax, (t + 0.5, 2 * k + start), (t + 0.5, 2 * k + end), INK)
        _arrow(ax, (t + 0.5, top + 0.9), (t + 0.5, top + 1.6), PALETTE["h"])
    look = {"ha": "right", "va": "center"}
    for k in range(len(masks) + 1):
        ax.text(-0.1, 2 * k + 0.5, f"layer {k}", color=MUTED, **look)
    for k in range(len(masks)):
        ax.text(-0.1, 2 * k + 1.5, "dropout", color=INK, **look)
    ax.text(-0.1, top + 1.35, "output", color=PALETTE["h"], **look)
    ax.set(xlim=(-1.2, steps + 0.1), ylim=(-0.1, top + 1.7))
    ax.axis("off")
    return show(
        fig,
        alt="Rows of boxes, one for each layer, joined by arrows from step to step. Between the "
        "rows, at every step, stand small squares, about half of them hollow, in another pattern "
        "at each step. Above the top row there are none.",
    )


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], colour: str) -> None:
    """Draw an arrow of the diagram."""
    look = {"arrowstyle": "-|>", "color": colour, "lw": 1.2, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", end, start, arrowprops=look)


def losses(runs: Mapping[str, Sequence[Sequence[float]]]) -> ThemedFigure:
    """Draw the loss of every update, by task, one list for each seed."""
    fig, axes = subplots(1, len(runs), height=2.5, sharey=True)
    for ax, (name, curves) in zip(axes, runs.items(), strict=True):
        for curve in curves:
            ax.plot(curve, color=PALETTE["lstm"], lw=0.9, alpha=0.6)
        ax.set(xlabel="updates", title=name, ylim=(0, None))
    axes[0].set_ylabel("loss (nats)")
    ends = "; ".join(
        f"{name} from {page.span(c[0] for c in curves)} to {page.span(c[-1] for c in curves)}"
        for name, curves in runs.items()
    )
    return show(fig, alt=f"Falling curves, one for each seed. The loss goes: {ends}.")


def emptied(left: Mapping[tuple[str, int], Sequence[float]]) -> ThemedFigure:
    """Draw the share of right tags after a layer has lost its state, a dot for each model.

    Args:
        left: The shares by task and emptied layer.
    """
    tasks = list(dict.fromkeys(task for task, _ in left))
    fig, axes = subplots(len(tasks), 1, height=3.4, sharex=True)
    told = []
    for ax, task in zip(axes, tasks, strict=True):
        rows = {f"layer {k} emptied": left[task, k] for name, k in left if name == task}
        draw_dots(ax, rows, colours=[PALETTE[_LAYERS[k]] for k in range(len(rows))], alpha=0.45)
        ax.axvline(0.5, color=MUTED, ls=(0, (3, 2)), lw=1.2)
        ax.set(title=task)
        told += [
            f"{task}, {row}, in {sum(share < 0.75 for share in shares)} of {len(shares)}"
            for row, shares in rows.items()
        ]
    axes[-1].set(xlabel="share of right tags after the loss")
    return show(
        fig,
        alt=f"Rows of dots, from one half to one. The first coin is gone: {'; '.join(told)}.",
    )


def text(before: Tensor, after: Tensor, lost: Tensor, every: Sequence[int]) -> ThemedFigure:
    """Draw half-lives by layer, and what it costs to empty one.

    Args:
        before: Quartiles of the half-lives before training, (3, seeds, layers).
        after: The same after training.
        lost: Bits lost each time that a layer is emptied, (seeds, layers, intervals).
        every: The intervals, in characters.
    """
    fig, (top, bottom) = subplots(2, 1, height=5.4)
    layout = fig.get_layout_engine()
    if layout is not None:
        layout.set(hspace=0.1)
    seeds, layers = after.shape[1:]
    for layer in range(layers):
        for quartiles, base, colour in (
            (before, 0.14, MUTED),
            (after, -0.18, PALETTE[_LAYERS[layer]]),
        ):
            for seed in range(seeds):
                low, middle, high = quartiles[:, seed, layer].tolist()
                y = layer + base + 0.05 * (seed - (seeds - 1) / 2)
                top.plot([low, high], [y, y], color=colour, lw=1.4)
                top.plot(middle, y, "o", color=colour, ms=3.5)
    top.set(xscale="log", xlabel="half-life (characters)", ylim=(-0.5, layers - 0.5))
    top.set_xticks([0.3, 1, 3, 10], ["0.3", "1", "3", "10"])
    top.minorticks_off()
    top.set_yticks(range(layers), [f"layer {layer}" for layer in range(layers)])
    top.grid(False, axis="y")
    medians = lost.median(dim=0).values.tolist()
    for layer, name in enumerate(_LAYERS[:layers]):
        low, high = lost[:, layer].amin(0).tolist(), lost[:, layer].amax(0).tolist()
        bottom.plot(every, medians[layer], color=PALETTE[name], marker="o", ms=4)
        bottom.fill_between(every, low, high, color=PALETTE[name], alpha=0.2, lw=0)
        label_end(bottom, every[-1], medians[layer][-1], f"layer {layer}", PALETTE[name])
    bottom.set(xscale="log", xlabel="emptied every … characters", ylim=(0, None))
    bottom.set_ylabel("bits lost each time")
    bottom.set_xticks(every, [str(k) for k in every])
    bottom.minorticks_off()
    lives = after[1].median(dim=0).values.tolist()
    told = ", ".join(f"{life:.1f}" for life in lives)
    worth = ", ".join(f"{row[-1]:.1f}" for row in medians)
    return show(
        fig,
        alt="Before training the units of all layers keep their content for about "
        f"{before[1].median().item():.0f} characters. Afterwards the medians are, from the lowest "
        f"layer to the highest, {told} characters. Each time that a layer is emptied, the bits "
        f"lost are {worth}, in the same order.",
    )
