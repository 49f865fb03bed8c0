"""Re-run a page when, and only when, something that its numbers depend on has changed: the cache of
MyST-NB looks at a page's own code only.

The fingerprint of what a chapter depends on (``dependencies``) goes into the ``kernelspec`` that
the cache hashes. A page that prints another page's numbers is read again with that page.
"""

import re
from pathlib import Path
from typing import Any

import kernels
from dependencies import Package, fingerprint
from docutils import nodes
from myst_nb.core.read import read_myst_markdown_notebook
from myst_nb.ext.glue.crossref import read_glue_cache
from myst_nb.ext.glue.utils import PendingGlueReference
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError

FRONT_MATTER = re.compile(r"\A---\n(?P<body>.*?)\n---\n", re.DOTALL)
KERNELSPEC = "kernelspec: {name: python3}"
READS = re.compile(r"^reads: \[(?P<patterns>[^\]]+)\]$", re.MULTILINE)


def cells(text: str) -> list[tuple[str, set[str]]]:
    """Code and tags of each cell of a MyST notebook, as MyST-NB reads them."""
    found = read_myst_markdown_notebook(text).cells
    code = [cell for cell in found if cell.cell_type == "code"]
    return [(cell.source, set(cell.metadata.get("tags", ()))) for cell in code]


def chapter_code(text: str) -> str:
    """The code of all cells of a MyST notebook, one below the other."""
    return "\n".join(source for source, _ in cells(text))


def named_to_read(front: str, root: Path) -> list[Path]:
    """The files that a page's front matter says it reads: ``reads: [pattern, ...]`` from the root.

    Raises:
        ExtensionError: If a pattern matches no file.
    """
    found: set[Path] = set()
    line = READS.search(front)
    for pattern in line["patterns"].split(",") if line else ():
        files = {path for path in root.glob(pattern.strip()) if path.is_file()}
        if not files:
            raise ExtensionError(f"reads: no file matches {pattern.strip()!r}")
        found |= files
    return sorted(found)


def stored_results(package: Package, docs: Path) -> list[Path]:
    """The results of long runs that pages load: those beside the pages and in the package."""
    found = [*docs.glob("stored/**/*"), *(package.root / package.name).glob("**/stored/*")]
    return sorted(path for path in found if path.suffix in {".json", ".safetensors"})


_packages: dict[tuple[Path, str], Package] = {}


def package_of(env: BuildEnvironment) -> Package:
    """The package as it stands on disk at the start of this build."""
    where = (Path(env.srcdir, env.config.freshness_root).resolve(), env.config.freshness_package)
    return _packages.setdefault(where, Package(*where))


def start(app: Sphinx) -> None:
    """Forget what an earlier build in this process read, and make kernels ready."""
    _packages.clear()
    read_glue_cache.cache_clear()
    if app.config.nb_execution_mode == "cache":
        kernels.prepare(Path(app.config.nb_execution_cache_path))


def stamp_chapter(app: Sphinx, docname: str, source: list[str]) -> None:
    """Write the fingerprint of an executed chapter into its front matter."""
    front = FRONT_MATTER.match(source[0])
    if front is None or "file_format: mystnb" not in front["body"]:
        return
    if KERNELSPEC not in front["body"]:
        raise ExtensionError(f"{docname}: an executed page needs the line '{KERNELSPEC}'")
    package = package_of(app.env)
    read = named_to_read(front["body"], package.root)
    stored = stored_results(package, Path(app.srcdir))
    try:
        mark = fingerprint(chapter_code(source[0]), package, stored, read)
    except SyntaxError as error:
        raise ExtensionError(f"{docname}: a code cell is no plain Python: {error}") from error
    for path in mark.files:
        app.env.note_dependency(str(path))
    stamped = f'kernelspec: {{name: python3, fingerprint: "{mark.digest}"}}'
    source[0] = source[0].replace(KERNELSPEC, stamped, 1)


def note_glued_pages(app: Sphinx, doctree: nodes.document) -> None:
    """Remember from which other pages this page takes numbers."""
    pages = {node.refdoc for node in doctree.findall(PendingGlueReference)}
    app.env.metadata[app.env.docname]["glued"] = pages


def read_again(
    app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]
) -> list[str]:
    """Pages that print results of a page that is about to be read again."""
    moving = added | changed | removed
    return [page for page, facts in env.metadata.items() if facts.get("glued", set()) & moving]


def spread(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Deal executed pages out to the parallel readers, which take a quarter of all in a row."""
    texts = {page: Path(env.doc2path(page)).read_text(encoding="utf-8") for page in docnames}
    long = [page for page in docnames if KERNELSPEC in texts[page]]
    short = [page for page in docnames if KERNELSPEC not in texts[page]]
    docnames[:] = [page for part in range(4) for page in (*long[part::4], *short[part::4])]


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_config_value("freshness_root", "..", "env")
    app.add_config_value("freshness_package", "", "env")
    app.connect("builder-inited", start, priority=50)
    app.connect("source-read", stamp_chapter)
    app.connect("doctree-read", note_glued_pages)
    app.connect("env-get-outdated", read_again)
    app.connect("env-before-read-docs", spread)
    return {"version": "2", "parallel_read_safe": True, "parallel_write_safe": True}
