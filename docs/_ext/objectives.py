"""``{objectives}``: the box that opens a chapter, saying what you will do, will learn and need."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

TERMS = ["You will do", "You will learn", "You need"]


class Objectives(SphinxDirective):
    """A definition list of exactly three terms."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Check the terms and box them."""
        box = nodes.container(classes=["objectives"])
        self.set_source_info(box)
        for index in reversed(range(1, len(self.content))):
            if self.content[index].strip() in TERMS:  # a term starts a new item, blank line or not
                self.content.insert(index, "", *self.content.items[index])
        box += self.parse_content_to_nodes()
        found = [term.astext() for term in box.findall(nodes.term)]
        if found != TERMS:
            raise self.error(f"objectives: a definition list of {TERMS} is wanted, found {found}")
        return [box]


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx."""
    app.add_directive("objectives", Objectives)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
