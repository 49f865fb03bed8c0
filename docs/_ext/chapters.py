"""What every chapter has and no extension offers: objectives with a reading time, and exercises
whose solutions stay folded with executed cells in them (sphinx-exercise drags in another theme).
"""

import re
from typing import Any, ClassVar

import notebooks
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

logger = logging.getLogger(__name__)
TERMS = ["You will do", "You will learn", "You need"]
WORDS_A_MINUTE = 200
PART = re.compile(r"^:{3,}\{(exercise|solution-start|solution-end)\}", re.MULTILINE)
OPEN = '<details class="solution">\n<summary>Solution</summary>\n'


class Objectives(SphinxDirective):
    """``{objectives}``: a definition list of exactly three terms."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Check the terms and box them; what is learnt is the page's description to the world."""
        box = nodes.container(classes=["objectives"])
        self.set_source_info(box)
        for index in reversed(range(1, len(self.content))):
            if self.content[index].strip() in TERMS:  # a term starts a new item, blank line or not
                self.content.insert(index, "", *self.content.items[index])
        box += self.parse_content_to_nodes()
        found = [term.astext() for term in box.findall(nodes.term)]
        if found != TERMS:
            raise self.error(f"objectives: a definition list of {TERMS} is wanted, found {found}")
        lesson = list(box.findall(nodes.definition))[1].astext()
        return [box, nodes.meta(name="description", content=" ".join(lesson.split()))]


def add_facts(app: Sphinx, doctree: nodes.document) -> None:
    """Say how long a chapter's paragraphs take to read, and where it is as a notebook."""
    prose = [
        p for p in doctree.findall(nodes.paragraph) if not isinstance(p.parent, nodes.definition)
    ]
    words = sum(len(paragraph.astext().split()) for paragraph in prose)
    minutes = max(1, round(words / WORDS_A_MINUTE))
    unit = "minute" if minutes == 1 else "minutes"
    time = f"About {minutes} {unit}: {words} words of text at {WORDS_A_MINUTE} a minute."
    facts: dict[str, nodes.Node] = {"Reading time": nodes.Text(time)}
    if notebooks.wanted(app.env.metadata[app.env.docname], doctree):
        facts["To run it"] = notebooks.link(app.env.docname)
    for box in doctree.findall(nodes.container):
        if "objectives" in box["classes"]:
            rows = next(box.findall(nodes.definition_list))
            for term, fact in facts.items():
                said = nodes.definition("", nodes.paragraph("", "", fact))
                rows += nodes.definition_list_item("", nodes.term("", term), said)


class Exercise(SphinxDirective):
    """``{exercise} Title`` with an optional ``:label:``."""

    has_content = True
    required_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[dict[str, Any]] = {"label": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """Number it within its page."""
        number = int(self.env.temp_data.get("exercise") or 0) + 1
        self.env.temp_data["exercise"] = number
        text, messages = self.parse_inline(self.arguments[0])
        label = nodes.inline("", f"Exercise {number}. ", classes=["exercise-number"])
        title = nodes.paragraph("", "", label, *text, classes=["exercise-title"])
        node = nodes.container(
            "", title, *self.parse_content_to_nodes(), classes=["exercise"], is_div=True
        )
        self.set_source_info(node)
        node["ids"] = [f"exercise-{number}"]
        if name := nodes.fully_normalize_name(self.options.get("label", "")):
            node["ids"].insert(0, nodes.make_id(name))
            std = self.env.domains.standard_domain
            if name in std.labels:
                raise self.error(f"exercise: the label {name!r} is taken in {std.labels[name][0]}")
            std.note_hyperlink_target(name, self.env.docname, node["ids"][0], f"Exercise {number}")
        return [node, *messages]


class SolutionMark(SphinxDirective):
    """``{solution-start}`` and ``{solution-end}``, because a cell cannot stand in a directive."""

    def run(self) -> list[nodes.Node]:
        """Open or close the fold."""
        html = OPEN if self.name == "solution-start" else "</details>\n"
        node = nodes.raw("", html, format="html")
        self.set_source_info(node)
        return [node]


def pair(app: Sphinx, docname: str, source: list[str]) -> None:
    """Complain unless each exercise is followed by the start and the end of its own solution."""
    order = ["exercise", "solution-start", "solution-end"]
    for turn, part in enumerate(found := list(PART.finditer(source[0]))):
        if part[1] != order[turn % 3]:
            line = source[0].count("\n", 0, part.start()) + 1
            logger.warning("%s instead of %s", part[1], order[turn % 3], location=(docname, line))
            return
    if len(found) % 3:
        logger.warning("an exercise without its whole solution", location=docname)


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("objectives", Objectives)
    app.add_directive("exercise", Exercise)
    app.add_directive("solution-start", SolutionMark)
    app.add_directive("solution-end", SolutionMark)
    app.add_config_value("notebooks_wheel", "", "env")
    app.connect("source-read", pair)
    app.connect("doctree-read", add_facts, priority=900)
    return {"version": "3", "parallel_read_safe": True, "parallel_write_safe": True}
