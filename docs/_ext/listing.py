"""``{listing} lstm_book.cells.lstm_step``: print a definition as it stands in its file."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from freshness import source_map
from source_map import Definition
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.directives.code import container_wrapper
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import OptionSpec


def source_lines(definition: Definition, docstring: bool = False) -> list[str]:
    """The lines of a definition, its indentation taken off, with or without its docstring."""
    node = definition.node
    lines = definition.path.read_text(encoding="utf-8").splitlines()
    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    dropped: set[int] = set()
    if not docstring:
        for inner in ast.walk(node):
            if isinstance(
                inner, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
            ) and ast.get_docstring(inner, clean=False):
                text = inner.body[0]
                assert text.end_lineno is not None
                last = text.end_lineno
                # The blank line that sets a docstring off goes with it.
                if last < len(lines) and not lines[last].strip():
                    last += 1
                dropped.update(range(text.lineno, last + 1))
    assert node.end_lineno is not None
    kept = [lines[n - 1] for n in range(first, node.end_lineno + 1) if n not in dropped]
    indent = len(kept[0]) - len(kept[0].lstrip())
    while kept and not kept[-1].strip():
        kept.pop()
    return [line[indent:] for line in kept]


class Listing(SphinxDirective):
    """Print the source of a class, function or method; the caption links to its API entry."""

    required_arguments = 1
    option_spec: ClassVar[OptionSpec] = {
        "docstring": directives.flag,
        "emphasize-lines": directives.unchanged_required,
        "name": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        """Build the code block and its caption."""
        name = self.arguments[0].strip()
        sources = source_map(self.env)
        definition = sources.find(name)
        if definition is None:
            raise self.error(f"listing: the package defines no class or function '{name}'")
        self.env.note_dependency(str(definition.path))
        code = "\n".join(source_lines(definition, "docstring" in self.options))
        block = nodes.literal_block(code, code, language="python")
        block["classes"].append("package-source")
        if "emphasize-lines" in self.options:
            from sphinx.util import parselinenos

            wanted = parselinenos(self.options["emphasize-lines"], code.count("\n") + 1)
            block["highlight_args"] = {"hl_lines": [line + 1 for line in wanted]}
        self.set_source_info(block)
        container = container_wrapper(self, block, "caption")
        caption = container.next_node(nodes.caption)
        assert caption is not None
        caption.clear()
        public = sources.public_name(definition.module, definition.qualname)
        label = nodes.literal("", public.split(".", 1)[1], classes=["xref", "py", "py-obj"])
        reference: nodes.Element = label
        room = ".".join(public.split(".")[:2])
        top = public.removeprefix(f"{room}.").partition(".")[0]
        private = any(part.startswith("_") for part in public.split("."))
        exported = sources.locate(room, top) or (None, "")
        if exported[1] and not private:  # others have no entry to link to
            reference = addnodes.pending_xref(
                "",
                label,
                refdomain="py",
                reftype="obj",
                reftarget=public,
                refwarn=True,
                refdoc=self.env.docname,
            )
            self.set_source_info(reference)
        path = Path(*definition.module.split(".")).with_suffix(".py").as_posix()
        if definition.path.name == "__init__.py":
            path = Path(*definition.module.split("."), "__init__.py").as_posix()
        caption += [reference, nodes.Text(", from "), nodes.literal("", path)]
        self.add_name(container)
        return [container]


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx."""
    app.setup_extension("freshness")
    app.add_directive("listing", Listing)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
