"""Notebooks: made from the finished page, complete, and run where nothing of the book is."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from freshness import chapter_code
from lxml import html
from notebooks import carried_along, imported, install_line, requirements, text_of
from sphinx_project import CONF, ROOT, build

from tests.test_packaging import installed, wheel  # noqa: F401 (fixtures)

KATEX = "<span class=katex><annotation>%s</annotation></span>"
PAGE = r"""---
file_format: mystnb
kernelspec: {name: python3}
---

# Half a *memory*

:::{objectives}
You will do
: This.
You will learn
: That.
You need
: {doc}`other`.
:::

```{code-cell}
:tags: [remove-input]
from pathlib import Path
from myst_nb import glue
glue("left", 4.2e-7, display=False)
read = Path("../beside/data.json").read_text()
```

There is {glue:text}`left:.1e` left, see {eq}`norm`.

$$
\norm{x_{1}}^\T = 1
$$ (norm)

```{code-cell}
:tags: [remove-cell]
hidden = 1
```

```{code-cell}
---
tags: [hide-input]
mystnb:
  figure:
    name: fig-drawn
    caption: What is drawn.
---
from IPython.display import HTML
HTML("<b>drawn</b>")
```

{numref}`fig-drawn` shows it, and so does the listing.

:::{listing} lstm_book.cells.lstm_update
:::

| a | b |
|---|---|
| $x$ | 2 \* 3 |

- one
- two, {func}`~lstm_book.cells.lstm_update`

:::{claim} 1.2
:says: It holds
:verdict: holds when
Because.
:::

:::{exercise} Half of $f$
When?
:::

:::{solution-start}
:::
Then.

```{code-cell}
print(6 * 7)
```

So.
:::{solution-end}
:::
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A page, and the notebook that is made of it."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "beside").mkdir()
    (folder / "beside" / "data.json").write_text('{"n": 1}')
    conf = {
        "html_baseurl": "https://example.org/book/",
        "html_title": "A book",
        "numfig_format": {"figure": "Figure %s"},
        "katex_macros": {**CONF["katex_macros"], r"\T": r"\mathsf{T}"},
        "notebooks_wheel": "",
    }
    other = "# Other\n\n```{py:function} lstm_book.cells.lstm_update(x)\n```\n"
    built = build(folder, conf, page=PAGE, other=other)
    assert built.warnings == []
    path = folder / "html" / "_notebooks" / "page.ipynb"
    return built, nbformat.read(path, as_version=4), path


@pytest.fixture(scope="module")
def text(made):
    return "\n\n".join(cell.source for cell in made[1].cells if cell.cell_type == "markdown")


@pytest.fixture(scope="module")
def code(made):
    return [cell.source for cell in made[1].cells if cell.cell_type == "code"]


def test_it_is_a_valid_notebook_without_outputs(made):
    _, notebook, _ = made
    nbformat.validate(notebook)
    assert all(not cell.outputs for cell in notebook.cells if cell.cell_type == "code")
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)


def test_the_first_cell_of_code_installs_the_package(code):
    address = "https://example.org/book/lstm_book-1-py3-none-any.whl"
    assert install_line(address, []) == f'%pip install --quiet "lstm-book[plot] @ {address}"'
    assert code[0] == install_line("https://example.org/book/", [])


def test_without_an_address_it_installs_the_wheel_of_the_site_it_lies_in():
    line = install_line("../../lstm_book-1-py3-none-any.whl", ["aeon"]).splitlines()[-1]
    assert line == '%pip install --quiet "../../lstm_book-1-py3-none-any.whl[plot]" aeon'


def test_all_cells_of_the_source_are_there_in_order_hidden_ones_too(code):
    assert [c.splitlines()[0] for c in code[1:]] == [
        "%%writefile data.json",
        "from pathlib import Path",
        "hidden = 1",
        "from IPython.display import HTML",
        "print(6 * 7)",
    ]


def test_a_file_of_the_repository_is_carried_along(code):
    assert code[1] == '%%writefile data.json\n{"n": 1}'
    assert 'Path("data.json")' in code[2]


def test_glueing_needs_no_library_of_the_book(code):
    assert "myst_nb" not in code[2]
    scope = {}
    exec(code[2].replace('Path("data.json").read_text()', "None"), scope)
    assert callable(scope["glue"])


def test_numbers_references_and_equations_are_resolved(text):
    assert "There is 4.2\xa0×\xa010−7 left" in text
    assert "see [(1)](https://example.org/book/page.html#equation-norm)" in text
    assert "[Figure 1](https://example.org/book/page.html#fig-drawn) shows it" in text
    assert "What is drawn." in text
    assert "[Other](https://example.org/book/other.html)" in text
    assert "{eq}" not in text
    assert "{glue" not in text


def test_formulas_bring_their_macros_and_numbers(text):
    macros = r"\def\norm#1{\left\lVert #1 \right\rVert}", r"\def\T{\mathsf{T}}"
    (formula,) = [line for line in text.splitlines() if r"\norm{x_{1}}" in line]
    assert all(macro in formula for macro in macros)
    assert formula.endswith(r"\norm{x_{1}}^\T = 1\tag{1}")
    assert r"\def" not in text_of("<p>" + KATEX % r"\Tr", {r"\T": r"\mathsf{T}"}, "")[0]


def test_listings_stand_in_it_as_code_to_read(text):
    assert "return lstm_equations(a, c)" in text
    assert "```python" in text


def test_headings_tables_lists_claims_and_exercises(text):
    assert "# Half a *memory*" in text
    assert "| a | b |\n| --- | --- |\n| $x$ | 2 \\* 3 |" in text
    entry = "https://example.org/book/other.html#lstm_book.cells.lstm_update"
    assert f"- one\n- two, [`lstm_update()`]({entry})" in text
    assert "> **Claim 1.2.** “It holds” holds when" in text
    assert "**Exercise 1. Half of $f$**" in text
    assert "**Solution.**\n\nThen." in text
    assert "- **You will do:** This." in text
    assert "Reading time" not in text


def test_the_page_links_to_its_notebook(made):
    built, _, _ = made
    (box,) = built.page("page").xpath("//*[contains(@class, 'objectives')]")
    links = {a.text_content(): a.get("href") for a in box.xpath(".//a")}
    assert links["Download as a notebook"] == "_notebooks/page.ipynb"


def test_pages_that_do_not_want_to_have_none(tmp_path):
    unwanted = PAGE.replace("python3}\n", "python3}\nnotebook: false\n").replace("../beside/", "")
    unwanted = unwanted.split("```{code-cell}")[0] + "```{code-cell}\nx = 1\n```\n"
    built = build(tmp_path, page=unwanted, other="# Other\n")
    assert not list(built.folder.glob("html/_notebooks/**/*.ipynb"))
    assert "Download as a notebook" not in built.page("page").text_content()


def test_without_an_address_nothing_links_nowhere():
    page = '<a href="there.html#x">there</a>, <a href="https://e.org">elsewhere</a>'
    assert text_of(page, {}, "") == ["there, [elsewhere](https://e.org)"]


PAGES = [p for part in ("part1_maths", "part2_pytorch", "part3_training")
         for p in sorted((ROOT / "docs" / part).glob("*.md"))]  # fmt: skip
BROUGHT = {"torch", "numpy", "matplotlib", "IPython", "lstm_book", "myst_nb", "jaxtyping"}
INSTALLS = {"sklearn": "scikit-learn", "scipy": "scikit-learn"}  # which needs scipy


def test_what_has_to_be_installed_beside_the_package():
    code = "import torch, math\nfrom sklearn import svm\nfrom lstm_book.data import load_digits\n"
    assert requirements(code) == ["scikit-learn"]
    assert requirements("import torch\ntorch.onnx.export\n") == ["onnx", "onnxscript"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_chapter_is_carried_along_and_names_what_it_needs(page):
    code, files = carried_along(chapter_code(page.read_text()), page.parent)
    assert "../" not in code
    assert all(len(text) < 100_000 for text in files.values())
    known = BROUGHT | set(sys.stdlib_module_names) | {Path(name).stem for name in files}
    missing = imported(code) - known
    assert {INSTALLS.get(name, name) for name in missing} <= set(requirements(code))


# --- a chapter as a reader takes it home

RUN = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
assert '"../[plot]"' in notebook.cells[1].source  # the way to the front of this site
del notebook.cells[1]  # this environment has the package
notebook.cells.append(nbformat.v4.new_code_cell("import lstm_book; print(lstm_book.__file__)"))
NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
print(notebook.cells[-1].outputs[0].text)
"""


def test_a_chapter_runs_in_an_empty_folder_with_the_installed_package(
    installed,  # noqa: F811
    tmp_path,
):
    interpreter, site = installed
    chapter = (ROOT / "docs" / "part1_maths" / "cell_update.md").read_text(encoding="utf-8")
    conf = {
        "extensions": [*CONF["extensions"], "gallery_pages"],
        "katex_macros": {r"\T": r"\mathsf{T}", r"\diag": r"\operatorname{diag}"},
        "nb_execution_mode": "off",
        "notebooks_wheel": "",
    }
    built = build(tmp_path / "book", conf, cell_update=chapter)
    path = built.folder / "html" / "_notebooks" / "cell_update.ipynb"
    assert json.loads(path.read_text())["nbformat"] == 4
    empty = tmp_path / "empty"
    empty.mkdir()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"MPLBACKEND": "agg", "IPYTHONDIR": str(tmp_path / "ipython")}
    result = subprocess.run(
        [interpreter, "-c", RUN, str(path)],
        cwd=empty,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert result.stdout.strip().startswith(str(site))
    page = html.document_fromstring((built.folder / "html" / "cell_update.html").read_bytes())
    assert page.xpath("//a[text()='Download as a notebook']/@href") == [
        "_notebooks/cell_update.ipynb"
    ]
