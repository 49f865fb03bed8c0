"""Python's own help and sources, frozen inside the package."""

import gzip
import json
from importlib import resources

from lstm_book.data.records import SourceFile, Sources, Text, check_hash

_TEXT_SHA256 = "74a5f6fd3e768d27ff24322dfff4a4204a7e0889b51e1d9ad2f19374a9c523fd"
_SOURCES_SHA256 = "2bf3c9fd851f2d8511122b4472529bf53e9956a8377c53215580c37e6fc00c05"
_LICENCE = "Python-2.0 (the PSF licence agreement and its predecessors')"


def python_text() -> Text:
    """Return the topics of Python 3.11.7's built-in help, prose about code.

    The text lies inside the package: other versions of Python say other things.

    Raises:
        RuntimeError: If the file is not the one that the book's results were made with.

    >>> print(python_text().text[:33])
    The "assert" statement
    **********
    """
    content = _read("text.txt.gz")
    sha256 = check_hash("python_text", content, _TEXT_SHA256)
    return Text(
        name="Python's text",
        text=content.decode(),
        source="Python 3.11.7, pydoc_data.topics; © Python Software Foundation",
        changes="paragraphs that had come before are left out; the topics are joined",
        licence=_LICENCE,
        licence_text=_licence(),
        sha256=sha256,
    )


def python_sources() -> Sources:
    """Return twenty-eight modules of Python 3.11.7's standard library.

    Raises:
        RuntimeError: If the file is not the one that the book's results were made with.

    >>> [file.name for file in python_sources().files][:3]
    ['argparse.py', 'calendar.py', 'cmd.py']
    """
    content = _read("sources.json.gz")
    sha256 = check_hash("python_sources", content, _SOURCES_SHA256)
    files: dict[str, str] = json.loads(content)
    return Sources(
        name="Python's sources",
        files=tuple(SourceFile(name, text) for name, text in sorted(files.items())),
        source="Python 3.11.7, standard library; © Python Software Foundation",
        changes="some of the modules, each of them whole",
        licence=_LICENCE,
        licence_text=_licence(),
        sha256=sha256,
    )


def _read(name: str) -> bytes:
    """Return what a packed file holds."""
    packed = resources.files("lstm_book.data").joinpath("resources", name).read_bytes()
    return gzip.decompress(packed)


def _licence() -> str:
    """Return Python's licence."""
    path = resources.files("lstm_book.data").joinpath("resources", "LICENSE-Python.txt")
    return path.read_text(encoding="utf-8")
