"""``{equation-again} lstm-cell``: show an equation of another page, from its one source.

The formula is taken from the page that labels it, and its number leads there.
"""

from __future__ import annotations

from typing import Any

import katex
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

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
        link = addnodes.pending_xref(
            "",
            nodes.inline("", label),
            refdomain="math",
            reftype="eq",
            reftarget=label,
            refwarn=True,
            refdoc=self.env.docname,
        )
        number = nodes.inline("", "", link, classes=["eqno"])
        box = nodes.container("", formula, number, classes=["equation"], is_div=True)
        for node in (formula, link, box):
            self.set_source_info(node)
        readers(self.env).add(self.env.docname)
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


def readers(env: BuildEnvironment) -> set[str]:
    """Pages that show an equation again."""
    if not hasattr(env, "book_equation_readers"):
        env.book_equation_readers = set()  # type: ignore[attr-defined]
    found: set[str] = env.book_equation_readers  # type: ignore[attr-defined]
    return found


def visit(self: HTML5Translator, node: formula_again) -> None:
    """Set the formula with KaTeX."""
    formula = katex.render(self, node, display=True)
    self.body.append(f'<div class="equation-formula">{formula}</div>')
    raise nodes.SkipNode


def write_again(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Write pages that show equations again whenever anything was read."""
    return sorted(readers(env))


def purge(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    """Forget a page that is read again or gone."""
    readers(env).discard(docname)


def merge(app: Sphinx, env: BuildEnvironment, docnames: set[str], other: BuildEnvironment) -> None:
    """Take over what a parallel reader recorded."""
    readers(env).update(readers(other) & docnames)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx."""
    app.setup_extension("katex")
    app.add_node(formula_again, html=(visit, None))
    app.add_directive("equation-again", EquationAgain)
    app.add_post_transform(FillFormulas)
    app.connect("env-updated", write_again)
    app.connect("env-purge-doc", purge)
    app.connect("env-merge-info", merge)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
