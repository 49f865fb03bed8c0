"""Every chapter as a notebook that runs without the repository.

A notebook is written from the finished page: references, equation numbers, glued numbers, listings
and citations stand in it as the reader sees them. Its cells are those of the source, hidden ones
too, and a first cell installs the package.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import nbformat
from docutils import nodes
from freshness import CELL, CELL_OPTIONS
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError

FOLDER = "_notebooks"
SKIPPED = (
    nodes.target,
    nodes.comment,
    nodes.system_message,
    nodes.substitution_definition,
    nodes.raw,
    addnodes.index,
    addnodes.toctree,
)
GLUE = "from myst_nb import glue"
NO_GLUE = (
    'def glue(name, value, display=False):\n    """The book prints this number in its text."""'
)
# Nobody has to install what comes with Python, with the package or with a notebook.
INSTALLED = {"torch", "numpy", "matplotlib", "ipython", "setuptools"}
SPECIAL = re.compile(r"([\\`*_$<\[\]])")


def expand(tex: str, macros: dict[str, str]) -> str:
    """TeX without the book's macros, which a notebook does not know."""
    for name, body in macros.items():
        wanted = max((int(number) for number in re.findall(r"#(\d)", body)), default=0)
        found = re.compile(re.escape(name) + r"(?![A-Za-z])\s*")
        while match := found.search(tex):
            arguments, end = [], match.end() if wanted else match.start() + len(name)
            for _ in range(wanted):
                argument, end = group(tex, end)
                arguments.append(argument)
            text = re.sub(r"#(\d)", lambda number: arguments[int(number[1]) - 1], body)  # noqa: B023
            tex = f"{tex[: match.start()]}{{{text}}}{tex[end:]}"
    return tex


def group(tex: str, start: int) -> tuple[str, int]:
    """What stands in the braces that open at ``start``, and where they are closed."""
    if tex[start : start + 1] != "{":
        return tex[start : start + 1], start + 1
    depth = 0
    for place in range(start, len(tex)):
        depth += {"{": 1, "}": -1}.get(tex[place], 0)
        if tex[place - 1 : place] != "\\" and depth == 0:
            return tex[start + 1 : place], place + 1
    raise ValueError(f"a brace is not closed: {tex}")


def code_of(text: str) -> list[tuple[str, bool]]:
    """The code of each cell of a source page, and whether the finished page has a place for it."""
    found = []
    for cell in CELL.finditer(text):
        options = CELL_OPTIONS.match(cell["body"])
        head = options[0] if options else ""
        gone = "remove-cell" in head or ("remove-input" in head and "remove-output" in head)
        found.append((CELL_OPTIONS.sub("", cell["body"]).strip("\n"), not gone))
    return found


class Words:
    """Turns the text of a finished page into Markdown."""

    def __init__(self, macros: dict[str, str], address: str, number: Callable[..., str]) -> None:
        """Use these macros; ``address`` is that of the page, or empty if nobody knows it."""
        self.macros = macros
        self.address = address
        self.number = number

    def line(self, node: nodes.Node) -> str:
        """Markdown of a node within a line.

        Raises:
            ExtensionError: If the node is of a kind that has no Markdown here.
        """
        if isinstance(node, nodes.Text):
            return SPECIAL.sub(r"\\\1", str(node)).replace("\n", " ")
        if isinstance(node, nodes.math):
            return f"${expand(node.astext(), self.macros)}$"
        if isinstance(node, nodes.literal):
            return f"`` {node.astext()} ``" if "`" in node.astext() else f"`{node.astext()}`"
        if isinstance(node, SKIPPED):
            return ""
        inner = "".join(self.line(child) for child in node.children)
        if isinstance(node, nodes.reference):
            return self.link(node, inner)
        if isinstance(node, (nodes.emphasis, nodes.title_reference)):
            return f"*{inner}*"
        if isinstance(node, nodes.strong):
            return f"**{inner}**"
        if isinstance(node, nodes.superscript):
            return f"<sup>{inner}</sup>"
        if isinstance(node, nodes.subscript):
            return f"<sub>{inner}</sub>"
        if isinstance(node, (nodes.inline, addnodes.download_reference, nodes.paragraph)):
            return inner
        raise ExtensionError(f"notebooks: no Markdown for {node.tagname} in a line: {node}")

    def link(self, node: nodes.reference, text: str) -> str:
        """A link to where the page is published; within an unpublished book, its text alone."""
        uri = node.get("refuri") or f"#{node.get('refid', '')}"
        if not urlsplit(uri).scheme:
            if not self.address:
                return text
            uri = urljoin(self.address, uri)
        return f"[{text}]({uri})"

    def blocks(self, node: nodes.Node) -> Iterator[str]:
        """Markdown of a node that stands for itself, paragraph by paragraph.

        Raises:
            ExtensionError: If the node is of a kind that has no Markdown here.
        """
        if isinstance(node, SKIPPED):
            return
        assert isinstance(node, nodes.Element)
        if isinstance(node, (nodes.paragraph, nodes.rubric)):
            yield self.line(node) if isinstance(node, nodes.paragraph) else f"**{self.all(node)}**"
        elif isinstance(node, nodes.math_block):
            yield self.formula(node)
        elif isinstance(node, nodes.literal_block):
            yield f"```{node.get('language', '')}\n{node.astext()}\n```"
        elif isinstance(node, (nodes.bullet_list, nodes.enumerated_list)):
            mark = "1. " if isinstance(node, nodes.enumerated_list) else "- "
            yield "\n".join(self.hang(mark, item) for item in node.children)
        elif isinstance(node, nodes.definition_list):
            for item in node.children:
                if "chapter-fact" not in item.get("classes", ()):
                    yield self.hang(f"- **{self.all(item[0])}:** ", item[-1])
        elif isinstance(node, nodes.table):
            yield self.table(node)
        elif isinstance(node, nodes.caption):
            yield f"*{self.numbered(node.parent)}{self.all(node)}*"
        elif node.tagname == "exercise_title":
            yield f"**{self.all(node)}**"
        elif isinstance(node, nodes.transition):
            yield "---"
        elif isinstance(node, (nodes.Admonition, nodes.block_quote)) or "claim" in node.get(
            "classes", ()
        ):
            label = (
                f"**{node.tagname.capitalize()}.** " if isinstance(node, nodes.Admonition) else ""
            )
            inner = label + "\n\n".join(self.inside(node))
            yield "\n".join(f"> {line}".rstrip() for line in inner.splitlines())
        elif node.tagname == "gate_lab":
            yield "*The gate lab stands here on the site; a notebook cannot run it.*"
        elif isinstance(node, (nodes.container, nodes.compound)) or node.tagname == "exercise":
            yield from self.inside(node)
        else:
            raise ExtensionError(f"notebooks: no Markdown for {node.tagname}: {str(node)[:200]}")

    def inside(self, node: nodes.Element) -> Iterator[str]:
        """Markdown of what stands in a node."""
        for child in node.children:
            yield from self.blocks(child)

    def all(self, node: nodes.Element) -> str:
        """Markdown of everything in a node of one line."""
        return "".join(self.line(child) for child in node.children)

    def numbered(self, node: nodes.Element) -> str:
        """What a caption begins with: Figure 3, Listing 4."""
        number = self.number(node)
        return f"{number}. " if number else ""

    def formula(self, node: nodes.math_block) -> str:
        """A displayed formula with its number."""
        number = self.number(node)
        tag = f"\n\\tag{{{number}}}" if number else ""
        return f"$$\n{expand(node.astext(), self.macros)}{tag}\n$$"

    def hang(self, mark: str, node: nodes.Element) -> str:
        """An item of a list, its further lines below its first word."""
        text = "\n\n".join(self.inside(node))
        indent = " " * (3 if mark[0].isdigit() else 2)
        return mark + text.replace("\n", "\n" + indent)

    def table(self, node: nodes.table) -> str:
        """A table of pipes."""
        lines = []
        for row in node.findall(nodes.row):
            cells = [" ".join(self.inside(entry)).replace("|", "\\|") for entry in row.children]
            lines.append("| " + " | ".join(cells) + " |")
            if len(lines) == 1:
                lines.append("|" + "---|" * len(cells))
        return "\n".join(lines)


class Notebook:
    """Collects the cells of one page."""

    def __init__(self, words: Words, code: list[tuple[str, bool]]) -> None:
        """Take the code of the source page's cells, in order."""
        self.words = words
        self.code = iter(code)
        self.text: list[str] = []
        self.cells: list[Any] = []

    def walk(self, node: nodes.Node, level: int = 0) -> None:
        """Take in a node and all that stands in it."""
        if isinstance(node, nodes.title):
            self.text.append(f"{'#' * level} {self.words.all(node)}")
        elif isinstance(node, nodes.container) and node.get("nb_element") == "cell_code":
            self.add_code()
            for caption in node.findall(nodes.caption):
                self.text += self.words.blocks(caption)
        elif isinstance(node, nodes.Element) and node.next_node(is_code):
            deeper = level + isinstance(node, nodes.section)
            if node.tagname == "solution":
                self.text.append("**Solution.**")
            for child in node.children:
                self.walk(child, deeper)
        elif isinstance(node, nodes.section):
            for child in node.children:
                self.walk(child, level + 1)
        elif node.tagname == "solution":
            self.text += ["**Solution.**", *self.words.inside(node)]
        else:
            self.text += self.words.blocks(node)

    def add_code(self) -> None:
        """Add the next cell that the page shows, and those before it that it hides."""
        for source, shown in self.code:
            self.close_text()
            if source:
                self.cells.append(nbformat.v4.new_code_cell(source))
            if shown:
                return
        raise ExtensionError("notebooks: the page has more cells than its source")

    def close_text(self) -> None:
        """Make a cell of the text so far."""
        if text := "\n\n".join(part for part in self.text if part):
            self.cells.append(nbformat.v4.new_markdown_cell(text))
        self.text = []

    def finish(self) -> list[Any]:
        """All cells.

        Raises:
            ExtensionError: If a cell of the source has no place on the page.
        """
        self.close_text()
        if any(shown for _, shown in self.code):
            raise ExtensionError("notebooks: the source has more cells than its page")
        return self.cells


def is_code(node: nodes.Node) -> bool:
    """Whether a node is an executed cell."""
    return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"


def carried_along(code: str, folder: Path) -> tuple[str, dict[str, str]]:
    """Code that finds the repository's files beside the notebook, and the text of those files.

    Only two ways of reaching them are known: ``Path("../data.json")``, and a folder that is put on
    ``sys.path`` so that one of its modules can be imported.
    """
    files: dict[str, str] = {}
    for address in re.findall(r"\"((?:\.\./)+[\w/.-]+)\"", code):
        path = folder / address
        if path.is_file():
            code = code.replace(f'"{address}"', f'"{path.name}"')
            files[path.name] = path.read_text(encoding="utf-8")
        elif path.is_dir():
            code = code.replace(f'sys.path.append("{address}")\n', "")
            for name in imported(code):
                if (module := path / f"{name}.py").is_file():
                    files[module.name] = module.read_text(encoding="utf-8")
        else:
            raise ExtensionError(f"notebooks: no such file: {address}")
    return code, files


def imported(code: str) -> set[str]:
    """The top-level names of what some code imports."""
    names = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


@cache
def distributions() -> dict[str, list[str]]:
    """The distributions behind each name that can be imported; to list them takes a second."""
    return dict(packages_distributions())


def requirements(code: str, own: set[str]) -> list[str]:
    """What has to be installed beside the package, by the names of its distributions."""
    known = distributions()
    found = set()
    for name in imported(code) - set(sys.stdlib_module_names) - own - {"lstm_book"}:
        found |= {known[name][0].lower()} if name in known else {name}
    if "torch.onnx" in code:
        found |= {"onnx", "onnxscript"}
    if re.search(r"\bload_(?:digits|japanese_vowels)\b", code):
        found |= {"scikit-learn", "aeon"}
    return sorted(found - INSTALLED)


def install_line(repository: str, wanted: list[str]) -> str:
    """The first cell."""
    if not repository:
        # The repository has no public address yet: only those who have a clone can install it.
        return (
            "# Run `python -m pip install '.[plot]'"
            + "".join(f" {w}" for w in wanted)
            + ("` in a clone of the book's repository first.")
        )
    others = "".join(f" {name}" for name in wanted)
    return f'%pip install --quiet "lstm-book[plot] @ git+{repository}"{others}'


def compose(app: Sphinx, doctree: nodes.document, docname: str) -> Any:
    """The notebook of a page."""
    config = app.config
    path = Path(app.env.doc2path(docname))
    code = code_of(path.read_text(encoding="utf-8"))
    together, files = carried_along("\n".join(source for source, _ in code), path.parent)
    code = [(carried_along(source, path.parent)[0].replace(GLUE, NO_GLUE), s) for source, s in code]
    address = urljoin(config.html_baseurl, app.builder.get_target_uri(docname))
    words = Words(
        config.katex_macros,
        address if config.html_baseurl else "",
        lambda node: number_of(app, docname, node),
    )
    notebook = Notebook(words, code)
    for child in doctree.children:
        notebook.walk(child)
    cells = notebook.finish()
    origin = f"[{config.html_title}]({address})" if config.html_baseurl else config.html_title
    own = {Path(name).stem for name in files}
    setup = [
        nbformat.v4.new_markdown_cell(
            f"*A chapter of {origin}, version {config.release}. Run its cells from the top.*"
        ),
        nbformat.v4.new_code_cell(
            install_line(config.notebooks_repository, requirements(together, own | {"myst_nb"}))
        ),
    ]
    for name, text in files.items():
        setup.append(nbformat.v4.new_code_cell(f"%%writefile {name}\n{text}"))
    found = nbformat.v4.new_notebook(
        cells=[*setup, *cells],
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
        },
    )
    for number, cell in enumerate(found.cells):  # random ids would make every build differ
        cell["id"] = f"cell-{number}"
    nbformat.validate(found)
    return found


def number_of(app: Sphinx, docname: str, node: nodes.Element) -> str:
    """What a numbered figure, table or listing is called; of an equation, the number."""
    for kind, numbers in app.env.toc_fignumbers.get(docname, {}).items():
        for name in node.get("ids", ()):
            if name in numbers:
                number = ".".join(str(part) for part in numbers[name])
                return str(app.config.numfig_format.get(kind, "%s") % number)
    return ""


def has_notebook(app: Sphinx, docname: str, doctree: nodes.document) -> bool:
    """Whether a page is a chapter with code, and does not say ``notebook: false``."""
    wanted = str(app.env.metadata[docname].get("notebook", "true")).lower() != "false"
    boxes = (node for node in doctree.findall(nodes.container) if "objectives" in node["classes"])
    return wanted and any(boxes) and doctree.next_node(is_code) is not None


def write(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Write the notebook of a page that is about to be written, and link to it."""
    if app.builder.name != "html" or not has_notebook(app, docname, doctree):
        return
    target = Path(app.outdir, FOLDER, f"{docname}.ipynb")
    target.parent.mkdir(parents=True, exist_ok=True)
    notebook = compose(app, doctree, docname)
    target.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    here = app.builder.get_target_uri(docname)
    up = "../" * here.count("/")
    file = f"{up}{FOLDER}/{quote(docname)}.ipynb"
    links: list[nodes.Node] = [
        addnodes.download_reference("", "Download as a notebook", refuri=file)
    ]
    if address := colab(app.config.notebooks_repository, app.config.notebooks_branch, docname):
        links += [nodes.Text(" · "), link("Open in Colab", address)]
    box = next(n for n in doctree.findall(nodes.container) if "objectives" in n["classes"])
    item = nodes.definition_list_item(
        "",
        nodes.term("", "To run it"),
        nodes.definition("", nodes.paragraph("", "", *links)),
        classes=["chapter-fact"],
    )
    rows = next(box.findall(nodes.definition_list))
    rows += item


def link(text: str, address: str) -> nodes.reference:
    """A link to an address."""
    return nodes.reference("", text, internal=False, refuri=address)


def colab(repository: str, branch: str, docname: str) -> str:
    """Where Colab opens a notebook, which it takes from a branch of a repository on GitHub.

    Empty if there is no such branch: notebooks are made with the site and not kept beside the
    sources, so somebody has to push them there first.
    """
    parts = urlsplit(repository)
    if parts.netloc != "github.com" or not branch:
        return ""
    place = f"{parts.path.strip('/').removesuffix('.git')}/blob/{branch}/{quote(docname)}.ipynb"
    return f"https://colab.research.google.com/github/{place}"


def install_in_gallery(app: Sphinx, config: Config) -> None:
    """Let the notebooks that Sphinx-Gallery makes of its scripts begin with the same line."""
    if "sphinx_gallery_conf" in config:
        line = install_line(config.notebooks_repository, [])
        config.sphinx_gallery_conf.setdefault("first_notebook_cell", line)


def forget_old_notebooks(app: Sphinx, exception: Exception | None) -> None:
    """Delete notebooks whose page is gone."""
    if exception is None and app.builder.name == "html":
        folder = Path(app.outdir, FOLDER)
        for path in folder.glob("**/*.ipynb"):
            name = path.relative_to(folder).with_suffix("").as_posix()
            if name not in app.env.found_docs:
                path.unlink()


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx, after all that finishes a page."""
    app.add_config_value("notebooks_repository", "", "html")
    app.add_config_value("notebooks_branch", "", "html")
    app.connect("config-inited", install_in_gallery, priority=5)  # before Sphinx-Gallery's defaults
    app.connect("doctree-resolved", write, priority=900)
    app.connect("build-finished", forget_old_notebooks)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
