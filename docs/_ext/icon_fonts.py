"""Of the theme's icons, ship those that the site shows.

The theme brings all of Font Awesome: fonts of 240 KB, a class for each of 2000 icons, and a script
for icons of one's own. When a site is finished, this reads which icons its pages and scripts name,
drops the other classes from the theme's style sheet, and cuts the fonts down to the signs that are
left. It starts from the theme's own files each time, so an update of the theme needs no change.
"""

from __future__ import annotations

import base64
import re
from io import BytesIO
from pathlib import Path
from typing import Any

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

SHEET = Path("styles", "pydata-sphinx-theme.css")
FONTS = Path("vendor", "fontawesome", "webfonts")
SCRIPT = "fontawesome.js"  # docs/_templates/layout.html leaves it out of the pages
# The theme draws its own signs from this one: within the sheet it comes without a second request.
EMBEDDED = "fa-solid-900.woff2"
RULE = re.compile(r'((?:\.fa-[\w-]+,?)+)\{--fa:"((?:[^"\\]|\\.)*)"\}')
NAME = re.compile(r"\bfa-[a-z0-9-]+")
ESCAPE = re.compile(r"\\([0-9a-f]{1,6}) ?|\\(.)")
PRIVATE = re.compile(r"[\ue000-\uf8ff]")


def unescape(css: str) -> str:
    """The characters that a string of a style sheet stands for."""
    return ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else m[2], css)


def names_in(folder: Path) -> set[str]:
    """Every name of an icon in the pages and scripts of a site."""
    files = [*folder.glob("**/*.html"), *folder.glob("**/*.js")]
    texts = (path.read_text(encoding="utf-8") for path in files if path.name != SCRIPT)
    return {name for text in texts for name in NAME.findall(text)}


def reduce_sheet(css: str, used: set[str]) -> tuple[str, set[str]]:
    """Drop the classes of unused icons; give the sheet and the characters that it still needs."""
    signs: set[str] = set()

    def keep(rule: re.Match[str]) -> str:
        kept = [name for name in rule[1].strip(",").split(",") if name[1:] in used]
        if not kept:
            return ""
        signs.update(unescape(rule[2]))
        return f'{",".join(kept)}{{--fa:"{rule[2]}"}}'

    reduced = RULE.sub(keep, css)
    return reduced, signs | set(PRIVATE.findall(unescape(reduced)))


def subset(font: Path, signs: set[str]) -> bytes:
    """The font with these characters alone, as woff2."""
    options = Options(flavor="woff2", layout_features=[], notdef_outline=True)
    with TTFont(font, recalcTimestamp=False) as full:
        subsetter = Subsetter(options)
        subsetter.populate(unicodes=[ord(sign) for sign in signs])
        subsetter.subset(full)
        target = BytesIO()
        full.flavor = "woff2"
        full.save(target)
    return target.getvalue()


def slim(theme: Path, site: Path) -> None:
    """Reduce the style sheet and the fonts in a site's ``_static`` to what the site shows.

    Raises:
        ExtensionError: If the theme no longer keeps its icons where this looks for them.
    """
    css = (theme / SHEET).read_text(encoding="utf-8")
    fonts = sorted((theme / FONTS).glob("*.woff2"))
    if not RULE.search(css) or EMBEDDED not in [font.name for font in fonts]:
        raise ExtensionError("icon_fonts: the theme's icons are not where they were")
    css, signs = reduce_sheet(css, names_in(site))
    for font in fonts:
        small = subset(font, signs)
        (site / "_static" / FONTS / font.name).write_bytes(small)
        if font.name == EMBEDDED:
            data = f"data:font/woff2;base64,{base64.b64encode(small).decode()}"
            css, count = re.subn(rf"url\([^)]*{re.escape(EMBEDDED)}\)", f"url({data})", css)
            if not count:
                raise ExtensionError(f"icon_fonts: the theme's sheet does not ask for {EMBEDDED}")
    (site / "_static" / SHEET).write_text(css, encoding="utf-8")
    for left_over in (site / "_static" / "scripts").glob(f"{SCRIPT}*"):
        left_over.unlink()


def finish(app: Sphinx, exception: Exception | None) -> None:
    """Reduce a finished site."""
    if exception is None and app.builder.name == "html":
        (theme,) = (
            Path(folder, "static")
            for folder in app.builder.theme.get_theme_dirs()
            if Path(folder, "static", SHEET).exists()
        )
        slim(theme, Path(app.outdir))


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx."""
    app.connect("build-finished", finish)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
