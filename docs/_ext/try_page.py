"""Build one page alone, quickly: ``python docs/_ext/try_page.py docs/part1_maths/gates.md``.

References to other pages stay unresolved and are not reported; everything else is.
"""

from __future__ import annotations

import re
import sys
from io import StringIO
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

DOCS = Path(__file__).resolve().parents[1]
ELSEWHERE = re.compile(
    r"\[(?:ref\.\w+|toc\.\w+|bibtex\.\w+|myst\.xref_missing)\]|equation not found|unknown document"
)


def main() -> int:
    """Build the page named on the command line; the exit code counts its warnings."""
    page = Path(sys.argv[1]).resolve().relative_to(DOCS).with_suffix("").as_posix()
    target = DOCS.parent / "build" / "try" / page
    warnings = StringIO()
    sys.path.insert(0, str(DOCS))
    import conf

    extensions = [e for e in conf.extensions if e != "sphinx_gallery.gen_gallery"]
    with docutils_namespace():
        app = Sphinx(
            srcdir=DOCS,
            confdir=DOCS,
            outdir=target / "html",
            doctreedir=target / "doctrees",
            buildername="html",
            confoverrides={
                "extensions": extensions,
                "include_patterns": [f"{page}.*"],
                "root_doc": page,
                "nb_execution_cache_path": str(target / "cache"),
            },
            status=None,
            warning=warnings,
        )
        app.build()
    ours = [w for w in warnings.getvalue().splitlines() if w and not ELSEWHERE.search(w)]
    print("\n".join(ours))
    print(f"{len(ours)} lines of warnings; open {target / 'html' / page}.html")
    return bool(ours)


if __name__ == "__main__":
    raise SystemExit(main())
