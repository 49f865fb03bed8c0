"""Claims and the places that settle them, so that no page can disagree with the one that measures;
no extension has anything like it.

The directive ``claim`` states a claim and its verdict; the roles ``claim`` and ``verdict`` link to
it from anywhere, and the directive ``claim-index`` lists all of them.
"""

from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from whole_book import FILL, Directive, Role, link

logger = logging.getLogger(__name__)
VERDICTS = ("holds", "holds when", "does not hold")


def claims(env: BuildEnvironment) -> dict[str, tuple[str, str]]:
    """Number of the claim → page that settles it, and verdict; in the order of the numbers."""
    found = {
        number: (page, verdict)
        for page, facts in env.metadata.items()
        for number, verdict in facts.get("claims", {}).items()
    }
    return dict(sorted(found.items(), key=lambda item: [int(n) for n in item[0].split(".")]))


def anchor(number: str) -> str:
    """The id of a claim on its page."""
    return "claim-" + number.replace(".", "-")


class Claim(SphinxDirective):
    """The place that settles a claim."""

    has_content = True
    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {
        "says": directives.unchanged_required,
        "verdict": lambda text: directives.choice(text, VERDICTS),
    }

    def run(self) -> list[nodes.Node]:
        """Box the claim, its verdict and the evidence."""
        number = self.arguments[0].strip()
        missing = [option for option in self.option_spec if option not in self.options]
        if missing:
            raise self.error(f"claim {number}: option {missing} is missing")
        verdict = self.options["verdict"]
        says, messages = self.parse_inline(self.options["says"])
        words = [nodes.Text("“"), *says, nodes.Text("”")]
        head = nodes.paragraph("", "", classes=["claim-head"])
        head += nodes.strong("", f"Claim {number}. ")
        head += nodes.inline("", "", *words, classes=["claim-says"])
        head += [nodes.Text(" "), nodes.inline("", verdict, classes=["claim-verdict"])]
        box = nodes.container("", head, classes=["claim", "claim-" + verdict.replace(" ", "-")])
        box += self.parse_content_to_nodes()
        box["ids"] = [anchor(number)]
        self.set_source_info(box)
        std = self.env.domains.standard_domain
        std.note_hyperlink_target(anchor(number), self.env.docname, anchor(number))
        self.env.metadata[self.env.docname].setdefault("claims", {})[number] = verdict
        return [box, *messages]


def reference(env: BuildEnvironment, node: nodes.Element) -> list[nodes.Node]:
    """A link that reads "claim 1.2", the number alone, or the verdict."""
    number, kind = node["argument"], node["kind"]
    if number not in claims(env):
        text = "no page settles claim %s"
        logger.warning(text, number, location=node, type="ref", subtype="claim")
        return [nodes.Text(number)]
    _, verdict = claims(env)[number]
    text = {"claim": f"claim {number}", "number": number, "verdict": verdict}[kind]
    style = ["claim-verdict-" + verdict.replace(" ", "-")] if kind == "verdict" else []
    return [nodes.inline("", "", link(env, "ref", anchor(number), text), classes=style)]


def index(env: BuildEnvironment, node: nodes.Element) -> list[nodes.Node]:
    """The table of all claims; its first column is the head of each row, under "Claim"."""
    head = row([nodes.Text(text)] for text in ("Claim", "Verdict", "Settled in"))
    head[0]["morecols"] = 1
    body = []
    for number, (page, _) in claims(env).items():
        boxes = env.get_doctree(page).findall(nodes.container)
        box = next(box for box in boxes if anchor(number) in box["ids"])
        says = next(part for part in box.findall(nodes.inline) if "claim-says" in part["classes"])
        linked = (reference(env, {"argument": number, "kind": k}) for k in ("number", "verdict"))
        place, verdict = linked
        body.append(row([place, [says.deepcopy()], verdict, [link(env, "doc", f"/{page}")]]))
    columns = [nodes.colspec("", colwidth=width) for width in (1, 12, 4, 6)]
    parts = [*columns, nodes.thead("", head), nodes.tbody("", *body)]
    group = nodes.tgroup("", *parts, cols=len(columns))
    return [nodes.table("", group, classes=["claim-index"])]


def row(cells: Any) -> nodes.row:
    """One row of a table."""
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", *cell)) for cell in cells))


def check(app: Sphinx, env: BuildEnvironment) -> None:
    """Complain about a claim that two pages settle."""
    settled = claims(env)
    for page, facts in env.metadata.items():
        for number in facts.get("claims", {}):
            if (other := settled[number][0]) != page:
                logger.warning("claim %s is already settled in %s", number, other, location=page)


def setup(app: Sphinx) -> dict[str, Any]:
    app.setup_extension("whole_book")
    app.add_directive("claim", Claim)
    app.add_directive("claim-index", Directive)
    app.add_role("claim", Role())
    app.add_role("verdict", Role())
    FILL.update({"claim": reference, "verdict": reference, "claim-index": index})
    app.connect("env-check-consistency", check)
    return {"version": "2", "parallel_read_safe": True, "parallel_write_safe": True}
