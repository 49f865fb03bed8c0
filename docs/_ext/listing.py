"""The package on the page: ``{listing} lstm_book.cells.lstm_step`` prints a definition without
docstring, and references find the name that readers import: literalinclude, autodoc know neither.
"""

import ast
import inspect
import subprocess
import sys
import textwrap
from contextlib import suppress
from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.directives.code import container_wrapper
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective


def find(name: str) -> Any:
    """What a dotted name means, if anything; a module may have the name of a function in it."""
    *above, last = name.split(".")
    for cut in range(len(above), 0, -1):
        with suppress(ImportError, AttributeError):
            module = import_module(".".join(above[:cut]))
            return inspect.unwrap(reduce(getattr, [*above[cut:], last], module))
    return None


def source_of(definition: Any) -> str:
    """The source of a definition, its indentation and its docstrings taken off."""
    source = textwrap.dedent(inspect.getsource(definition)).rstrip()
    lines: list[str | None] = list(source.split("\n"))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            first, last = node.body[0].lineno - 1, node.body[0].end_lineno or 0
            last += not "".join(lines[last : last + 1])  # the blank line that sets it off goes too
            lines[first:last] = [None] * (last - first)
    return "\n".join(line for line in lines if line is not None)


def narrowed(code: str) -> str:
    """The same code in lines that a page shows whole, as the formatter breaks them."""
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length=80", "-"]
    return subprocess.run(command, input=code, check=True, capture_output=True, text=True).stdout


class Listing(SphinxDirective):
    """Print the source of a class, function or method; the caption links to its API entry."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Build the code block and its caption."""
        name = self.arguments[0].strip()
        definition = find(name)
        if not inspect.isclass(definition) and not inspect.isfunction(definition):
            raise self.error(f"listing: no class or function '{name}'")
        path = Path(inspect.getsourcefile(definition) or "")
        self.env.note_dependency(str(path))
        code = narrowed(source_of(definition)).rstrip()
        block = nodes.literal_block(code, code, language="python", classes=["package-source"])
        self.set_source_info(block)
        container = container_wrapper(self, block, "caption")
        caption = container.next_node(nodes.caption)
        assert caption is not None
        package, room, *rest = name.split(".")
        face = import_module(f"{package}.{room}")
        face = getattr(face, "__all__", dir(face))
        public = [".".join([package, room, *rest[n:]]) for n, p in enumerate(rest) if p in face]
        shown = (public or [name])[-1]
        label = f"`{shown.partition('.')[2]}`"
        if public and "._" not in shown:  # others have no entry to link to
            label = f"{{py:obj}}`{shown.partition('.')[2]} <{shown}>`"
        file = path.relative_to(Path(self.env.srcdir, self.config.freshness_root).resolve())
        words, _ = self.parse_inline(f"{label}, from `{file.as_posix()}`")
        caption.clear()
        caption += words
        return [container]


def resolve(
    app: Sphinx, env: BuildEnvironment, node: addnodes.pending_xref, contnode: nodes.Element
) -> nodes.Node | None:
    """Try the name of a package's object without the module that defines it."""
    package, *parts = node["reftarget"].split(".")
    if node.get("refdomain") == "py" and package == env.config.freshness_package:
        domain, page = env.domains.python_domain, node["refdoc"]
        for cut in range(2, len(parts)):
            public = ".".join([package, parts[0], *parts[cut:]])
            if found := domain.resolve_xref(env, page, app.builder, "obj", public, node, contnode):
                return found
    return None


def leave_out(
    app: Sphinx, what: str, name: str, obj: object, skip: bool, options: object
) -> bool | None:
    """Leave out what a docstring says already: tuple fields, and torch's hook for ``repr``."""
    field = str(getattr(obj, "__doc__", "")).startswith("Alias for field number")
    return True if field or name == "extra_repr" else None


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx, before intersphinx."""
    app.setup_extension("sphinx.ext.autodoc")
    app.setup_extension("freshness")
    app.add_directive("listing", Listing)
    app.connect("autodoc-skip-member", leave_out)
    app.connect("missing-reference", resolve, priority=400)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
