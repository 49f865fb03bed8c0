"""Draw functions put the given numbers into the figure, and say what they expected instead."""

from collections import namedtuple

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from numpy.testing import assert_allclose, assert_array_equal

from lstm_book.plotting import (
    PALETTE,
    draw_bars,
    draw_dots,
    draw_gates,
    draw_half_life,
    draw_heatmap,
    draw_history,
    draw_jacobian,
    draw_lag,
    draw_threshold,
    show,
    subplots,
)
from lstm_book.recording import record

rng = np.random.default_rng(0)


@pytest.fixture
def ax():
    fig, axes = subplots()
    yield axes
    show(fig, alt="whatever was drawn can be rendered")


def texts(ax):
    return [t.get_text() for t in ax.texts]


# --- norms against the lag


def test_lag_draws_the_norms(ax):
    norms = 0.9 ** np.arange(12)
    assert draw_lag(ax, norms, label="RNN", colour="rnn", bound=2 * norms) is ax
    curve, bound = ax.lines
    assert_array_equal(curve.get_xdata(), np.arange(12))
    assert_allclose(curve.get_ydata(), norms)
    assert_allclose(bound.get_ydata(), 2 * norms)
    assert to_hex(curve.get_color()) == to_hex(bound.get_color()) == PALETTE["rnn"]
    assert ax.get_yscale() == "log"
    assert texts(ax) == ["RNN"]


def test_lag_draws_median_and_band(ax):
    norms = rng.random((5, 11)) + 0.1
    draw_lag(ax, norms)
    assert_allclose(ax.lines[0].get_ydata(), np.sort(norms, axis=1)[:, 5])
    (band,) = ax.collections
    vertices = band.get_paths()[0].vertices
    assert vertices[:, 1].min() == pytest.approx(np.sort(norms, axis=1)[:, 1].min())
    assert vertices[:, 1].max() == pytest.approx(np.sort(norms, axis=1)[:, 9].max())


def test_lag_says_where_a_norm_reaches_zero(ax):
    norms = 0.5 ** np.arange(8)
    norms[5:] = 0
    draw_lag(ax, norms, label="RNN")
    assert_array_equal(np.isnan(ax.lines[0].get_ydata()), [False] * 5 + [True] * 3)
    assert texts(ax) == ["RNN (then 0)"]
    mark = ax.lines[1]
    assert (mark.get_xdata()[0], mark.get_ydata()[0]) == (4, norms[4])


def test_lag_says_where_a_norm_overflows(ax):
    draw_lag(ax, [1.0, 1e200, np.inf], label="RNN")
    assert texts(ax) == ["RNN (then overflow)"]


def test_lag_does_not_call_zero_what_is_only_small(ax):
    draw_lag(ax, [1.0, 1e-310, 0.0], label="RNN")
    assert texts(ax) == ["RNN (then < 1e-300)"]


def test_lag_survives_underflow_in_some_samples(ax):
    norms = np.outer(0.1 ** np.arange(330.0), [1.0, 0.5, 1e-3])
    draw_lag(ax, norms)
    assert (norms == 0).any()
    assert ax.get_ylim()[0] > 0


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.6, 1.0, ["0.6", "0.7", "0.8", "0.9", "1"]),
        (0.02, 1.5, ["0.03", "0.1", "0.3", "1"]),
        (0.0025, 0.31, ["0.003", "0.01", "0.03", "0.1", "0.3"]),
        (0.0005, 0.2, ["0.001", "0.01", "0.1"]),
        (1e-9, 1.0, ["10^{-8}", "10^{-6}", "10^{-4}", "10^{-2}", "10^{0}"]),
        (1e-316, 1e68, ["10^{-300}", "10^{-200}", "10^{-100}", "10^{0}"]),
    ],
)
def test_lag_axis_has_few_and_plain_numbers(ax, low, high, expected):
    draw_lag(ax, [1.0, 1.0])
    ax.set_ylim(low, high)
    ax.figure.draw_without_rendering()
    ticks = [*ax.yaxis.get_majorticklabels(), *ax.yaxis.get_minorticklabels()]
    places = {t.get_position()[1]: t.get_text().replace("\\mathdefault", "") for t in ticks}
    seen = [places[y].strip("${}") for y in sorted(places) if places[y] and low <= y <= high]
    assert seen == [text.strip("{}") for text in expected]


def test_lag_takes_own_lags(ax):
    draw_lag(ax, [1, 0.5], x=[10, 20])
    assert_array_equal(ax.lines[0].get_xdata(), [10, 20])


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"norms": np.ones((2, 2, 2))}, r"norms of shape \(L,\) or \(L, B\).*\(2, 2, 2\)"),
        ({"norms": []}, r"not empty, got \(0,\)"),
        ({"norms": [1, -1]}, "not negative, got a minimum of -1"),
        ({"norms": [1, np.nan]}, "without NaN, got 1 NaN"),
        ({"norms": [0, 0]}, "at least one norm that is positive"),
        ({"norms": [1, 1], "bound": [1, 1, 1]}, r"bound \(3,\)"),
        ({"norms": [1, 1], "x": [1]}, r"x \(1,\)"),
        ({"norms": [1, 1], "colour": "elephant"}, "'elephant'"),
    ],
)
def test_lag_rejects(kwargs, message):
    _, ax = subplots()
    with pytest.raises(ValueError, match=message):
        draw_lag(ax, **kwargs)


# --- gates

Gates = namedtuple("Gates", "i f g o")


@pytest.mark.parametrize("kind", [dict, Gates])
def test_gates_draw_each_in_its_colour(ax, kind):
    gates = kind(**{name: rng.random(5) for name in "ifgo"})
    draw_gates(ax, gates)
    by_colour = {line.get_color(): line.get_ydata() for line in ax.lines}
    for name, values in (gates if kind is dict else gates._asdict()).items():
        assert_array_equal(by_colour[PALETTE[name]], values)
    assert texts(ax) == ["$i_t$", "$f_t$", "$g_t$", "$o_t$"]


def test_gates_only_some_share_the_unit_range(ax):
    draw_gates(ax, Gates(*rng.random((4, 5)) * 0.1), only="fi")
    assert texts(ax) == ["$f_t$", "$i_t$"]
    assert ax.get_ylim() == (-0.02, 1.02)


@pytest.mark.parametrize(
    ("gates", "message"),
    [
        ({}, r"got \[\]"),
        ({"i": np.ones(3), "f": np.ones(4)}, r"i \(3,\), f \(4,\)"),
        ({"i": np.ones((3, 1))}, r"i of shape \(T,\).*\(3, 1\)"),
    ],
)
def test_gates_reject(gates, message):
    _, ax = subplots()
    with pytest.raises(ValueError, match=message):
        draw_gates(ax, gates)


def test_gates_of_another_cell_have_names_and_colours_of_their_own(ax):
    draw_gates(ax, {name: rng.random(5) for name in "rzn"})
    assert texts(ax) == ["$r_t$", "$z_t$", "$n_t$"]
    assert len({line.get_color() for line in ax.lines}) == 3
    draw_gates(ax, {name: rng.random(5) for name in "rz"})
    assert ax.get_ylim() == (-0.02, 1.02)


def test_gates_that_are_not_there_are_told():
    _, ax = subplots()
    with pytest.raises(ValueError, match=r"among r, z, n, got \['f'\]"):
        draw_gates(ax, {name: np.ones(3) for name in "rzn"}, only="f")


def test_gates_accept_tensors_that_require_grad(ax):
    values = torch.tensor([0.25, 0.5], dtype=torch.bfloat16, requires_grad=True)
    draw_gates(ax, {"f": values})
    assert_array_equal(ax.lines[0].get_ydata(), [0.25, 0.5])


def test_gates_takes_one_unit_of_a_recording(ax):
    trace = record(torch.nn.LSTM(2, 3), torch.randn(5, 4, 2)).trace()
    draw_gates(ax, trace, only=["f", "c"], unit=2, sequence=3)
    f, c = (line.get_ydata() for line in ax.lines)
    assert_allclose(f, trace.f[:, 3, 2])
    assert_allclose(c, trace.c[:, 3, 2])
    with pytest.raises(ValueError, match="unit to be a whole number from 0 to 2, got 3"):
        draw_gates(ax, trace, unit=3)
    with pytest.raises(TypeError, match="values by name, or a Trace"):
        draw_gates(ax, 3)


# --- bars


def test_bars_have_their_lengths_and_numbers(ax):
    draw_bars(
        ax,
        ["RNN", "LSTM"],
        [0.25, -0.5],
        colours=["rnn", "lstm"],
        reference=0.1,
        reference_label="r",
    )
    assert [bar.get_width() for bar in ax.patches] == [0.25, -0.5]
    assert [to_hex(bar.get_facecolor()) for bar in ax.patches] == [PALETTE["rnn"], PALETTE["lstm"]]
    assert texts(ax) == ["0.25", "−0.5", "r"]
    assert ax.lines[0].get_xdata()[0] == 0.1
    top, bottom = (bar.get_window_extent().y0 for bar in ax.patches)
    assert top > bottom


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((["a"], [1, 2]), "1 names, 2 colours, 2 values"),
        ((["a", "b"], [1, np.inf]), "finite"),
        ((["a"], [[1]]), r"values of shape \(K,\)"),
    ],
)
def test_bars_reject(args, message):
    _, ax = subplots()
    with pytest.raises(ValueError, match=message):
        draw_bars(ax, *args)


# --- dots and thresholds


def test_dots_are_the_values_of_each_row(ax):
    rows = {"LSTM": [0.9, 0.7, 0.8], "RNN": torch.tensor([0.5, 0.6])}
    draw_dots(ax, rows, colours=["lstm", "rnn"], ms=4)
    for row, (line, (name, values)) in enumerate(zip(ax.lines, rows.items(), strict=True)):
        assert_allclose(line.get_xdata(), values)
        assert set(line.get_ydata()) == {row}
        assert line.get_color() == PALETTE[name.lower()]
        assert line.get_markersize() == 4
    assert [label.get_text() for label in ax.get_yticklabels()] == list(rows)
    assert ax.get_ylim() == (1.5, -0.5)  # the first on top


def test_dots_have_bars_at_their_medians(ax):
    draw_dots(ax, {"LSTM": [0.9, 0.7, 0.1]}, medians=True)
    assert_allclose(ax.lines[1].get_xdata(), [0.7, 0.7])


@pytest.mark.parametrize(
    ("rows", "colours", "message"),
    [
        ({}, "lstm", "as many colours as rows, got 0 and 0"),
        ({"a": [1.0]}, ["lstm", "rnn"], "got 2 and 1"),
        ({"a": [np.inf]}, "lstm", "finite values"),
        ({"a": [np.nan]}, "lstm", "row 'a' without NaN"),
    ],
)
def test_dots_reject(rows, colours, message):
    _, ax = subplots()
    with pytest.raises(ValueError, match=message):
        draw_dots(ax, rows, colours=colours)


@pytest.mark.parametrize(("axis", "ends"), [("y", ([0, 1], [3, 3])), ("x", ([3, 3], [0, 1]))])
def test_a_threshold_lies_or_stands(ax, axis, ends):
    draw_threshold(ax, 3, axis=axis)
    (line,) = ax.lines
    assert_array_equal((line.get_xdata(), line.get_ydata()), ends)
    assert line.is_dashed()


def test_threshold_rejects_another_axis():
    _, ax = subplots()
    with pytest.raises(ValueError, match="'x', 'y', got 'z'"):
        draw_threshold(ax, 1, axis="z")


# --- half-life, history


def test_half_life_marks_the_targets(ax):
    biases = np.linspace(0, 12, 200)
    half_life = np.log(2) / np.log1p(np.exp(-biases))
    draw_half_life(ax, biases, half_life, targets=(100, 1_000, 10**9))
    assert_allclose(ax.lines[0].get_ydata(), half_life)
    assert len(ax.lines) == 3, "a target that the curve does not reach has no mark"
    # f = 2^(-1/100), and the bias is its logit.
    exact = np.log(1 / (2 ** (1 / 100) - 1))
    assert ax.lines[1].get_xdata()[0] == pytest.approx(exact, abs=1e-3)
    assert texts(ax) == ["100 steps: 4.97", "1 000 steps: 7.27"]


@pytest.mark.parametrize("args", [([1, 0], [1, 2]), ([0, 1], [0, 1]), ([0, 1], [1])])
def test_half_life_rejects(args):
    _, ax = subplots()
    with pytest.raises(ValueError, match="expected"):
        draw_half_life(ax, *args)


def test_history_draws_runs_and_baselines(ax):
    runs = rng.random((4, 3))
    draw_history(ax, runs, label="LSTM", baselines={"chance": 0.69})
    curve, baseline = ax.lines
    assert_allclose(curve.get_ydata(), np.median(runs, axis=1))
    assert_array_equal(curve.get_xdata(), [1, 2, 3, 4])
    assert_array_equal(baseline.get_ydata(), [0.69, 0.69])
    vertices = ax.collections[0].get_paths()[0].vertices
    assert vertices[:, 1].max() == runs.max()
    assert texts(ax) == ["LSTM", "chance"]


@pytest.mark.parametrize(("values", "x"), [([1, np.inf], None), ([1, 2], [1]), (1.0, None)])
def test_history_rejects(values, x):
    _, ax = subplots()
    with pytest.raises(ValueError, match="expected"):
        draw_history(ax, values, x=x)


# --- images


def test_heatmap_has_time_to_the_right_and_units_upwards(ax):
    values = rng.random((7, 3))
    draw_heatmap(ax, values, label="forget gate")
    (image,) = ax.images
    assert_array_equal(image.get_array(), values.T)
    assert image.origin == "lower"
    assert image.get_extent() == [0.5, 7.5, 0.5, 3.5]
    assert image.get_clim() == (0, 1)
    bar = ax.figure.axes[1]
    assert bar.get_ylabel() == "forget gate"
    assert bar.get_ylim() == (0, 1)


def test_signed_heatmap_has_the_page_for_zero(ax):
    draw_heatmap(ax, [[-2.0, 0.0, 2.0]], vmin=-2, vmax=2, colourbar=False)
    (image,) = ax.images
    low, zero, high = image.to_rgba(np.array([-2.0, 0.0, 2.0]))
    assert zero[3] == 0
    assert low[3] == high[3] == 1
    # Opacity grows evenly with the magnitude, the same on both sides.
    quarter = image.to_rgba(np.array([-0.5, 0.5]))[:, 3]
    assert_allclose(quarter, 0.25, atol=0.01)
    assert len(ax.figure.axes) == 1


@pytest.mark.parametrize(
    ("values", "kwargs"), [(np.ones(3), {}), (np.ones((2, 2)), {"vmin": 1.0, "vmax": 1.0})]
)
def test_heatmap_rejects(values, kwargs):
    _, ax = subplots()
    with pytest.raises(ValueError, match="expected"):
        draw_heatmap(ax, values, **kwargs)


def test_jacobian_names_its_blocks_where_they_are(ax):
    J = rng.normal(size=(6, 6))
    draw_jacobian(ax, J)
    (image,) = ax.images
    assert_array_equal(image.get_array(), J)
    assert image.get_clim() == (-np.abs(J).max(), np.abs(J).max())
    # Rows are outputs from the top, columns inputs from the left: hc is top right.
    assert {t.get_text(): t.xy for t in ax.texts} == {
        "hh": (3, 0),
        "hc": (6, 0),
        "ch": (3, 3),
        "cc": (6, 3),
    }
    assert ax.get_ylim() == (6, 0)


def test_jacobian_of_zeros_can_be_drawn(ax):
    draw_jacobian(ax, np.zeros((2, 2)))


@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (2, 2, 2)])
def test_jacobian_rejects(shape):
    _, ax = subplots()
    with pytest.raises(ValueError, match="expected J of shape"):
        draw_jacobian(ax, np.ones(shape))
