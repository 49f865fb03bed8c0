"""What a newcomer is told to run and to open is there, and the changelog keeps its form."""

import re
import tomllib

import pytest
from sphinx_project import ROOT

GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
CHANGES = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\b[\w/]+/[\w.]+\.(?:py|md)\b", GUIDE))))
def test_every_file_it_names_exists(path):
    assert (ROOT / path).is_file()


def test_every_session_it_names_exists():
    noxfile = (ROOT / "noxfile.py").read_text()
    sessions = re.findall(r"nox -s (\w+)", GUIDE)
    assert sessions
    for session in sessions:
        assert f"def {session}(session: nox.Session)" in noxfile


def test_every_directive_it_names_exists():
    code = "".join(path.read_text() for path in (ROOT / "docs" / "_ext").glob("*.py"))
    names = set(re.findall(r":::\{([\w-]+)\}", GUIDE))
    assert names == {"listing", "objectives", "claim"}
    for name in names:
        assert f'add_directive("{name}"' in code


def test_the_changelog_keeps_its_form():
    headings = re.findall(r"^## (.+)$", CHANGES, flags=re.MULTILINE)
    assert headings
    assert all(re.fullmatch(r"\[Unreleased\]|\[[\d.]+\] - \d{4}-\d\d-\d\d", h) for h in headings)
    kinds = set(re.findall(r"^### (.+)$", CHANGES, flags=re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_source_distribution_has_the_files_of_the_top_level():
    included = PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    wanted = {"/LICENSE", "/LICENSE-TEXT", "/CITATION.cff", "/CHANGELOG.md", "/CONTRIBUTING.md"}
    assert wanted <= set(included)
