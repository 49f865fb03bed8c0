"""The directives and roles of the book: each built in a page of its own, each failing loudly."""

import re

import pytest
from katex import Renderer
from sphinx_project import ROOT, build

NOTEBOOK = "---\nfile_format: mystnb\nkernelspec: {name: python3}\n---\n\n# Page\n\n"
OBJECTIVES = (
    ":::{objectives}\nYou will do\n: This.\nYou will learn\n: That.\nYou need\n: Time.\n:::\n"
)
EXERCISE = ":::{exercise} Half of $f$\n:label: ex-half\nWhen?\n:::\n"
SOLUTION = ":::{solution-start}\n:::\nThen.\n:::{solution-end}\n:::\n"


def claim(number="1.2", verdict="holds when", says="It holds"):
    return f":::{{claim}} {number}\n:says: {says}\n:verdict: {verdict}\nBecause.\n:::\n"


def only(warnings):
    (warning,) = warnings
    return warning


# --- formulas


@pytest.fixture(scope="module")
def renderer():
    renderer = Renderer(ROOT / "docs" / "node_modules" / "katex", {r"\R": r"\mathbb{R}"})
    yield renderer
    renderer.stop()


def test_a_formula_becomes_html_and_mathml(renderer):
    html = renderer(r"c_t \in \R", display=True)
    assert 'class="katex-display"' in html
    assert "<math" in html


def test_a_bad_formula_is_an_error(renderer):
    with pytest.raises(ValueError, match="Undefined control sequence"):
        renderer(r"\nosuch")
    assert renderer("x")  # and the next one is set


def test_formulas_are_set_numbered_and_referred_to(tmp_path):
    text = "# Page\n\nInline $x$, see {eq}`one`.\n\n$$\n\\norm{x} = 1\n$$ (one)\n"
    built = build(tmp_path, index=text)
    assert built.warnings == []
    page = built.page()
    assert page.xpath("//div[@id='equation-one']//span[@class='eqno']")[0].text.startswith("(1)")
    assert page.xpath("//a[@href='#equation-one']")[0].text_content() == "(1)"
    assert not page.xpath("//script[contains(@src, 'katex') or contains(@src, 'mathjax')]")
    css = (tmp_path / "html" / "_static" / "katex" / "katex.css").read_text()
    fonts = set(re.findall(r"url\((fonts/[^)]*)\)", css))
    assert fonts
    assert {font.rsplit(".")[-1] for font in fonts} == {"woff2"}
    assert all((tmp_path / "html" / "_static" / "katex" / font).is_file() for font in fonts)


def test_a_bad_formula_warns_with_file_and_line(tmp_path):
    warning = only(build(tmp_path, index="# Page\n\nText.\n\n$\\nosuch$\n").warnings)
    assert "index.md:5" in warning
    assert "Undefined control sequence" in warning


def test_a_displayed_formula_without_a_label_warns(tmp_path):
    warning = only(build(tmp_path, index="# Page\n\n$$\nx\n$$\n").warnings)
    assert "index.md" in warning
    assert "needs a label" in warning


# --- objectives


def test_objectives_hold_three_terms(tmp_path):
    built = build(tmp_path, index="# Page\n\n" + OBJECTIVES)
    assert built.warnings == []
    box = built.page().xpath("//*[contains(@class, 'objectives')]")[0]
    terms = [term.text_content() for term in box.xpath(".//dt")]
    assert terms == ["You will do", "You will learn", "You need", "Reading time"]


def test_the_reading_time_counts_prose_alone(tmp_path):
    prose = "One word's worth of well-known text. " * 100  # six words each time
    rest = "```python\nx = 1\n```\n\n$x$\n\n$$\ny\n$$ (y)\n\n" + EXERCISE + SOLUTION
    built = build(tmp_path, index="# A page\n\n" + OBJECTIVES + prose + "\n\n" + rest)
    assert built.warnings == []
    text = built.page().xpath("//*[contains(@class, 'objectives')]")[0].text_content()
    words = 2 + 600 + len(["Exercise", "1", "Half", "of", "When"])
    assert f"About 3 minutes: {words} words of text at 200 a minute" in " ".join(text.split())


def test_objectives_without_a_term_warn(tmp_path):
    text = "# Page\n\n" + OBJECTIVES.replace("You need\n: Time.\n", "")
    assert "You need" in only(w for w in build(tmp_path, index=text).warnings if "ERROR" in w)


# --- exercises


def test_exercises_are_numbered_and_solutions_folded_with_their_cells(tmp_path):
    cell = "```{code-cell}\nprint(6 * 7)\n```\n"
    second = EXERCISE.replace("ex-half", "ex-two")
    folded = SOLUTION.replace("Then.\n", "Then.\n\n" + cell)
    text = NOTEBOOK + EXERCISE + folded + second + SOLUTION + "See {ref}`ex-half`.\n"
    built = build(tmp_path, index=text)
    assert built.warnings == []
    page = built.page()
    titles = [t.text_content() for t in page.xpath("//*[@class='exercise-title']")]
    assert [t[:11] for t in titles] == ["Exercise 1.", "Exercise 2."]
    first, other = page.xpath("//details[@class='solution']")
    assert "42" in first.text_content()
    assert "42" not in other.text_content()
    assert "open" not in first.attrib
    assert page.xpath("//a[@href='#ex-half']")[0].text_content() == "Exercise 1"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (EXERCISE + SOLUTION.split("Then")[0] + "Then.\n", "without a solution-end"),
        (EXERCISE + SOLUTION + ":::{solution-end}\n:::\n", "solution-end without"),
        (EXERCISE, "an exercise without a solution"),
        (SOLUTION, "must follow its own exercise"),
        (EXERCISE + SOLUTION + SOLUTION, "must follow its own exercise"),
        (EXERCISE + ":::{solution-start}\n:::\n" + SOLUTION, "without a solution-end"),
    ],
)
def test_what_does_not_pair_up_warns(tmp_path, text, complaint):
    assert any(complaint in w for w in build(tmp_path, index="# Page\n\n" + text).warnings)


def test_a_label_of_an_exercise_is_taken_once(tmp_path):
    page = "# Page\n\n" + EXERCISE + SOLUTION
    assert any("ex-half" in w for w in build(tmp_path, one=page, two=page).warnings)


# --- claims


def test_a_claim_is_linked_with_its_verdict_from_another_page(tmp_path):
    summary = "# Summary\n\n{claim}`1.2`: {verdict}`1.2`.\n"
    built = build(tmp_path, chapter="# Chapter\n\n" + claim(), summary=summary)
    assert built.warnings == []
    assert built.page("chapter").xpath("//*[@id='claim-1-2']")
    links = built.page("summary").xpath("//a[@href='chapter.html#claim-1-2']")
    assert [link.text_content() for link in links] == ["claim 1.2", "holds when"]


def test_a_changed_verdict_reaches_the_page_that_links_to_it(tmp_path):
    summary = "# Summary\n\n{verdict}`1.2`\n"
    pages = {"summary": summary, "index": "# I\n\n```{toctree}\nchapter\nsummary\n```\n"}
    build(tmp_path, chapter="# Chapter\n\n" + claim(), **pages)
    built = build(tmp_path, chapter="# Chapter\n\n" + claim(verdict="does not hold"), **pages)
    assert built.warnings == []
    link = built.page("summary").xpath("//a[@href='chapter.html#claim-1-2']")[0]
    assert link.text_content() == "does not hold"


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


# --- listings


def test_a_listing_prints_package_source_and_links_to_its_entry(tmp_path):
    entry = "```{py:function} lstm_book.cells.lstm_update(x)\n```\n"
    text = "# Page\n\n" + entry + "\n:::{listing} lstm_book.cells.lstm_update\n:::\n"
    built = build(tmp_path, index=text)
    assert built.warnings == []
    page = built.page()
    (block,) = page.xpath("//div[contains(@class, 'literal-block-wrapper')]")
    assert "c_t = f_t * c + i_t * g_t" in block.text_content()
    assert "Args:" not in block.text_content()
    assert "lstm_book/cells/step.py" in block.text_content()
    assert block.xpath(".//a[@href='#lstm_book.cells.lstm_update']")


def test_a_listing_of_an_unknown_name_is_an_error(tmp_path):
    text = "# Page\n\n:::{listing} lstm_book.cells.no_such\n:::\n"
    assert any("no_such" in w and "ERROR" in w for w in build(tmp_path, index=text).warnings)


# --- pages that are gone


def test_a_page_whose_source_is_gone_is_deleted(tmp_path):
    built = build(tmp_path, one="# One\n", two="# Two\n")
    (tmp_path / "source" / "two.md").unlink()
    build(tmp_path, one="# One\n")
    pages = {path.name for path in (built.folder / "html").glob("*.html")}
    assert pages == {"index.html", "one.html", "genindex.html", "search.html"}


# --- executed pages


def test_a_failing_cell_warns(tmp_path):
    text = NOTEBOOK + "```{code-cell}\n1 / 0\n```\n"
    assert any("ZeroDivisionError" in w for w in build(tmp_path, index=text).warnings)


def test_a_warning_in_a_cell_warns(tmp_path):
    text = NOTEBOOK + "```{code-cell}\nimport warnings\nwarnings.warn('look out')\n```\n"
    assert any("stderr" in w for w in build(tmp_path, index=text).warnings)


def test_an_executed_page_needs_the_line_that_takes_the_fingerprint(tmp_path):
    with pytest.raises(Exception, match="needs the line"):
        build(tmp_path, index=NOTEBOOK.replace("{name: python3}", "{name: python}"))


def test_a_glued_number_follows_the_page_that_computes_it(tmp_path):
    cell = "```{code-cell}\nfrom myst_nb import glue\nglue('n', NUMBER, display=False)\n```\n"
    other = "# Summary\n\nIt is {glue:text}`chapter.md::n:d`.\n"
    pages = {"summary": other, "index": "# I\n\n```{toctree}\nchapter\nsummary\n```\n"}
    build(tmp_path, chapter=NOTEBOOK + cell.replace("NUMBER", "41"), **pages)
    built = build(tmp_path, chapter=NOTEBOOK + cell.replace("NUMBER", "42"), **pages)
    assert built.warnings == []
    assert "It is 42." in built.page("summary").text_content()
