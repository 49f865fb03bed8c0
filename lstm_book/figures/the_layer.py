"""Figures of the chapter "From the cell to the layer"."""

from functools import partial

from matplotlib.patches import FancyBboxPatch

from lstm_book.figures import page
from lstm_book.plotting import MUTED, PALETTE, ThemedFigure, draw_unrolled, show, subplots

save = partial(page.save, "the_layer")


def unrolled() -> ThemedFigure:
    """Draw one cell at each of four steps, with the state that goes from step to step."""
    fig, ax = subplots(height=2.4)
    draw_unrolled(ax, 4, kind="lstm")
    return show(
        fig,
        alt="Four equal boxes in a row. Each takes an input from below and hands an output up. Two "
        "arrows go from each box to the next: the hidden and the cell state.",
    )


def output_and_h_n(layers: int = 3, steps: int = 6) -> ThemedFigure:
    """Draw the hidden states of a stack, and which of them are `output` and which are `h_n`."""
    fig, ax = subplots(height=2.6)
    for t in range(steps):
        for k in range(layers):
            in_output, in_h_n = k == layers - 1, t == steps - 1
            kind = PALETTE["h"] if in_output else PALETTE["c"]
            colour = kind if in_output or in_h_n else MUTED
            ax.add_patch(_box(t, k, 0.14, PALETTE["c"] if in_h_n else colour, colour != MUTED))
            if in_output and in_h_n:
                ax.add_patch(_box(t, k, 0.22, PALETTE["h"], True))
        ax.text(t + 0.5, -0.12, f"{t}", ha="center", va="center", color=MUTED)
    for k in range(layers):
        ax.text(-0.2, k + 0.5, f"layer {k}", ha="right", va="center", color=MUTED)
    ax.text(-0.2, -0.12, "step", ha="right", va="center", color=MUTED)
    look = {"va": "center", "fontsize": 12}
    top = layers + 0.25
    ax.text(steps / 2, top, "output", ha="center", color=PALETTE["h"], **look)
    ax.text(steps + 0.15, layers / 2, "h_n", ha="left", color=PALETTE["c"], **look)
    ax.set(xlim=(-1.3, steps + 0.9), ylim=(-0.4, layers + 0.5))
    ax.axis("off")
    return show(
        fig,
        alt=f"A grid of boxes, {layers} layers high and {steps} steps long. The top row is framed "
        "and called output, the last column is framed in another colour and called h_n. The box in "
        "the corner belongs to both.",
    )


def _box(t: int, layer: int, inset: float, colour: str, strong: bool) -> FancyBboxPatch:
    """Return the frame of one hidden state, so far inside its place in the grid."""
    low, side = inset + 0.06, 1 - 2 * inset
    return FancyBboxPatch(
        (t + inset, layer + low),
        side,
        side - 0.12,
        boxstyle="round,pad=0.02,rounding_size=0.07",
        fill=False,
        ec=colour,
        lw=2.4 if strong else 1.1,
    )
