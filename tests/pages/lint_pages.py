"""Check format and style of all code cells with ruff, or mend them: ``lint_pages.py [--fix]``.

Ruff takes no Markdown, so it gets copies: for the style, a page with nothing but its cells, on the
same lines; for the format, every cell by itself.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from page_cells import ROOT, cells_of, in_place, pages

CONFIG = Path(__file__).with_name("pages.toml")


def ruff(*arguments: str, folder: Path) -> str:
    """What ruff prints for a folder with the settings for pages."""
    command = [sys.executable, "-m", "ruff", *arguments, "--config", CONFIG, "--no-cache", "."]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if result.stderr:
        raise SystemExit(result.stderr)
    return result.stdout


def badly_formatted(folder: Path, *, fix: bool) -> list[str]:
    """The places of cells that ruff would write otherwise; with ``fix``, write them so."""
    for page in pages():
        for cell in cells_of(page):
            copy = folder / page.relative_to(ROOT) / f"{cell.line}.py"
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(cell.code, encoding="utf-8")
    ruff("check", "--select=I", "--fix", "--exit-zero", "--quiet", folder=folder)
    ruff("format", "--quiet", folder=folder)
    found = []
    for page in pages():
        text = page.read_text(encoding="utf-8").splitlines(keepends=True)
        for cell in reversed(cells_of(page)):
            name = page.relative_to(ROOT)
            wanted = (folder / name / f"{cell.line}.py").read_text(encoding="utf-8").lstrip("\n")
            if wanted != cell.code:
                found.append(f"{name}:{cell.line}: cell is not formatted")
                start = cell.line - 1
                text[start : start + cell.code.count("\n")] = wanted.splitlines(keepends=True)
        if fix:
            page.write_text("".join(text), encoding="utf-8")
    return [] if fix else found


def main() -> int:
    """Print what is wrong, with file and line; the exit code says whether anything is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fix", action="store_true", help="format the cells in place")
    fix = parser.parse_args().fix
    with tempfile.TemporaryDirectory() as folder:
        found = badly_formatted(Path(folder), fix=fix)
    with tempfile.TemporaryDirectory() as folder:
        for page in pages():
            copy = Path(folder, f"{page.relative_to(ROOT)}.py")
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(in_place(cells_of(page)), encoding="utf-8")
        options = ["--ignore=I", "--quiet", "--output-format=concise"]  # imports: cell by cell
        report = ruff("check", *options, folder=Path(folder))
    found += report.replace(".md.py:", ".md:").splitlines()
    print(*found, f"{len(found)} findings in code cells", sep="\n")
    return bool(found)


if __name__ == "__main__":
    raise SystemExit(main())
