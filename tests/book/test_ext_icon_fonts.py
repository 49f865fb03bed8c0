"""Of the theme's icons, those in use stay whole and all others go."""

from io import BytesIO
from pathlib import Path

import pydata_sphinx_theme
import pytest
from fontTools.pens.recordingPen import RecordingPen
from fontTools.ttLib import TTFont
from icon_fonts import EMBEDDED, FONTS, SHEET, names_in, reduce_sheet, slim, subset, unescape
from sphinx.errors import ExtensionError

THEME = Path(pydata_sphinx_theme.__file__).parent / "theme" / "pydata_sphinx_theme" / "static"
SUN, SEARCH, CLIPBOARD = "\uf185", "\uf002", "\uf328"


def drawing(font, sign):
    pen = RecordingPen()
    glyphs = font.getGlyphSet()
    glyphs[font.getBestCmap()[ord(sign)]].draw(pen)
    return pen.value


def test_unused_classes_go_and_used_ones_keep_their_sign():
    css = r'a{b:c}.fa-sun{--fa:"\f185"}.fa-search,.fa-glass{--fa:"\f002"}.fa-plus{--fa:"\+"}'
    reduced, signs = reduce_sheet(css, {"fa-sun", "fa-glass", "fa-lg"})
    assert reduced == r'a{b:c}.fa-sun{--fa:"\f185"}.fa-glass{--fa:"\f002"}'
    assert signs == {SUN, SEARCH}


def test_signs_that_the_sheet_writes_itself_stay():
    css = f'x{{--icon:"{SUN}";--other:"\\f002"}}.fa-plus{{--fa:"\\+"}}'
    assert reduce_sheet(css, {"fa-plus"})[1] == {SUN, SEARCH, "+"}
    assert unescape(r"\30 \f185\+") == f"0{SUN}+"


def test_names_come_from_pages_and_scripts_but_not_from_the_icons_own(tmp_path):
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "a.html").write_text('<i class="fa-solid fa-sun"></i>')
    (tmp_path / "a.js").write_text('i.className = "fa-xmark"')
    (tmp_path / "fontawesome.js").write_text('"fa-ghost"')
    assert names_in(tmp_path) == {"fa-solid", "fa-sun", "fa-xmark"}


def test_the_cut_font_draws_its_signs_as_the_whole_one_does():
    whole = TTFont(THEME / FONTS / EMBEDDED)
    cut = TTFont(BytesIO(subset(THEME / FONTS / EMBEDDED, {SUN, SEARCH})))
    assert set(cut.getBestCmap()) == {ord(SUN), ord(SEARCH)}
    for sign in (SUN, SEARCH):
        assert drawing(cut, sign) == drawing(whole, sign) != []


def test_the_themes_files_become_small(tmp_path):
    """With the theme that is installed: its sheet and its fonts are where they are looked for."""
    for folder in (SHEET.parent, FONTS, Path("scripts")):
        (tmp_path / "_static" / folder).mkdir(parents=True)
    (tmp_path / "_static" / "scripts" / "fontawesome.js").write_text("")
    (tmp_path / "index.html").write_text('<i class="fa-solid fa-sun"></i>')
    slim(THEME, tmp_path)
    css = (tmp_path / "_static" / SHEET).read_text()
    assert ".fa-sun{" in css
    assert ".fa-ghost{" not in css
    assert "url(data:font/woff2;base64," in css
    assert EMBEDDED not in css
    assert (tmp_path / "_static" / FONTS / EMBEDDED).stat().st_size < 5000
    assert not (tmp_path / "_static" / "scripts" / "fontawesome.js").exists()


def test_a_theme_that_keeps_its_icons_elsewhere_is_an_error(tmp_path):
    (tmp_path / SHEET.parent).mkdir(parents=True)
    (tmp_path / SHEET).write_text("a{b:c}")
    with pytest.raises(ExtensionError, match="not where they were"):
        slim(tmp_path, tmp_path)
