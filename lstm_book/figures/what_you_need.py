"""Figures of the chapter "What you need"."""

import math
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
    show,
    slide,
    subplots,
)

save = partial(page.save, "what_you_need")


def paths() -> ThemedFigure:
    """Draw one value that is used twice."""
    fig, ax = subplots(height=1.9)
    spots = {"x": (0, 0), "u": (4, 1), "v": (4, -1), "z": (8, 0)}
    names = {"x": "$x$", "u": "$u(x)$", "v": "$v(x)$", "z": "$z$"}
    colours = {"x": PALETTE["x"], "u": INK, "v": MUTED, "z": INK}
    for name in "uv":
        for start, end in (("x", name), (name, "z")):
            ax.annotate(
                "",
                spots[end],
                spots[start],
                arrowprops={
                    "arrowstyle": "-|>",
                    "color": colours[name],
                    "lw": 2,
                    "mutation_scale": 14,
                    "shrinkA": 14,
                    "shrinkB": 14,
                },
            )
    centred = {"ha": "center", "va": "center", "fontsize": 12}
    for name, (px, py) in spots.items():
        ax.text(px, py, names[name], color=colours[name], **centred)
    for name, y in (("u", 0.62), ("v", -0.72)):
        term = (
            rf"$\dfrac{{\partial z}}{{\partial {name}}}\,\dfrac{{\partial {name}}}{{\partial x}}$"
        )
        ax.text(9.0, y, term, color=colours[name], va="center", fontsize=12)
    ax.text(9.75, -0.03, "+", **centred)
    ax.set(xlim=(-0.8, 11), ylim=(-1.5, 1.5))
    ax.axis("off")
    return show(
        fig,
        alt="A graph: x feeds u and v, and both feed z. The derivative of z with respect to x is "
        "the product along the upper road plus the product along the lower road.",
    )


def stretch(M: Tensor) -> ThemedFigure:
    """Draw the unit circle and its image under a 2 × 2 matrix."""
    left, singular, _ = torch.linalg.svd(M)
    angle = torch.linspace(0, 2 * math.pi, 200, dtype=M.dtype)
    circle = torch.stack([angle.cos(), angle.sin()])
    fig, ax = subplots(height=3.2)
    ax.plot(*circle, color=MUTED, lw=1.4)
    ax.plot(*(M @ circle), color=INK)
    for k, name in ((0, r"$\sigma_{\max}$"), (1, r"$\sigma_{\min}$")):
        x, y = (left[:, k] * singular[k] * torch.sign(left[0, k])).tolist()
        arrow = {"arrowstyle": "-|>", "color": INK, "lw": 1.8, "shrinkA": 0, "shrinkB": 0}
        ax.annotate("", (x, y), (0, 0), arrowprops=arrow)
        ax.annotate(
            f"{name} = {singular[k]:.2f}",
            (x, y),
            xytext=(8, 4) if k == 0 else (-4, -28),
            ha="left" if k == 0 else "center",
            textcoords="offset points",
            color=INK,
        )
    ax.set(aspect="equal", xlim=(-1.7, 2.6), ylim=(-1.2, 1.2))
    ax.grid(False)
    ax.axis("off")
    return show(
        fig,
        alt="A circle of radius 1 and a tilted ellipse. The ellipse is longer than the circle in "
        f"one direction, {singular[0]:.2f}, and much shorter in the other, {singular[1]:.2f}.",
    )


def powers() -> SlidingFigure:
    """Draw powers of a number on a logarithmic axis, with a slider for the number."""
    steps = torch.arange(101, dtype=torch.float64)
    fig, ax = subplots()
    ax.axhline(1, color=MUTED, lw=0.8)
    (line,) = ax.plot(steps, steps, color=INK)
    words = ax.text(98, 2e8, "", color=INK, ha="right", va="top")
    ax.set(yscale="log", xlim=(0, 100), ylim=(1e-12, 1e9))
    ax.set(xlabel="number of factors", ylabel="product")

    def update(base: float) -> None:
        line.set_ydata((base**steps).clamp(1e-16, 1e12))
        words.set_text(f"{base:g} to the power of 100 is {base**100:.2g}")

    bases = [0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.995, 1.0]
    bases += [1.005, 1.01, 1.02, 1.05, 1.1, 1.15, 1.2]
    return slide(
        fig,
        update,
        bases,
        start=0.9,
        label="The number",
        alt="A straight line on a logarithmic axis, for the number that the slider sets: after 100 "
        f"factors 1.1 has grown to {1.1**100:.0f}, 1 is still 1, 0.99 is at {0.99**100:.2f}, 0.9 "
        f"at {0.9**100:.0e}.",
    )
