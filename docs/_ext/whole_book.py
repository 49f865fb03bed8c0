"""What can only be written when all pages are read, and again whenever anything was: Sphinx has no
such directives.
"""

from collections.abc import Callable
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective, SphinxRole

FILL: dict[str, Callable[[BuildEnvironment, nodes.Element], list[nodes.Node]]] = {}


class later(nodes.General, nodes.Inline, nodes.Element):  # noqa: N801 (docutils names nodes so)
    """The place of what a directive or a role is filled with when all pages are read."""


def place(self: SphinxDirective | SphinxRole, argument: str) -> later:
    """Leave a node to be filled."""
    node = later(kind=self.name, argument=argument.strip())
    self.set_source_info(node)
    self.env.metadata[self.env.docname]["whole_book"] = True
    return node


class Directive(SphinxDirective):
    """A directive that is filled later."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        return [place(self, "".join(self.arguments))]


class Role(SphinxRole):
    """A role that is filled later."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        return [place(self, self.text)], []


class FillAll(SphinxPostTransform):
    """Fill the places of one page, before references are resolved: what comes may hold some."""

    default_priority = 5

    def run(self, **kwargs: Any) -> None:
        while node := self.document.next_node(later):
            node.replace_self(FILL[node["kind"]](self.env, node))


def link(
    env: BuildEnvironment, kind: str, target: str, text: str = "", *, domain: str = "std"
) -> addnodes.pending_xref:
    """A link that Sphinx resolves and warns about, under this text or the target's title."""
    inner = nodes.inline("", text or target)
    what = {"refdomain": domain, "reftype": kind, "reftarget": target, "refdoc": env.docname}
    return addnodes.pending_xref("", inner, refexplicit=bool(text), refwarn=True, **what)


def note_change(
    app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]
) -> list[str]:
    """Remember whether any page is to be read, or is gone."""
    app.book_changed = bool(added | changed | removed)  # type: ignore[attr-defined]
    return []


def updated(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Name the pages to write again."""
    pages = [page for page, facts in env.metadata.items() if "whole_book" in facts]
    return pages if app.book_changed else []  # type: ignore[attr-defined]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_post_transform(FillAll)
    app.connect("env-get-outdated", note_change)
    app.connect("env-updated", updated)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
