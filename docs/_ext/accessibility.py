"""Markup that Sphinx, docutils and MyST-NB get wrong for screen readers and speech control.

Parameters of long signatures are written as definitions of nothing, references have a role that
ARIA has given up, and each folded cell has the same hidden name, with paragraphs where HTML allows
none.
"""

import re
from html import escape
from typing import Any

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode, depart_HideCellInput
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

LIST_TAG = re.compile(r"<(/?)(dl|dd)\b")


def begin_parameters(translator: HTML5Translator, node: nodes.Element) -> None:
    """Remember where the parameters begin."""
    node["begins"] = len(translator.body)
    HTML5Translator.visit_desc_parameterlist(translator, node)


def end_parameters(translator: HTML5Translator, node: nodes.Element) -> None:
    """Rewrite what stands there since as a list of items."""
    HTML5Translator.depart_desc_parameterlist(translator, node)
    begins = node.attributes.pop("begins")
    tags = {"dl": "ul", "dd": "li"}
    translator.body[begins:] = [
        LIST_TAG.sub(lambda tag: f"<{tag[1]}{tags[tag[2]]}", part)
        for part in translator.body[begins:]
    ]


def begin_reference(translator: HTML5Translator, node: nodes.citation) -> None:
    """Open an entry of the references, as an item of their list."""
    HTML5Translator.visit_citation(translator, node)
    translator.body[-1] = translator.body[-1].replace("doc-biblioentry", "listitem")


def begin_fold(translator: HTML5Translator, node: HideCodeCellNode) -> None:
    """Open a fold, with one line for when it is closed and one for when it is open."""
    lines = [("collapsed", node["prompt_show"]), ("expanded", node["prompt_hide"])]
    spans = [f'<span class="{when} fold-title">{escape(text)}</span>' for when, text in lines]
    classes = " ".join(["admonition", "hide", *node["classes"]])
    translator.body.append(f'<details class="{classes}">\n<summary>{"".join(spans)}</summary>\n')


def setup(app: Sphinx) -> dict[str, Any]:
    """Take the place of the stock writers."""
    app.setup_extension("myst_nb")
    end_reference = HTML5Translator.depart_citation
    for node, write in {
        nodes.citation: (begin_reference, end_reference),
        addnodes.desc_parameterlist: (begin_parameters, end_parameters),
        HideCodeCellNode: (begin_fold, depart_HideCellInput),
    }.items():
        app.add_node(node, override=True, html=write)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
