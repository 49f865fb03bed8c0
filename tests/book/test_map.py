"""Every public name has a home: a chapter that builds it and an entry in the reference."""

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import lstm_book

DOCS = Path(__file__).parents[2] / "docs"
ROOMS = [
    room.name
    for room in pkgutil.iter_modules(lstm_book.__path__)
    if room.ispkg and not room.name.startswith("_")
]
MAP = {
    name: chapter
    for chapter, names in re.findall(
        r"^\{doc\}`\.\./(\w+/\w+)`\n: ((?:.+\n)+)",
        (DOCS / "reference/index.md").read_text(encoding="utf-8"),
        flags=re.MULTILINE,
    )
    for name in re.findall(r"(\w+)`", names)
}


def public_names(room):
    return importlib.import_module(f"lstm_book.{room}").__all__


def test_the_map_holds_every_public_name_once():
    rooms = [room for room in ROOMS if room not in ("plotting", "figures")]
    assert set(MAP) == {name for room in rooms for name in public_names(room)}


def test_the_face_shows_names_of_the_rooms():
    assert set(lstm_book.__all__) <= set(MAP)
    assert all(hasattr(lstm_book, name) for name in lstm_book.__all__)


@pytest.mark.parametrize("name", sorted(MAP))
def test_the_chapter_on_the_map_speaks_of_the_name(name):
    text = (DOCS / f"{MAP[name]}.md").read_text(encoding="utf-8")
    assert re.search(rf"\b{name}\b", text), f"{MAP[name]}.md does not mention {name}"


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_is_in_the_reference(room):
    page = (DOCS / "reference" / f"{room}.md").read_text(encoding="utf-8")
    if f"automodule:: lstm_book.{room}" in page and ":members:" in page:
        return
    missing = [name for name in public_names(room) if not re.search(rf"\b{name}\b", page)]
    assert not missing, f"docs/reference/{room}.md lacks {missing}"
