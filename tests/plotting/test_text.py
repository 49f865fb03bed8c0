"""A text stands on the page character by character, on the colours that its numbers ask for."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb
from matplotlib.patches import Rectangle

from lstm_book.plotting import PALETTE, draw_text, show, subplots, text_height
from lstm_book.plotting.style import INK, ON_DARK, ON_LIGHT
from lstm_book.plotting.text import STRONGEST
from tests.plotting.test_style import DARK, PAPER, contrast

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def ax():
    _, axes = subplots()
    return axes


def grounds(ax):
    """Row, first and last column, colour and opacity of each coloured stretch."""
    patches = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    return [
        (p.get_y(), p.get_x(), p.get_x() + p.get_width(), to_hex(p.get_facecolor()), p.get_alpha())
        for p in patches
    ]


def written(ax):
    return [(t.get_text(), *t.get_position()) for t in ax.texts]


def test_each_character_has_its_place(ax):
    assert draw_text(ax, "ab\nc d", np.zeros(6), width=10) is ax
    assert [(c, int(y), int(x)) for c, x, y in written(ax)] == [
        ("a", 0, 0),
        ("b", 0, 1),
        ("↵", 0, 2),
        ("c", 1, 0),
        ("d", 1, 2),
    ]
    assert not grounds(ax)


def test_long_lines_go_on_below_and_a_line_end_needs_no_row_of_its_own(ax):
    draw_text(ax, "abcd\ne", np.zeros(6), width=4)
    assert [(c, int(y)) for c, _, y in written(ax)] == [
        *((c, 0) for c in "abcd↵"),
        ("e", 1),
    ]
    draw_text(ax, "abcde", np.zeros(5), width=4)
    assert written(ax)[-1][2] > 1
    assert ax.get_ylim() == (2, 0)


def test_a_word_stays_whole_if_a_row_can_hold_it(ax):
    draw_text(ax, "ab cde  fghijk", np.zeros(14), width=5)
    rows = [(c, int(y), int(x)) for c, x, y in written(ax)]
    assert rows == [
        *((c, 0, k) for k, c in enumerate("ab")),
        *((c, 1, k) for k, c in enumerate("cde")),
        *((c, 2, k) for k, c in enumerate("fghij")),  # longer than a row
        ("k", 3, 0),
    ]


def test_the_sign_is_a_colour_and_the_size_its_strength(ax):
    draw_text(ax, "abcde", [0, 1, -2, 9, 0.5], vmin=-4, vmax=1)
    (b, c, d, e) = grounds(ax)[0], grounds(ax)[1], grounds(ax)[2], grounds(ax)[3]
    assert [stretch[3] for stretch in (b, c, d, e)] == [
        PALETTE["c"],
        PALETTE["f"],
        PALETTE["c"],
        PALETTE["c"],
    ]
    assert b[4] == d[4] == STRONGEST  # beyond vmax is as strong as vmax
    assert c[4] == e[4] == STRONGEST / 2
    assert [int(stretch[1]) for stretch in (b, c, d, e)] == [1, 2, 3, 4]


def test_neighbours_alike_are_one_rectangle(ax):
    draw_text(ax, "aab\nb", [1, 1, 1, 1, 1], width=2)
    assert [stretch[:3] for stretch in grounds(ax)] == [(0, 0, 2), (1, 0, 2), (2, 0, 1)]


def test_marks_are_lines_below_the_characters(ax):
    draw_text(ax, "abcd\nef", np.zeros(7), marks=[False, True, True, False, True, True, False])
    lines = [(list(line.get_xdata()), int(line.get_ydata()[0])) for line in ax.lines]
    assert lines == [([1, 3], 0), ([4, 5], 0), ([0, 1], 1)]


def test_any_text_comes_out_as_it_went_in():
    """Neither SVG nor Matplotlib's own formulas take a character for one of theirs."""
    text = '$x^2$ <b> & "\\alpha" {%}'
    fig, ax = subplots(height=text_height(text))
    draw_text(ax, text, np.ones(len(text)))
    root = ET.fromstring(show(fig, alt="a text").svg)
    found = "".join(node.text or "" for node in root.iter(f"{SVG}text"))
    assert found == text.replace(" ", "")


def test_the_font_has_equal_widths_and_follows_the_page():
    fig, ax = subplots()
    draw_text(ax, "il", [0, 0])
    ax.set_title("not code")
    root = ET.fromstring(show(fig, alt="a text").svg)
    styles = {node.text: node.get("style") for node in root.iter(f"{SVG}text")}
    assert "--pst-font-family-monospace" in styles["i"]
    assert "--pst-font-family-monospace" not in styles["not code"]


def test_characters_fit_their_columns_and_can_be_read_on_a_phone(ax):
    draw_text(ax, "a" * 44, np.zeros(44))
    column = 72 * ax.figure.get_size_inches()[0] / 45
    size = ax.texts[0].get_fontsize()
    assert size >= 9
    assert 0.6 * size <= column


@pytest.mark.parametrize("name", "cf")
@pytest.mark.parametrize(
    ("shades", "page", "ink"), [(ON_LIGHT, PAPER, INK), (ON_DARK, DARK, "#ced6dd")]
)
def test_ink_reads_on_the_strongest_colour(shades, page, ink, name):
    mixed = STRONGEST * np.array(to_rgb(shades[name])) + (1 - STRONGEST) * np.array(to_rgb(page))
    assert contrast(to_hex(mixed), ink) >= 4.5


def test_the_height_is_that_of_the_rows():
    one, three = text_height("abc"), text_height("a\nb\nc")
    assert three - one == pytest.approx(2 * (text_height("a\nb") - one))
    assert text_height("abcd", width=2) == text_height("ab\ncd")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"text": ""}, "at least one character, got none"),
        ({"values": [1, 2]}, r"text \(3,\), values \(2,\)"),
        ({"values": [[1, 2, 3]]}, r"values of shape \(N,\).*\(1, 3\)"),
        ({"values": [1, 2, float("nan")]}, "without NaN"),
        ({"vmin": 0}, "vmin < 0 < vmax, got 0 and 1"),
        ({"vmax": -1}, "vmin < 0 < vmax"),
        ({"width": 0}, "at least 1 column, got 0"),
        ({"marks": [True]}, r"marks \(1,\)"),
    ],
)
def test_what_cannot_be_drawn_is_said(ax, arguments, message):
    with pytest.raises(ValueError, match=message):
        draw_text(ax, **{"text": "abc", "values": [0, 0, 0], **arguments})


def test_other_colours_than_red_and_blue():
    _, ax = subplots()
    draw_text(ax, "ab", [1.0, -1.0], positive="lstm", negative="g")
    found = [to_hex(patch.get_facecolor()) for patch in ax.patches]
    assert found == [PALETTE["lstm"].lower(), PALETTE["g"].lower()]
    with pytest.raises(ValueError, match="expected one of"):
        draw_text(ax, "a", [1.0], positive="no colour")
