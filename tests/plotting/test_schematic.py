"""The schematics: what is highlighted, what is printed, and that nothing is written over."""

from itertools import combinations

import pytest
from matplotlib.colors import to_rgba

from lstm_book.plotting import (
    draw_cell,
    draw_gru_cell,
    draw_rnn_cell,
    draw_unrolled,
    show,
    subplots,
)

NUMBERS = dict.fromkeys(
    ("x", "h_prev", "c_prev", "i", "f", "g", "o", "kept", "written", "c", "tanh_c", "h"), -0.25
)


def opacity(ax, text):
    (found,) = [t for t in ax.texts if t.get_text() == text]
    return to_rgba(found.get_color())[3]


def assert_no_text_overlaps(ax):
    ax.figure.draw_without_rendering()
    boxes = [(t.get_text(), t.get_window_extent()) for t in ax.texts]
    for (a, box_a), (b, box_b) in combinations(boxes, 2):
        assert not box_a.overlaps(box_b), f"{a} overlaps {b}"
    frame = ax.figure.bbox
    for text, box in boxes:
        assert frame.x0 <= box.x0 < box.x1 <= frame.x1, f"{text} is cut off"
        assert frame.y0 <= box.y0 < box.y1 <= frame.y1, f"{text} is cut off"


def test_cell_names_gates_and_states():
    _, ax = subplots(height=3.1)
    assert draw_cell(ax) is ax
    written = {t.get_text() for t in ax.texts}
    states = {"$c_{t-1}$", "$c_t$", "$h_{t-1}$", "$h_t$", "$x_t$"}
    assert written >= {"$i_t$", "$f_t$", "$g_t$", "$o_t$"} | states
    assert written >= {"forget", "input", "candidate", "output"}
    assert_no_text_overlaps(ax)


def test_cell_prints_the_worked_example():
    fig, ax = subplots(height=3.1)
    draw_cell(ax, values={**NUMBERS, "f": 0.875, "written": 1.5}, fmt="{:.3f}")
    texts = [t.get_text() for t in ax.texts]
    assert texts.count("−0.250") == 10
    assert "0.875" in texts
    assert "1.500" in texts
    assert "σ" not in texts, "a gate's number stands where its function stood"
    assert_no_text_overlaps(ax)
    assert "−0.250" in show(fig, alt="a worked example").svg


@pytest.mark.parametrize("part", ["i", "f", "g", "o"])
def test_highlight_dims_the_other_gates(part):
    _, ax = subplots(height=3.1)
    draw_cell(ax, highlight=part)
    for name in "ifgo":
        assert (opacity(ax, f"${name}_t$") == 1) == (name == part)
    assert opacity(ax, "$x_t$") == 1, "every gate reads x"


def test_highlight_takes_several_parts():
    _, ax = subplots(height=3.1)
    draw_cell(ax, highlight=("i", "g"))
    assert [opacity(ax, f"${n}_t$") == 1 for n in "ifgo"] == [True, False, True, False]


def test_highlight_of_the_belt():
    _, ax = subplots(height=3.1)
    draw_cell(ax, highlight="c")
    assert opacity(ax, "$c_t$") == opacity(ax, r"$c_{t-1}$") == 1
    assert opacity(ax, "$h_t$") < 1


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"highlight": "z"}, "expected highlight among i, f, g, o, c, h, x, got 'z'"),
        ({"values": {"forget": 1.0}}, r"expected values among .*\['forget'\]"),
    ],
)
def test_cell_rejects(kwargs, message):
    _, ax = subplots()
    with pytest.raises(ValueError, match=message):
        draw_cell(ax, **kwargs)


def test_rnn_cell_has_one_state():
    _, ax = subplots(height=2.2)
    draw_rnn_cell(ax)
    written = {t.get_text() for t in ax.texts}
    assert {"$h_t$", r"$h_{t-1}$", "$x_t$", "tanh"} <= written
    assert not any("c" in text for text in written)
    assert_no_text_overlaps(ax)


def test_gru_cell_names_its_parts():
    _, ax = subplots(height=3.1)
    draw_gru_cell(ax)
    texts = [t.get_text() for t in ax.texts]
    for part in ("$z_t$", "$r_t$", "$n_t$", "1 −", "$x_t$", "$h_t$", r"$h_{t-1}$"):
        assert texts.count(part) == 1
    assert (texts.count("×"), texts.count("+"), texts.count("σ")) == (3, 1, 2)
    assert_no_text_overlaps(ax)


@pytest.mark.parametrize("steps", [1, 4, 6])
@pytest.mark.parametrize("kind", ["rnn", "lstm"])
def test_unrolled_repeats_the_cell(kind, steps):
    _, ax = subplots(height=2.4)
    draw_unrolled(ax, steps, kind=kind)
    texts = [t.get_text() for t in ax.texts]
    assert texts.count(kind.upper()) == steps
    assert [t for t in texts if t.startswith("$x")] == [f"$x_{k}$" for k in range(1, steps + 1)]
    assert ("$c_0$" in texts) == (kind == "lstm")
    assert_no_text_overlaps(ax)


@pytest.mark.parametrize(("steps", "kind"), [(0, "rnn"), (7, "rnn"), (3, "gru")])
def test_unrolled_rejects(steps, kind):
    _, ax = subplots()
    with pytest.raises(ValueError, match="expected"):
        draw_unrolled(ax, steps, kind=kind)
