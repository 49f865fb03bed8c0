"""Lists that screen readers announce as such: parameters of long signatures, and references.

Sphinx writes the former as definitions of nothing, ``<dl>`` without a ``<dt>``, and docutils gives
the latter a role that ARIA has given up.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

TAGS = {"dl": "ul", "dd": "li"}
TAG = re.compile(r"<(/?)(dl|dd)\b")


def as_list(html: str) -> str:
    """Turn a list of definitions into one of items."""
    return TAG.sub(lambda tag: f"<{tag[1]}{TAGS[tag[2]]}", html)


def visit(translator: HTML5Translator, node: nodes.Element) -> None:
    """Remember where the parameters begin."""
    node["begins"] = len(translator.body)
    HTML5Translator.visit_desc_parameterlist(translator, node)


def depart(translator: HTML5Translator, node: nodes.Element) -> None:
    """Rewrite what stands there since."""
    HTML5Translator.depart_desc_parameterlist(translator, node)
    begins = node.attributes.pop("begins")
    translator.body[begins:] = [as_list(part) for part in translator.body[begins:]]


def visit_reference(translator: HTML5Translator, node: nodes.citation) -> None:
    """Open an entry of the references, as an item of their list."""
    HTML5Translator.visit_citation(translator, node)
    translator.body[-1] = translator.body[-1].replace("doc-biblioentry", "listitem")


def setup(app: Sphinx) -> dict[str, Any]:
    """Take the place of Sphinx's own writers."""
    closing = HTML5Translator.depart_citation
    app.add_node(nodes.citation, override=True, html=(visit_reference, closing))
    app.add_node(addnodes.desc_parameterlist, override=True, html=(visit, depart))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
