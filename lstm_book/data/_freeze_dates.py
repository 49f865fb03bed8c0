"""Make the frozen tables of dates: ``python -m lstm_book.data._freeze_dates FOLDER``.

How dates are written changes with the version of Unicode's Common Locale Data Repository (CLDR), so
this runs under the version of Babel that the book's results name. It is kept to show how the tables
were made; nothing imports it but its test.
"""

import hashlib
import importlib
import json
import sys
from pathlib import Path
from typing import Any

VERSION = "2.18.0"
LOCALES = ("de", "en_GB", "es", "fi", "fr", "hu", "it", "ja", "nl", "pl", "ru", "tr", "en_US")
SKELETONS = ("yMd", "yMEd", "yMMMd", "yMMMEd")
"""Beside CLDR's four lengths: digits alone, and the shorter forms that name the weekday."""


def tables(code: str) -> dict[str, Any]:
    """Return how a locale writes dates: its patterns, and the names of months and weekdays.

    Spaces that do not break are written as spaces.
    """
    locale: Any = importlib.import_module("babel").Locale.parse(code)
    formats = {
        length: locale.date_formats[length] for length in ("full", "long", "medium", "short")
    }
    formats |= {name: locale.datetime_skeletons[name] for name in SKELETONS}
    return {
        "forms": {name: plain(form.pattern) for name, form in formats.items()},
        "MMMM": [plain(locale.months["format"]["wide"][month]) for month in range(1, 13)],
        "MMM": [plain(locale.months["format"]["abbreviated"][month]) for month in range(1, 13)],
        "EEEE": [plain(locale.days["format"]["wide"][day]) for day in range(7)],
        "E": [plain(locale.days["format"]["abbreviated"][day]) for day in range(7)],
        "cccc": [plain(locale.days["stand-alone"]["wide"][day]) for day in range(7)],
        "ccc": [plain(locale.days["stand-alone"]["abbreviated"][day]) for day in range(7)],
    }


def plain(text: str) -> str:
    """Write spaces that do not break as spaces."""
    return text.replace("\u202f", " ").replace("\xa0", " ")


def pack() -> str:
    """Write the tables of all locales as one text, always in the same way."""
    return json.dumps({code: tables(code) for code in LOCALES}, ensure_ascii=False, indent=0) + "\n"


def main(folder: Path) -> None:
    """Write the tables and their licence into a folder, and print their hash."""
    babel = importlib.import_module("babel")
    if babel.__version__ != VERSION:
        raise SystemExit(f"expected Babel {VERSION}, got {babel.__version__}")
    content = pack().encode()
    (folder / "dates.json").write_bytes(content)
    print(hashlib.sha256(content).hexdigest(), "dates.json")
    licence = Path(str(babel.__file__)).parent / "locale-data" / "LICENSE.unicode"
    (folder / "LICENSE-Unicode.txt").write_bytes(licence.read_bytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
