"""Numbered exercises whose solutions, executed cells included, stay folded until asked for."""

from __future__ import annotations

from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import OptionSpec
from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)


class exercise(nodes.General, nodes.Element):  # noqa: N801 (docutils names nodes so)
    """An exercise: a title and what is asked."""


class exercise_title(nodes.Part, nodes.TextElement):  # noqa: N801
    """The number and the title of an exercise."""


class solution(nodes.General, nodes.Element):  # noqa: N801
    """What a reader unfolds."""


class solution_mark(nodes.General, nodes.Element):  # noqa: N801
    """The place where a solution starts or ends."""


class Exercise(SphinxDirective):
    """``{exercise} Title`` with an optional ``:label:``."""

    has_content = True
    required_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[OptionSpec] = {"label": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """Number it within its page."""
        number = int(self.env.temp_data.get("exercise") or 0) + 1
        self.env.temp_data["exercise"] = number
        node = exercise(number=number)
        self.set_source_info(node)
        text, messages = self.parse_inline(self.arguments[0])
        title = exercise_title(
            "", "", nodes.inline("", f"Exercise {number}. ", classes=["exercise-number"]), *text
        )
        node += title
        node += self.parse_content_to_nodes()
        node["ids"].append(f"exercise-{number}")
        if label := self.options.get("label"):
            name = nodes.fully_normalize_name(label)
            node["ids"].insert(0, nodes.make_id(label))
            std = self.env.domains.standard_domain
            if name in std.labels:
                raise self.error(f"exercise: the label {label!r} is taken in {std.labels[name][0]}")
            std.note_hyperlink_target(name, self.env.docname, node["ids"][0], f"Exercise {number}")
        return [node, *messages]


class SolutionMark(SphinxDirective):
    """``{solution-start}`` and ``{solution-end}``."""

    def run(self) -> list[nodes.Node]:
        """Leave a mark for the transform."""
        node = solution_mark(starts=self.name == "solution-start")
        self.set_source_info(node)
        return [node]


class FoldSolutions(SphinxTransform):
    """Move what stands between two marks into one folded element."""

    default_priority = 400

    def apply(self, **kwargs: Any) -> None:
        """Fold, and complain about what does not pair up."""
        for start in list(self.document.findall(solution_mark)):
            parent = start.parent
            if parent is None:  # the end of a solution already folded
                continue
            if not start["starts"]:
                logger.warning("solution-end without a solution-start", location=start)
                continue
            inside = []
            position = parent.index(start)
            for node in parent[position + 1 :]:
                if isinstance(node, solution_mark):
                    break
                inside.append(node)
            else:
                node = None
            if node is None or node["starts"]:
                logger.warning(
                    "solution-start without a solution-end in the same section", location=start
                )
                continue
            before = [n for n in parent[:position] if isinstance(n, (exercise, solution))]
            if not before or isinstance(before[-1], solution):
                logger.warning("a solution must follow its own exercise", location=start)
            folded = solution("", *inside)
            folded.source, folded.line = start.source, start.line
            for gone in [*inside, node]:
                parent.remove(gone)
                gone.parent = None
            start.replace_self(folded)
            folded.clear()
            folded += inside
        for mark in list(self.document.findall(solution_mark)):
            mark.parent.remove(mark)
        for node in self.document.findall(exercise):
            if not isinstance(next_of_kind(node), solution):
                logger.warning("an exercise without a solution", location=node)


def next_of_kind(node: nodes.Element) -> nodes.Node | None:
    """The next exercise or solution beside a node."""
    siblings = node.parent[node.parent.index(node) + 1 :]
    return next((n for n in siblings if isinstance(n, (exercise, solution))), None)


def visit_exercise(self: HTML5Translator, node: exercise) -> None:
    """Open an exercise."""
    self.body.append(self.starttag(node, "section", CLASS="exercise"))


def depart_exercise(self: HTML5Translator, node: exercise) -> None:
    """Close an exercise."""
    self.body.append("</section>\n")


def visit_title(self: HTML5Translator, node: exercise_title) -> None:
    """Open the title of an exercise."""
    self.body.append(self.starttag(node, "p", "", CLASS="exercise-title"))


def depart_title(self: HTML5Translator, node: exercise_title) -> None:
    """Close the title of an exercise."""
    self.body.append("</p>\n")


def visit_solution(self: HTML5Translator, node: solution) -> None:
    """Open a folded solution."""
    self.body.append(self.starttag(node, "details", CLASS="solution"))
    self.body.append("<summary>Solution</summary>\n")


def depart_solution(self: HTML5Translator, node: solution) -> None:
    """Close a folded solution."""
    self.body.append("</details>\n")


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx."""
    app.add_node(exercise, html=(visit_exercise, depart_exercise))
    app.add_node(exercise_title, html=(visit_title, depart_title))
    app.add_node(solution, html=(visit_solution, depart_solution))
    app.add_node(solution_mark)
    app.add_directive("exercise", Exercise)
    app.add_directive("solution-start", SolutionMark)
    app.add_directive("solution-end", SolutionMark)
    app.add_transform(FoldSolutions)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
