"""Figures of the chapter "Why gradients vanish, and explode"."""

from collections.abc import Mapping, Sequence
from functools import partial

import torch
from torch import Tensor

from lstm_book.figures import page
from lstm_book.plotting import (
    INK,
    MUTED,
    PALETTE,
    SlidingFigure,
    ThemedFigure,
    draw_lag,
    show,
    slide,
    subplots,
)

save = partial(page.save, "vanishing")


def default(norms: Tensor, bound: Tensor) -> ThemedFigure:
    """Draw norms by lag and network, (L, N), and the bound by lag, (L,)."""
    fig, ax = subplots()
    draw_lag(ax, norms, label="RNN", colour="rnn", bound=bound)
    ax.text(60, 1e5, "bound", color=PALETTE["rnn"], ha="right", va="bottom")
    ax.set(xlim=(0, 112), ylabel="norm of the Jacobian", ylim=(1e-27, 1e9))
    return show(
        fig,
        alt=f"On a logarithmic axis the bound rises to about {bound[-1]:.0e} at lag "
        f"{len(bound) - 1}, while the measured norm falls along a straight line to about "
        f"{norms[-1].median():.0e}.",
    )


def rate(by_gain: Mapping[float, Sequence[float]], rule: Mapping[float, float]) -> ThemedFigure:
    """Draw the factor per step of every network, and the rule of thumb, against the gain."""
    gains = list(by_gain)
    vanishes = max(gain for gain, rates in by_gain.items() if max(rates) < 1)
    explodes = min(gain for gain, rates in by_gain.items() if min(rates) > 1)
    fig, ax = subplots(height=3.2)
    ax.axhline(1, color=MUTED, lw=1.1)
    ax.plot(gains, gains, color=PALETTE["rnn"], ls=(0, (3, 2)), lw=1.3)
    ax.plot(gains, list(rule.values()), color=INK, ls=(0, (1, 1.2)), lw=1.5)
    for gain, rates in by_gain.items():
        dots = {"color": PALETTE["rnn"], "ms": 4, "alpha": 0.5, "mew": 0}
        ax.plot([gain] * len(rates), rates, "o", **dots)
    ax.text(1.72, 1.92, "bound", color=PALETTE["rnn"], ha="right")
    ax.text(3.98, 1.06, "explodes", color=MUTED, ha="right")
    ax.text(3.98, 0.86, "vanishes", color=MUTED, ha="right")
    ax.text(2.6, 1.52, "rule of thumb", color=INK, ha="right")
    ax.set(xlabel="gain (every singular value of U)", ylabel="factor per step")
    ax.set(ylim=(0, 2.2), xlim=(0, 4.1))
    return show(
        fig,
        alt="The measured rates follow the bound closely for small gains and then bend away below "
        f"it, crossing 1 between gains {vanishes} and {explodes}. The rule of thumb lies on the "
        "dots.",
    )


def gains(norms: Mapping[float, Tensor]) -> SlidingFigure:
    """Draw norms by lag and network, (L, N), and the bound, with a slider for the gain."""
    lags = torch.arange(len(next(iter(norms.values()))), dtype=torch.float64)
    fig, ax = subplots(height=3.2)
    ax.axhline(1, color=MUTED, lw=0.8)
    runs = [
        ax.plot(lags, lags, color=PALETTE["rnn"], lw=1, alpha=0.45)[0]
        for _ in range(next(iter(norms.values())).shape[1])
    ]
    (bound,) = ax.plot(lags, lags, color=PALETTE["rnn"], ls=(0, (3, 2)), lw=1.3)
    words = ax.text(2, 3e-10, "", color=INK)
    ax.set(yscale="log", xlim=(0, lags[-1]), ylim=(1e-10, 1e10))
    ax.set(xlabel="lag", ylabel="norm of the Jacobian")

    def update(gain: float) -> None:
        for line, values in zip(runs, norms[gain].T, strict=True):
            line.set_ydata(values.clamp(min=1e-30))
        bound.set_ydata((gain**lags).clamp(1e-30, 1e30))
        words.set_text(f"median at lag {len(lags) - 1}: {norms[gain][-1].median():.0e}")

    ends = {gain: f"{float(found[-1].median()):.0e}" for gain, found in norms.items()}
    return slide(
        fig,
        update,
        list(norms),
        start=1.0,
        label="Gain of U",
        alt="The norm of every network against the lag on a logarithmic axis, and its bound, for "
        "the gain that the slider sets. Medians at the last lag: "
        + ", ".join(f"{end} at gain {gain:g}" for gain, end in ends.items())
        + ".",
    )


def skew(norms: Tensor, sigma: float, radius: float) -> ThemedFigure:
    """Draw the norm of powers of one matrix, (L,), between its two singular bounds."""
    lags = torch.arange(len(norms), dtype=torch.float64)
    fig, ax = subplots()
    draw_lag(ax, norms, label="norm", colour="rnn")
    ax.plot(lags, sigma**lags, color=PALETTE["rnn"], ls=(0, (3, 2)), lw=1.3)
    ax.plot(lags, radius**lags, color=INK, ls=(0, (1, 1.2)), lw=1.5)
    ax.text(10, 300, "upper bound", color=PALETTE["rnn"])
    ax.text(16, 0.006, "lower bound", color=INK, ha="center")
    ax.set(ylim=(1e-4, 1e3), xlim=(0, 90), ylabel="norm of the Jacobian")
    peak = int(norms.argmax())
    return show(
        fig,
        alt=f"The norm rises to {norms[peak]:.1f} at lag {peak} and then falls. It stays between "
        "the powers of the largest singular value above it and the powers of the spectral radius "
        "below it.",
    )
