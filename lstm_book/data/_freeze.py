"""Make the frozen excerpts of this folder: ``python -m lstm_book.data._freeze FOLDER``.

Python's text changes with its version, so this runs under the one that the book's results name.
It is kept to show how the excerpts were made; nothing imports it but its test.
"""

import gzip
import hashlib
import importlib
import json
import platform
import sys
import sysconfig
from pathlib import Path

VERSION = "3.11.7"

# Files of the standard library that name no licence and no copyright of their own.
MODULES = [
    "argparse",
    "calendar",
    "cmd",
    "configparser",
    "contextlib",
    "csv",
    "dataclasses",
    "difflib",
    "enum",
    "fractions",
    "gzip",
    "heapq",
    "mailbox",
    "pathlib",
    "pprint",
    "queue",
    "random",
    "shlex",
    "shutil",
    "statistics",
    "string",
    "tempfile",
    "timeit",
    "tokenize",
    "traceback",
    "warnings",
    "weakref",
    "zipfile",
]


def topics() -> str:
    """Return the topics of Python's own help, each paragraph once.

    A fifth of the characters stands in paragraphs that come a second time in another topic. Kept,
    they would carry what is learnt from into what is tested.
    """
    # Not imported by name: what it holds has no type.
    table: dict[str, str] = importlib.import_module("pydoc_data.topics").topics
    seen: set[str] = set()
    kept = []
    for topic in table.values():
        new = []
        for paragraph in topic.split("\n\n"):
            if paragraph.strip() not in seen:
                seen.add(paragraph.strip())
                new.append(paragraph)
        kept.append("\n\n".join(new).strip("\n"))
    return "\n\n".join(topic for topic in kept if topic) + "\n"


def sources(library: Path) -> dict[str, str]:
    """Return the chosen files of a standard library.

    Raises:
        ValueError: If one of them names a licence or a copyright.
    """
    files = {}
    for module in MODULES:
        text = (library / f"{module}.py").read_text(encoding="utf-8")
        if any(word in text.lower() for word in ("copyright", "licence", "license")):
            raise ValueError(f"expected files without a licence of their own, got {module}.py")
        files[f"{module}.py"] = text
    return files


def pack(files: dict[str, str]) -> str:
    """Write files as one text, always in the same way."""
    return json.dumps(files, ensure_ascii=False, indent=0)


def main(folder: Path) -> None:
    """Write both excerpts and Python's licence into a folder, and print their hashes."""
    if platform.python_version() != VERSION:
        raise SystemExit(f"expected Python {VERSION}, got {platform.python_version()}")
    library = Path(sysconfig.get_path("stdlib"))
    for name, text in (("text.txt", topics()), ("sources.json", pack(sources(library)))):
        content = text.encode()
        (folder / f"{name}.gz").write_bytes(gzip.compress(content, 9, mtime=0))
        print(hashlib.sha256(content).hexdigest(), name)
    licence = (library / "LICENSE.txt").read_text(encoding="utf-8")
    (folder / "LICENSE-Python.txt").write_text(licence, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
