"""Figures of the chapter on initialisation and the forget bias."""

from collections.abc import Mapping, Sequence
from functools import partial

import torch
from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter
from torch import Tensor

from lstm_book.figures import page
from lstm_book.plotting import (
    INK,
    MUTED,
    PALETTE,
    ThemedFigure,
    draw_dots,
    draw_history,
    draw_threshold,
    show,
    subplots,
)

save = partial(page.save, "initialisation")

_BLIND = 0.75  # what the last number alone brings


def half_lives(lives: Mapping[str, Sequence[Tensor]], long: int) -> ThemedFigure:
    """Draw the half-lives of the units of fresh layers, (H,) for each seed, by their start."""
    fig, ax = subplots(height=2.9)
    medians = {}
    for row, (name, by_seed) in enumerate(lives.items()):
        every = torch.cat(list(by_seed))
        medians[name] = every.median().item()
        jitter = torch.rand(len(every), generator=page.seeded(row)) * 0.5 - 0.25
        ax.plot(every, row + jitter, ".", color=PALETTE["f"], ms=3.5, alpha=0.45)
        ax.plot([medians[name]] * 2, [row - 0.36, row + 0.36], color=INK, lw=1.6)
    ax.axvline(long, color=MUTED, ls=(0, (3, 2)), lw=1.3)
    ax.set_yticks(range(len(lives)), list(lives))
    ax.set(xscale="log", xlabel="half-life (steps)", ylim=(len(lives) - 0.4, -0.6))
    ax.xaxis.set_major_locator(FixedLocator([1, 2, 5, 10, 20, 50]))
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    ax.xaxis.set_minor_locator(NullLocator())
    said = ", ".join(f"{name} {median:.1f}" for name, median in medians.items())
    return show(
        fig,
        alt="Five rows of dots on a logarithmic axis. All but the last are narrow. Chrono spreads "
        f"from about one step to the dashed line. Medians: {said}.",
    )


def lengths(
    scores: Mapping[tuple[str, int], Sequence[float]], lengths: Sequence[int]
) -> ThemedFigure:
    """Draw the accuracies of all seeds by forget bias, one panel for each length."""
    fig, axes = subplots(2, 2, height=4.8, sharex=True, sharey=True)
    said = []
    for ax, T in zip(axes.flat, lengths, strict=True):
        rows = {f"bias {name}": found for (name, length), found in scores.items() if length == T}
        draw_dots(ax, rows, colours="f", medians=True)
        draw_threshold(ax, _BLIND, axis="x")
        ax.set_title(f"{T} steps")
        counts = (
            f"{sum(score > 0.8 for score in found)} with {name}" for name, found in rows.items()
        )
        said.append(f"{T} steps: {', '.join(counts)}")
    for ax in axes[1]:
        ax.set_xlabel("accuracy")
    return show(
        fig,
        alt=f"Four panels with four rows of dots each. Seeds of 5 past 80 %: {'; '.join(said)}.",
    )


def losses(
    runs: Mapping[str, Sequence[Sequence[float]]], colours: Mapping[str, str] | None = None
) -> ThemedFigure:
    """Draw the losses of four kinds of run on first and last, one panel each.

    Args:
        runs: By name, the loss of every update, for each seed; drawn in means of ten.
        colours: Of a name, if it is not the LSTM's.
    """
    fig, axes = subplots(2, 2, height=4.6, sharex=True, sharey=True)
    ends = []
    for ax, (name, curves) in zip(axes.flat, runs.items(), strict=True):
        found = torch.tensor(curves).view(len(curves), -1, 10).mean(-1).T
        colour = (colours or {}).get(name, "lstm")
        draw_history(ax, found, x=5 + 10 * torch.arange(len(found)), colour=colour)
        draw_threshold(ax, 0.5)
        ax.set(title=name, xlabel="", ylabel="", ylim=(0, 0.8))
        ends.append(f"{name} {found[-1].median().item():.2f}")
    for ax in axes[1]:
        ax.set_xlabel("updates")
    for ax in axes[:, 0]:
        ax.set_ylabel("loss (nats)")
    return show(
        fig,
        alt="Four panels with a falling curve each and a dashed line at 0.5. Medians at the end: "
        f"{', '.join(ends)}.",
    )


def singular_values(spectra: Mapping[str, Tensor]) -> ThemedFigure:
    """Draw sorted singular values, (H,), of the ways that are not scaled."""
    fig, ax = subplots(height=3.3)
    for way, values in spectra.items():
        if way.endswith("scaled"):
            continue
        family = way.split(",")[0]
        colour = {"default": MUTED, "Xavier": INK, "orthogonal": PALETTE["f"]}[family]
        line = "-" if way.endswith("gate") else (0, (3, 2))
        ax.plot(range(1, len(values) + 1), values, color=colour, ls=line, label=way)
    ax.legend(loc="upper right")
    ax.set(xlabel="rank", ylabel="singular value", xlim=(0, 65), ylim=(0, 2))
    said = (f"{way} {v[0]:.2f} to {v[-1]:.2f}" for way, v in spectra.items() if "scaled" not in way)
    return show(fig, alt=f"Five falling curves, one of them flat at one: {', '.join(said)}.")


def matrices(by_way: Mapping[str, Sequence[float]]) -> ThemedFigure:
    """Draw the accuracies of all seeds by how the weights were drawn."""
    fig, ax = subplots(height=4.2)
    families = {"default": MUTED, "Xavier": INK, "orthogonal": PALETTE["f"]}
    colours = [families[way.split(",")[0]] for way in by_way]
    draw_dots(ax, by_way, colours=colours, medians=True, ms=5, alpha=0.6)
    draw_threshold(ax, _BLIND, axis="x")
    ax.set(xlabel="accuracy")
    said = (f"{way} {sum(score > 0.8 for score in found)}" for way, found in by_way.items())
    return show(fig, alt=f"Eight rows of dots. Seeds past 80 %: {', '.join(said)}.")
