"""``{figure-index}``: every numbered figure of the book, by page, with what its caption says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective
from whole_book import link, write_again

END_OF_SENTENCE = re.compile(r"[.!?](?=\s|$)")


class figure_index(nodes.General, nodes.Element):  # noqa: N801 (docutils names nodes so)
    """The place of the list, to be filled when all figures have their numbers."""


class FigureIndex(SphinxDirective):
    """The list of all numbered figures."""

    def run(self) -> list[nodes.Node]:
        """Leave a node that is filled at the end."""
        node = figure_index()
        self.set_source_info(node)
        write_again(self.env)
        return [node]


def first_sentence(caption: nodes.Element) -> list[nodes.Node]:
    """The nodes of a caption up to the end of its first sentence."""
    found: list[nodes.Node] = []
    for node in caption.children:
        if isinstance(node, nodes.Text) and (end := END_OF_SENTENCE.search(node)):
            return [*found, nodes.Text(node[: end.end()])]
        copy = node.deepcopy()
        if isinstance(copy, nodes.Element):
            for element in copy.findall(nodes.Element):  # an id must stand once on its page
                element["ids"] = []
        found.append(copy)
    return found


def numbered(env: BuildEnvironment) -> Iterator[tuple[str, list[tuple[int, nodes.figure]]]]:
    """Pages in the order of their figures' numbers, each with its numbered figures."""
    pages = []
    for docname, kinds in env.toc_fignumbers.items():
        if numbers := kinds.get("figure"):
            figures = env.get_doctree(docname).findall(nodes.figure)
            by_id = {node["ids"][0]: node for node in figures if node["ids"]}
            pages.append(
                (docname, sorted((number[-1], by_id[name]) for name, number in numbers.items()))
            )
    yield from sorted(pages, key=lambda page: page[1][0][0])


class FillFigureIndex(SphinxPostTransform):
    """Write the list, before references are resolved: captions may hold some."""

    default_priority = 5

    def run(self, **kwargs: Any) -> None:
        """Fill every list of one page."""
        for node in list(self.document.findall(figure_index)):
            node.replace_self(
                [
                    part
                    for docname, found in numbered(self.env)
                    for part in self.page(docname, found)
                ]
            )

    def page(self, docname: str, figures: list[tuple[int, nodes.figure]]) -> list[nodes.Node]:
        """The title of a page, linked, and the list of its figures."""
        items = []
        for number, figure in figures:
            place = link(self.env, "ref", figure["names"][0], f"Figure {number}.")
            caption = next(figure.findall(nodes.caption))
            text = nodes.paragraph("", "", place, nodes.Text(" "), *first_sentence(caption))
            items.append(nodes.list_item("", text))
        title = link(self.env, "doc", f"/{docname}")
        return [
            nodes.paragraph("", "", nodes.strong("", "", title), classes=["figure-index-page"]),
            nodes.bullet_list("", *items, classes=["figure-index"]),
        ]


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx."""
    app.setup_extension("whole_book")
    app.add_node(figure_index)
    app.add_directive("figure-index", FigureIndex)
    app.add_post_transform(FillFigureIndex)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
