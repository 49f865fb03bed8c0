"""How twelve languages write dates, frozen inside the package."""

import json
from functools import cache
from importlib import resources
from typing import TypedDict

from lstm_book.data.records import check_hash

_SHA256 = "cd35fcf76011a3af3629e10cf75cfdb26ca8bd72c24a6c9e579ca180d7c18317"


class DateTable(TypedDict):
    """How one locale writes dates; its names are those of CLDR's patterns.

    Attributes:
        forms: Patterns by name.
        MMMM: Months, January first.
        MMM: The same, short.
        EEEE: Weekdays, Monday first.
        E: The same, short.
        cccc: Weekdays where they stand alone.
        ccc: The same, short.
    """

    forms: dict[str, str]
    MMMM: list[str]
    MMM: list[str]
    EEEE: list[str]
    E: list[str]
    cccc: list[str]
    ccc: list[str]


@cache
def date_tables() -> dict[str, DateTable]:
    """Return the tables of Babel 2.18.0, from Unicode's Common Locale Data Repository.

    Spaces that do not break are spaces there. The data are under the Unicode licence V3, which lies
    beside them.

    Raises:
        RuntimeError: If the file is not the one that the book's results were made with.
    """
    folder = resources.files("lstm_book.data").joinpath("resources")
    content = folder.joinpath("dates.json").read_bytes()
    check_hash("dates.json", content, _SHA256)
    tables: dict[str, DateTable] = json.loads(content)
    return tables
