"""Gallery scripts: themed figures become thumbnails, warnings are errors, stale pages go."""

import json
import warnings
from types import SimpleNamespace

import pytest
from freshness import forget_stale_scripts
from gallery_pages import draw_thumbnails, strict_warnings, themed_scraper
from inventories import pack
from PIL import Image
from sphinx.errors import ExtensionError
from sphinx.util.inventory import InventoryFile

from lstm_book.plotting import show, subplots


def scrape(tmp_path, shown=None):
    path = tmp_path / "thumb.png"
    block_vars = {
        "src_file": "script.py",
        "example_globals": {"___": shown},
        "image_path_iterator": iter([path]),
    }
    assert themed_scraper(None, block_vars, {}) == ""
    return path


def test_a_themed_figure_becomes_a_thumbnail(tmp_path):
    fig, ax = subplots()
    ax.plot([0, 1])
    path = scrape(tmp_path, show(fig, alt="A line."))
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_thumbnail_shows_the_top_of_a_tall_figure(tmp_path):
    thumbs = tmp_path / "gallery" / "gates" / "images" / "thumb"
    thumbs.mkdir(parents=True)
    tall = Image.new("RGB", (640, 1600), "white")
    tall.paste("red", (0, 0, 640, 200))
    tall.save(thumbs.parent / "sphx_glr_one_001.png")
    thumbnail = thumbs / "sphx_glr_one_thumb.png"
    tall.save(thumbnail)
    app = SimpleNamespace(srcdir=tmp_path)
    draw_thumbnails(app)
    with Image.open(thumbnail) as small:
        assert small.size == (269, 202)
        assert small.convert("RGB").getpixel((134, 40)) == (255, 0, 0)
    before = thumbnail.read_bytes()
    draw_thumbnails(app)
    assert thumbnail.read_bytes() == before


def test_a_block_without_a_figure_writes_none(tmp_path):
    assert not scrape(tmp_path, shown=3).exists()


def test_a_figure_left_open_is_an_error(tmp_path):
    from matplotlib import pyplot

    pyplot.figure()
    with pytest.raises(ExtensionError, match=r"script\.py: a figure was left open"):
        scrape(tmp_path)
    assert not pyplot.get_fignums()


def test_warnings_are_errors_while_a_script_runs_and_only_then():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        strict_warnings({}, "script.py", "before")
        with pytest.raises(UserWarning, match="look out"):
            warnings.warn("look out", stacklevel=1)
        strict_warnings({}, "script.py", "after")
        warnings.warn("look out", stacklevel=1)


def gallery(tmp_path):
    """A gallery of one script that has been built before, as an application sees it."""
    scripts, target = tmp_path / "gallery", tmp_path / "docs" / "gallery"
    for folder in (scripts / "gates", target / "gates" / "images", tmp_path / "pkg"):
        folder.mkdir(parents=True)
    (tmp_path / "pkg" / "__init__.py").write_text("x = 1\n")
    (scripts / "gates" / "one.py").write_text("import pkg\n")
    for name in ("one.rst", "one.py.md5", "index.rst", "gone.rst", "gone.py", "gone.py.md5"):
        (target / "gates" / name).write_text("")
    env = SimpleNamespace(
        srcdir=tmp_path / "docs",
        config=SimpleNamespace(freshness_root="..", freshness_package="pkg"),
    )
    conf = {"examples_dirs": ["../gallery"], "gallery_dirs": ["gallery"]}
    app = SimpleNamespace(
        confdir=tmp_path / "docs", env=env, config=SimpleNamespace(sphinx_gallery_conf=conf)
    )
    return app, target


def test_an_edit_in_the_package_makes_a_script_stale(tmp_path):
    from freshness import _sources

    app, target = gallery(tmp_path)
    done = target / "gates" / "one.py.md5"
    forget_stale_scripts(app)  # nothing is known of the script yet
    assert not done.exists()
    done.write_text("")
    forget_stale_scripts(app)
    assert done.exists()
    (tmp_path / "pkg" / "__init__.py").write_text("x = 2\n")
    _sources.clear()
    forget_stale_scripts(app)
    assert not done.exists()


def test_pages_of_scripts_that_are_gone_are_deleted(tmp_path):
    app, target = gallery(tmp_path)
    forget_stale_scripts(app)
    left = {path.name for path in (target / "gates").glob("*.*")}
    assert left == {"one.rst", "index.rst"}
    assert list(json.loads((target / "fingerprints.json").read_text())) == ["gates/one.py"]


def test_an_inventory_can_be_read_by_sphinx():
    names = "# a comment\n\npy:class torch.nn.LSTM generated/$.html#$\n"
    inventory = InventoryFile.loads(pack("torch", names), uri="https://example.org")
    entry = inventory["py:class", "torch.nn.LSTM"]
    assert entry.uri == "https://example.org/generated/torch.nn.LSTM.html#torch.nn.LSTM"


def test_a_bad_line_of_an_inventory_is_an_error():
    with pytest.raises(ValueError, match=r"torch\.txt:2: expected 'role name page'"):
        pack("torch", "py:class a b\npy:class a\n")
