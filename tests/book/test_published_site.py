"""What the site gets when it knows its address, with the values of docs/conf.py, and not before."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pydata_sphinx_theme
import pytest
from check_site import check_site
from fontTools.ttLib import TTFont
from sphinx_project import CONF, ROOT, build

READ_CONF = """
import json, os
from sphinx.config import Config
from sphinx.util.tags import Tags
conf = Config.read(os.path.abspath("docs"), overrides={}, tags=Tags())
names = ["extensions", "html_baseurl", "html_title", "sitemap_url_scheme", "sitemap_excludes",
         "ogp_site_url", "ogp_site_name", "ogp_social_cards",
         "notfound_urls_prefix", "notfound_context", "redirects"]
print(json.dumps({name: conf._raw_config[name] for name in names}))
"""
SHOWING = {".html", ".py"}
pytestmark = pytest.mark.filterwarnings(  # sphinx-sitemap 2.9 with Sphinx 9
    "ignore:'sphinx.environment.BuildEnvironment.app' is deprecated"
)
ABSOLUTE = {"sphinx_sitemap", "notfound.extension"}


def conf(address):
    environment = {**os.environ, "SITE_URL": address}
    command = [sys.executable, "-c", READ_CONF]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A small site built for an address, with a page that has moved."""
    values = conf("https://e.org/book/")
    assert set(values["extensions"]) > ABSOLUTE
    picture = values["ogp_social_cards"]["image"]
    folder = tmp_path_factory.mktemp("published")
    source = folder / "source" / picture
    source.parent.mkdir(parents=True)
    import matplotlib.image
    import numpy as np

    matplotlib.image.imsave(source, np.ones((28, 40, 3)))
    ours = ["sphinx_reredirects", "sphinxext.opengraph", *sorted(ABSOLUTE)]
    values["extensions"] = [*CONF["extensions"], *ours]
    values["redirects"] = {"old/place": "../chapter.html"}
    return build(folder, values, chapter="# A chapter\n\nIts first sentence.\n")


def test_without_an_address_nothing_names_one():
    values = conf("")
    assert not ABSOLUTE & set(values["extensions"])
    assert not values["ogp_social_cards"]["enable"]


def test_the_home_page_says_what_the_package_says():
    home = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    about = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"    description: {about['description']}\n" in home


def test_the_sheet_of_colours_is_that_of_the_figures():
    from lstm_book.plotting.style import stylesheet

    assert (ROOT / "docs" / "_static" / "palette.css").read_text(encoding="utf-8") == stylesheet()


def test_the_font_of_icons_has_those_that_the_theme_shows():
    """It is cut from the theme's: pyftsubset, --unicodes, --layout-features=, --flavor=woff2."""
    fonts = Path("vendor", "fontawesome", "webfonts", "fa-solid-900.woff2")
    theme = Path(pydata_sphinx_theme.__file__).parent / "theme/pydata_sphinx_theme"
    shown = "".join(path.read_text("utf-8") for path in theme.rglob("*") if path.suffix in SHOWING)
    sheet = (theme / "static/styles/pydata-sphinx-theme.css").read_text(encoding="utf-8")
    signs = dict(re.findall(r'\.(fa-[\w-]+)\{--fa:"\\([0-9a-f]+)"', sheet))
    wanted = {int(signs[name], 16) for name in re.findall(r"fa-[\w-]+", shown) if name in signs}
    cut, whole = (
        TTFont(folder / fonts).getBestCmap() for folder in (ROOT / "docs/_static", theme / "static")
    )
    assert wanted
    assert not {hex(sign) for sign in wanted & whole.keys() - cut.keys()}


def test_the_picture_of_the_cards_is_one_that_the_gallery_draws():
    path = conf("")["ogp_social_cards"]["image"]
    section, script = re.fullmatch(
        r"gallery/(\w+)/images/thumb/sphx_glr_(\w+)_thumb.png", path
    ).groups()
    assert (ROOT / "gallery" / section / f"{script}.py").exists()


def test_the_site_map_lists_the_pages(published):
    assert published.warnings == []
    text = (published.folder / "html" / "sitemap.xml").read_text()
    found = re.findall("<loc>(.*?)</loc>", text)
    assert sorted(found) == ["https://e.org/book/chapter.html", "https://e.org/book/index.html"]


def test_a_shared_link_shows_a_picture_that_exists(published):
    page = published.page("chapter")
    (image,) = page.xpath("//meta[@property='og:image']/@content")
    card = published.folder / "html" / image.removeprefix("https://e.org/book/")
    assert card.read_bytes().startswith(b"\x89PNG")
    assert card.stat().st_size > 5000
    assert page.xpath("//meta[@property='og:url']/@content") == ["https://e.org/book/chapter.html"]
    assert page.xpath("//meta[@name='description']/@content") == ["Its first sentence."]


def test_the_page_for_wrong_addresses_links_from_the_root(published):
    page = published.page("404")
    assert "No such page" in page.text_content()
    links = page.xpath("//link[@rel='stylesheet']/@href | //a/@href[not(starts-with(., '#'))]")
    assert any(link.startswith("/book/") for link in links)
    assert not [fault for fault in check_site(published.folder / "html") if "404" in fault]


def test_a_moved_page_leads_to_its_new_place(published):
    page = published.page("old/place")
    assert "../chapter.html" in page.xpath("//meta[@http-equiv='refresh']/@content")[0]
