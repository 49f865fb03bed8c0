"""Numbers as people write them, on one line, which no formatter of glued numbers does: 4e-14 as
4 × 10 to the −14, 3e-02 as 0.03, and 28000 as 28 000.
"""

import re
from decimal import Decimal
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

SCIENTIFIC = re.compile(r"(?<![\w.])(?P<mantissa>[-+−]?\d+(?:\.\d+)?)e(?P<exponent>[-+]?\d+)(?!\w)")
LONG = re.compile(r"(?<![\d.,])(?:\d{5,}|\d{1,3}(?:,\d{3})+)(?![\d,]*\.?\d)")
GROUPED = re.compile(r"(?<![\d.])\d{1,3}(?:\s\d{3})+(?![\d.]*\d)")
UNIT = re.compile(r"(?<=\d) (?=(?:%|ms|µs|kB|MB)(?!\w))|(?<=\d) (?=± \d)|(?<=\d ±) (?=\d)")
VERBATIM = (nodes.literal, nodes.literal_block, nodes.math, nodes.math_block, nodes.raw)
NARROW = "\N{NARROW NO-BREAK SPACE}"
SPACE = "\N{NO-BREAK SPACE}"


def written_out(text: str) -> list[nodes.Node]:
    """The text with every number in scientific notation written as a power of ten, or in full."""
    parts = SCIENTIFIC.split(SCIENTIFIC.sub(in_full, text))
    found: list[nodes.Node] = []
    for before, mantissa, exponent in zip(parts[::3], parts[1::3], parts[2::3], strict=False):
        power = str(int(exponent)).replace("-", "−")
        found += [nodes.Text(f"{before}{mantissa}{SPACE}×{SPACE}10")]
        found += [nodes.superscript(power, power)]
    return [*found, nodes.Text(parts[-1])] if parts[-1] else found


def in_full(number: re.Match[str]) -> str:
    """A number from 0.01 to 9999 without its exponent, any other as it is."""
    exponent = int(number["exponent"])
    if not -2 <= exponent <= 3:
        return number[0]
    return f"{Decimal(number['mantissa'].replace('−', '-')).scaleb(exponent):f}"


def in_groups(text: str) -> str:
    """The text with every integer of five digits or more in groups of three, without commas."""
    group = "{:,}".format
    return LONG.sub(lambda n: group(int(n[0].replace(",", ""))).replace(",", NARROW), text)


def kept_together(text: str) -> str:
    """The text with no line break inside a number of groups, or between a number and its unit."""
    grouped = GROUPED.sub(lambda number: re.sub(r"\s", NARROW, number[0]), text)
    return UNIT.sub(SPACE, grouped)


def is_pasted(node: nodes.Node | None) -> bool:
    """Whether a node is a number that was glued."""
    return isinstance(node, nodes.inline) and "pasted-text" in node["classes"]


def in_table(node: nodes.Node | None) -> bool:
    """Whether a text stands in a cell of a table."""
    return isinstance(node, nodes.entry) or (node is not None and in_table(node.parent))


class Numerals(SphinxPostTransform):
    """Rewrite numbers, but those of code and formulas, once all that are glued are filled in."""

    default_priority = 950

    def run(self, **kwargs: Any) -> None:
        for node in list(self.document.findall(nodes.Text)):
            parent = node.parent
            if parent is None or isinstance(parent, VERBATIM):  # the theme's short links have none
                continue
            place = parent.index(node)
            text = kept_together(in_groups(node) if is_pasted(parent) or in_table(node) else node)
            if text.startswith(" %") and place and is_pasted(parent[place - 1]):
                text = SPACE + text[1:]
            if text != node or SCIENTIFIC.search(text):
                parent[place : place + 1] = written_out(text)


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_post_transform(Numerals)
    return {"version": "2", "parallel_read_safe": True, "parallel_write_safe": True}
