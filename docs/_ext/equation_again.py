"""``{equation-again} lstm-cell``: show an equation of another page, from its one source.

The formula is taken from the page that labels it, and its number leads there.
"""

from __future__ import annotations

from typing import Any

import katex
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator
from whole_book import link, write_again

logger = logging.getLogger(__name__)


class formula_again(nodes.General, nodes.TextElement):  # noqa: N801 (docutils names nodes so)
    """A displayed formula without a label of its own."""


class EquationAgain(SphinxDirective):
    """A formula and its number, as the page shows them that labels it."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Leave a formula to be filled when all pages are read, and a link to its source."""
        label = self.arguments[0].strip()
        formula = formula_again(label=label)
        source = link(self.env, "eq", label, label, domain="math")
        number = nodes.inline("", "", source, classes=["eqno"])
        box = nodes.container("", formula, number, classes=["equation"], is_div=True)
        for node in (formula, source, box):
            self.set_source_info(node)
        write_again(self.env)
        return [box]


class FillFormulas(SphinxPostTransform):
    """Write the formulas, before the links to them are resolved."""

    default_priority = 5

    def run(self, **kwargs: Any) -> None:
        """Fill every formula of one page."""
        for node in self.document.findall(formula_again):
            source = self.env.domains["math"].data["objects"].get(node["label"])
            if source is None:  # its link warns
                continue
            tree = self.env.get_doctree(source[0])
            for block in tree.findall(nodes.math_block):
                if block.get("label") == node["label"]:
                    node += nodes.Text(block.astext())


def visit(self: HTML5Translator, node: formula_again) -> None:
    """Set the formula with KaTeX."""
    formula = katex.render(self, node, display=True)
    self.body.append(f'<div class="equation-formula">{formula}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx."""
    app.setup_extension("katex")
    app.setup_extension("whole_book")
    app.add_node(formula_again, html=(visit, None))
    app.add_directive("equation-again", EquationAgain)
    app.add_post_transform(FillFormulas)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
