"""What Sphinx-Gallery does not do: themed figures, strict warnings, links to scripts, and scripts
that are stale although they are unchanged, because the package behind them has changed.
"""

import json
import sys
import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

from dependencies import fingerprint
from docutils import nodes
from freshness import package_of, stored_results
from PIL import Image
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxRole
from whole_book import link

_filters: list[Any] = []


def themed_scraper(block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Write the top of a block's figure, for the thumbnail: of a tall one all would be too small.

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
    # A block without a last expression leaves that of an earlier block where it was.
    shown = block_vars["example_globals"].get("___")
    if hasattr(shown, "alt") and hasattr(shown, "png") and shown is not block_vars.get("drawn"):
        block_vars["drawn"] = shown
        with Image.open(BytesIO(shown.png(dpi=110))) as figure:
            top = (0, 0, figure.width, min(figure.height, round(0.7 * figure.width)))
            figure.convert("RGB").crop(top).save(next(block_vars["image_path_iterator"]))
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


def forget_stale_scripts(app: Sphinx) -> None:
    """Delete the checksum that marks a script as done, if its fingerprint has changed."""
    package = package_of(app.env)
    stored = stored_results(package, Path(app.srcdir))
    scripts, target = Path(app.confdir, "../gallery"), Path(app.confdir, "gallery")
    record = target / "fingerprints.json"
    old = json.loads(record.read_text()) if record.exists() else {}
    new = {}
    for script in sorted(scripts.glob("*/*.py")):
        name = script.relative_to(scripts).as_posix()
        new[name] = fingerprint(script.read_text(encoding="utf-8"), package, stored).digest
        if old.get(name) != new[name]:
            (target / f"{name}.md5").unlink(missing_ok=True)
    target.mkdir(parents=True, exist_ok=True)
    record.write_text(json.dumps(new, indent=1))


class GalleryRole(SphinxRole):
    """``{gallery}`gates/forget_gate``` links to the page of that script, under its title."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Refer to the label that Sphinx-Gallery gives the page."""
        script = self.text.strip().removesuffix(".py").replace("/", "_").lower()
        reference = link(self.env, "ref", f"sphx_glr_gallery_{script}.py")
        self.set_source_info(reference)
        return [reference], []


def drop_left_overs(app: Sphinx, doctree: nodes.document) -> None:
    """Remove the empty lists of tags, which all have one id, and the zips, which hold the time at
    which they were made and the two files that stand beside them.
    """
    for node in list(doctree.findall(nodes.Element)):
        empty = isinstance(node, nodes.raw) and "id='sg-tag-list'" in node.astext()
        if empty or "sphx-glr-download-zip" in node.get("classes", ()):
            node.parent.remove(node)


def reduce_colours(app: Sphinx) -> None:
    """Store thumbnails in few colours, which makes a page of them a third as heavy."""
    for path in Path(app.srcdir, "gallery").glob("*/images/thumb/*_thumb.png"):
        with Image.open(path) as picture:
            if picture.mode != "P":
                few = picture.convert("RGB").quantize(64, Image.Quantize.MAXCOVERAGE, dither=0)
                few.save(path, optimize=True)


def setup(app: Sphinx) -> dict[str, Any]:
    app.setup_extension("freshness")
    app.add_role("gallery", GalleryRole())
    if "sphinx_gallery.gen_gallery" in app.extensions:
        app.connect("builder-inited", forget_stale_scripts, priority=100)
        app.connect("builder-inited", reduce_colours, priority=900)  # the gallery is there by then
    app.connect("doctree-read", drop_left_overs, priority=100)  # before downloads are collected
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
