"""What pages about the whole book need: links to its parts, and to be written with every build."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment


def writers(env: BuildEnvironment) -> set[str]:
    """Pages that are written again whenever anything was read."""
    if not hasattr(env, "book_written_again"):
        env.book_written_again = set()  # type: ignore[attr-defined]
    found: set[str] = env.book_written_again  # type: ignore[attr-defined]
    return found


def write_again(env: BuildEnvironment) -> None:
    """Have the page that is being read written again whenever anything was read."""
    writers(env).add(env.docname)


def link(
    env: BuildEnvironment, kind: str, target: str, text: str = "", *, domain: str = "std"
) -> addnodes.pending_xref:
    """A link that Sphinx resolves and warns about, under this text or the target's title."""
    return addnodes.pending_xref(
        "",
        nodes.inline("", text),
        refdomain=domain,
        reftype=kind,
        reftarget=target,
        refexplicit=bool(text),
        refwarn=True,
        refdoc=env.docname,
    )


def updated(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Name the pages to write again, if any page was read or is gone."""
    return sorted(writers(env)) if getattr(app, "book_changed", False) else []


def purge(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    """Forget a page that is read again or gone."""
    app.book_changed = True  # type: ignore[attr-defined]
    writers(env).discard(docname)


def merge(app: Sphinx, env: BuildEnvironment, docnames: set[str], other: BuildEnvironment) -> None:
    """Take over what a parallel reader recorded."""
    writers(env).update(writers(other) & docnames)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx."""
    app.connect("env-updated", updated)
    app.connect("env-purge-doc", purge)
    app.connect("env-merge-info", merge)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
