"""What each chapter is written with: formulas, objectives, exercises; each fails loudly."""

import pytest
from formulas import render
from sphinx_project import ROOT, build

KATEX = ROOT / "docs" / "node_modules" / "katex"
NOTEBOOK = "---\nfile_format: mystnb\nkernelspec: {name: python3}\n---\n\n# Page\n\n"
OBJECTIVES = (
    ":::{objectives}\nYou will do\n: This.\nYou will learn\n: That.\nYou need\n: Time.\n:::\n"
)
EXERCISE = ":::{exercise} Half of $f$\n:label: ex-half\nWhen?\n:::\n"
START, END = ":::{solution-start}\n:::\n", ":::{solution-end}\n:::\n"
SOLUTION = START + "Then.\n" + END


def only(warnings):
    (warning,) = warnings
    return warning


# --- formulas


def test_formulas_become_html_and_mathml_and_a_bad_one_an_error():
    asked = [(r"c_t \in \R", True), (r"\nosuch", False), ("x", False)]
    display, bad, inline = render(asked, KATEX, {r"\R": r"\mathbb{R}"})
    assert 'class="katex-display"' in display["html"]
    assert "<math" in inline["html"]
    assert "Undefined control sequence" in bad["error"]


def test_formulas_are_set_numbered_and_referred_to(tmp_path):
    text = "# The $x$\n\nInline $x$, see {eq}`one`.\n\n$$\n\\norm{x} = 1\n$$ (one)\n"
    built = build(tmp_path, chapter=text)
    assert built.warnings == []
    page = built.page("chapter")
    assert page.xpath("//div[@id='equation-one']//span[@class='eqno']")[0].text.startswith("(1)")
    assert page.xpath("//a[@href='#equation-one']")[0].text_content() == "(1)"
    assert not page.xpath("//script[contains(@src, 'katex') or contains(@src, 'mathjax')]")
    assert built.page().xpath("//a[contains(@href, 'chapter')]//math")  # in the list of contents


def test_a_bad_formula_warns_with_file_and_line(tmp_path):
    warning = only(build(tmp_path, index="# Page\n\nText.\n\n$\\nosuch$\n").warnings)
    assert "index.md:5" in warning
    assert "Undefined control sequence" in warning


def test_a_displayed_formula_without_a_label_warns(tmp_path):
    warning = only(build(tmp_path, index="# Page\n\n$$\nx\n$$\n").warnings)
    assert "index.md" in warning
    assert "needs a label" in warning


# --- objectives


def test_objectives_hold_three_terms_and_count_the_prose(tmp_path):
    prose = "One word's worth of well-known text. " * 100  # six words each time
    built = build(tmp_path, index="# Page\n\n" + OBJECTIVES + prose + "\n\n```python\nx = 1\n```\n")
    assert built.warnings == []
    (box,) = built.page().xpath("//*[contains(@class, 'objectives')]")
    terms = [term.text_content() for term in box.xpath(".//dt")]
    assert terms == ["You will do", "You will learn", "You need", "Reading time"]
    assert "About 3 minutes: 600 words of text at 200 a minute." in box.text_content()


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
        (EXERCISE + START, "an exercise without its whole solution"),
        (EXERCISE + SOLUTION + END, "index.md:12: WARNING: solution-end instead of exercise"),
        (EXERCISE, "an exercise without its whole solution"),
        (SOLUTION, "solution-start instead of exercise"),
        (EXERCISE + SOLUTION + SOLUTION, "solution-start instead of exercise"),
        (EXERCISE + START + SOLUTION, "solution-start instead of solution-end"),
    ],
)
def test_what_does_not_pair_up_warns(tmp_path, text, complaint):
    assert any(complaint in w for w in build(tmp_path, index="# Page\n\n" + text).warnings)


def test_a_label_of_an_exercise_is_taken_once(tmp_path):
    page = "# Page\n\n" + EXERCISE + SOLUTION
    assert any("ex-half" in w for w in build(tmp_path, one=page, two=page).warnings)
