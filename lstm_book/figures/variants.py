"""Figures of the chapter on variants: gates removed, coupled, normalised."""

from collections.abc import Mapping
from functools import partial

from torch import Tensor

from lstm_book.cells import LSTMState
from lstm_book.figures import page
from lstm_book.plotting import (
    MUTED,
    PALETTE,
    ThemedFigure,
    draw_heatmap,
    draw_history,
    label_end,
    show,
    subplots,
)

save = partial(page.save, "variants")

_KINDS = {"1997": "neutral", "plain, bias 1": "lstm", "coupled": "i"}
_VARIANTS = {
    "NFG": "f",
    "NOAF": "h",
    "NIG": "i",
    "FGR": "g",
    "V": "lstm",
    "CIFG": "neutral",
}


def growth(largest: Mapping[str, Tensor]) -> ThemedFigure:
    """Draw the largest memory of each kind of cell over time, (T, seeds) by name."""
    fig, ax = subplots(height=3.2)
    for name, values in largest.items():
        draw_history(ax, values, label=name, colour=_KINDS[name])
    ax.set(xscale="log", yscale="log", xlabel="step", ylabel="largest |c|")
    ends = {name: values[-1].median().item() for name, values in largest.items()}
    return show(
        fig,
        alt=f"The memory of 1997 grows all the time, to {ends['1997']:.0f}. The plain LSTM levels "
        f"off near {ends['plain, bias 1']:.1f}, and the coupled one stays below one, at "
        f"{ends['coupled']:.2f}.",
    )


def timer(seeing: LSTMState, blind: LSTMState) -> ThemedFigure:
    """Draw memory and output of a timer with peepholes and without, (T, 1, 1) each."""
    fig, (top, bottom) = subplots(2, 1, height=4.2, sharex=True)
    steps = range(1, len(seeing.c) + 1)
    for states, line, words in ((seeing, "-", "peepholes"), (blind, (0, (3, 2)), "without")):
        for ax, values, colour in ((top, states.c, "c"), (bottom, states.h, "h")):
            ax.plot(steps, values.flatten(), color=PALETTE[colour], ls=line)
            shift = 0.12 if ax is bottom and states is seeing else 0.0
            label_end(ax, len(steps), values[-1].item() + shift, words, colour)
    top.axhline(1, color=MUTED, lw=0.8)
    top.set(ylabel="memory $c_t$")
    bottom.set(xlabel="step", ylabel="shown, $h_t$", ylim=(-0.15, 0.9))
    return show(
        fig,
        alt="Above, a sawtooth: the memory climbs to one and starts again every twenty steps. "
        "Without peepholes it climbs on in a straight line. Below, a spike at each tip of the "
        "sawtooth; without peepholes the line stays at zero.",
    )


def left_over(left: Mapping[str, Tensor]) -> ThemedFigure:
    """Draw how much of a different start is left over time, (T, seeds) by variant."""
    fig, ax = subplots(height=3.8)
    for name, colour in _VARIANTS.items():
        middle = left[name].median(dim=1).values
        middle = middle[: int((middle > 1e-8).sum())]
        ax.plot(range(1, len(middle) + 1), middle, color=PALETTE[colour])
        label_end(ax, len(middle), middle[-1].item(), name, colour)
    ax.set(yscale="log", xlabel="step", ylabel="difference left", xlim=(0, 222))
    ends = (f"{name} {left[name][-1].median().item():.0e}" for name in _VARIANTS)
    return show(
        fig,
        alt="Six curves that start near one. Without a forget gate the difference grows. In the "
        "others it falls, slowest without an input gate or an output activation, and at once in "
        f"the coupled cell. After {len(left['V'])} steps: {', '.join(ends)}.",
    )


def masks(drawn: Mapping[str, Tensor]) -> ThemedFigure:
    """Draw dropout masks, (T, H), by what they are drawn anew for."""
    fig, axes = subplots(len(drawn), 1, height=4.4, sharex=True)
    for ax, (resample, mask) in zip(axes, drawn.items(), strict=True):
        draw_heatmap(ax, mask / mask.max(), label="kept", colourbar=False)
        ax.set_title(f'resample="{resample}"')
    axes[0].set_xlabel("")
    return show(
        fig,
        alt="Above, horizontal stripes: a unit is dropped at all steps or at none. Below, a "
        "pattern without order.",
    )
