"""Curves and bars: gradients against lag, gates over time, what a cell is made of."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import cycle
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from lstm_book.checks import check_choice, check_type, check_whole
from lstm_book.plotting._common import (
    Array,
    as_array,
    as_number,
    check_axes,
    label_end,
    log_axis,
    number,
    require_same_length,
)
from lstm_book.plotting.style import INK, MUTED, PALETTE, colour_of

_TINY = 1e-300  # below, the margin of a logarithmic axis would leave the range of floats
_OTHERS = ("lstm", "rnn", "neutral")  # colours of gates that no LSTM has
_DASHES = {"i": "-", "f": "-", "g": (0, (4, 1.2)), "o": (0, (1.2, 1))}


def draw_lag(
    ax: Axes,
    norms: Any,
    *,
    label: str = "",
    colour: str = "neutral",
    bound: Any = None,
    x: Any = None,
) -> Axes:
    """Draw gradient norms against the lag, on a logarithmic axis.

    Several samples become their median and a band from the 10th to the 90th percentile. What a
    logarithmic axis cannot show is said: a curve that reaches zero or infinity stops there, with
    a mark.

    Args:
        ax: The axes.
        norms: (L,) or (L, B), not negative; row k belongs to lag k.
        label: Written at the right end of the curve.
        colour: A palette name, or a colour.
        bound: (L,), a bound on the norms, drawn dashed.
        x: (L,), the lags, if they are not 0, 1, 2, …

    Raises:
        ValueError: If a shape is wrong, or a norm is negative or NaN.
    """
    check_axes(ax)
    values = _not_negative(as_array(norms, "norms", "L", "LB"), "norms")
    lags = np.arange(len(values), dtype=float) if x is None else as_array(x, "x", "L")
    require_same_length(norms=values, x=lags)
    _log_curve(ax, lags, values, label, colour_of(colour))
    if bound is not None:
        limit = _not_negative(as_array(bound, "bound", "L"), "bound")
        require_same_length(norms=values, bound=limit)
        ax.plot(lags, _drawable(limit), color=colour_of(colour), ls=(0, (3, 2)), lw=1.3)
    ax.set(xlabel="lag (steps back)", ylabel="gradient norm")
    return ax


def draw_history(
    ax: Axes,
    values: Any,
    *,
    label: str = "",
    colour: str = "lstm",
    x: Any = None,
    baselines: Mapping[str, float] | None = None,
) -> Axes:
    """Draw a quantity over training, with what knowing nothing would score.

    Several runs become their median and a band from the lowest to the highest.

    Args:
        ax: The axes; set ``ylabel`` to say what is drawn.
        values: (E,) or (E, R), finite: one row per epoch or step, one column per run.
        label: Written at the right end of the curve.
        colour: A palette name, or a colour.
        x: (E,), the epochs or steps, if they are not 1, 2, 3, …
        baselines: Scores to beat, by name, drawn as dashed lines.

    Raises:
        TypeError: If the axes are none, or the baselines no mapping.
        ValueError: If a shape is wrong or a value is not finite.
    """
    check_axes(ax)
    if baselines is not None:
        check_type("baselines", baselines, Mapping, "scores by name")
    runs = as_array(values, "values", "E", "ER")
    if not np.isfinite(runs).all():
        raise ValueError("expected finite values, got an infinite one")
    steps = as_array(np.arange(1.0, len(runs) + 1) if x is None else x, "x", "E")
    require_same_length(values=runs, x=steps)
    runs = runs.reshape(len(runs), -1)
    middle = np.median(runs, axis=1)
    ax.plot(steps, middle, color=colour_of(colour))
    if runs.shape[1] > 1:
        ax.fill_between(steps, runs.min(1), runs.max(1), color=colour_of(colour), alpha=0.2, lw=0)
    if label:
        label_end(ax, steps[-1], middle[-1], label, colour_of(colour))
    for name, score in (baselines or {}).items():
        score = as_number(score, "a baseline")
        draw_threshold(ax, score)
        label_end(ax, steps[-1], score, name, MUTED)
    ax.set(xlabel="epoch")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return ax


def draw_gates(
    ax: Axes,
    gates: Any,
    *,
    only: Iterable[str] | None = None,
    unit: int = 0,
    sequence: int = 0,
) -> Axes:
    """Draw the gates of one unit of any cell over time, with their names beside them.

    The LSTM's i, f, g and o, its states c and h and the input x have their own colours; other
    names, as a GRU's r, z and n, take turns. A value that is NaN, as a recording is beyond a
    sequence's end, is a gap in its curve.

    Args:
        ax: The axes.
        gates: A mapping or NamedTuple from names to (T,), or a
            :class:`lstm_book.recording.Trace`.
        only: The names to draw, if not all; of a trace also its states, "c" and "h".
        unit: Of a trace, the unit that is drawn, from 0.
        sequence: Of a trace, the sequence of the batch, from 0.

    Raises:
        TypeError: If the gates are none of these.
        ValueError: If a name is unknown, the lengths differ, a gate is nothing but NaN, or there is
            no such unit or sequence.
    """
    check_axes(ax)
    if hasattr(gates, "gate_values"):
        gates = _of_unit(gates, only, unit, sequence)
    named = gates._asdict() if hasattr(gates, "_asdict") else gates
    check_type("gates", named, Mapping, "values by name, or a Trace")
    names = list(named) if only is None else list(only)
    if not names or any(name not in named for name in names):
        raise ValueError(f"expected gates among {', '.join(map(str, named))}, got {names}")
    series = {name: as_array(named[name], name, "T", nan="a gap") for name in names}
    require_same_length(**series)
    others = cycle(_OTHERS)
    for name, values in series.items():
        steps = np.arange(1, len(values) + 1)
        colour = PALETTE[name if name in PALETTE else next(others)]
        ax.plot(steps, values, color=colour, ls=_DASHES.get(name, "-"))
        last = _last_drawn(values)
        label_end(ax, steps[last], values[last], f"${name}_t$", colour)
    ax.set(xlabel="step t", ylabel="value")
    if set(names) <= {"i", "f", "o", "r", "z"}:
        ax.set_ylim(-0.02, 1.02)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return ax


def _of_unit(trace: Any, only: Iterable[str] | None, unit: int, sequence: int) -> dict[str, Any]:
    """Return what one unit of a trace did in one sequence, by name."""
    found = dict(trace.gate_values())
    B, H = next(iter(found.values())).shape[1:]
    check_whole("unit", unit, 0, H - 1)
    check_whole("sequence", sequence, 0, B - 1)
    found |= {name: getattr(trace, name) for name in only or () if hasattr(trace, name)}
    return {name: values[:, sequence, unit] for name, values in found.items()}


def draw_threshold(ax: Axes, value: float, *, axis: Literal["x", "y"] = "y") -> Axes:
    """Draw a dashed line at what knowing nothing scores, or another value to compare with.

    Args:
        ax: The axes.
        value: Where the line stands.
        axis: Which axis it is a value of: of y the line lies, of x it stands.

    Raises:
        ValueError: If the value is not finite, or there is no such axis.
    """
    check_axes(ax)
    line = {"x": ax.axvline, "y": ax.axhline}[check_choice("axis", axis, ("x", "y"))]
    line(as_number(value, "value"), color=MUTED, ls=(0, (3, 2)), lw=1.3)
    return ax


def draw_dots(
    ax: Axes,
    rows: Mapping[str, Any],
    *,
    colours: Sequence[str] | str = "neutral",
    medians: bool = False,
    **style: Any,
) -> Axes:
    """Draw what every seed gave as a dot, one row for each case, the first on top.

    Args:
        ax: The axes.
        rows: By the name of a case, its values, (S,), finite.
        colours: One palette name or colour, or one for each row.
        medians: Whether to draw a bar at each row's median.
        **style: How a dot looks, as Matplotlib's ``plot`` takes it.

    Raises:
        TypeError: If the rows are no mapping.
        ValueError: If there are none, not as many colours as rows, or a value is not finite.
    """
    check_axes(ax)
    check_type("rows", rows, Mapping, "values by name")
    fills = [colours] * len(rows) if isinstance(colours, str) else list(colours)
    if not rows or len(fills) != len(rows):
        raise ValueError(f"expected as many colours as rows, got {len(fills)} and {len(rows)}")
    for row, ((name, values), fill) in enumerate(zip(rows.items(), fills, strict=True)):
        dots = as_array(values, f"row {name!r}", "S")
        if not np.isfinite(dots).all():
            raise ValueError(f"expected finite values, got {dots.tolist()}")
        look = {"color": colour_of(fill), "ms": 6, "alpha": 0.75, **style}
        ax.plot(dots, [row] * len(dots), "o", **look)
        if medians:
            ax.plot([np.median(dots)] * 2, [row - 0.3, row + 0.3], color=INK, lw=1.6)
    ax.set_yticks(range(len(rows)), list(rows))
    ax.set_ylim(len(rows) - 0.5, -0.5)
    return ax


def draw_bars(
    ax: Axes,
    names: Sequence[str],
    values: Any,
    *,
    colours: Sequence[str] | str = "neutral",
    reference: float | None = None,
    reference_label: str = "",
    fmt: str = "{:.3g}",
) -> Axes:
    """Draw horizontal bars, the first on top, each with its number.

    Args:
        ax: The axes.
        names: K names.
        values: (K,), finite.
        colours: One palette name or colour, or K of them.
        reference: A value to compare with, drawn as a dashed line.
        reference_label: What that value is.
        fmt: How a number is written.

    Raises:
        ValueError: If there are not as many names or colours as values, or one is infinite.
    """
    check_axes(ax)
    lengths = as_array(values, "values", "K")
    fills = [colours] * len(lengths) if isinstance(colours, str) else list(colours)
    if not len(names) == len(lengths) == len(fills):
        raise ValueError(
            f"expected as many names and colours as values, got {len(names)} names, "
            f"{len(fills)} colours, {len(lengths)} values"
        )
    if not np.isfinite(lengths).all():
        raise ValueError(f"expected finite values, got {lengths.tolist()}")
    bars = ax.barh(list(names), lengths, color=[colour_of(fill) for fill in fills], height=0.7)
    ax.bar_label(bars, [number(v, fmt) for v in lengths], padding=3, fontsize=9.5)
    ax.invert_yaxis()
    ax.grid(False, axis="y")
    ax.margins(x=0.12)
    if reference is not None:
        reference = as_number(reference, "reference")
        draw_threshold(ax, reference, axis="x")
        ax.annotate(
            reference_label,
            (reference, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            va="bottom",
            color=MUTED,
            fontsize=9.5,
        )
    return ax


def draw_half_life(
    ax: Axes,
    biases: Any,
    half_life: Any,
    *,
    label: str = "",
    colour: str = "f",
    targets: Sequence[float] = (100, 1_000, 10_000),
) -> Axes:
    """Draw the half-life of the direct path against the forget bias, on a logarithmic axis.

    Args:
        ax: The axes.
        biases: (K,), ascending.
        half_life: (K,), in steps, positive.
        label: Written at the right end of the curve.
        colour: A palette name, or a colour.
        targets: Half-lives to mark, in steps; a mark stands where the curve passes it.

    Raises:
        ValueError: If the lengths differ, the biases do not ascend, or a half-life is not
            positive.
    """
    check_axes(ax)
    b, steps = as_array(biases, "biases", "K"), as_array(half_life, "half_life", "K")
    require_same_length(biases=b, half_life=steps)
    if (np.diff(b) <= 0).any() or (steps <= 0).any():
        raise ValueError("expected ascending biases and positive half-lives")
    ax.plot(b, _drawable(steps), color=colour_of(colour))
    if label:
        last = _last_drawn(_drawable(steps))
        label_end(ax, b[last], steps[last], label, colour_of(colour))
    for target in targets:
        if steps.min() <= target <= steps.max() and (np.diff(steps) > 0).all():
            at = float(np.interp(np.log(target), np.log(steps), b))
            ax.plot(at, target, "o", color=colour_of(colour), ms=5)
            ax.annotate(
                f"{target:,.0f} steps: {at:.2f}".replace(",", " "),
                (at, target),
                xytext=(-8, 3),
                textcoords="offset points",
                ha="right",
                fontsize=9.5,
            )
    log_axis(ax)
    ax.set(xlabel="forget bias", ylabel="half-life (steps)")
    return ax


def _not_negative(values: Array, name: str) -> Array:
    if (values < 0).any():
        raise ValueError(f"expected {name} not negative, got a minimum of {values.min():.3g}")
    return values


def _last_drawn(values: Array) -> int:
    """Return the index of the last value that is finite.

    Raises:
        ValueError: If none is.
    """
    drawn = np.flatnonzero(np.isfinite(values))
    if len(drawn) == 0:
        raise ValueError("expected at least one finite value, got none")
    return int(drawn[-1])


def _drawable(values: Array) -> Array:
    """Replace what a logarithmic axis has no place for by a gap."""
    return np.where((values > _TINY) & np.isfinite(values), values, np.nan)


def _log_curve(ax: Axes, x: Array, values: Array, label: str, colour: str) -> None:
    """Draw the median of (L,) or (L, B), its spread, its name, and where it leaves the axis."""
    samples = values.reshape(len(values), -1)
    # "inverted_cdf" picks one of the samples: no interpolation between a number and infinity.
    shares: Any = partial(np.percentile, q=[10, 50, 90], method="inverted_cdf")
    low, middle, high = shares(samples, axis=1)
    log_axis(ax)
    (line,) = ax.plot(x, _drawable(middle), color=colour)
    if samples.shape[1] > 1:
        # A band that reaches down to zero is drawn to the smallest positive number it holds.
        floor = np.nanmin(_drawable(samples)) if np.isfinite(_drawable(samples)).any() else np.nan
        band = np.isfinite(_drawable(high))
        ax.fill_between(x, np.maximum(low, floor), high, where=band, color=colour, alpha=0.2, lw=0)
    drawn = np.flatnonzero(np.isfinite(np.asarray(line.get_ydata(), dtype=float)))
    if len(drawn) == 0:
        raise ValueError("expected at least one norm that is positive and finite, got none")
    last = drawn[-1]
    if last < len(x) - 1:
        after = middle[last + 1]
        mark = "^" if after > 1 else "v"
        words = "then overflow" if after > 1 else "then 0" if after == 0 else f"then < {_TINY}"
        ax.plot(x[last], middle[last], mark, color=colour, ms=6)
        label = f"{label} ({words})" if label else words
    if label:
        label_end(ax, x[last], middle[last], label, colour)
