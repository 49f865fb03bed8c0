"""NaN is a gap where a recording has padding, or refused; a picture of it is never another one."""

import math
import warnings

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from support import label
from torch import nn

from lstm_book.plotting import (
    INK,
    draw_bars,
    draw_cell,
    draw_dots,
    draw_gates,
    draw_gru_cell,
    draw_half_life,
    draw_heatmap,
    draw_history,
    draw_jacobian,
    draw_lag,
    draw_rnn_cell,
    draw_text,
    draw_threshold,
    draw_unrolled,
    label_end,
    show,
    subplots,
    text_height,
)
from lstm_book.recording import record

T, B, D, H = 6, 3, 2, 4
LENGTHS = [4, 6, 1]


@pytest.fixture
def ax():
    return subplots()[1]


@pytest.fixture
def lstm_and_input():
    torch.manual_seed(0)
    return nn.LSTM(D, H), torch.randn(T, B, D)


def drawn(ax):
    """What is in the picture, and that it can be rendered without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        svg = show(ax.figure, alt="A test.").svg
    assert "nan" not in svg.lower()
    return svg


def test_gates_of_a_sequence_that_ends_early(ax, lstm_and_input):
    trace = record(*lstm_and_input, lengths=LENGTHS).trace()
    draw_gates(ax, {"f": trace.f[:, 0, 1], "c": trace.c[:, 0, 1]})
    for line, values, text in zip(ax.lines, (trace.f, trace.c), ax.texts, strict=True):
        assert_array_equal(line.get_ydata(), values[:, 0, 1].numpy())
        assert text.xy == (4, pytest.approx(float(values[3, 0, 1])))  # where it ends
    drawn(ax)


def test_gates_of_a_window_that_begins_before_its_sequence(ax, lstm_and_input):
    window = record(*lstm_and_input).trace().around([(1, 0)], before=3, after=2)
    draw_gates(ax, {"i": window.i[:, 0, 0]})
    assert_array_equal(np.isnan(ax.lines[0].get_ydata()), [True] * 2 + [False] * 4)
    drawn(ax)


def test_a_heatmap_of_a_sequence_that_ends_early(ax, lstm_and_input):
    trace = record(*lstm_and_input, lengths=LENGTHS).trace()
    draw_heatmap(ax, trace.f[:, 0])
    shown = ax.images[0].to_rgba(ax.images[0].get_array())
    assert shown[:, :4, 3].all()  # the colours are opaque,
    assert not shown[:, 4:, 3].any()  # and beyond the end is the page
    drawn(ax)


def test_nan_is_not_zero_where_the_page_is_zero(ax):
    draw_heatmap(ax, [[0.0, 1.0], [-1.0, math.nan]], vmin=-1, vmax=1)
    shown = ax.images[0].to_rgba(ax.images[0].get_array())
    assert shown[0, 0, 3] == 0
    red, green, blue, alpha = shown[1, 1]
    assert red == green == blue
    assert alpha > 0.2


GONE = [1.0, math.nan, 0.5]  # a value and no end
REFUSED = {
    "lag": lambda ax: draw_lag(ax, GONE),
    "lag's bound": lambda ax: draw_lag(ax, [1, 1, 1], bound=GONE),
    "history": lambda ax: draw_history(ax, GONE),
    "history's steps": lambda ax: draw_history(ax, [1, 1, 1], x=GONE),
    "baseline": lambda ax: draw_history(ax, [1, 1, 1], baselines={"chance": math.nan}),
    "gates of nothing": lambda ax: draw_gates(ax, {"f": [math.nan] * 3}),
    "bars": lambda ax: draw_bars(ax, list("abc"), GONE),
    "dots": lambda ax: draw_dots(ax, {"a": GONE}),
    "threshold": lambda ax: draw_threshold(ax, math.nan),
    "reference": lambda ax: draw_bars(ax, ["a"], [1.0], reference=math.nan),
    "half-life": lambda ax: draw_half_life(ax, [1, 2, 3], GONE),
    "no half-life": lambda ax: draw_half_life(ax, [1, 2], [math.inf, math.inf], label="all"),
    "heatmap of nothing": lambda ax: draw_heatmap(ax, [[math.nan, math.nan]]),
    "infinite heatmap": lambda ax: draw_heatmap(ax, [[1.0, math.inf]]),
    "infinite range": lambda ax: draw_heatmap(ax, [[1.0, 1.0]], vmax=math.inf),
    "Jacobian": lambda ax: draw_jacobian(ax, [[1.0, math.nan], [0.0, 1.0]]),
    "infinite Jacobian": lambda ax: draw_jacobian(ax, [[1.0, math.inf], [0.0, 1.0]]),
    "Jacobian's colours": lambda ax: draw_jacobian(ax, np.eye(2), vmax=-1.0),
    "text": lambda ax: draw_text(ax, "abc", GONE),
    "text's marks": lambda ax: draw_text(ax, "abc", [0, 0, 0], marks=GONE),
    "text's colours": lambda ax: draw_text(ax, "abc", [0, 0, 0], vmax=math.nan),
    "a name's place": lambda ax: label_end(ax, 1.0, math.nan, "name", INK),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_would_be_another_picture_is_refused(ax, case):
    with pytest.raises(ValueError, match="expected "):
        REFUSED[case](ax)


def test_an_infinite_half_life_is_a_gap_and_the_name_stands_where_the_curve_ends(ax):
    draw_half_life(ax, [1, 2, 3], [5.0, 10.0, math.inf], label="unit")
    assert ax.texts[0].xy == (2, 10.0)
    drawn(ax)


NUMBERS = ["abc", None, object(), [object()], ["a", "b"], [1 + 2j], torch.ones(3) * 1j, {}]


@pytest.mark.parametrize("values", NUMBERS, ids=label)
def test_what_is_no_array_of_numbers(ax, values):
    for draw in (draw_lag, draw_history, draw_heatmap, draw_jacobian):
        with pytest.raises((TypeError, ValueError), match="expected "):
            draw(ax, values)


AXES = {
    "lag": lambda ax: draw_lag(ax, [1.0, 0.5]),
    "history": lambda ax: draw_history(ax, [1.0]),
    "gates": lambda ax: draw_gates(ax, {"f": [1.0]}),
    "bars": lambda ax: draw_bars(ax, ["a"], [1.0]),
    "dots": lambda ax: draw_dots(ax, {"a": [1.0]}),
    "threshold": lambda ax: draw_threshold(ax, 1.0),
    "half-life": lambda ax: draw_half_life(ax, [1.0], [1.0]),
    "heatmap": lambda ax: draw_heatmap(ax, [[1.0]]),
    "jacobian": lambda ax: draw_jacobian(ax, np.eye(2)),
    "text": lambda ax: draw_text(ax, "a", [0.0]),
    "cell": draw_cell,
    "gru cell": draw_gru_cell,
    "rnn cell": draw_rnn_cell,
    "unrolled": draw_unrolled,
    "label": lambda ax: label_end(ax, 1.0, 1.0, "a", INK),
}


@pytest.mark.parametrize("case", AXES)
def test_what_can_be_drawn_on(case):
    for ax in ("a", None, 3, subplots()[0]):
        with pytest.raises(TypeError, match="expected ax to be Matplotlib axes"):
            AXES[case](ax)


@pytest.mark.parametrize("fmt", [3, "{x}", "{} {}", "{:d}"])
def test_a_format_of_one_number(ax, fmt):
    with pytest.raises(ValueError, match="expected a number and its format"):
        draw_bars(ax, ["a"], [1.5], fmt=fmt)
    with pytest.raises(ValueError, match="expected a number and its format"):
        draw_cell(ax, values={"f": 1.5}, fmt=fmt)


def test_wrong_types_are_told(ax):
    for call in (
        lambda: draw_unrolled(ax, "a"),
        lambda: draw_unrolled(ax, 2.5),
        lambda: text_height(3),
        lambda: text_height("abc", width=2.5),
        lambda: draw_text(ax, None, [1.0]),
        lambda: label_end(ax, "a", 1.0, "name", INK),
        lambda: label_end(ax, 1.0, 1.0, 3, INK),
        lambda: show("a", alt="A test."),
        lambda: show(ax.figure, alt=None),
        lambda: draw_heatmap(ax, [[1.0]], vmin="a"),
        lambda: draw_jacobian(ax, np.eye(2), vmax="a"),
        lambda: draw_history(ax, [1.0], baselines={"chance": "a"}),
    ):
        with pytest.raises(TypeError, match="expected "):
            call()
