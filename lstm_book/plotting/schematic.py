"""The cells as drawings: the LSTM's conveyor belt and gates, the RNN, and both unrolled."""

import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyBboxPatch, Polygon

from lstm_book.plotting._common import check_axes, number
from lstm_book.plotting.style import INK, MUTED, PALETTE, SURFACE

_DIM = 0.4

_PARTS = ("i", "f", "g", "o", "c", "h", "x")
_VALUES = ("x", "h_prev", "c_prev", "i", "f", "g", "o", "kept", "written", "c", "tanh_c", "h")


class _Pen:
    """Draws boxes, nodes and wires, and dims what is not highlighted."""

    def __init__(self, ax: Axes, highlight: Collection[str]) -> None:
        self.ax = ax
        self.highlight = highlight

    def alpha(self, parts: str) -> float:
        lit = not self.highlight or any(part in self.highlight for part in parts.split())
        return 1.0 if lit else _DIM

    def wire(
        self, points: list[tuple[float, float]], colour: str, parts: str, *, lw: float = 1.8,
        arrow: bool = False,
    ) -> None:  # fmt: skip
        alpha = self.alpha(parts)
        line = list(points)
        if arrow:
            (x0, y0), (x1, y1) = points[-2:]
            run, size = math.hypot(x1 - x0, y1 - y0), 0.16 + 0.045 * lw
            dx, dy = (x1 - x0) / run * size, (y1 - y0) / run * size
            line[-1] = (x1 - dx, y1 - dy)
            side = 0.5
            head = [(x1, y1), (x1 - dx - side * dy, y1 - dy + side * dx),
                    (x1 - dx + side * dy, y1 - dy - side * dx)]  # fmt: skip
            self.ax.add_patch(Polygon(head, fc=colour, ec="none", alpha=alpha, zorder=2))
        self.ax.plot(
            *zip(*line, strict=True), color=colour, lw=lw, alpha=alpha,
            solid_capstyle="butt", solid_joinstyle="round", zorder=2,
        )  # fmt: skip

    def box(self, x: float, y: float, w: float, h: float, colour: str, parts: str) -> None:
        shape = (x - w / 2, y - h / 2), w, h
        style = "round,pad=0,rounding_size=0.14"
        self.ax.add_patch(FancyBboxPatch(*shape, boxstyle=style, fc=SURFACE, ec="none", zorder=3))
        self.ax.add_patch(
            FancyBboxPatch(
                *shape, boxstyle=style, fc=(colour, 0.16 * self.alpha(parts)),
                ec=(colour, self.alpha(parts)), lw=1.6, zorder=3,
            )
        )  # fmt: skip

    def node(self, x: float, y: float, sign: str, colour: str, parts: str) -> None:
        self.ax.add_patch(Circle((x, y), 0.27, fc=SURFACE, ec="none", zorder=3))
        self.ax.add_patch(
            Circle((x, y), 0.27, fc="none", ec=colour, lw=1.6, alpha=self.alpha(parts), zorder=3)
        )
        self.text(x, y, sign, colour, parts, size=12)

    def text(
        self, x: float, y: float, text: str, colour: str, parts: str, *, size: float = 10,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        kwargs = {"ha": "center", "va": "center", "zorder": 4, **kwargs}
        self.ax.text(x, y, text, color=(colour, self.alpha(parts)), fontsize=size, **kwargs)


def draw_cell(
    ax: Axes,
    *,
    highlight: str | Iterable[str] | None = None,
    values: Mapping[str, float] | None = None,
    fmt: str = "{:.2f}",
) -> Axes:
    """Draw the LSTM cell: the conveyor belt c on top, the four gates below, the path of h.

    Args:
        ax: The axes; best on a figure of height 3.1.
        highlight: A part, or several, of i, f, g, o, c, h, x: all others are dimmed.
        values: Numbers of a worked example to print, by name: x, h_prev, c_prev, i, f, g, o,
            kept (f c_prev), written (i g), c, tanh_c, h. Any of them may be left out.
        fmt: How a number is written.

    Raises:
        ValueError: If a part or a name is unknown.
    """
    check_axes(ax)
    parts = set() if highlight is None else set(highlight)
    if not parts <= set(_PARTS):
        raise ValueError(f"expected highlight among {', '.join(_PARTS)}, got {highlight!r}")
    numbers = dict(values or {})
    if not set(numbers) <= set(_VALUES):
        raise ValueError(f"expected values among {', '.join(_VALUES)}, got {sorted(numbers)}")
    pen = _Pen(ax, parts)
    colour = PALETTE
    belt, bus, row, mid = 5.0, 1.45, 2.5, 3.85
    at = {"f": 2.25, "i": 3.75, "g": 5.3, "o": 6.75}
    join, out = (at["i"] + at["g"]) / 2, 8.1

    _frame(ax, 1.15, 0.55, 8.1, 5.2)
    # The belt, and what leaves it for h.
    pen.wire([(0.1, belt), (10.3, belt)], colour["c"], "c", lw=3.6, arrow=True)
    if parts & {"f"} and "c" not in parts:
        pen.wire([(0.1, belt), (at["f"], belt)], colour["c"], "f", lw=3.6)
    pen.wire([(out, belt), (out, bus), (10.3, bus)], colour["h"], "h o", arrow=True)
    # h_{t-1} and x_t feed all four gates.
    pen.wire([(0.1, bus), (at["o"], bus)], colour["h"], "i f g o h")
    pen.wire([(1.55, -0.15), (1.55, bus)], colour["x"], "i f g o x", arrow=True)
    for name, x in at.items():
        pen.wire([(x, bus), (x, row - 0.5)], INK, name, lw=1.3, arrow=True)
    # From the gates upwards.
    pen.wire([(at["f"], row), (at["f"], belt - 0.27)], colour["f"], "f", arrow=True)
    pen.wire([(at["i"], row), (at["i"], mid), (join - 0.27, mid)], colour["i"], "i", arrow=True)
    pen.wire([(at["g"], row), (at["g"], mid), (join + 0.27, mid)], colour["g"], "g", arrow=True)
    pen.wire([(join, mid + 0.27), (join, belt - 0.27)], INK, "i g", arrow=True)
    pen.wire([(at["o"], row), (at["o"], 3.15), (out - 0.27, 3.15)], colour["o"], "o", arrow=True)

    words = {"f": "forget", "i": "input", "g": "candidate", "o": "output"}
    for name, x in at.items():
        pen.box(x, row, 1.15, 1.0, colour[name], name)
        squash = "tanh" if name == "g" else "σ"
        below = number(numbers[name], fmt) if name in numbers else squash
        pen.text(x, row + 0.2, f"${name}_t$", colour[name], name, size=12)
        pen.text(x, row - 0.25, below, INK, name, size=9.5)
        pen.text(x, bus - 0.42, words[name], colour[name], name, size=9.5)
    pen.node(at["f"], belt, "×", colour["f"], "f c")
    pen.node(join, mid, "×", INK, "i g")
    pen.node(join, belt, "+", colour["c"], "c i g")
    pen.box(out, 4.1, 1.0, 0.56, colour["h"], "h o")
    pen.text(out, 4.1, "tanh", INK, "h o", size=9.5)
    pen.node(out, 3.15, "×", colour["o"], "o h")

    pen.text(0.45, belt + 0.42, r"$c_{t-1}$", colour["c"], "c f", size=11.5)
    pen.text(9.85, belt + 0.42, "$c_t$", colour["c"], "c", size=11.5)
    pen.text(0.45, bus + 0.42, r"$h_{t-1}$", colour["h"], "h i f g o", size=11.5)
    pen.text(9.85, bus + 0.42, "$h_t$", colour["h"], "h o", size=11.5)
    pen.text(1.95, -0.05, "$x_t$", colour["x"], "x i f g o", size=11.5)

    spots = {
        "c_prev": (0.1, belt - 0.42, "c f"),
        "c": (9.45, belt - 0.42, "c"),
        "h_prev": (0.1, bus - 0.42, "h i f g o"),
        "h": (9.45, bus - 0.42, "h o"),
        "x": (2.45, -0.05, "x i f g o"),
        "kept": (at["f"] + 0.55, belt + 0.35, "f c"),
        "written": (join + 0.17, (mid + belt) / 2, "i g"),
        "tanh_c": (out + 0.14, 3.62, "h o"),
    }
    for name, (x, y, owner) in spots.items():
        if name in numbers:
            pen.text(x, y, number(numbers[name], fmt), INK, owner, size=9.5, ha="left")
    _bare(ax, (0.0, 10.4), (-0.4, 5.85))
    return ax


def draw_rnn_cell(ax: Axes) -> Axes:
    """Draw the cell of a plain RNN: one tanh, and h as the only memory.

    Args:
        ax: The axes; best on a figure of height 2.2.
    """
    check_axes(ax)
    pen = _Pen(ax, ())
    colour = PALETTE
    _frame(ax, 2.2, 0.6, 6.0, 2.9)
    pen.wire([(0.3, 2.05), (10.1, 2.05)], colour["h"], "h", lw=2.4, arrow=True)
    pen.wire([(3.2, -0.2), (3.2, 2.05 - 0.27)], colour["x"], "x", lw=2.4, arrow=True)
    pen.node(3.2, 2.05, "+", INK, "h")
    pen.box(5.6, 2.05, 1.7, 1.1, colour["rnn"], "h")
    pen.text(5.6, 2.05, "tanh", INK, "h", size=11)
    pen.text(1.1, 2.5, r"$h_{t-1}$", colour["h"], "h", size=12)
    pen.text(9.3, 2.5, "$h_t$", colour["h"], "h", size=12)
    pen.text(3.65, -0.05, "$x_t$", colour["x"], "x", size=12)
    pen.text(2.72, 2.42, r"$U$", INK, "h", size=11)
    pen.text(3.55, 1.2, r"$W$", INK, "h", size=11)
    _bare(ax, (0.0, 10.4), (-0.5, 3.8))
    return ax


def draw_gru_cell(ax: Axes) -> Axes:
    """Draw the cell of a GRU, laid out as :func:`draw_cell` lays out the LSTM.

    The reset gate is drawn as in the paper :cite:p:`cho2014`, before the matrix product; PyTorch
    resets after it.

    Args:
        ax: The axes; best on a figure of height 3.1.
    """
    check_axes(ax)
    pen = _Pen(ax, ())
    colour = {**PALETTE, "z": PALETTE["f"], "r": PALETTE["neutral"], "n": PALETTE["g"]}
    belt, bus, line, row, mid = 5.0, 1.45, 0.85, 2.75, 3.95
    at = {"z": 2.4, "r": 3.95, "n": 6.9}
    reset = 5.2
    _frame(ax, 1.15, 0.55, 8.1, 5.2)
    pen.wire([(0.1, belt), (10.3, belt)], colour["h"], "h", lw=3.6, arrow=True)
    # The state of the step before feeds the gates as it is, and the candidate after its reset.
    pen.wire([(0.7, belt), (0.7, bus), (reset - 0.27, bus)], colour["h"], "h")
    for name in "zr":
        x = at[name] + 0.25
        pen.wire([(x, bus), (x, row - 0.5)], colour["h"], "h", lw=1.3, arrow=True)
    x = at["n"] + 0.25
    pen.wire([(reset + 0.27, bus), (x, bus), (x, row - 0.5)], colour["h"], "h", lw=1.3, arrow=True)
    pen.wire([(1.55, -0.15), (1.55, line), (at["n"] - 0.25, line)], colour["x"], "x")
    for x in at.values():
        pen.wire([(x - 0.25, line), (x - 0.25, row - 0.5)], colour["x"], "x", lw=1.3, arrow=True)
    to_reset = [(at["r"] + 0.5, row), (reset, row), (reset, bus + 0.27)]
    pen.wire(to_reset, colour["r"], "r", arrow=True)
    pen.wire([(at["z"], row), (at["z"], belt - 0.27)], colour["z"], "z", arrow=True)
    pen.wire([(at["z"], mid), (at["n"] - 0.27, mid)], colour["z"], "z", arrow=True)
    pen.wire([(at["n"], row), (at["n"], mid - 0.27)], colour["n"], "n", arrow=True)
    pen.wire([(at["n"], mid + 0.27), (at["n"], belt - 0.27)], INK, "n", arrow=True)
    for name, x in at.items():
        pen.box(x, row, 1.15, 1.0, colour[name], name)
        pen.text(x, row + 0.2, f"${name}_t$", colour[name], name, size=12)
        pen.text(x, row - 0.25, "tanh" if name == "n" else "σ", INK, name, size=9.5)
    pen.box(3.95, mid, 0.9, 0.56, colour["z"], "z")
    pen.text(3.95, mid, "1 −", INK, "z", size=9.5)
    pen.node(at["z"], belt, "×", colour["z"], "z")
    pen.node(at["n"], mid, "×", INK, "n")
    pen.node(at["n"], belt, "+", colour["h"], "h")
    pen.node(reset, bus, "×", colour["r"], "r")
    pen.text(0.45, belt + 0.42, r"$h_{t-1}$", colour["h"], "h", size=11.5)
    pen.text(9.85, belt + 0.42, "$h_t$", colour["h"], "h", size=11.5)
    pen.text(1.95, -0.05, "$x_t$", colour["x"], "x", size=11.5)
    _bare(ax, (0.0, 10.4), (-0.4, 5.85))
    return ax


def draw_unrolled(ax: Axes, steps: int = 4, *, kind: Literal["rnn", "lstm"] = "rnn") -> Axes:
    """Draw the same cell at each step of a sequence, with what passes from step to step.

    Args:
        ax: The axes; best on a figure of height 2.2.
        steps: How many steps to draw, 1 to 6.
        kind: ``"rnn"`` passes h on, ``"lstm"`` passes h and c on.

    Raises:
        ValueError: If ``kind`` is unknown or ``steps`` is out of range.
    """
    check_axes(ax)
    if kind not in ("rnn", "lstm"):
        raise ValueError(f"expected kind 'rnn' or 'lstm', got {kind!r}")
    if isinstance(steps, bool) or not isinstance(steps, int):
        raise TypeError(f"expected steps to be a whole number, got {type(steps).__name__}")
    if not 1 <= steps <= 6:
        raise ValueError(f"expected 1 to 6 steps, got {steps}")
    pen = _Pen(ax, ())
    colour = PALETTE
    gap = 10.4 / (steps + 0.7)
    width = min(1.5, 0.56 * gap)
    state, belt = (1.7, 2.55) if kind == "lstm" else (2.1, None)
    centres = [gap * (k + 0.85) for k in range(steps)]
    left, right = centres[0] - gap * 0.72, centres[-1] + gap * 0.72
    for a, b in zip([left, *centres], [*centres, right], strict=True):
        start = a + width / 2 if a in centres else a
        end = b - width / 2 if b in centres else b
        pen.wire([(start, state), (end, state)], colour["h"], "h", arrow=True)
        if belt is not None:
            pen.wire([(start, belt), (end, belt)], colour["c"], "c", lw=3.2, arrow=True)
    for k, x in enumerate(centres, start=1):
        pen.wire([(x, 0.25), (x, 1.2)], colour["x"], "x", arrow=True)
        pen.wire([(x, 3.0), (x, 3.85)], colour["h"], "h", arrow=True)
        pen.box(x, 2.1, width, 1.8, colour[kind], kind)
        pen.text(x, 2.1, kind.upper(), colour[kind], kind, size=9.5)
        pen.text(x, -0.1, f"$x_{k}$", colour["x"], "x", size=11.5)
        pen.text(x, 4.15, f"$h_{k}$", colour["h"], "h", size=11.5)
    pen.text(left, state - 0.4, "$h_0$", colour["h"], "h", size=11.5, ha="left")
    if belt is not None:
        pen.text(left, belt + 0.42, "$c_0$", colour["c"], "c", size=11.5, ha="left")
    _bare(ax, (0.0, 10.4), (-0.5, 4.6))
    return ax


def _frame(ax: Axes, x: float, y: float, w: float, h: float) -> None:
    style = "round,pad=0,rounding_size=0.3"
    ax.add_patch(
        FancyBboxPatch((x, y), w, h, boxstyle=style, fc=(MUTED, 0.07), ec=(MUTED, 0.5), zorder=1)
    )


def _bare(ax: Axes, xlim: tuple[float, float], ylim: tuple[float, float]) -> None:
    ax.set(xlim=xlim, ylim=ylim, aspect="equal")
    ax.axis("off")
