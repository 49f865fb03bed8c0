"""Gallery scripts: themed figures become thumbnails, warnings are errors, stale ones run again."""

import warnings
from types import SimpleNamespace

import pytest
from freshness import _packages
from gallery_pages import forget_stale_scripts, reduce_colours, strict_warnings, themed_scraper
from PIL import Image
from sphinx.errors import ExtensionError

from lstm_book.plotting import show, subplots


def scrape(tmp_path, *shown):
    """The pictures of a script whose blocks end in these, each in turn."""
    paths = [tmp_path / f"{number}.png" for number in range(len(shown))]
    block_vars = {"src_file": "script.py", "image_path_iterator": iter(paths)}
    for last in shown:
        block_vars["example_globals"] = {"___": last}
        assert themed_scraper(None, block_vars, {}) == ""
    return [path for path in paths if path.exists()]


def drawn(height=3.0):
    fig, ax = subplots(height=height)
    ax.plot([0, 1])
    return show(fig, alt="A line.")


def test_each_figure_becomes_a_picture_once(tmp_path):
    first, second = drawn(), drawn()
    assert len(scrape(tmp_path, first, first, 3, second, second)) == 2


def test_a_figure_is_drawn_although_an_earlier_one_had_its_address(tmp_path):
    for number in range(20):  # figures that are gone leave their addresses to later ones
        folder = tmp_path / str(number)
        folder.mkdir()
        assert len(scrape(folder, drawn())) == 1


def test_of_a_tall_figure_the_top_is_shown(tmp_path):
    (path,) = scrape(tmp_path, drawn(height=9.0))
    with Image.open(path) as picture:
        assert picture.height == round(0.7 * picture.width)


def test_a_thumbnail_is_stored_in_few_colours(tmp_path):
    thumbs = tmp_path / "gallery" / "gates" / "images" / "thumb"
    thumbs.mkdir(parents=True)
    thumbnail = thumbs / "sphx_glr_one_thumb.png"
    Image.effect_noise((288, 202), 50).convert("RGB").save(thumbnail)
    heavy = thumbnail.stat().st_size
    reduce_colours(SimpleNamespace(srcdir=tmp_path))
    assert thumbnail.stat().st_size < heavy
    before = thumbnail.read_bytes()
    reduce_colours(SimpleNamespace(srcdir=tmp_path))
    assert thumbnail.read_bytes() == before


def test_a_block_without_a_figure_writes_none(tmp_path):
    assert scrape(tmp_path, 3) == []


def test_a_figure_left_open_is_an_error(tmp_path):
    from matplotlib import pyplot

    pyplot.figure()
    with pytest.raises(ExtensionError, match=r"script\.py: a figure was left open"):
        scrape(tmp_path, None)
    assert not pyplot.get_fignums()


def test_warnings_are_errors_while_a_script_runs_and_only_then():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        strict_warnings({}, "script.py", "before")
        with pytest.raises(UserWarning, match="look out"):
            warnings.warn("look out", stacklevel=1)
        strict_warnings({}, "script.py", "after")
        warnings.warn("look out", stacklevel=1)


def test_an_edit_in_the_package_makes_a_script_stale_and_nothing_else_does(tmp_path):
    scripts, target = tmp_path / "gallery", tmp_path / "docs" / "gallery"
    for folder in (scripts / "gates", target / "gates", tmp_path / "pkg"):
        folder.mkdir(parents=True)
    (tmp_path / "pkg" / "__init__.py").write_text("x = 1\n")
    (scripts / "gates" / "one.py").write_text("import pkg\n")
    done = target / "gates" / "one.py.md5"
    done.write_text("")
    env = SimpleNamespace(
        srcdir=tmp_path / "docs",
        config=SimpleNamespace(freshness_root="..", freshness_package="pkg"),
    )
    app = SimpleNamespace(confdir=env.srcdir, srcdir=env.srcdir, env=env)
    forget_stale_scripts(app)  # nothing is known of the script yet
    assert not done.exists()
    done.write_text("")
    forget_stale_scripts(app)
    assert done.exists()
    (tmp_path / "pkg" / "__init__.py").write_text("x = 2\n")
    _packages.clear()
    forget_stale_scripts(app)
    assert not done.exists()
