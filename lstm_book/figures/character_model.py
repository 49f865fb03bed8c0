"""Figures of the chapter on a character model."""

from collections.abc import Mapping, Sequence
from functools import partial

from torch import Tensor

from lstm_book.figures import page
from lstm_book.plotting import (
    INK,
    MUTED,
    PALETTE,
    ThemedFigure,
    draw_history,
    draw_text,
    label_end,
    show,
    subplots,
    text_height,
)

save = partial(page.save, "characters")

_COUNTED = PALETTE["g"]  # the n-gram's colour


def learning(curves: Tensor, peers: Mapping[str, float]) -> ThemedFigure:
    """Draw bits per character by epoch, (seed, epoch), and those of models that count."""
    fig, ax = subplots(height=3.2)
    draw_history(ax, curves.T, label="LSTM", colour="lstm")
    epochs, middle = curves.shape[1], curves.median(0).values
    told = []
    for name, bits in peers.items():
        ax.axhline(bits, color=_COUNTED, ls=(0, (3, 2)), lw=1.4)
        ax.text(epochs, bits + 0.02, name, color=_COUNTED, ha="right", va="bottom")
        told.append(f"{name}'s line in epoch {int((middle < bits).nonzero()[0]) + 1}")
    ax.set(ylabel="bits per character")
    return show(
        fig,
        alt="The LSTM's curve falls steeply at first and then slowly. It passes "
        f"{', '.join(told)} of {epochs}.",
    )


def reach(gaps: Mapping[int, Sequence[Tensor]]) -> ThemedFigure:
    """Draw what a short view costs.

    Args:
        gaps: For each number of characters seen, three values of every prediction:
            the divergence in bits, the size of the difference in price, the difference itself.
    """
    fig, ax = subplots(height=3.2)
    windows = list(gaps)
    said = []
    for place, (name, colour, marker) in enumerate(
        (
            ("divergence", PALETTE["lstm"], "o"),
            ("size of the difference", INK, "s"),
            ("mean difference", PALETTE["g"], "D"),
        )
    ):
        values = [float(found[place].mean()) for found in gaps.values()]
        ax.plot(windows, values, f"{marker}-", color=colour, ms=4)
        label_end(ax, windows[-1], values[-1], name, colour)
        said.append(f"{name} {values[0]:.2f} to {values[-1]:.3f}")
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_xticks(windows, [str(k) for k in windows])
    ax.minorticks_off()
    ax.set(xlabel="characters seen", ylabel="bits")
    return show(fig, alt=f"Three falling curves on a logarithmic axis: {'; '.join(said)}.")


def passage(text: str, gain: Tensor) -> ThemedFigure:
    """Draw a text with each character shaded by who paid less for it.

    Args:
        text: The text, of T characters.
        gain: By how many bits the LSTM was the cheaper one, (T,).
    """
    fig, ax = subplots(height=text_height(text))
    draw_text(ax, text, gain, vmin=-4, vmax=4, positive="lstm", negative="g")
    return show(
        fig,
        alt="A passage of the test text, its characters shaded in two colours. The LSTM's are "
        "mostly at the beginning of a line or a word, the n-gram's mostly inside words.",
    )


def where(gaps: Mapping[str, tuple[float, float, float]], *groups: Sequence[str]) -> ThemedFigure:
    """Draw by how many bits the LSTM is cheaper, for kinds of characters.

    Args:
        gaps: For each kind its share of the text, the mean difference and two standard errors.
        groups: The kinds of each panel.
    """
    fig, panels = subplots(len(groups), height=4.8, sharex=True)
    for ax, names in zip(panels, groups, strict=True):
        ax.axvline(0, color=MUTED, lw=1)
        for row, name in enumerate(names):
            _, mean, error = gaps[name]
            colour = PALETTE["lstm"] if mean > 0 else _COUNTED
            ax.errorbar(mean, row, xerr=error, fmt="o", color=colour, ms=5, lw=1.6)
        ax.set_yticks(range(len(names)), [f"{name} ({gaps[name][0]:.0%})" for name in names])
        ax.set(ylim=(len(names) - 0.5, -0.5))
        ax.grid(False, axis="y")
    panels[-1].set_xlabel("bits that the n-gram pays more")
    listed = "; ".join(f"{name} {gap[1]:+.2f}" for name, gap in gaps.items())
    return show(fig, alt=f"Dots with error bars, right of zero where the LSTM is better. {listed}.")


def entropy(
    heats: Sequence[float], writing: Tensor, reading: Sequence[float], most: float
) -> ThemedFigure:
    """Draw the bits of choice by temperature.

    Args:
        heats: The temperatures.
        writing: While the model reads what it writes, (temperature, sample).
        reading: While it reads the test text.
        most: Of the uniform choice.
    """
    fig, ax = subplots(height=3.2)
    middle = writing.median(1).values
    ax.axhline(most, color=MUTED, ls=(0, (1.2, 1)), lw=1.2)
    low, high = writing.amin(1), writing.amax(1)
    ax.fill_between(heats, low, high, color=PALETTE["lstm"], alpha=0.2, lw=0)
    ax.plot(heats, middle, "o-", color=PALETTE["lstm"], ms=4)
    ax.plot(heats, reading, color=PALETTE["lstm"], ls=(0, (3, 2)), lw=1.4)
    label_end(ax, heats[-1], float(middle[-1]), "writing", "lstm")
    label_end(ax, heats[-1], reading[-1], "reading", "lstm")
    ax.set(xlabel="temperature", ylabel="bits of choice", ylim=(0, None))
    return show(
        fig,
        alt="Both curves rise with the temperature. Below 1 they lie close together; above it, the "
        f"writing model has more choice: at {heats[-1]:g}, {middle[-1]:.1f} against "
        f"{reading[-1]:.1f} bits.",
    )
