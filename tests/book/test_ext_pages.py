"""What is made of all pages: claims, figures, formulas shown again, descriptions, llms.txt."""

import json

import pytest
from docutils import nodes
from pages import first_sentence
from sphinx_project import CONF, build

NOTEBOOK = "---\nfile_format: mystnb\nkernelspec: {name: python3}\n---\n\n# Page\n\n"
FIGURE = """```{code-cell}
---
mystnb:
  figure:
    name: fig-norm
    caption: The norm of $x_1$ falls. Nobody asked for the second sentence.
---
from IPython.display import HTML
HTML("<b>drawn</b>")
```
"""
LISTS = """# Lists

```{claim-index}
```

```{figure-index}
```

:::{equation-again} one
:::
"""
INDEX = "# I\n\n```{toctree}\nchapter\nlists\n```\n"


def claim(number="1.2", verdict="holds when", says="Said of $f_t$"):
    return f":::{{claim}} {number}\n:says: {says}\n:verdict: {verdict}\nBecause.\n:::\n\n"


@pytest.fixture(scope="module")
def lists(tmp_path_factory):
    """A page of lists that is read before what it lists."""
    chapter = NOTEBOOK + "$$\na = b\n$$ (one)\n\n" + FIGURE
    built = build(
        tmp_path_factory.mktemp("lists"),
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
    warnings = build(tmp_path, index="# Page\n\n:::{equation-again} nosuch\n:::\n").warnings
    assert any("nosuch" in warning for warning in warnings)


def test_lists_and_links_follow_what_they_list(tmp_path):
    lists = LISTS + "\n{claim}`1.1`: {verdict}`1.1`\n"
    page = "# Chapter\n\n$$\na = OLD\n$$ (one)\n\n"
    first = page.replace("OLD", "b") + claim("1.1", "holds")
    build(tmp_path, chapter=first, lists=lists, index=INDEX)
    second = page.replace("OLD", "c") + claim("1.1", "does not hold", "Said otherwise")
    built = build(tmp_path, chapter=second, lists=lists, index=INDEX)
    assert built.warnings == []
    text = " ".join(built.page("lists").text_content().split())
    assert "a = c" in text
    assert "a = b" not in text
    assert "Said otherwise" in text
    assert "claim 1.1: does not hold" in text


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{claim}`9.9`\n", "no page settles claim 9.9"),
        (claim(verdict="maybe"), "maybe"),
        (":::{claim} 1.1\n:verdict: holds\nText.\n:::\n", "says"),
    ],
)
def test_bad_claims_warn(tmp_path, text, complaint):
    assert any(complaint in w for w in build(tmp_path, index="# Page\n\n" + text).warnings)


def test_a_claim_is_settled_once(tmp_path):
    page = "# Page\n\n" + claim()
    assert any("already settled" in w for w in build(tmp_path, one=page, two=page).warnings)


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


# --- the book as others read it

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
FRONT = "---\nmyst: {html_meta: {description: A book.}}\n---\n\n"
BOOK = {
    "index": f"{FRONT}# The book\n\nWhat it is about.\n\n```{{toctree}}\none\npart\n```\n",
    "one": "# One\n\n" + "many words " * 60 + "\n",
    "part": "# Part 1\n\nThe first part.\n\n```{toctree}\ngates\n```\n",
    "gates": CHAPTER,
}


@pytest.mark.parametrize("address", ["", "https://e.org/book/"])
def test_head_and_llms_txt_tell_of_every_page(tmp_path, address):
    conf = {
        "extensions": [*CONF["extensions"], "sphinxext.opengraph"],
        "html_title": "The book",
        "llms_summary": "All of it.",
        "html_baseurl": address,
        "ogp_social_cards": {"enable": False},
    }
    built = build(tmp_path, conf, **BOOK)
    assert built.warnings == []
    (long,) = built.page("one").xpath("//meta[@name='description']/@content")
    assert 100 < len(long) <= 200
    lesson = 'What each gate does, & why "three".'
    assert built.page("gates").xpath("//meta[@name='description']/@content") == [lesson]
    assert (tmp_path / "html" / "llms.txt").read_text().splitlines() == [
        "# The book",
        "",
        "> All of it.",
        "",
        "",
        "## The book",
        "",
        f"- [The book]({address}index.html): A book.",
        f"- [One]({address}one.html): {long}",
        "",
        "## Part 1",
        "",
        f"- [Part 1]({address}part.html): The first part. Three gates.",
        f"- [Three gates]({address}gates.html): {lesson}",
    ]


def test_the_search_index_holds_equations_by_name(tmp_path):
    built = build(tmp_path, **BOOK)
    text = (tmp_path / "html" / "searchindex.js").read_text()
    index = json.loads(text.removeprefix("Search.setIndex(").removesuffix(")"))
    (entry,) = index["objects"][""]
    page, kind, _, anchor, name = entry
    assert index["docnames"][page] == "gates"
    assert index["objtypes"][str(kind)] == "math:equation"
    assert name == "lstm-cell"
    assert anchor == "-"  # Sphinx's short form of type-name
    assert built.page("gates").xpath("//@id[.='equation-lstm-cell']")
