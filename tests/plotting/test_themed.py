"""A shown figure is one SVG element that any page can hold, in any theme, next to any other."""

import re
import xml.etree.ElementTree as ET
from collections import Counter
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot

from lstm_book.plotting import (
    PALETTE,
    ThemedFigure,
    draw_cell,
    draw_heatmap,
    draw_lag,
    figure,
    label_end,
    show,
    subplots,
    themed,
)
from lstm_book.plotting.style import GRID, INK, MUTED, SURFACE

SVG = "{http://www.w3.org/2000/svg}"
XLINK = "{http://www.w3.org/1999/xlink}"


def lag_figure(rate=0.9, alt="The norm falls."):
    fig, ax = subplots()
    draw_lag(ax, rate ** np.arange(20), label="RNN", colour="rnn")
    ax.legend(["a curve"])
    return show(fig, alt=alt)


@pytest.fixture(autouse=True)
def fresh_page(monkeypatch):
    """Number repeated figures as a new process would."""
    monkeypatch.setattr(themed, "_shown", Counter())


@pytest.mark.parametrize("alt", ["", "  \n"])
def test_alt_is_required(alt):
    fig, _ = subplots()
    with pytest.raises(ValueError, match="what the figure shows"):
        show(fig, alt=alt)
    with pytest.raises(TypeError, match="alt"):
        show(fig)


def test_alt_is_the_label_of_an_image():
    root = ET.fromstring(lag_figure(alt='‖∂h‖ < 1 & "falls",\n   fast').svg)
    assert root.tag == f"{SVG}svg"
    assert root.get("role") == "img"
    assert root.get("aria-label") == '‖∂h‖ < 1 & "falls", fast'


def test_scales_with_the_page():
    root = ET.fromstring(lag_figure().svg)
    assert root.get("viewBox") == "0 0 345.6 216"
    assert root.get("width") is None
    assert root.get("height") is None
    assert "width: 100%; max-width: 570px; height: auto" in root.get("style")


def test_stand_ins_become_css_values():
    svg = lag_figure().svg
    for sentinel in (INK, MUTED, GRID, SURFACE, "#000000", "#ffffff"):
        assert sentinel not in svg.lower()
    assert "fill: var(--lstm-ink, currentColor)" in svg
    assert "stroke: var(--lstm-grid" in svg
    assert f"stroke: var(--lstm-rnn, {PALETTE['rnn']})" in svg
    assert svg.count(PALETTE["rnn"]) == svg.count("var(--lstm-rnn")


def test_every_colour_is_a_css_value():
    """No draw function uses a grey of its own, which one of the themes would swallow."""
    fig, axes = subplots(2, 1)
    draw_cell(axes[0], highlight="f", values={"f": 0.5})
    draw_heatmap(axes[1], np.zeros((3, 2)), vmin=-1, label="c")
    svg = show(fig, alt="cell and map").svg
    loose = re.sub(r"var\((?:[^()]|\([^()]*\))*\)", "", svg)
    loose = re.sub(r'href="[^"]*"', "", loose)
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b", loose) == []


def test_plain_matplotlib_figures_are_themed_too():
    with mpl.rc_context():
        mpl.rcdefaults()
        fig, ax = pyplot.subplots()
        ax.plot([0, 1], color="black")
        ax.set_title("title")
        svg = show(fig, alt="a line").svg
    assert "#000000" not in svg
    assert "#ffffff" not in svg
    assert "<text" in svg, "text must stay text, whatever the defaults"


def test_nothing_applies_to_the_rest_of_the_page():
    svg = lag_figure().svg
    for forbidden in ("<style", "<metadata", "<?xml", "<!DOCTYPE", "dc:date"):
        assert forbidden not in svg


def test_same_figure_same_bytes(monkeypatch):
    first = lag_figure()
    monkeypatch.setattr(themed, "_shown", Counter())
    second = lag_figure()
    assert first.svg == second.svg
    assert first.png() == second.png()
    assert first._repr_html_() == first._repr_html_()
    assert lag_figure(rate=0.8).svg != first.svg


def ids(svg):
    return [element.get("id") for element in ET.fromstring(svg).iter() if element.get("id")]


def test_ids_are_unique_on_a_page():
    page = [lag_figure(), lag_figure(rate=0.8), lag_figure(), lag_figure(alt="Another alt.")]
    found = [name for shown in page for name in ids(shown.svg)]
    assert len(found) > 40
    assert len(set(found)) == len(found)
    assert all(re.match(r"lstm-[0-9a-f]{8}-", name) for name in found)


def test_ids_are_unique_in_a_figure():
    fig, axes = subplots(2, 1)
    for ax in axes:
        for rate in (0.9, 0.8):
            draw_lag(ax, rate ** np.arange(5), label=f"{rate}", bound=np.ones(5))
    found = ids(show(fig, alt="four curves").svg)
    assert len(set(found)) == len(found)


def test_end_labels_have_a_rim_of_page_colour():
    svg = lag_figure().svg
    (group,) = re.findall(r'<g id="lstm-\w+-halo-\d+" style="([^"]*)">', svg)
    assert group.startswith("paint-order: stroke; stroke: var(--lstm-surface")
    assert re.search(r"<text[^>]*>RNN</text>", svg), "the label is still text"


def test_references_stay_within_the_figure():
    svg = lag_figure().svg
    root = ET.fromstring(svg)
    references = re.findall(r"url\(#([^)]+)\)", svg)
    references += [e.get(f"{XLINK}href")[1:] for e in root.iter() if e.get(f"{XLINK}href")]
    assert references
    assert set(references) <= set(ids(svg))


def test_html_is_the_svg_in_a_box():
    shown = lag_figure()
    assert isinstance(shown, ThemedFigure)
    assert shown._repr_html_() == f'<div class="lstm-figure">{shown.svg}</div>'
    assert len(repr(shown)) < 100, "a text-only page must not print the SVG"


def test_show_closes_pyplots_figure():
    fig, ax = pyplot.subplots()
    ax.plot([0, 1])
    show(fig, alt="a line")
    assert not pyplot.fignum_exists(fig.number)


def test_our_figures_are_unknown_to_pyplot():
    before = pyplot.get_fignums()
    subplots(2, 1)
    figure()
    assert pyplot.get_fignums() == before


def test_png_is_on_white(tmp_path):
    path = tmp_path / "thumb.png"
    shown = lag_figure()
    shown.savefig(path, dpi=50)
    image = pyplot.imread(path)
    assert image.shape[:2] == (150, 240)
    assert image[0, 0].tolist() == [1, 1, 1, 1]
    assert path.read_bytes() == shown.png(dpi=50)


def test_formulas_are_dimmed_once():
    """Matplotlib writes the opacity on the group and on each symbol: it would be squared."""
    fig, ax = subplots()
    ax.text(0.5, 0.5, "$i_t$", color=(PALETTE["i"], 0.25))
    svg = show(fig, alt="i").svg
    assert svg.count("opacity: 0.25") == 1


def test_end_labels_do_not_overlap():
    fig, ax = subplots()
    for k, name in enumerate(("one", "two", "three", "four")):
        ax.plot([0, 1], [0, 1 + 0.001 * k])
        label_end(ax, 1, 1 + 0.001 * k, name, "c")
    show(fig, alt="four lines")
    boxes = sorted((t.get_window_extent() for t in ax.texts), key=lambda box: box.y0)
    for lower, upper in pairwise(boxes):
        assert lower.y1 <= upper.y0 + 1
    order = [t.get_text() for t in sorted(ax.texts, key=lambda t: t.get_window_extent().y0)]
    assert order == ["one", "two", "three", "four"]


def test_subplots_pass_their_arguments_on():
    fig, axes = subplots(2, 1, height=4, sharex=True)
    assert tuple(fig.get_size_inches()) == (4.8, 4)
    assert axes.shape == (2,)
    assert axes[0].get_shared_x_axes().joined(axes[0], axes[1])
    assert subplots(3)[0].get_size_inches()[1] == pytest.approx(6.9)


def test_titles_stand_on_the_left_without_the_style_in_force():
    fig, ax = subplots()
    ax.set(title="a title")
    ax.title.set_color(PALETTE["f"])
    show(fig, alt="Nothing.")
    assert ax.get_title() == ""
    assert ax.get_title(loc="left") == "a title"
    assert ax._left_title.get_color() == PALETTE["f"]


def test_maps_of_signed_values_can_be_told_from_others():
    fig, axes = subplots(3, 1)
    for ax, low in zip(axes, (-1, 0, -1), strict=True):
        draw_heatmap(ax, np.ones((3, 2)), vmin=low, colourbar=False)
    found = re.findall(r'<image[^>]*? id="([^"]*)"', show(fig, alt="Maps.").svg)
    assert [name.rpartition("signed-")[2] for name in found if "signed-" in name] == ["0", "1"]
    assert len(found) == 3
