"""Folded cells whose line says to everyone what it does.

MyST-NB gives each the same hidden name, "Toggle hidden content", which speech control cannot match
with what is seen, and paragraphs where HTML allows none.
"""

from __future__ import annotations

from html import escape
from typing import Any

from myst_nb.sphinx_ import HideCodeCellNode, depart_HideCellInput
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator


def visit(translator: HTML5Translator, node: HideCodeCellNode) -> None:
    """Open the fold, with one line for when it is closed and one for when it is open."""
    lines = [("collapsed", node["prompt_show"]), ("expanded", node["prompt_hide"])]
    spans = [f'<span class="{when} fold-title">{escape(text)}</span>' for when, text in lines]
    classes = " ".join(["admonition", "hide", *node["classes"]])
    translator.body.append(f'<details class="{classes}">\n<summary>{"".join(spans)}</summary>\n')


def setup(app: Sphinx) -> dict[str, Any]:
    """Take the place of MyST-NB's own writer."""
    app.setup_extension("myst_nb")
    app.add_node(HideCodeCellNode, override=True, html=(visit, depart_HideCellInput))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
