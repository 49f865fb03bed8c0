"""Curves and bars: gradients against lag, gates over time, what a cell is made of."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from lstm_book.checks import check_type
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
_SIGNALS = ("i", "f", "g", "o", "c", "h", "x")
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


def draw_gradient_flow(ax: Axes, flow_h: Any, flow_c: Any = None) -> Axes:
    """Draw the norms of ∂L/∂h_t and ∂L/∂c_t over the sequence, on a logarithmic axis.

    Of sequences of different lengths, each step shows those that have it.

    Args:
        ax: The axes.
        flow_h: (T,) or (T, B), the norm of ∂L/∂h_t for t = 1 … T; NaN beyond a sequence's end.
        flow_c: The same for c_t; None for an RNN, which has none.

    Raises:
        ValueError: If a shape is wrong, or a norm is negative.
        FloatingPointError: If a norm is NaN within a sequence.
    """
    check_axes(ax)
    h = _norms(flow_h, "flow_h")
    steps = np.arange(1, len(h) + 1, dtype=float)
    _log_curve(ax, steps, h, r"$\partial L/\partial h_t$", PALETTE["h"])
    if flow_c is not None:
        c = _norms(flow_c, "flow_c")
        require_same_length(flow_h=h, flow_c=c)
        _log_curve(ax, steps, c, r"$\partial L/\partial c_t$", PALETTE["c"])
    ax.set(xlabel="step t", ylabel="gradient norm")
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
        ax.axhline(score, color=MUTED, ls=(0, (3, 2)), lw=1.3)
        label_end(ax, steps[-1], score, name, MUTED)
    ax.set(xlabel="epoch")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return ax


def draw_gates(ax: Axes, gates: Any, *, only: Iterable[str] | None = None) -> Axes:
    """Draw the gates of one unit over time, each in its colour, with its name beside it.

    A value that is NaN, as a recording is beyond a sequence's end, is a gap in its curve.

    Args:
        ax: The axes.
        gates: A mapping or NamedTuple from names (i, f, g, o; c, h and x work too) to (T,).
        only: The names to draw, if not all.

    Raises:
        ValueError: If a name is unknown, the lengths differ, or a gate is nothing but NaN.
    """
    check_axes(ax)
    named: Mapping[str, Any] = gates._asdict() if hasattr(gates, "_asdict") else gates
    names = list(named) if only is None else list(only)
    if not names or any(name not in named or name not in _SIGNALS for name in names):
        raise ValueError(f"expected gates among i, f, g, o, c, h, x, got {names}")
    series = {name: as_array(named[name], name, "T", nan="a gap") for name in names}
    require_same_length(**series)
    for name, values in series.items():
        steps = np.arange(1, len(values) + 1)
        ax.plot(steps, values, color=PALETTE[name], ls=_DASHES.get(name, "-"))
        last = _last_drawn(values)
        label_end(ax, steps[last], values[last], f"${name}_t$", PALETTE[name])
    ax.set(xlabel="step t", ylabel="value")
    if set(names) <= {"i", "f", "o"}:
        ax.set_ylim(-0.02, 1.02)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return ax


def draw_accumulator(ax: Axes, c: Any, written: Any, f: Any, *, initial: float = 0.0) -> Axes:
    """Draw how a cell state is made: at each step, what was kept and what was written.

    Args:
        ax: The axes.
        c: (T,), the cell state of one unit; here and below, NaN beyond a sequence's end.
        written: (T,), i_t g_t.
        f: (T,), the forget gate; what was kept is f_t c_{t-1}.
        initial: c_0.

    Raises:
        ValueError: If the lengths differ, or c_t is not f_t c_{t-1} + i_t g_t.
        FloatingPointError: If a value is NaN within a sequence.
    """
    check_axes(ax)
    initial = as_number(initial, "initial")
    state, new, gate = (
        as_array(values, name, "T", nan="at the end")
        for name, values in (("c", c), ("written", written), ("f", f))
    )
    require_same_length(c=state, written=new, f=gate)
    length = int(np.isfinite(state).sum())  # beyond, there is nothing to draw
    state, new, gate = state[:length], new[:length], gate[:length]
    kept = gate * np.concatenate([[initial], state[:-1]])
    if not np.allclose(kept + new, state, rtol=1e-4, atol=1e-5):
        raise ValueError("expected c_t = f_t c_{t-1} + written_t at every step; it is not so here")
    steps = np.arange(1, len(state) + 1)
    # Bars of one sign stack; bars of opposite signs stand on either side of zero.
    base = np.where(np.sign(kept) == np.sign(new), kept, 0.0)
    ax.bar(steps, kept, color=PALETTE["f"], alpha=0.55, width=0.8, label=r"kept  $f_t\,c_{t-1}$")
    ax.bar(steps, new, bottom=base, color=PALETTE["i"], width=0.8, label=r"written  $i_t\,g_t$")
    ax.plot(steps, state, color=PALETTE["c"], marker="o", ms=3.5, label=r"sum  $c_t$")
    ax.axhline(0, color=MUTED, lw=0.8)
    ax.set(xlabel="step t", ylabel="cell state")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    _legend_above(ax, 3)
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
        ax.axvline(reference, color=MUTED, ls=(0, (3, 2)), lw=1.3)
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


def draw_singular_values(
    ax: Axes, values: Any, *, label: str = "", colour: str = "neutral"
) -> Axes:
    """Draw singular values, the largest first, with a line at 1 where growing begins.

    Args:
        ax: The axes.
        values: (N,), not negative, in any order.
        label: Written at the right end.
        colour: A palette name, or a colour.

    Raises:
        ValueError: If the shape is wrong, or a value is negative, NaN or infinite.
    """
    check_axes(ax)
    s = np.sort(_not_negative(as_array(values, "values", "N"), "values"))[::-1]
    if not np.isfinite(s).all():
        raise ValueError("expected finite singular values, got an infinite one")
    rank = np.arange(1, len(s) + 1)
    ax.axhline(1, color=MUTED, lw=1.1, ls=(0, (3, 2)))
    ax.plot(rank, s, color=colour_of(colour), marker="o", ms=3)
    if label:
        label_end(ax, rank[-1], s[-1], label, colour_of(colour))
    ax.set(xlabel="rank", ylabel="singular value")
    ax.set_ylim(bottom=0)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return ax


def _not_negative(values: Array, name: str) -> Array:
    if (values < 0).any():
        raise ValueError(f"expected {name} not negative, got a minimum of {values.min():.3g}")
    return values


def _norms(values: Any, name: str) -> Array:
    """Return norms of sequences that may end before others, (T,) or (T, B)."""
    return _not_negative(as_array(values, name, "T", "TB", nan="at the end"), name)


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
    if np.isnan(samples).any():  # where a sequence has ended, of the others
        rows = [row[~np.isnan(row)] for row in samples]
        low, middle, high = np.array([shares(row) if len(row) else [np.nan] * 3 for row in rows]).T
    else:
        low, middle, high = shares(samples, axis=1)
    log_axis(ax)
    (line,) = ax.plot(x, _drawable(middle), color=colour)
    if samples.shape[1] > 1:
        # A band that reaches down to zero is drawn to the smallest positive number it holds.
        floor = np.nanmin(_drawable(samples)) if (np.isfinite(_drawable(samples))).any() else np.nan
        band = np.isfinite(_drawable(high))
        ax.fill_between(x, np.maximum(low, floor), high, where=band, color=colour, alpha=0.2, lw=0)
    drawn = np.flatnonzero(np.isfinite(np.asarray(line.get_ydata(), dtype=float)))
    if len(drawn) == 0:
        raise ValueError("expected at least one norm that is positive and finite, got none")
    last = drawn[-1]
    if last < len(x) - 1 and not np.isnan(middle[last + 1]):
        after = middle[last + 1]
        mark = "^" if after > 1 else "v"
        words = "then overflow" if after > 1 else "then 0" if after == 0 else f"then < {_TINY}"
        ax.plot(x[last], middle[last], mark, color=colour, ms=6)
        label = f"{label} ({words})" if label else words
    if label:
        label_end(ax, x[last], middle[last], label, colour)


def _legend_above(ax: Axes, columns: int) -> None:
    ax.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=columns,
        columnspacing=1.2,
        frameon=False,
        fontsize=9.5,
        labelcolor=INK,
        handlelength=1.2,
        borderaxespad=0.2,
    )
