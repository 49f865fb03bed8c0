"""What is made of all pages together, in the form that this book wants and no extension writes: the
``{figure-index}``, ``llms.txt``, a notebook of each chapter, and the wheel that it installs.
"""

import re
from collections.abc import Iterator
from contextlib import chdir
from html import unescape
from itertools import groupby
from pathlib import Path
from typing import Any

import notebooks
from docutils import nodes
from hatchling.build import build_wheel
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from whole_book import FILL, Directive, link

META = re.compile(r'<meta (?:content="([^"]*)" )?name="description"(?: content="([^"]*)")?')
SENTENCE = re.compile(r"[.!?](?=\s|$)")


def figures(env: BuildEnvironment, node: nodes.Element) -> list[nodes.Node]:
    """All numbered figures, by page, each with the first sentence of its caption."""
    numbered = sorted(
        (number[-1], page, name)
        for page, kinds in env.toc_fignumbers.items()
        for name, number in kinds.get("figure", {}).items()
    )
    parts: list[nodes.Node] = []
    for page, of_page in groupby(numbered, key=lambda figure: figure[1]):
        title = nodes.strong("", "", link(env, "doc", f"/{page}"))
        items = nodes.bullet_list("", classes=["figure-index"])
        found = {n["ids"][0]: n for n in env.get_doctree(page).findall(nodes.figure) if n["ids"]}
        for number, _, name in of_page:
            place = link(env, "ref", found[name]["names"][0], f"Figure {number}.")
            words = first_sentence(found[name].next_node(nodes.caption))
            items += nodes.list_item("", nodes.paragraph("", "", place, nodes.Text(" "), *words))
        parts += [nodes.paragraph("", "", title, classes=["figure-index-page"]), items]
    return parts


def first_sentence(caption: nodes.Element) -> Iterator[nodes.Node]:
    """The nodes of a caption up to the end of its first sentence."""
    for node in caption.deepcopy().children:
        if isinstance(node, nodes.Text) and (end := SENTENCE.search(node)):
            yield nodes.Text(node[: end.end()])
            return
        for element in node.findall(nodes.Element):  # an id must stand once on its page
            element["ids"] = []
        yield node


def llms_text(app: Sphinx) -> str:
    """Each page with its description, a part below another (the form is that of llmstxt.org)."""
    lines = [f"# {app.config.html_title}", "", f"> {app.config.llms_summary}", ""]
    for page in app.env.collect_relations():  # in the order of the book
        title = " ".join(app.env.titles[page].astext().split())
        address = app.builder.get_target_uri(page)
        text = Path(app.outdir, address).read_text(encoding="utf-8")
        words = "".join(f": {unescape(found[1] or found[2])}" for found in META.finditer(text))
        part = ["", f"## {title}", ""] if app.env.toctree_includes.get(page) else []
        lines += [*part, f"- [{title}]({app.config.html_baseurl or ''}{address}){words}"]
    return "\n".join(lines) + "\n"


def finish(app: Sphinx, exception: Exception | None) -> None:
    """Write llms.txt and the package's wheel beside the pages."""
    if exception is None and app.builder.name == "html":
        Path(app.outdir, "llms.txt").write_text(llms_text(app), encoding="utf-8")
        if app.config.notebooks_wheel:
            with chdir(Path(app.srcdir).parent):
                build_wheel(str(app.outdir))


def setup(app: Sphinx) -> dict[str, Any]:
    app.setup_extension("whole_book")
    app.add_config_value("llms_summary", "", "")
    app.add_directive("figure-index", Directive)
    FILL["figure-index"] = figures
    app.connect("html-page-context", notebooks.write)
    app.connect("build-finished", finish)
    return {"version": "2", "parallel_read_safe": True, "parallel_write_safe": True}
