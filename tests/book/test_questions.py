"""The page of questions is complete: each has an executed answer or says that it comes later."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "questions.md").read_text(encoding="utf-8")
ENTRIES = [
    (int(number), question, " ".join(answer.split()))
    for number, question, answer in re.findall(
        r"^(\d+)\. +\*\*(.+?)\*\*\n((?: +.+\n)+)", TEXT, flags=re.MULTILINE
    )
]
LATER = "in a later part (Part "


def targets(answer):
    """The pages and scripts that an answer links to."""
    for page in re.findall(r"\{doc\}`(?:[^<`]*<)?([^>`]+)>?`", answer):
        yield DOCS / f"{page}.md", "{code-cell}"
    for script in re.findall(r"\{gallery\}`([^`]+)`", answer):
        yield DOCS.parent / "gallery" / f"{script}.py", "import"


def test_there_are_thirty_in_order():
    assert [number for number, _, _ in ENTRIES] == list(range(1, 31))


@pytest.mark.parametrize(("number", "question", "answer"), ENTRIES)
def test_each_is_answered_or_comes_later(number, question, answer):
    assert question.endswith("?")
    found = list(targets(answer))
    assert found or LATER in answer.lower().replace("(part ", "(Part ")
    for path, mark in found:
        assert path.is_file(), f"question {number} links to {path.name}, which is not there"
        assert mark in path.read_text(encoding="utf-8"), f"{path.name} executes nothing"


@pytest.mark.parametrize("number", [1, 11, 13, 25])
def test_part_1_answers_its_own(number):
    _, _, answer = ENTRIES[number - 1]
    assert list(targets(answer))
    assert "later part" not in answer
