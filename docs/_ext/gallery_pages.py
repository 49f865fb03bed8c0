"""Beyond Sphinx-Gallery: themed figures, strict warnings, links to scripts."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

from docutils import nodes
from PIL import Image
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxRole

THUMBNAIL = (288, 202)  # pixels, shown at 160 by 112
_thumbnails: set[int] = set()
_filters: list[Any] = []


def themed_scraper(block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Write a PNG of a block's figure, for the thumbnail.

    The page itself embeds the figure's own HTML, which Sphinx-Gallery takes from the last
    expression of the block. A figure that pyplot still holds has no alternative text: an error.
    """
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None and pyplot.get_fignums():
        pyplot.close("all")
        raise ExtensionError(
            f"{block_vars['src_file']}: a figure was left open; "
            "end its block with lstm_book.plotting.show(fig, alt=...)"
        )
    shown = block_vars["example_globals"].get("___")
    if hasattr(shown, "alt") and hasattr(shown, "png") and id(shown) not in _thumbnails:
        _thumbnails.add(id(shown))
        path = Path(next(block_vars["image_path_iterator"]))
        path.write_bytes(shown.png(dpi=110))
    return ""


def strict_warnings(gallery_conf: dict[str, Any], fname: str | None, when: str) -> None:
    """Turn warnings into errors while a script runs."""
    if fname is None:  # entering a folder, nothing runs
        return
    if when == "before":
        _filters.append(warnings.filters[:])
        warnings.simplefilter("error")
    else:
        warnings.filters[:] = _filters.pop()  # type: ignore[index]


class GalleryRole(SphinxRole):
    """``{gallery}`gates/forget_gate``` links to the page of that script, under its title."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Refer to the label that Sphinx-Gallery gives the page."""
        script = self.text.strip().removesuffix(".py")
        reference = addnodes.pending_xref(
            "",
            nodes.inline("", script, classes=["std", "std-ref"]),
            refdomain="std",
            reftype="ref",
            reftarget=f"sphx_glr_gallery_{script.replace('/', '_')}.py".lower(),
            refexplicit=False,
            refwarn=True,
            refdoc=self.env.docname,
        )
        self.set_source_info(reference)
        return [reference], []


def drop_empty_tag_lists(app: Sphinx, doctree: nodes.document) -> None:
    """Remove the placeholders for tags, which all have one id; the scripts have no tags."""
    for node in list(doctree.findall(nodes.raw)):
        if "id='sg-tag-list'" in node.astext():
            node.parent.remove(node)


def draw_thumbnails(app: Sphinx) -> None:
    """Make each thumbnail anew, a little under twice the size at which it is shown, in few colours.

    Of a tall figure it shows the top, large enough to be read.
    """
    for path in sorted(Path(app.srcdir, "gallery").glob("*/images/thumb/*_thumb.png")):
        whole = path.parents[1] / path.name.replace("_thumb.png", "_001.png")
        with Image.open(path) as stored:
            done = stored.mode == "P" and stored.width <= THUMBNAIL[0]
        if done or not whole.exists():
            continue
        with Image.open(whole) as figure:
            height = min(figure.height, round(0.75 * figure.width))
            picture = figure.convert("RGB").crop((0, 0, figure.width, height))
        picture.thumbnail(THUMBNAIL, Image.Resampling.LANCZOS)
        few = picture.quantize(96, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        few.save(path, optimize=True)


def write_palette(app: Sphinx, config: Config) -> None:
    """Write the figures' colours as CSS variables, with a shade for each theme."""
    # Imported here: torch comes with it, and reads the number of threads that conf.py sets.
    from lstm_book.plotting.style import stylesheet

    assets = Path(app.confdir, config.generated_assets)
    assets.mkdir(parents=True, exist_ok=True)
    (assets / "palette.css").write_text(stylesheet(), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx."""
    app.add_role("gallery", GalleryRole())
    app.connect("config-inited", write_palette)
    app.connect("builder-inited", draw_thumbnails, priority=900)  # the gallery is there by then
    app.connect("doctree-read", drop_empty_tag_lists)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
