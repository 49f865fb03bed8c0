"""The site ships the rules, the characters and the weights that it shows, and those stay whole."""

import re
import shutil
from io import BytesIO
from pathlib import Path

import pydata_sphinx_theme
import pytest
from fonts import EMBEDDED, FACE, characters, cut, purge, slim
from fontTools.pens.recordingPen import RecordingPen
from fontTools.ttLib import TTFont
from sphinx.errors import ExtensionError

THEME = Path(pydata_sphinx_theme.__file__).parent / "theme" / "pydata_sphinx_theme" / "static"
DOCS = Path(__file__).parents[2] / "docs"
PACKAGES = DOCS / "node_modules"
SHEET, ICONS = Path("styles", "pydata-sphinx-theme.css"), Path("vendor", "fontawesome", "webfonts")
SUN, SEARCH = "\uf185", "\uf002"
FIRST_VISIT = 80_000  # bytes of faces that a page of the book may ask for


@pytest.fixture
def site(tmp_path):
    """A page with an icon and a letter beyond ASCII, the theme's own files and the book's sheet."""
    static = tmp_path / "_static"
    for path in (SHEET, *(ICONS / font.name for font in (THEME / ICONS).glob("*.woff2"))):
        (static / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(THEME / path, static / path)
    shutil.copy(DOCS / "_static" / "book.css", static)
    page = '<i class="fa-solid fa-sun"></i><p>&#955; &minus;1 \N{RIGHTWARDS ARROW}</p>'
    (tmp_path / "index.html").write_text(page, encoding="utf-8")
    return tmp_path


def drawing(font, sign):
    pen = RecordingPen()
    font.getGlyphSet()[font.getBestCmap()[ord(sign)]].draw(pen)
    return pen.value


def test_unused_rules_go_and_used_ones_stay(tmp_path):
    (tmp_path / "_static").mkdir()
    (tmp_path / "index.html").write_text('<html><script>theme = "dark"</script><p class="on">a</p>')
    (tmp_path / "_static" / "a.js").write_text('box.classList.add("shown")')
    kept = (
        ".on{color:red}",
        ".shown{top:0}",
        'html[data-theme="dark"] .on{top:1px}',
        ".tooltip{a:b}",
    )
    sheet = tmp_path / "_static" / "other.css"
    sheet.write_text("".join([*kept, ".gone{top:0}", ".gone .on{top:0}"]))
    own = tmp_path / "_static" / "book.css"
    own.write_text(".gone{top:0}")
    purge(tmp_path / "_static")
    assert sheet.read_text() == "".join(kept)
    assert own.read_text() == ".gone{top:0}"


def test_characters_are_those_of_pages_scripts_and_sheets(site):
    (site / "_static" / "a.js").write_text('"\N{CHECK MARK}"', encoding="utf-8")
    (site / "_static" / "a.css").write_text(r'a{content:"\f002 "}')
    found = {chr(code) for code in characters(site)}
    assert {"~", "λ", "\N{MINUS SIGN}", "→", "✓", SEARCH} <= found
    assert "Ω" not in found


def test_a_cut_font_draws_its_signs_as_the_whole_one_does():
    whole = TTFont(THEME / ICONS / EMBEDDED)
    small = TTFont(BytesIO(cut(THEME / ICONS / EMBEDDED, [ord(SEARCH), ord(SUN)])))
    assert set(small.getBestCmap()) == {ord(SUN), ord(SEARCH)}
    for sign in (SUN, SEARCH):
        assert drawing(small, sign) == drawing(whole, sign) != []


def test_the_themes_files_become_small(site):
    slim(site, PACKAGES)
    css = (site / "_static" / SHEET).read_text(encoding="utf-8")
    assert ".fa-sun{" in css
    assert ".fa-ghost{" not in css
    assert "url(data:font/woff2;base64," in css
    assert EMBEDDED not in css
    assert len(css) < len((THEME / SHEET).read_text(encoding="utf-8")) / 2
    assert (site / "_static" / ICONS / EMBEDDED).stat().st_size < 5000
    slim(site, PACKAGES)  # a second build changes nothing
    assert (site / "_static" / SHEET).read_text(encoding="utf-8") == css


def test_the_faces_hold_what_the_sheet_asks_for_and_weigh_little(site):
    slim(site, PACKAGES)
    asked = FACE.findall((DOCS / "_static" / "book.css").read_text(encoding="utf-8"))
    folder = site / "_static" / "fonts"
    assert {name for _, _, name in asked} == {path.name for path in folder.iterdir()}
    for low, high, name in asked:
        font = TTFont(folder / name)
        axes = {(a.minValue, a.maxValue) for a in font["fvar"].axes} if "fvar" in font else set()
        assert axes == ({(int(low), int(high))} if high else set()), name
        assert (ord("λ") in font.getBestCmap()) == ("greek" in name)
        said = {entry.nameID: str(entry) for entry in font["name"].names}
        assert "Adobe" in said[0]
        assert re.search("OFL|openfontlicense", said[14])
        assert not {1, 4, 6, 16} & set(said), "the names are reserved to the whole fonts"
    assert sum(path.stat().st_size for path in folder.iterdir()) < FIRST_VISIT


def test_every_face_of_the_sheet_is_understood():
    """No rule escapes the expression that finds them, and each preload names one of them."""
    css = (DOCS / "_static" / "book.css").read_text(encoding="utf-8")
    names = {name for _, _, name in FACE.findall(css)}
    asked = set(re.findall(r'url\("fonts/([^"]+)"\)', css))
    assert names == {name for name in asked if not name.startswith("KaTeX")}  # that is there
    layout = (DOCS / "_templates" / "layout.html").read_text(encoding="utf-8")
    preloaded = set(re.findall(r'"(source-[\w-]+)"', layout))
    assert preloaded
    assert {f"{name}.woff2" for name in preloaded} <= names


def test_what_is_not_installed_is_an_error(site, tmp_path):
    with pytest.raises(ExtensionError, match=r"no source-serif.*npm ci"):
        slim(site, tmp_path)


def test_a_theme_that_keeps_its_icons_elsewhere_is_an_error(site):
    (site / "_static" / ICONS / EMBEDDED).unlink()
    with pytest.raises(ExtensionError, match="not where they were"):
        slim(site, PACKAGES)
