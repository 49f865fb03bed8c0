"""The code cells of a page: where they stand, what they say, and whether a reader sees them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
HIDING = ("hide-input", "hide-cell", "remove-input", "remove-cell")
_CELL = re.compile(
    r"^(?P<fence>`{3,}|:{3,})\{code-cell\}[^\n]*\n"
    r"(?P<options>---\n.*?^---[ \t]*\n|(?::[\w-]+:[^\n]*\n)*)"
    r"(?P<code>.*?)^(?P=fence)[ \t]*$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Cell:
    """A code cell: its first line of code, from 1; the code; whether it is hidden or folded."""

    line: int
    code: str
    hidden: bool


def pages() -> list[Path]:
    """Every page that has code cells."""
    found = (path for path in (ROOT / "docs").rglob("*.md") if "node_modules" not in path.parts)
    return sorted(path for path in found if cells_of(path))


def cells_of(page: Path) -> list[Cell]:
    """The code cells of a page, in order."""
    return [
        Cell(
            page_text.count("\n", 0, cell.start("code")) + 1,
            cell["code"],
            any(tag in cell["options"] for tag in HIDING),
        )
        for page_text in [page.read_text(encoding="utf-8")]
        for cell in _CELL.finditer(page_text)
    ]


def in_place(cells: Iterable[Cell]) -> str:
    """The code of cells, each on the lines that it has on its page, and nothing between them."""
    lines: list[str] = []
    for cell in cells:
        lines += [""] * (cell.line - 1 - len(lines)) + cell.code.splitlines()
    return "\n".join(lines) + "\n"
