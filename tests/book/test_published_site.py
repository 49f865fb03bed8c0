"""What the site gets when it knows its address, with the values of docs/conf.py, and not before."""

import json
import os
import re
import subprocess
import sys

import pytest
from check_site import check_site
from sphinx_project import CONF, ROOT, build

READ_CONF = """
import json, sys
sys.path.insert(0, "docs")
import conf
names = ["extensions", "html_baseurl", "html_title", "sitemap_url_scheme", "sitemap_excludes",
         "ogp_site_url", "ogp_site_name", "ogp_enable_meta_description", "ogp_social_cards",
         "notfound_urls_prefix", "notfound_context", "redirects"]
print(json.dumps({name: getattr(conf, name) for name in names}))
"""
pytestmark = pytest.mark.filterwarnings(  # sphinx-sitemap 2.9 with Sphinx 9
    "ignore:'sphinx.environment.BuildEnvironment.app' is deprecated"
)
ABSOLUTE = {"sphinx_sitemap", "sphinxext.opengraph", "notfound.extension"}


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
    ours = ["page_summaries", "sphinx_reredirects", *sorted(ABSOLUTE)]
    values["extensions"] = [*CONF["extensions"], *ours]
    values["redirects"] = {"old/place": "../chapter.html"}
    return build(folder, values, chapter="# A chapter\n\nIts first sentence.\n")


def test_without_an_address_nothing_names_one():
    assert not ABSOLUTE & set(conf("")["extensions"])


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
