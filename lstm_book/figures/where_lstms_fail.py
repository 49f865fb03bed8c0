"""Figures of the chapter "Where LSTMs fail, and when not to use one today"."""

from collections.abc import Mapping, Sequence
from functools import partial

from torch import Tensor

from lstm_book.figures import page
from lstm_book.plotting import (
    INK,
    MUTED,
    PALETTE,
    ThemedFigure,
    draw_dots,
    draw_threshold,
    show,
    subplots,
)

save = partial(page.save, "where_lstms_fail")


def first_weights(solved: Mapping[float, Mapping[int, Sequence[bool]]]) -> ThemedFigure:
    """Draw how many seeds learned parity: a column for each scale, a row for each number of bits.

    Args:
        solved: By the scale of the first weights and by bits, whether each seed learned it.
    """
    fig, ax = subplots(height=3.4)
    bits = list(next(iter(solved.values())))
    for column, rows in enumerate(solved.values()):
        for row, seeds in enumerate(rows.values()):
            for n, learned in enumerate(sorted(seeds, reverse=True)):
                x = column + 0.11 * (n - (len(seeds) - 1) / 2)
                fill = PALETTE["lstm"] if learned else "none"
                edge = PALETTE["lstm"] if learned else MUTED
                ax.plot(x, row, "o", ms=6, mfc=fill, mec=edge, mew=1.1)
    ax.set_xticks(range(len(solved)), [f"× {scale:g}" for scale in solved])
    ax.set_yticks(range(len(bits)), [str(n) for n in bits])
    ax.set(xlim=(-0.5, len(solved) - 0.5), ylim=(len(bits) - 0.5, -0.5))
    ax.set(xlabel="first weights, times PyTorch's", ylabel="bits")
    reached = (
        f"times {scale:g}, all seeds up to {max(n for n in rows if all(rows[n]))} bits and some up "
        f"to {max(n for n in rows if any(rows[n]))}"
        for scale, rows in solved.items()
    )
    return show(
        fig,
        alt="A grid of dots, filled where a seed learned parity. With first weights "
        f"{'; '.join(reached)}.",
    )


def ladder(rows: Mapping[str, Sequence[float]]) -> ThemedFigure:
    """Draw right answers on parity, in red where a row's name begins with "straight".

    Args:
        rows: By name, the share of right answers of each seed.
    """
    fig, ax = subplots(height=2.9)
    colours = ["rnn" if name.startswith("straight") else "lstm" for name in rows]
    draw_dots(ax, rows, colours=colours)
    draw_threshold(ax, 0.5, axis="x")
    ax.text(0.507, 0.5, "a coin", color=MUTED, va="center")
    ax.set(xlabel="right answers", xlim=(0.45, 1.02))
    told = (f"{name}: {page.span(values)}" for name, values in rows.items())
    return show(fig, alt=f"Rows of dots, one for each seed. {'; '.join(told)}.")


def counting(
    count: Tensor, answers: Mapping[str, Sequence[Tensor]], trained: float
) -> ThemedFigure:
    """Draw answers against the right count, a panel for each kind of layer.

    Args:
        count: The right answers, (T,).
        answers: By layer, the answers of each seed, (T,).
        trained: The mean count at the end of what was seen in training.
    """
    fig, axes = subplots(1, len(answers), height=3.0, sharey=True)
    colours = {"LSTM": "lstm", "GRU": "g", "counters": "c"}
    for ax, (name, runs) in zip(axes, answers.items(), strict=True):
        ax.axvspan(0.9, trained, color=MUTED, alpha=0.15, lw=0)
        ax.plot([1, 600], [1, 600], color=INK, ls=(0, (3, 3)), lw=0.9)
        for said in runs:
            ax.plot(count, said.clamp(min=0.5), color=PALETTE[colours[name]], lw=1.2, alpha=0.8)
        ax.set(xscale="log", yscale="log", xlim=(0.9, 600), ylim=(0.6, 700), title=name)
    axes[0].set_ylabel("answer")
    axes[1].set_xlabel("ones so far")
    last = (f"{name} {page.span([r[-1] for r in runs], '.0f')}" for name, runs in answers.items())
    return show(
        fig,
        alt="Three panels, five curves each. All follow the diagonal as far as they were trained. "
        "LSTMs and GRUs then bend and stay flat, the counters stay on it. Answers where "
        f"{int(count[-1])} is right: {', '.join(last)}.",
    )
