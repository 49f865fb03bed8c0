"""The palette is measured: contrast on both pages, and distance as three kinds of eyes see it."""

import re
from itertools import combinations

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from lstm_book.plotting import PALETTE, colour_of, stylesheet, use_style
from lstm_book.plotting.style import GRID, INK, MUTED, ON_DARK, ON_LIGHT, STYLE, SURFACE

PAPER, DARK = "#fcfaf5", "#17191c"  # as docs/_static/book.css has them

# Machado, Oliveira, Fernandes 2009, severity 1.0, on linear RGB.
EYES = {
    "trichromat": np.eye(3),
    "protanope": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranope": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}


def linear(colour):
    s = np.array(to_rgb(colour))
    return np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4)


def contrast(a, b):
    """Contrast ratio of WCAG 2."""
    light, dark = sorted((linear(c) @ [0.2126, 0.7152, 0.0722] for c in (a, b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def lab(colour, eye):
    """CIE L*a*b* (D65) of a colour as that eye sees it."""
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    xyz = to_xyz @ np.clip(EYES[eye] @ linear(colour), 0, 1) / np.array([0.9505, 1.0, 1.089])
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def distance(a, b, eye):
    return float(np.linalg.norm(lab(a, eye) - lab(b, eye)))


def test_contrast_oracle():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_simulated_deuteranope_confuses_red_and_green():
    """The simulation does something: this pair would fail."""
    red, green = "#b54c30", "#757500"
    assert distance(red, green, "deuteranope") < 15 < distance(red, green, "trichromat")


def test_palette_names_every_gate_signal_and_model():
    assert set(PALETTE) == {"i", "f", "g", "o", "c", "h", "x", "rnn", "lstm", "neutral"}
    assert set(ON_LIGHT) == set(ON_DARK) == set(PALETTE)


@pytest.mark.parametrize("page", [PAPER, DARK])
@pytest.mark.parametrize("name", PALETTE)
def test_palette_is_visible_on_both_pages(name, page):
    assert contrast(PALETTE[name], page) >= 3


@pytest.mark.parametrize("name", PALETTE)
def test_shades_read_as_text_on_their_page(name):
    assert contrast(ON_LIGHT[name], PAPER) >= 4.5
    assert contrast(ON_DARK[name], DARK) >= 4.5


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize(
    ("shades", "least"),
    [(PALETTE, 18), (ON_LIGHT, 13), (ON_DARK, 11)],
    ids=["base", "light", "dark"],
)
def test_any_two_colours_stay_apart(shades, least, eye):
    pairs = {(a, b): distance(shades[a], shades[b], eye) for a, b in combinations(shades, 2)}
    closest = min(pairs, key=pairs.get)
    assert pairs[closest] >= least, f"{closest} are {pairs[closest]:.1f} apart"


@pytest.mark.parametrize("eye", EYES)
def test_gates_stay_well_apart(eye):
    gates = [PALETTE[name] for name in "ifgo"]
    assert min(distance(a, b, eye) for a, b in combinations(gates, 2)) >= 24


def test_stand_ins_collide_with_no_colour():
    assert len({INK, MUTED, GRID, SURFACE, *PALETTE.values()}) == 4 + len(PALETTE)


def test_use_style_sets_matplotlibs_defaults():
    with mpl.rc_context():
        mpl.rcdefaults()
        use_style()
        assert mpl.rcParams["text.color"] == INK
        assert mpl.rcParams["svg.fonttype"] == "none"
        assert mpl.rcParams["svg.hashsalt"] == STYLE["svg.hashsalt"]


def test_stylesheet_sets_each_colour_once_a_theme():
    light, dark = stylesheet().split('html[data-theme="dark"]')
    for text, shades in ((light, ON_LIGHT), (dark, ON_DARK)):
        assert dict(re.findall(r"--lstm-(\w+): (#\w{6});", text)) == shades


def test_colour_of_takes_names_and_colours():
    assert colour_of("f") == PALETTE["f"]
    assert colour_of("#123456") == "#123456"
    with pytest.raises(ValueError, match="expected one of i, f, g, o"):
        colour_of("forget")
