"""``{cite-this}``: the BibTeX entry of the book itself, made from ``CITATION.cff``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


def bibtex(cff: dict[str, Any], year: str, url: str = "") -> str:
    """The entry of a citation file; capitals inside words are protected.

    Args:
        cff: What the citation file says.
        year: The year to print, unless the file has the date of a release.
        url: Where the book is published, if anywhere.
    """
    authors = []
    for author in cff["authors"]:
        if "name" in author:
            authors.append(f"{{{author['name']}}}")
        else:
            authors.append(f"{author['family-names']}, {author['given-names']}")
    released = str(cff.get("date-released", year))[:4]
    fields = {
        "title": re.sub(r"\b([A-Z]{2,})\b", r"{\1}", cff["title"]),
        "author": " and ".join(authors),
        "version": str(cff["version"]),
        "year": released,
        "url": cff.get("url", url),
    }
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join(["@software{lstm_book,", *lines, "}"])


class CiteThis(SphinxDirective):
    """A block to copy."""

    def run(self) -> list[nodes.Node]:
        """Make the entry, and make it again when the file changes."""
        path = Path(self.env.srcdir, self.config.citation_file).resolve()
        self.env.note_dependency(str(path))
        cff = yaml.safe_load(path.read_text(encoding="utf-8"))
        year = re.search(r"\d{4}", self.config.copyright)
        text = bibtex(cff, year[0] if year else "", self.config.html_baseurl)
        block = nodes.literal_block(text, text, language="bibtex")
        self.set_source_info(block)
        return [block]


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx."""
    app.add_config_value("citation_file", "../CITATION.cff", "env")
    app.add_directive("cite-this", CiteThis)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
