"""What is listed from the pages themselves: claims, figures, equations, the book's own entry."""

import re
import tomllib

import pytest
import yaml
from citation import bibtex
from docutils import nodes
from equation_again import FillFormulas
from figure_index import first_sentence
from sphinx_project import CONF, ROOT, build

EXTENSIONS = [*CONF["extensions"], "citation", "equation_again", "figure_index"]
NOTEBOOK = "---\nfile_format: mystnb\nkernelspec: {name: python3}\n---\n\n# Page\n\n"
FIGURE = """```{code-cell}
---
mystnb:
  figure:
    name: NAME
    caption: The norm of $x_1$ falls. Nobody asked for the second sentence.
---
from IPython.display import HTML
HTML("<b>drawn</b>")
```
"""
LISTS = (
    "# Lists\n\n```{claim-index}\n```\n\n```{figure-index}\n```\n\n"
    ":::{equation-again} one\n:::\n\n```{cite-this}\n```\n"
)


def claim(number, verdict, says="Said of $f_t$"):
    return f":::{{claim}} {number}\n:says: {says}\n:verdict: {verdict}\nBecause.\n:::\n\n"


@pytest.fixture(scope="module")
def lists(tmp_path_factory):
    """A page of lists that is read before what it lists."""
    folder = tmp_path_factory.mktemp("lists")
    chapter = NOTEBOOK + "$$\na = b\n$$ (one)\n\n" + FIGURE.replace("NAME", "fig-norm")
    built = build(
        folder,
        {"extensions": EXTENSIONS, "citation_file": str(ROOT / "CITATION.cff")},
        a_lists=LISTS,
        chapter=chapter + claim("1.10", "does not hold"),
        other="# Other\n\n" + claim("1.2", "holds when") + claim("2.1", "holds"),
    )
    assert built.warnings == []
    return built.page("a_lists")


def test_every_claim_is_listed_in_order_with_its_verdict_and_its_place(lists):
    rows = lists.xpath("//table[contains(@class, 'claim-index')]/tbody/tr")
    found = [[" ".join(cell.text_content().split()) for cell in row.xpath("td")] for row in rows]
    assert [(row[0], row[2], row[3]) for row in found] == [
        ("1.2", "holds when", "Other"),
        ("1.10", "does not hold", "Page"),
        ("2.1", "holds", "Other"),
    ]
    assert [row.xpath("td[1]//a/@href")[0] for row in rows] == [
        "other.html#claim-1-2",
        "chapter.html#claim-1-10",
        "other.html#claim-2-1",
    ]
    assert rows[0].xpath("td[2]//math")  # a formula in the words of a claim is set


def test_every_figure_is_listed_with_the_first_sentence_of_its_caption(lists):
    (item,) = lists.xpath("//ul[contains(@class, 'figure-index')]/li")
    assert item.xpath(".//a/@href")[0] == "chapter.html#fig-norm"
    text = " ".join(item.text_content().split())
    assert text.startswith("Figure 1. The norm of")
    assert text.endswith("falls.")
    assert item.xpath(".//math")


def test_an_equation_is_shown_again_from_its_source_and_leads_there(lists):
    (box,) = lists.xpath("//div[contains(@class, 'equation-formula')]/..")
    assert box.xpath(".//annotation")[0].text.strip() == "a = b"
    assert box.xpath(".//a/@href") == ["chapter.html#equation-one"]
    assert box.xpath(".//a")[0].text_content() == "(1)"


def test_an_equation_that_nobody_labels_warns(tmp_path):
    text = "# Page\n\n:::{equation-again} nosuch\n:::\n"
    warnings = build(tmp_path, {"extensions": EXTENSIONS}, index=text).warnings
    assert any("nosuch" in warning for warning in warnings)
    assert FillFormulas.default_priority < 10  # before references are resolved


def test_lists_follow_what_they_list(tmp_path):
    index = {"index": "# I\n\n```{toctree}\nchapter\nlists\n```\n"}
    lists = "# Lists\n\n```{claim-index}\n```\n\n:::{equation-again} one\n:::\n"
    page = "# Chapter\n\n$$\na = OLD\n$$ (one)\n\n"
    conf = {"extensions": EXTENSIONS}
    first = page.replace("OLD", "b") + claim("1.1", "holds")
    build(tmp_path, conf, chapter=first, lists=lists, **index)
    second = page.replace("OLD", "c") + claim("1.1", "does not hold", "Said otherwise")
    built = build(tmp_path, conf, chapter=second, lists=lists, **index)
    text = built.page("lists").text_content()
    assert "a = c" in text
    assert "a = b" not in text
    assert "Said otherwise" in text
    assert "does not hold" in text


@pytest.mark.parametrize(
    ("caption", "first"),
    [
        (["One sentence."], "One sentence."),
        (["No full stop"], "No full stop"),
        (["At 0.9 it falls. At 1 not."], "At 0.9 it falls."),
        (["Is it ", nodes.emphasis("", "so. Is"), " it? Yes."], "Is it so. Is it?"),
    ],
)
def test_first_sentence(caption, first):
    parts = [nodes.Text(part) if isinstance(part, str) else part for part in caption]
    found = first_sentence(nodes.caption("", "", *parts))
    assert "".join(node.astext() for node in found) == first


# --- how to cite the book

CFF = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# Of the schema of version 1.2.0, the keys that may stand at the top.
KEYS = {
    "abstract", "authors", "cff-version", "commit", "contact", "date-released", "doi",
    "identifiers", "keywords", "license", "license-url", "message", "preferred-citation",
    "references", "repository", "repository-artifact", "repository-code", "title", "type", "url",
    "version",
}  # fmt: skip


def test_the_citation_file_is_of_its_schema():
    assert CFF["cff-version"] == "1.2.0"
    assert CFF.keys() >= {"authors", "cff-version", "message", "title"}
    assert CFF.keys() <= KEYS
    assert CFF["type"] in {"software", "dataset"}
    for author in CFF["authors"]:
        assert author.keys() & {"name", "family-names"}
    assert len(set(CFF["keywords"])) == len(CFF["keywords"])


def test_the_citation_file_agrees_with_the_package():
    assert str(CFF["version"]) == PROJECT["version"]
    assert CFF["keywords"] == [word for word in PROJECT["keywords"] if word != "book"]
    assert [author["name"] for author in CFF["authors"]] == [a["name"] for a in PROJECT["authors"]]
    assert CFF["license"] == ["MIT", "CC-BY-4.0"]


def test_the_page_prints_the_entry_of_the_citation_file(lists):
    entry = lists.xpath("//div[contains(@class, 'highlight-bibtex')]//pre")[0].text_content()
    assert entry.startswith("@software{lstm_book,\n  title = {The {LSTM} book},")
    assert f"version = {{{PROJECT['version']}}}" in entry
    assert entry.count("{") == entry.count("}")


def test_an_entry_of_people_with_a_date_and_an_address():
    cff = {
        "authors": [
            {"family-names": "Curie", "given-names": "M."},
            {"family-names": "Noether", "given-names": "E."},
        ],
        "title": "On X",
        "version": "1.0",
        "date-released": "2031-05-01",
    }
    entry = bibtex(cff, "2026", "https://example.org/")
    assert "author = {Curie, M. and Noether, E.}," in entry
    assert "year = {2031}," in entry
    assert "url = {https://example.org/}," in entry


def test_both_licences_are_named_where_they_should_be():
    text = (ROOT / "LICENSE-TEXT").read_text(encoding="utf-8")
    assert "Creative Commons Attribution 4.0 International" in text
    assert "What it covers" in text
    assert "Section 8" in text  # to its end
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.search(r"\[LICENSE\]\(LICENSE\)", readme)
    assert re.search(r"\[LICENSE-TEXT\]\(LICENSE-TEXT\)", readme)
