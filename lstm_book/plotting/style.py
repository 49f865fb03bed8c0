"""The palette and the Matplotlib style: the same colour for the same thing on every page."""

from typing import Any

import matplotlib as mpl
from cycler import cycler

PALETTE: dict[str, str] = {
    "i": "#2a7662",
    "f": "#be3623",
    "g": "#d87903",
    "o": "#8823fe",
    "c": "#236ab8",
    "h": "#059dc3",
    "x": "#929454",
    "rnn": "#ef0375",
    "lstm": "#7574fe",
    "neutral": "#86939b",
}
"""A colour for each gate (i, f, g, o), each signal (c, h, x) and each model.

Every colour has a contrast of at least 3 to a white page and to a dark one, and any two stay
apart when seen without red or without green cones. The tests compute both.
"""

# The palette moved in lightness alone, so that coloured text reads as well as body text does
# (contrast 4.5) on the one background each is for.
ON_LIGHT: dict[str, str] = {
    "i": "#015c49",
    "f": "#9f0f00",
    "g": "#ad5e00",
    "o": "#6c00d1",
    "c": "#004f99",
    "h": "#007d9d",
    "x": "#747637",
    "rnn": "#c2005d",
    "lstm": "#5d57df",
    "neutral": "#69747c",
}
ON_DARK: dict[str, str] = {
    "i": "#46907b",
    "f": "#dd533f",
    "g": "#f69436",
    "o": "#9a64fe",
    "c": "#3f85d5",
    "h": "#3cb9e0",
    "x": "#adaf6e",
    "rnn": "#ff5b92",
    "lstm": "#9298fe",
    "neutral": "#a0aeb6",
}

# Stand-ins. They are legible on white, so a PNG needs no further work; in the page's SVG each
# becomes a CSS value, and the figure follows the theme switch.
INK = "#22272e"
MUTED = "#6b7480"
GRID = "#d7dbe1"
SURFACE = "#fdfefe"

# Typed Any: the names and values of rcParams differ between the releases we accept.
STYLE: Any = {
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 10,
    "axes.linewidth": 0.8,
    "axes.prop_cycle": cycler(color=[PALETTE[k] for k in ("lstm", "rnn", "g", "i", "c", "x")]),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 10.5,
    "figure.constrained_layout.use": True,
    "figure.facecolor": "none",
    "figure.figsize": (4.8, 3.0),
    "figure.titlesize": 10.5,
    "font.family": "sans-serif",
    "font.size": 10,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "lines.linewidth": 1.9,
    "mathtext.fontset": "dejavusans",
    "patch.edgecolor": INK,
    "svg.fonttype": "none",
    "svg.hashsalt": "lstm_book",
    "text.color": INK,
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 9.5,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 9.5,
}


def use_style() -> None:
    """Make the book's style Matplotlib's default.

    Figures from :func:`~lstm_book.plotting.subplots` have it anyway. Call this in a gallery
    script or a notebook, so that what is added by hand looks the same.
    """
    mpl.rcParams.update(STYLE)


def stylesheet() -> str:
    """Return the CSS that a page may load to give the palette a shade for each theme.

    Figures work without it: they then show :data:`PALETTE` as it is, in both themes.
    """
    rules = []
    for selector, shades in ((":root", ON_LIGHT), ('html[data-theme="dark"]', ON_DARK)):
        body = "".join(f"  --lstm-{name}: {shade};\n" for name, shade in shades.items())
        rules.append(f"{selector} {{\n{body}}}\n")
    return "".join(rules)


def colour_of(colour: str) -> str:
    """Return the hex value of a palette name; any other Matplotlib colour is returned as it is.

    Args:
        colour: A key of :data:`PALETTE`, or a colour that Matplotlib knows.

    Raises:
        ValueError: If it is neither.
    """
    if colour in PALETTE:
        return PALETTE[colour]
    if not mpl.colors.is_color_like(colour):
        raise ValueError(f"expected one of {', '.join(PALETTE)} or a colour, got {colour!r}")
    return colour
