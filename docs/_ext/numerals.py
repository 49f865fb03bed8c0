"""Print numbers as people write them: 4e-14 as 4 × 10 to the −14, 28000 as 28 000, on one line."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

SCIENTIFIC = re.compile(r"(?P<mantissa>[-+]?\d+(?:\.\d+)?)e(?P<exponent>[-+]?\d+)")
LONG = re.compile(r"(?<![\d.])\d{5,}(?!\.?\d)")
GROUPED = re.compile(r"(?<![\d.])\d{1,3}(?:\s\d{3})+(?![\d.]*\d)")
SPACE = "\N{NARROW NO-BREAK SPACE}"


def written_out(text: str) -> list[nodes.Node]:
    """The text with every number in scientific notation written as a power of ten."""
    found: list[nodes.Node] = []
    end = 0
    for number in SCIENTIFIC.finditer(text):
        exponent = str(int(number["exponent"])).replace("-", "−")
        found += [
            nodes.Text(f"{text[end : number.start()]}{number['mantissa']} × 10"),
            nodes.superscript(exponent, exponent),
        ]
        end = number.end()
    return [*found, nodes.Text(text[end:])] if text[end:] or not found else found


def in_groups(text: str) -> str:
    """The text with every integer of five digits or more in groups of three."""
    return LONG.sub(lambda number: f"{int(number[0]):,}".replace(",", SPACE), text)


def kept_together(text: str) -> str:
    """The text with no number broken at the space between two groups of three digits."""
    return GROUPED.sub(lambda number: re.sub(r"\s", SPACE, number[0]), text)


class Numerals(SphinxPostTransform):
    """Rewrite numbers once all that are glued have been filled in, own and from other pages."""

    default_priority = 950

    def run(self, **kwargs: Any) -> None:
        """Rewrite the numbers of one page, except in code and formulas."""
        for node in list(self.document.findall(nodes.inline)):
            text = node.astext()
            if "pasted-text" in node["classes"] and (SCIENTIFIC.search(text) or LONG.search(text)):
                node.clear()
                node += written_out(in_groups(text))
        for text in list(self.document.findall(nodes.Text)):
            verbatim = (nodes.literal, nodes.literal_block, nodes.math, nodes.math_block, nodes.raw)
            if isinstance(text.parent, verbatim) or not GROUPED.search(text):
                continue
            text.parent.replace(text, nodes.Text(kept_together(text)))


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx."""
    app.add_post_transform(Numerals)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
