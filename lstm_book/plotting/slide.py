"""A figure with a slider: every position is drawn when the page is built."""

import html
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from matplotlib.figure import Figure

from lstm_book.plotting.themed import ThemedFigure, finished, svg_of

_TOKEN = re.compile(r"<[^>]*>|[^<]+")
_ATTRIBUTE = re.compile(r'([\w:-]+)="([^"]*)"')
# What moves is marked in the SVG; the browser writes the chosen position's values there.
_SCRIPT = """
(() => {
  const box = document.currentScript.parentElement;
  const control = box.querySelector(".slide-control");
  const slider = control.querySelector("input");
  const { names, moves } = JSON.parse(box.querySelector("[type='application/json']").textContent);
  const parts = Object.keys(moves).map((k) => [moves[k], box.querySelector(`[data-slide="${k}"]`)]);
  const draw = () => {
    const at = Number(slider.value);
    for (const [move, part] of parts) {
      for (const [name, values] of Object.entries(move)) {
        if (name) part.setAttribute(name, values[at]);
        else part.textContent = values[at];
      }
    }
    control.querySelector("output").textContent = names[at];
    slider.setAttribute("aria-valuetext", names[at]);
  };
  slider.addEventListener("input", draw);
  draw();
  control.classList.add("slide-ready");
})();
"""


@dataclass(frozen=True)
class SlidingFigure(ThemedFigure):
    """A drawn figure with a slider; without scripts it shows the position that it starts from."""

    _control: str = field(repr=False, compare=False)

    def _repr_html_(self) -> str:
        return f'<div class="lstm-figure">{self.svg}{self._control}</div>'


def slide(
    fig: Figure,
    update: Callable[[Any], None],
    values: Sequence[Any],
    *,
    start: Any,
    label: str,
    alt: str,
    fmt: str = "{:g}",
) -> SlidingFigure:
    """End a cell with a figure that has a slider; :func:`show` with more than one position.

    Args:
        fig: The figure, with everything on it that moves.
        update: Takes one of `values` and moves what depends on it, as with ``line.set_ydata``.
            It may change data and texts, but add or remove nothing.
        values: The slider's positions, in order.
        start: The one to begin with.
        label: What the slider sets.
        alt: What the figure shows, as for `show`.
        fmt: How a value is written.

    Raises:
        ValueError: If `start` is none of `values`, or `update` adds or removes something.
    """
    positions = list(values)
    if start not in positions:
        raise ValueError(f"expected start to be one of the values, got {start!r}")
    frames = []
    for value in positions:
        update(value)
        frames.append(_TOKEN.findall(svg_of(fig, alt)))
    if any(len(frame) != len(frames[0]) for frame in frames):
        raise ValueError("expected update to move what is there, got a figure with other parts")
    at = positions.index(start)
    moves: dict[int, dict[str, list[str]]] = {}
    tokens = list(frames[at])
    opened = 0  # the last tag that was opened: a text belongs to it
    for n, across in enumerate(zip(*frames, strict=True)):
        is_tag = across[0].startswith("<")
        if is_tag and across[0][1] not in "/!":
            opened = n
        if len(set(across)) == 1:
            continue
        if not is_tag:
            moves.setdefault(opened, {})[""] = [html.unescape(text) for text in across]
            continue
        each = [dict(_ATTRIBUTE.findall(tag)) for tag in across]
        for name in each[0]:
            found = [attributes.get(name, "") for attributes in each]
            if len(set(found)) > 1:
                moves.setdefault(n, {})[name] = [html.unescape(value) for value in found]
    for k, n in enumerate(moves):
        tokens[n] = re.sub(r"^(<[\w:]+)", rf'\1 data-slide="{k}"', tokens[n])
    update(start)
    svg = finished(fig, "".join(tokens))
    names = [fmt.format(value) for value in positions]
    packed = json.dumps({"names": names, "moves": dict(enumerate(moves.values()))})
    packed = packed.replace("</", "<\\/")
    control = (
        f'<div class="slide-control"><label>{html.escape(label)} <input type="range" min="0" '
        f'max="{len(positions) - 1}" value="{at}"></label> <output>{names[at]}</output></div>'
        f'<script type="application/json">{packed}</script><script>{_SCRIPT}</script>'
    )
    return SlidingFigure(alt, svg, fig, control)
