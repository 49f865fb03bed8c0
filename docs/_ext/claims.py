"""Claims of the series and the places that settle them.

The directive ``claim`` states a claim and its verdict; the roles ``claim`` and ``verdict`` link to
it from anywhere, and the directive ``claim-index`` lists all of them, so that no page can disagree
with the one that measures.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole
from sphinx.util.nodes import make_refnode
from sphinx.util.typing import OptionSpec
from whole_book import link, write_again

logger = logging.getLogger(__name__)
VERDICTS = ("holds", "holds when", "does not hold")


class Claim(NamedTuple):
    """Where a claim is settled, and how."""

    docname: str
    anchor: str
    verdict: str


class claim_reference(nodes.Inline, nodes.TextElement):  # noqa: N801 (docutils names nodes so)
    """A link to a claim, to be resolved when all pages are read."""


class claim_index(nodes.General, nodes.Element):  # noqa: N801
    """The place of the table of all claims, to be filled when all pages are read."""


def claims(env: BuildEnvironment) -> dict[str, Claim]:
    """Number of the claim → where it is settled."""
    if not hasattr(env, "book_claims"):
        env.book_claims = {}  # type: ignore[attr-defined]
    found: dict[str, Claim] = env.book_claims  # type: ignore[attr-defined]
    return found


class ClaimDirective(SphinxDirective):
    """The place that settles a claim."""

    has_content = True
    required_arguments = 1
    option_spec: ClassVar[OptionSpec] = {
        "says": directives.unchanged_required,
        "verdict": lambda text: directives.choice(text, VERDICTS),
    }

    def run(self) -> list[nodes.Node]:
        """Box the claim, its verdict and the evidence."""
        number = self.arguments[0].strip()
        missing = [option for option in ("says", "verdict") if option not in self.options]
        if missing:
            raise self.error(f"claim {number}: option {missing} is missing")
        known = claims(self.env).get(number)
        if known is not None and known.docname != self.env.docname:
            raise self.error(f"claim {number} is already settled in {known.docname}")
        verdict = self.options["verdict"]
        anchor = "claim-" + number.replace(".", "-")
        box = nodes.container(classes=["claim", "claim-" + verdict.replace(" ", "-")], ids=[anchor])
        self.set_source_info(box)
        says, messages = self.parse_inline(self.options["says"])
        head = nodes.paragraph("", "", classes=["claim-head"])
        head += nodes.strong("", f"Claim {number}. ")
        head += nodes.inline(
            "", "", nodes.Text("“"), *says, nodes.Text("”"), classes=["claim-says"]
        )
        head += nodes.Text(" ")
        head += nodes.inline("", verdict, classes=["claim-verdict"])
        box += head
        box += self.parse_content_to_nodes()
        claims(self.env)[number] = Claim(self.env.docname, anchor, verdict)
        return [box, *messages]


class ClaimRole(SphinxRole):
    """A link that reads "claim 1.2", or the verdict."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Leave a node that is resolved at the end."""
        node = claim_reference(number=self.text.strip(), verdict=self.name == "verdict")
        self.set_source_info(node)
        write_again(self.env)
        return [node], []


class ClaimIndexDirective(SphinxDirective):
    """``{claim-index}``: the table of all claims, their verdicts and where each is settled."""

    def run(self) -> list[nodes.Node]:
        """Leave a node that is filled at the end."""
        node = claim_index()
        self.set_source_info(node)
        write_again(self.env)
        return [node]


class FillClaimIndex(SphinxPostTransform):
    """Write the table, before references are resolved: the words of claims may hold some."""

    default_priority = 5

    def run(self, **kwargs: Any) -> None:
        """Fill every index of one page."""
        for node in list(self.document.findall(claim_index)):
            found = sorted(claims(self.env).items(), key=lambda item: number_key(item[0]))
            rows = [index_row(self.env, number, claim) for number, claim in found]
            node.replace_self(table(["Claim", "Verdict", "Settled in"], [1, 12, 4, 6], rows))


def number_key(number: str) -> list[int]:
    """Sort 1.2 before 1.10."""
    return [int(part) for part in number.split(".")]


def index_row(env: BuildEnvironment, number: str, claim: Claim) -> list[nodes.Node]:
    """The cells of one claim: number, words, verdict, page."""
    boxes = env.get_doctree(claim.docname).findall(nodes.container)
    box = next(box for box in boxes if claim.anchor in box["ids"])
    says = next(node for node in box.findall(nodes.inline) if "claim-says" in node["classes"])
    return [
        claim_reference(number=number, verdict=False, label=number),
        says.deepcopy(),
        claim_reference(number=number, verdict=True),
        link(env, "doc", f"/{claim.docname}"),
    ]


def table(heads: list[str], widths: list[int], rows: list[list[nodes.Node]]) -> nodes.table:
    """A table; its first column is the head of each row, and stands under the first heading."""
    group = nodes.tgroup("", cols=len(widths))
    group += [nodes.colspec("", colwidth=width) for width in widths]
    head = nodes.row("", nodes.entry("", nodes.paragraph("", heads[0]), morecols=1))
    head += [nodes.entry("", nodes.paragraph("", text)) for text in heads[1:]]
    group += nodes.thead("", head)
    group += nodes.tbody(
        "",
        *(
            nodes.row("", *(nodes.entry("", nodes.paragraph("", "", cell)) for cell in cells))
            for cells in rows
        ),
    )
    return nodes.table("", group, classes=["claim-index"])


def resolve(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Turn references into links."""
    for node in list(doctree.findall(claim_reference)):
        claim = claims(app.env).get(node["number"])
        if claim is None:
            logger.warning("no page settles claim %s", node["number"], location=node)
            node.replace_self(nodes.Text(node["number"]))
            continue
        text = claim.verdict if node["verdict"] else node.get("label", f"claim {node['number']}")
        style = ["claim-verdict-" + claim.verdict.replace(" ", "-")] if node["verdict"] else []
        inner = nodes.inline("", text, classes=style)
        node.replace_self(make_refnode(app.builder, docname, claim.docname, claim.anchor, inner))


def purge(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    """Forget a page that is read again or gone."""
    for number in [n for n, claim in claims(env).items() if claim.docname == docname]:
        del claims(env)[number]


def merge(app: Sphinx, env: BuildEnvironment, docnames: set[str], other: BuildEnvironment) -> None:
    """Take over what a parallel reader recorded."""
    for number, claim in claims(other).items():
        if claim.docname in docnames:
            known = claims(env).setdefault(number, claim)
            if known.docname != claim.docname:
                logger.warning(
                    "claim %s is settled twice: %s, %s", number, known.docname, claim.docname
                )


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx."""
    app.setup_extension("whole_book")
    app.add_node(claim_reference)
    app.add_directive("claim", ClaimDirective)
    app.add_node(claim_index)
    app.add_directive("claim-index", ClaimIndexDirective)
    app.add_post_transform(FillClaimIndex)
    app.add_role("claim", ClaimRole())
    app.add_role("verdict", ClaimRole())
    app.connect("doctree-resolved", resolve)
    app.connect("env-purge-doc", purge)
    app.connect("env-merge-info", merge)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
