"""One sentence about each page: for search engines in its head, for language models in llms.txt.

The sentence is what a chapter's box of objectives says under "You will learn", else the first
paragraph of the page; the home page has one of its own. ``llms.txt`` lists all pages in the order
of the book with their sentences (the form is described at llmstxt.org), under whole addresses if
the site knows its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape, unescape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

LONGEST = 200
META = re.compile(r'<meta name="description" content="([^"]*)"')


def plain(node: nodes.Node) -> str:
    """The text of a node on one line, cut at a word if it is long."""
    text = " ".join(node.astext().split())
    if len(text) > LONGEST:
        text = text[: LONGEST - 1].rsplit(" ", 1)[0].rstrip(",;:") + "…"
    return text


def lesson(doctree: nodes.document) -> nodes.Node | None:
    """What the page's objectives say under "You will learn"."""
    for item in doctree.findall(nodes.definition_list_item):
        if item[0].astext() == "You will learn" and item.next_node(nodes.paragraph):
            return item.next_node(nodes.paragraph)
    return None


def first_paragraph(doctree: nodes.document) -> nodes.Node | None:
    """The first paragraph of running text."""
    for paragraph in doctree.findall(nodes.paragraph):
        if isinstance(paragraph.parent, nodes.section | nodes.document) and paragraph.astext():
            return paragraph
    return None


def summary(doctree: nodes.document) -> str:
    """The sentence about a page; empty for a page without text."""
    node = lesson(doctree) or first_paragraph(doctree)
    return plain(node) if node is not None else ""


def describe(
    app: Sphinx,
    pagename: str,
    templatename: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    """Put the sentence into the page's head."""
    if doctree is None or META.search(context.get("metatags", "")):
        return
    text = app.config.llms_summary if pagename == app.config.root_doc else summary(doctree)
    if text:
        tag = f'<meta name="description" content="{escape(text)}" />\n'
        context["metatags"] = context.get("metatags", "") + tag


def below(env: BuildEnvironment, name: str) -> Iterator[str]:
    """The pages under a page, in the order of the book."""
    for child in env.toctree_includes.get(name, []):
        if child in env.titles:
            yield child
            yield from below(env, child)


def entry(app: Sphinx, name: str) -> str:
    """The line of llms.txt about a page."""
    address = app.builder.get_target_uri(name)
    page = Path(app.outdir, address).read_text(encoding="utf-8")
    found = META.search(page)
    title = " ".join(app.env.titles[name].astext().split())
    line = f"- [{title}]({app.config.html_baseurl or ''}{address})"
    return f"{line}: {unescape(found[1])}" if found else line


def llms_text(app: Sphinx) -> str:
    """The book's contents: a section for every part, the single pages in the first."""
    env, root = app.env, app.config.root_doc
    parts = [(name, list(below(env, name))) for name in env.toctree_includes.get(root, [])]
    single = [name for name, pages in parts if not pages and name in env.titles]
    lines = [
        f"# {app.config.html_title}",
        "",
        f"> {app.config.llms_summary}",
        "",
        "## The book",
        "",
    ]
    lines += [entry(app, name) for name in [root, *single]]
    for name, pages in parts:
        if pages:
            lines += ["", f"## {env.titles[name].astext()}", ""]
            lines += [entry(app, page) for page in dict.fromkeys([name, *pages])]
    return "\n".join(lines) + "\n"


def finish(app: Sphinx, exception: Exception | None) -> None:
    """Write llms.txt beside the pages."""
    if exception is None and app.builder.name == "html":
        Path(app.outdir, "llms.txt").write_text(llms_text(app), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx, before what else might write a description."""
    app.add_config_value("llms_summary", "", "")
    app.connect("html-page-context", describe, priority=400)
    app.connect("build-finished", finish)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
