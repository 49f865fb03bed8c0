"""Re-run a page when, and only when, something that its numbers depend on has changed.

The execution caches of MyST-NB and Sphinx-Gallery look at a page's own code only. Here each
chapter and gallery script gets a fingerprint of all that its results depend on: the package modules
that its imports lead to (without comments), the stored results that it names, and the versions of
the libraries that compute. A chapter carries its fingerprint in the ``kernelspec`` that the
notebook cache hashes; a script whose fingerprint has changed loses the checksum that marks it as
done.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import platform
import re
import tempfile
import uuid
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import Any

import jupyter_client
from docutils import nodes
from jupyter_cache import get_cache
from myst_nb.ext.glue.crossref import read_glue_cache
from myst_nb.ext.glue.utils import PendingGlueReference
from source_map import SourceMap
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from traitlets import CaselessStrEnum, default

LIBRARIES = ("torch", "numpy", "matplotlib")
FRONT_MATTER = re.compile(r"\A---\n(?P<body>.*?)\n---\n", re.DOTALL)
NO_GALLERY: dict[str, list[str]] = {"examples_dirs": [], "gallery_dirs": []}
GENERATED_PAGES = ("genindex", "py-modindex", "search")
KERNELSPEC = "kernelspec: {name: python3}"
READS = re.compile(r"^reads: \[(?P<patterns>[^\]]+)\]$", re.MULTILINE)
CELL = re.compile(
    r"^(?P<fence>`{3,}|:{3,})\{code-cell\}[^\n]*\n(?P<body>.*?)^(?P=fence)[ \t]*$",
    re.MULTILINE | re.DOTALL,
)
CELL_OPTIONS = re.compile(
    r"\A(?:---\n.*?^---[ \t]*\n|(?::[\w-]+:[^\n]*\n)+)", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Fingerprint:
    """A hash of what a page's results depend on, and the files behind it."""

    digest: str
    files: tuple[Path, ...]


def chapter_code(text: str) -> str:
    """The code of all cells of a MyST notebook, one below the other."""
    return "\n".join(CELL_OPTIONS.sub("", cell["body"]) for cell in CELL.finditer(text))


def names_stored(tree: ast.AST, stored: Iterable[Path]) -> list[Path]:
    """The stored results whose stem or file name stands in a string literal of the code."""
    literals = {
        PurePosixPath(node.value.strip()).name
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.strip()
    }
    return [path for path in stored if literals & {path.name, path.stem}]


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


def fingerprint(
    code: str, sources: SourceMap, stored: Iterable[Path], read: Iterable[Path] = ()
) -> Fingerprint:
    """Hash what the results of some code depend on, apart from the code itself.

    Args:
        code: The code of a page or script.
        sources: The package.
        stored: Stored results; those that the code names count.
        read: Other files that count.

    Raises:
        SyntaxError: If the code cannot be parsed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        tree = ast.parse(code)
    hashed, passed = sources.reached_by(tree)
    data = [*names_stored(tree, stored), *read]
    facts = {
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
        "modules": {name: hashed[name].digest for name in sorted(hashed)},
        "files": [(path.name, hashlib.sha256(path.read_bytes()).hexdigest()) for path in data],
    }
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
    files = [m.path for m in (*hashed.values(), *passed.values())] + data
    return Fingerprint(digest, tuple(sorted(files)))


def stored_results(env: BuildEnvironment) -> list[Path]:
    """The results of long runs that pages load: those beside the pages and in the package."""
    package = Path(env.srcdir, env.config.freshness_root, env.config.freshness_package)
    found = [*Path(env.srcdir, "stored").glob("**/*"), *package.resolve().glob("**/stored/*")]
    return sorted(path for path in found if path.suffix in {".json", ".safetensors"})


_sources: dict[tuple[Path, str], SourceMap] = {}


def source_map(env: BuildEnvironment) -> SourceMap:
    """The package as it stands on disk at the start of this build."""
    root = Path(env.srcdir, env.config.freshness_root).resolve()
    return _sources.setdefault(
        (root, env.config.freshness_package), SourceMap(root, env.config.freshness_package)
    )


def read_again_what_an_earlier_build_read(app: Sphinx) -> None:
    """Forget the package and the glued values of an earlier build in the same process."""
    _sources.clear()
    read_glue_cache.cache_clear()


def forget_stale_scripts(app: Sphinx) -> None:
    """Delete the checksum of each gallery script whose fingerprint has changed."""
    gallery = getattr(app.config, "sphinx_gallery_conf", None) or NO_GALLERY
    stored = stored_results(app.env)
    for scripts, target in zip(gallery["examples_dirs"], gallery["gallery_dirs"], strict=True):
        scripts, target = Path(app.confdir, scripts), Path(app.confdir, target)
        record = target / "fingerprints.json"
        old = json.loads(record.read_text()) if record.exists() else {}
        new = {}
        for script in sorted(scripts.glob("**/*.py")):
            name = script.relative_to(scripts).as_posix()
            code = script.read_text(encoding="utf-8")
            new[name] = fingerprint(code, source_map(app.env), stored).digest
            if old.get(name) != new[name]:
                (target / f"{name}.md5").unlink(missing_ok=True)
        for page in target.glob("*/*.rst"):
            if page.stem != "index" and f"{page.parent.name}/{page.stem}.py" not in new:
                forget_page(page)
        target.mkdir(parents=True, exist_ok=True)
        record.write_text(json.dumps(new, indent=1))


def forget_page(page: Path) -> None:
    """Delete what Sphinx-Gallery wrote for a script that is gone."""
    for path in page.parent.glob(f"{page.stem}.*"):
        path.unlink()
    for path in page.parent.glob(f"images/**/sphx_glr_{page.stem}_*"):
        path.unlink()


_sockets = tempfile.TemporaryDirectory(prefix="kernels-")


class FileKernelManager(jupyter_client.AsyncKernelManager):
    """Talks to a kernel over files: parallel readers may pick the same free TCP port."""

    transport = CaselessStrEnum(["tcp", "ipc"], default_value="ipc")

    @default("ip")
    def _ip_default(self) -> str:
        """A path that no other kernel has; it must be absolute, as kernels run in other folders."""
        return f"{_sockets.name}/{uuid.uuid4().hex[:12]}"


def prepare_kernels(app: Sphinx) -> None:
    """Give kernels a profile and sockets of their own, and create the notebook cache's database.

    Parallel readers would race to create the database and for the kernels' ports; a reader's own
    IPython profile must not change what a page prints.
    """
    if app.config.nb_execution_mode != "cache":
        return
    cache = Path(app.config.nb_execution_cache_path)
    _ = get_cache(cache).db
    profile = cache.with_name("ipython") / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    if os.name == "posix":
        # nbclient asks this module for its manager at each start of a kernel.
        jupyter_client.AsyncKernelManager = FileKernelManager
    # Kernels elsewhere warn that they talk over TCP; they do so on this machine only.
    (profile / "ipython_kernel_config.py").write_text("get_config().IPKernelApp.log_level = 40\n")
    os.environ["IPYTHONDIR"] = str(profile.parent)


def stamp_chapter(app: Sphinx, docname: str, source: list[str]) -> None:
    """Write the fingerprint of an executed chapter into its front matter."""
    front = FRONT_MATTER.match(source[0])
    if front is None or "file_format: mystnb" not in front["body"]:
        return
    if KERNELSPEC not in front["body"]:
        raise ExtensionError(f"{docname}: an executed page needs the line '{KERNELSPEC}'")
    try:
        sources = source_map(app.env)
        read = named_to_read(front["body"], sources.root)
        mark = fingerprint(chapter_code(source[0]), sources, stored_results(app.env), read)
    except SyntaxError as error:
        raise ExtensionError(f"{docname}: a code cell is no plain Python: {error}") from error
    for path in mark.files:
        app.env.note_dependency(str(path))
    stamped = f'kernelspec: {{name: python3, fingerprint: "{mark.digest}"}}'
    source[0] = source[0].replace(KERNELSPEC, stamped, 1)


def note_glued_pages(app: Sphinx, doctree: nodes.document) -> None:
    """Remember from which other pages this page takes numbers."""
    pages = {node.refdoc for node in doctree.findall(PendingGlueReference)}
    note_reader(app.env, pages)


def readers(env: BuildEnvironment) -> dict[str, set[str]]:
    """Page → the other pages whose results it prints."""
    if not hasattr(env, "freshness_readers"):
        env.freshness_readers = {}  # type: ignore[attr-defined]
    found: dict[str, set[str]] = env.freshness_readers  # type: ignore[attr-defined]
    return found


def note_reader(env: BuildEnvironment, pages: set[str]) -> None:
    """Record that the page being read prints results of other pages."""
    if pages:
        readers(env).setdefault(env.docname, set()).update(pages)


def read_again(
    app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]
) -> list[str]:
    """Pages that print results of a page that is about to be read again."""
    moving = added | changed | removed
    return [page for page, sources in readers(env).items() if sources & moving]


def forget_old_pages(app: Sphinx, exception: Exception | None) -> None:
    """Delete built pages whose source is gone; Sphinx leaves them where they are."""
    if exception is not None or app.builder.name != "html":
        return
    made = {*app.env.found_docs, *GENERATED_PAGES, *getattr(app.config, "redirects", {})}
    made.add(getattr(app.config, "notfound_pagename", ""))
    for page in Path(app.outdir).glob("**/*.html"):
        name = page.relative_to(app.outdir).with_suffix("").as_posix()
        if not name.startswith("_") and name not in made:
            page.unlink()


def purge(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    """Forget a page that is read again or gone."""
    readers(env).pop(docname, None)


def merge(app: Sphinx, env: BuildEnvironment, docnames: set[str], other: BuildEnvironment) -> None:
    """Take over what a parallel reader recorded."""
    readers(env).update({d: r for d, r in readers(other).items() if d in docnames})


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx."""
    app.add_config_value("freshness_root", "..", "env")
    app.add_config_value("freshness_package", "", "env")
    app.connect("builder-inited", read_again_what_an_earlier_build_read, priority=50)
    app.connect("builder-inited", prepare_kernels, priority=100)
    app.connect("builder-inited", forget_stale_scripts, priority=100)
    app.connect("source-read", stamp_chapter)
    app.connect("doctree-read", note_glued_pages)
    app.connect("env-get-outdated", read_again)
    app.connect("build-finished", forget_old_pages)
    app.connect("env-purge-doc", purge)
    app.connect("env-merge-info", merge)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
