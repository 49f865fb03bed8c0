"""``{objectives}``: the box that opens a chapter, saying what you will do, will learn and need.

It ends with the time that the chapter's prose takes to read, which is counted and not guessed.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

TERMS = ["You will do", "You will learn", "You need"]
WORDS_A_MINUTE = 200
WORD = re.compile(r"\w+(?:['’-]\w+)*")


class reading_time(nodes.General, nodes.TextElement):  # noqa: N801 (docutils names nodes so)
    """The place of the reading time, filled when the page has been read."""


class Objectives(SphinxDirective):
    """A definition list of exactly three terms, to which the reading time is added."""

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
        rows = next(box.findall(nodes.definition_list))
        rows += nodes.definition_list_item(
            "",
            nodes.term("", "Reading time"),
            nodes.definition("", nodes.paragraph("", "", reading_time())),
            classes=["chapter-fact"],
        )
        return [box]


def count_words(node: nodes.Node) -> int:
    """Words of prose: no code, output, formulas, folded solutions, nor the box itself."""
    if isinstance(node, nodes.Text):
        return len(WORD.findall(node))
    if isinstance(node, nodes.container) and (
        node.get("nb_element") or "objectives" in node["classes"]
    ):
        return 0
    if isinstance(node, (nodes.literal_block, nodes.math, nodes.math_block, nodes.raw)):
        return 0
    if isinstance(node, (nodes.Invisible, nodes.system_message)) or node.tagname == "solution":
        return 0
    return sum(count_words(child) for child in node.children)


def write_reading_time(app: Sphinx, doctree: nodes.document) -> None:
    """Count the words of a page that has been read, and say how long they take."""
    for node in list(doctree.findall(reading_time)):
        words = count_words(doctree)
        minutes = max(1, round(words / WORDS_A_MINUTE))
        unit = "minute" if minutes == 1 else "minutes"
        node.replace_self(
            nodes.Text(
                f"About {minutes} {unit}: {words} words of text at {WORDS_A_MINUTE} a minute. "
                "Code, formulas and solutions come on top."
            )
        )


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx."""
    app.add_node(reading_time)
    app.add_directive("objectives", Objectives)
    app.connect("doctree-read", write_reading_time)
    return {"version": "2", "parallel_read_safe": True, "parallel_write_safe": True}
