"""The citation file keeps its schema, and page, package and licences say the same."""

import re
import tomllib

import yaml
from sphinx_project import ROOT

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


def test_the_page_prints_an_entry_that_agrees_with_it():
    page = (ROOT / "docs" / "appendix" / "cite.md").read_text(encoding="utf-8")
    entry = dict(re.findall(r"^  (\w+) = \{(.*)\},$", page, flags=re.MULTILINE))
    plain = {field: re.sub(r"[{}]", "", value) for field, value in entry.items()}
    assert plain.pop("year").isdigit()
    assert plain == {
        "title": CFF["title"],
        "author": " and ".join(author["name"] for author in CFF["authors"]),
        "version": str(CFF["version"]),
    } | ({"url": CFF["url"]} if "url" in CFF else {})


def test_both_licences_are_named_where_they_should_be():
    text = (ROOT / "LICENSE-TEXT").read_text(encoding="utf-8")
    assert "Creative Commons Attribution 4.0 International" in text
    assert "What it covers" in text
    assert "Section 8" in text  # to its end
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.search(r"\[LICENSE\]\(LICENSE\)", readme)
    assert re.search(r"\[LICENSE-TEXT\]\(LICENSE-TEXT\)", readme)
