"""Each page's sentence, the list of pages made of them, and what the search knows by name."""

import json

from sphinx_project import CONF, build

CHAPTER = """# Three gates

:::{objectives}
You will do
: Clamp a gate.
You will learn
: What each gate does, & why "three".
You need
: Nothing.
:::

Not this.

$$
c = f
$$ (lstm-cell)
"""
LONG = "# Long\n\n" + "many words " * 60 + "\n"
INDEX = """# The book

What it is about.

```{toctree}
one
part
```
"""
PART = "# Part 1\n\nThe first part.\n\n```{toctree}\ngates\n```\n"


def book(folder, **conf):
    pages = {"index": INDEX, "one": LONG, "part": PART, "gates": CHAPTER}
    extensions = [*CONF["extensions"], "equation_search", "page_summaries"]
    conf = {"html_title": "The book", "llms_summary": "All of it.", **conf}
    return build(folder, {"extensions": extensions, "html_copy_source": False, **conf}, **pages)


def descriptions(built, name):
    return built.page(name).xpath("//meta[@name='description']/@content")


def test_head_and_llms_txt_tell_of_every_page(tmp_path):
    built = book(tmp_path)
    assert built.warnings == []
    assert descriptions(built, "gates") == ["What each gate does, & why “three”."]
    assert descriptions(built, "part") == ["The first part."]
    (long,) = descriptions(built, "one")
    assert len(long) <= 200
    assert long.endswith("many words…") or long.endswith("words many…")
    assert descriptions(built, "genindex") == []
    assert (tmp_path / "html" / "llms.txt").read_text().splitlines() == [
        "# The book",
        "",
        "> All of it.",
        "",
        "## The book",
        "",
        "- [The book](index.html): All of it.",
        f"- [Long](one.html): {long}",
        "",
        "## Part 1",
        "",
        "- [Part 1](part.html): The first part.",
        "- [Three gates](gates.html): What each gate does, & why “three”.",
    ]


def test_llms_txt_gives_whole_addresses_when_the_site_knows_its_own(tmp_path):
    book(tmp_path, html_baseurl="https://e.org/book/")
    assert "(https://e.org/book/gates.html)" in (tmp_path / "html" / "llms.txt").read_text()


def test_the_search_index_holds_equations_by_name(tmp_path):
    built = book(tmp_path)
    text = (tmp_path / "html" / "searchindex.js").read_text()
    index = json.loads(text.removeprefix("Search.setIndex(").removesuffix(")"))
    (entry,) = index["objects"][""]
    page, kind, _, anchor, name = entry
    assert index["docnames"][page] == "gates"
    assert index["objtypes"][str(kind)] == "math:equation"
    assert name == "lstm-cell"
    assert anchor == "-"  # Sphinx's short form of type-name
    assert built.page("gates").xpath("//@id[.='equation-lstm-cell']")
