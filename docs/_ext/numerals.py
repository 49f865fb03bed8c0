"""Print numbers as people write them, on one line: 4e-14 as 4 × 10 to the −14, 3e-02 as 0.03, and
28000 as 28 000.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

SCIENTIFIC = re.compile(r"(?<![\w.])(?P<mantissa>[-+−]?\d+(?:\.\d+)?)e(?P<exponent>[-+]?\d+)(?!\w)")
LONG = re.compile(r"(?<![\d.])\d{5,}(?!\.?\d)")
GROUPED = re.compile(r"(?<![\d.])\d{1,3}(?:\s\d{3})+(?![\d.]*\d)")
COMMAS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,]*\d)")
UNIT = re.compile(r"(?<=\d) (?=(?:%|ms|µs|kB|MB)(?!\w))|(?<=\d) (?=± \d)|(?<=\d ±) (?=\d)")
CLOSING = re.compile(r"[.,;:!?)]+")
SHORT = 24  # characters of TeX, up to which a formula is not broken
VERBATIM = (nodes.literal, nodes.literal_block, nodes.math, nodes.math_block, nodes.raw)
NARROW = "\N{NARROW NO-BREAK SPACE}"
SPACE = "\N{NO-BREAK SPACE}"


def written_out(text: str) -> list[nodes.Node]:
    """The text with every number in scientific notation written as a power of ten, or in full."""
    text = SCIENTIFIC.sub(in_full, text)
    found: list[nodes.Node] = []
    end = 0
    for number in SCIENTIFIC.finditer(text):
        exponent = str(int(number["exponent"])).replace("-", "−")
        before = f"{text[end : number.start()]}{number['mantissa']}"
        found += [
            nodes.Text(f"{before}{SPACE}×{SPACE}10"),
            nodes.superscript(exponent, exponent),
        ]
        end = number.end()
    return [*found, nodes.Text(text[end:])] if text[end:] or not found else found


def in_full(number: re.Match[str]) -> str:
    """A number from 0.01 to 9999 without its exponent, any other as it is."""
    exponent = int(number["exponent"])
    if not -2 <= exponent <= 3:
        return number[0]
    return f"{Decimal(number['mantissa'].replace('−', '-')).scaleb(exponent):f}"


def in_groups(text: str) -> str:
    """The text with every integer of five digits or more in groups of three, without commas."""
    text = COMMAS.sub(lambda number: number[0].replace(",", NARROW), text)
    return LONG.sub(lambda number: f"{int(number[0]):,}".replace(",", NARROW), text)


def kept_together(text: str) -> str:
    """The text with no line break inside a number of groups, or between a number and its unit."""
    grouped = GROUPED.sub(lambda number: re.sub(r"\s", NARROW, number[0]), text)
    return UNIT.sub(SPACE, grouped)


def is_pasted(node: nodes.Node | None) -> bool:
    """Whether a node is a number that was glued."""
    return isinstance(node, nodes.inline) and "pasted-text" in node["classes"]


def in_table(node: nodes.Node) -> bool:
    """Whether a text stands in a cell of a table."""
    parent = node.parent
    while parent is not None and not isinstance(parent, nodes.entry):
        parent = parent.parent
    return parent is not None


def keep_formula(formula: nodes.math) -> None:
    """Set a short formula, and the punctuation behind it, on one line."""
    if len(formula.astext()) > SHORT:
        return
    parent = formula.parent
    place = parent.index(formula)
    kept = nodes.inline("", "", formula.deepcopy(), classes=["one-line"])
    behind = parent[place + 1] if place + 1 < len(parent) else None
    sign = CLOSING.match(behind) if isinstance(behind, nodes.Text) else None
    if sign:
        kept += nodes.Text(sign[0])
        parent[place + 1] = nodes.Text(behind[sign.end() :])
    parent[place] = kept


class Numerals(SphinxPostTransform):
    """Rewrite numbers once all that are glued have been filled in, own and from other pages, and
    keep on one line what is read as one thing.
    """

    default_priority = 950

    def run(self, **kwargs: Any) -> None:
        """Rewrite the numbers of one page, except in code and formulas."""
        for node in list(self.document.findall(nodes.Text)):
            parent = node.parent
            if isinstance(parent, VERBATIM):
                continue
            grouped = is_pasted(parent) or in_table(node)
            text = kept_together(in_groups(node) if grouped else node)
            place = parent.index(node)
            if text.startswith(" %") and place and is_pasted(parent[place - 1]):
                text = SPACE + text[1:]
            if text != node or SCIENTIFIC.search(text):
                parent[place : place + 1] = written_out(text)
        for formula in list(self.document.findall(nodes.math)):
            keep_formula(formula)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx."""
    app.add_post_transform(Numerals)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
