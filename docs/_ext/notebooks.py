"""Each chapter as a notebook that runs without the repository: those of MyST-NB and jupytext hold
directives and roles as they stand in the source, which Jupyter cannot read.

The text is the finished page, turned into Markdown by markdownify; the cells are those of the
source, hidden ones too, and a first cell installs the package.
"""

import ast
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import nbformat
from bs4 import BeautifulSoup, Tag
from dependencies import imports
from docutils import nodes
from freshness import cells, chapter_code
from markdownify import MarkdownConverter
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError

GLUE = "from myst_nb import glue"
NO_GLUE = (
    'def glue(name, value, display=False):\n    """The book prints this number in its text."""'
)
# What is installed beside the package, and the words in the code of a page that need it.
NEEDED = {
    "aeon": r"load_japanese_vowels",
    "dateparser": r"dateparser",
    "keras": r"keras|from_keras|to_keras",
    "onnx": r"onnx|from_onnx|to_onnx",
    "onnxruntime": r"onnxruntime",
    "onnxscript": r"torch\.onnx",
    "scikit-learn": r"sklearn|load_digits",
    "silero-vad==6.2.3": r"(load|original)_speech_detector",
}
PLACE = "\0\0"  # of a cell, in the text


class Markdown(MarkdownConverter):
    """HTML of the book as Markdown for Jupyter; a formula brings the book's macros that it uses."""

    def __init__(self, macros: dict[str, str], address: str) -> None:
        """Lead links to ``address``, where the page is published; without one, keep their words."""
        super().__init__(heading_style="ATX", bullets="-", code_language="python")
        self.macros, self.address = macros, address

    def convert_tex(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """A formula, in dollars of its kind."""
        tex, mark = el.get_text().strip(), "$$" if el.get("display") else "$"
        for name, body in self.macros.items():
            if re.search(re.escape(name) + r"(?![A-Za-z])", tex):
                arguments = "".join(sorted(set(re.findall(r"#\d", body))))
                tex = rf"\def{name}{arguments}{{{body}}}{tex}"
        return f"\n\n{mark}\n{tex}\n{mark}\n\n" if len(mark) == 2 else f"${tex}$"

    def convert_a(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        address = urljoin(self.address, el.get("href", ""))
        return f"[{text}]({address})" if urlsplit(address).scheme else text

    def convert_dt(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        return f"\n- **{text.strip()}:** "

    def convert_dd(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        return text.strip().replace("\n", "\n  ")

    def convert_summary(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        return f"\n\n**{text.strip()}.**\n\n"


def text_of(body: str, macros: dict[str, str], address: str) -> list[str]:
    """The Markdown before, between and behind the cells of a page."""
    page = BeautifulSoup(body, "lxml")
    for cell in page.select("div.cell"):
        captions = cell.select(".package-source, figcaption")
        cell.replace_with(PLACE, *(caption.extract() for caption in captions))
    for formula in page.select(".katex"):
        tex = formula.find("annotation").get_text()
        box = formula.find_parent(class_="equation")
        if number := box and box.select_one(".eqno"):
            tex += rf"\tag{{{number.get_text().partition(')')[0].strip('(')}}}"
            number.decompose()
        formula.replace_with(page.new_tag("tex", string=tex, display="yes" if box else ""))
    for lab in page.select("gate-lab"):
        lab.replace_with("The gate lab stands here on the site; a notebook cannot run it.")
    for box in page.select(".claim"):
        box.name = "blockquote"
    for title in page.select(".exercise-title"):
        title.wrap(page.new_tag("p")).contents[0].name = "strong"
    for gone in page.select(
        ".headerlink, .objectives dt:nth-of-type(n+4), .objectives dd:nth-of-type(n+4)"
    ):
        gone.decompose()
    found = Markdown(macros, address).convert_soup(page)
    return [re.sub(r"\n{3,}", "\n\n", text).strip() for text in found.split(PLACE)]


def imported(code: str) -> set[str]:
    """The top-level names of what some code imports."""
    return {module.partition(".")[0] for _, module, _ in imports(ast.parse(code)) if module}


def carried_along(code: str, folder: Path) -> tuple[str, dict[str, str]]:
    """Code that finds the repository's files beside the notebook, and the text of those files.

    Only two ways of reaching them are known: ``Path("../data.json")``, and a folder that is put on
    ``sys.path`` so that one of its modules can be imported.
    """
    files: dict[str, str] = {}
    for address in re.findall(r"\"((?:\.\./)+[\w/.-]+)\"", code):
        path = folder / address
        modules = [path / f"{name}.py" for name in sorted(imported(code))] if path.is_dir() else []
        code = code.replace(f'sys.path.append("{address}")\n', "")
        code = code.replace(f'"{address}"', f'"{path.name}"')
        for file in filter(Path.is_file, [path, *modules]):
            files[file.name] = file.read_text(encoding="utf-8")
    return code, files


def requirements(code: str) -> list[str]:
    """What has to be installed beside the package."""
    return [name for name, sign in NEEDED.items() if re.search(rf"\b(?:{sign})\b", code)]


def install_line(wheel: str, wanted: list[str]) -> str:
    """The first cell: it installs the wheel that the site carries, by address or way."""
    others = "".join(f" {name}" for name in wanted)
    if urlsplit(wheel).scheme:
        return f'%pip install --quiet "lstm-book[plot] @ {wheel}"{others}'
    moved = "# The wheel lies beside the site's index.html: if this file was moved, say where."
    return f'{moved}\n%pip install --quiet "{wheel}[plot]"{others}'


def compose(
    source: Path, body: str, config: Config, address: str, wheel: str
) -> nbformat.NotebookNode:
    """The notebook of a page whose finished text is ``body``, published at ``address``.

    Raises:
        ExtensionError: If the page has more or fewer cells than its source shows.
    """
    page = source.read_text(encoding="utf-8")
    together, files = carried_along(chapter_code(page), source.parent)
    texts = text_of(body, config.katex_macros, address)
    hidden = {"remove-cell"}, {"remove-input", "remove-output"}
    code = [(each, not any(hide <= tags for hide in hidden)) for each, tags in cells(page)]
    if len(texts) != 1 + sum(shown for _, shown in code):
        raise ExtensionError(f"notebooks: {source.name} does not show the cells of its source")
    wanted = requirements(together)
    origin = f"[{config.html_title}]({address})" if address else config.html_title
    start = f"*A chapter of {origin}, version {config.release}. Run its cells from the top.*"
    markdown, runs = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
    made = [markdown(start), runs(install_line(wheel, wanted))]
    made += [runs(f"%%writefile {name}\n{text}") for name, text in files.items()]
    for each, shown in code:
        if shown and (text := texts.pop(0)):
            made.append(markdown(text))
        if each:
            here = carried_along(each, source.parent)[0]
            made.append(runs(here.replace(GLUE, NO_GLUE)))
    made.append(markdown(texts[0]))
    for number, each in enumerate(made):  # random ids would make every build differ
        each["id"] = f"cell-{number}"
    python = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(
        cells=made, metadata={"kernelspec": python, "language_info": {"name": "python"}}
    )


def write(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Write the notebook of a page that is being written, if it links to one."""
    links = doctree.findall(addnodes.download_reference) if doctree else ()
    if not any(node.get("refuri", "").endswith(f"/{quote(page)}.ipynb") for node in links):
        return
    address = urljoin(app.config.html_baseurl, app.builder.get_target_uri(page))
    address = address if app.config.html_baseurl else ""
    # Beside the site's front page, from where the notebook lies or by address.
    front = app.config.html_baseurl or "../" * (page.count("/") + 1)
    wheel = f"{front}{app.config.notebooks_wheel}"
    source = Path(app.env.doc2path(page))
    made = compose(source, context["body"], app.config, address, wheel)
    nbformat.validate(made)
    target = Path(app.outdir, "_notebooks", f"{page}.ipynb")
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(made, target)


def wanted(facts: dict[str, Any], doctree: nodes.document) -> bool:
    """Whether a page has code, and does not say ``notebook: false``."""
    refused = str(facts.get("notebook", "true")).lower() == "false"
    return not refused and any(node.get("nb_element") for node in doctree.findall(nodes.container))


def link(page: str) -> nodes.Node:
    """A link from a page to its notebook."""
    here = f"{'../' * page.count('/')}_notebooks/{quote(page)}.ipynb"
    return addnodes.download_reference("", "Download as a notebook", refuri=here)
