"""Code on pages: read where it stands, checked with its page and line, and hardly hidden."""

import ast

import lint_pages
import page_cells
import pytest
from page_cells import ROOT, Cell, cells_of, in_place
from pasted import PAGES

PAGE = """\
# A page

```{code-cell}
import math
```

```{code-cell}
---
tags: [hide-input]
mystnb:
  figure:
    name: fig-a
---
x = [
    1,
]
```

````{code-cell}
:tags: [remove-cell]
print(y)
````
"""


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A book of one page."""
    page = tmp_path / "docs" / "a.md"
    page.parent.mkdir()
    page.write_text(PAGE)
    monkeypatch.setattr(page_cells, "ROOT", tmp_path)
    monkeypatch.setattr(lint_pages, "ROOT", tmp_path)
    return page


def test_cells_have_their_lines_and_say_whether_they_are_hidden(book):
    assert cells_of(book) == [
        Cell(4, "import math\n", False),
        Cell(14, "x = [\n    1,\n]\n", True),
        Cell(21, "print(y)\n", True),
    ]


def test_code_in_place_is_on_the_lines_of_its_page(book):
    lines, page = in_place(cells_of(book)).splitlines(), PAGE.splitlines()
    assert [(n, line) for n, line in enumerate(lines) if line] == [
        (n, page[n]) for n in (3, 13, 14, 15, 20)
    ]


def test_findings_name_the_page_and_the_line(book, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["lint_pages.py"])
    assert lint_pages.main()
    found = capsys.readouterr().out.splitlines()
    assert found == [
        "docs/a.md:14: cell is not formatted",
        "docs/a.md:4:8: F401 [*] `math` imported but unused",
        "docs/a.md:21:7: F821 Undefined name `y`",
        "3 findings in code cells",
    ]


def test_fix_formats_cells_where_they_stand(book, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["lint_pages.py", "--fix"])
    lint_pages.main()
    assert "not formatted" not in capsys.readouterr().out
    assert book.read_text() == PAGE.replace("x = [\n    1,\n]\n", "x = [1]\n")


@pytest.mark.parametrize("page", PAGES)
def test_a_page_hides_little_of_its_code(page):
    cells = cells_of(ROOT / "docs" / f"{page}.md")
    lines = dict.fromkeys((True, False), 0)
    for cell in cells:
        lines[cell.hidden] += sum(bool(line.strip()) for line in cell.code.splitlines())
    assert lines[True] < 0.15 * sum(lines.values()) or lines[True] <= 6  # on a short page
    assert all(ast.parse(cell.code) for cell in cells)
