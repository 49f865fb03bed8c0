"""Build a few pages in a folder of their own, with the book's extensions."""

from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from lxml import html
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

ROOT = Path(__file__).parents[2]
CONF: dict[str, Any] = {
    "extensions": ["myst_nb", "chapters", "claims", "formulas", "listing", "numerals", "pages"],
    "myst_enable_extensions": ["colon_fence", "deflist", "dollarmath"],
    "html_math_renderer": "katex",
    "katex_package": str(ROOT / "docs" / "node_modules" / "katex"),
    "katex_macros": {r"\norm": r"\left\lVert #1 \right\rVert"},
    "freshness_root": str(ROOT),
    "freshness_package": "lstm_book",
    "html_theme": "basic",
    "numfig": True,
    "nb_execution_mode": "cache",
    "nb_execution_show_tb": True,
    "nb_output_stderr": "remove-warn",
}


@dataclass
class Built:
    """What a build has left."""

    folder: Path
    warnings: list[str]

    def page(self, name: str = "index") -> html.HtmlElement:
        """The parsed page."""
        return html.document_fromstring((self.folder / "html" / f"{name}.html").read_bytes())


def build(folder: Path, conf: dict[str, Any] | None = None, **pages: str) -> Built:
    """Write the pages and build them; a page ``index`` lists the others unless it is given."""
    source = folder / "source"
    source.mkdir(parents=True, exist_ok=True)
    names = "\n".join(name for name in pages if name != "index")
    pages.setdefault("index", f"# Index\n\n```{{toctree}}\n{names}\n```\n")
    for name, text in pages.items():
        (source / f"{name}.md").write_text(text)
    warnings = StringIO()
    overrides = {
        **CONF,
        "nb_execution_cache_path": str(folder / "cache" / "notebooks"),
        **(conf or {}),
    }
    with docutils_namespace():
        app = Sphinx(
            srcdir=source,
            confdir=None,
            outdir=folder / "html",
            doctreedir=folder / "doctrees",
            buildername="html",
            confoverrides=overrides,
            status=None,
            warning=warnings,
        )
        app.build()
    return Built(folder, [line for line in warnings.getvalue().splitlines() if line])
