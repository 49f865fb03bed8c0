"""A page is fresh as long as nothing that its numbers depend on has changed."""

import ast
from pathlib import Path

import pytest
from dependencies import Package, fingerprint, names_stored
from freshness import chapter_code, named_to_read
from sphinx.errors import ExtensionError
from sphinx_project import build

FILES = {
    "pkg/__init__.py": '"""A package."""\n',
    "pkg/cells/__init__.py": (
        "from pkg.cells.state import State\nfrom pkg.cells.step import step\n"
        "from pkg.cells.init import init\n"
    ),
    "pkg/cells/state.py": "class State:\n    size = 1\n",
    "pkg/cells/step.py": "from pkg.cells.state import State\n\ndef step(x):\n    return State, x\n",
    "pkg/cells/init.py": "def init():\n    return 1  # one\n",
    "pkg/layers/__init__.py": "from .unroll import unroll\n",
    "pkg/layers/unroll.py": "from ..cells import step\n\ndef unroll(xs):\n    return step(xs)\n",
    "pkg/plots/__init__.py": (
        "try:\n    import json\nexcept ImportError as e:\n    raise ImportError('x') from e\n"
        "from pkg.plots.lines import lines\nfrom pkg.plots.maps import maps\n"
    ),
    "pkg/plots/lines.py": "def lines(): ...\n",
    "pkg/plots/maps.py": "def maps(): ...\n",
    "stored/run_a.json": "{}",
    "stored/run_b.json": "{}",
}

PAGES = {
    "step": "from pkg.cells import step",
    "init": "from pkg.cells import init",
    "unroll": "from pkg.layers import unroll",
    "lines": "from pkg.plots import lines\nfrom pkg.cells.state import State",
    "whole": "import pkg.cells",
    "alias": "from pkg import cells",
    "nothing": "import json\nx = 'run_c'",
    "stored": "import json\ndata = json.loads(open('../stored/run_a.json').read())",
    "stem": "from pkg.cells import init\nload('run_b')",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def digests(root: Path) -> dict[str, str]:
    stored = sorted(root.glob("stored/*"))
    return {
        page: fingerprint(code, Package(root, "pkg"), stored).digest for page, code in PAGES.items()
    }


def changed_by(root: Path, name: str, text: str) -> set[str]:
    before = digests(root)
    (root / name).write_text(text)
    after = digests(root)
    return {page for page in PAGES if before[page] != after[page]}


@pytest.mark.parametrize(
    ("name", "text", "pages"),
    [
        ("pkg/cells/init.py", "def init():\n    return 2\n", {"init", "whole", "alias", "stem"}),
        (
            "pkg/cells/step.py",
            "from pkg.cells.state import State\n\ndef step(x):\n    return x\n",
            {"step", "unroll", "whole", "alias"},
        ),
        (
            "pkg/cells/state.py",
            "class State:\n    size = 2\n",
            {"step", "unroll", "lines", "whole", "alias"},
        ),
        ("pkg/layers/unroll.py", "def unroll(xs):\n    return xs\n", {"unroll"}),
        ("pkg/plots/lines.py", "def lines(): return 1\n", {"lines"}),
        ("pkg/plots/maps.py", "def maps(): return 1\n", set()),
        ("stored/run_a.json", "[1]", {"stored"}),
        ("stored/run_b.json", "[1]", {"stem"}),
    ],
)
def test_an_edit_changes_exactly_the_pages_that_depend_on_it(root, name, text, pages):
    assert changed_by(root, name, text) == pages


@pytest.mark.parametrize(
    "text",
    [
        "def init():\n    # a comment\n    return 1\n",
        "def init():\n    return (\n        1\n    )  # one, laid out otherwise\n",
    ],
)
def test_comments_and_layout_change_nothing(root, text):
    assert changed_by(root, "pkg/cells/init.py", text) == set()


def test_another_reexport_is_no_change_but_another_origin_is(root):
    init = FILES["pkg/cells/__init__.py"]
    assert changed_by(root, "pkg/cells/__init__.py", init + "import json\n") == {"whole", "alias"}
    (root / "pkg/cells/other.py").write_text("def init():\n    return 3\n")
    moved = init.replace("pkg.cells.init import", "pkg.cells.other import")
    assert changed_by(root, "pkg/cells/__init__.py", moved) >= {"init", "stem"}


def test_versions_of_what_computes_count(root, monkeypatch):
    before = digests(root)
    monkeypatch.setattr("dependencies.version", lambda name: "0.0")
    after = digests(root)
    assert all(before[page] != after[page] for page in PAGES)


def test_the_files_behind_a_page_are_named(root):
    mark = fingerprint(PAGES["unroll"], Package(root, "pkg"), [])
    names = {path.relative_to(root).as_posix() for path in mark.files}
    assert {"pkg/layers/unroll.py", "pkg/layers/__init__.py", "pkg/cells/step.py"} <= names
    assert "pkg/cells/init.py" not in names


def test_code_of_a_chapter_is_that_of_its_cells():
    text = (
        "# Title\n```{code-cell}\n:tags: [hide-input]\nimport a\n```\n\n```python\nnot_run\n```\n"
        "```{code-cell} ipython3\n---\ntags: [x]\nmystnb:\n  figure:\n    name: f\n---\n"
        "import b\n```\n"
    )
    modules = [alias.name for n in ast.parse(chapter_code(text)).body for alias in n.names]
    assert modules == ["a", "b"]


def test_a_stored_result_is_named_by_file_or_stem_not_in_passing():
    stored = [Path("stored/run.json")]
    assert names_stored(ast.parse("load('run')"), stored) == stored
    assert names_stored(ast.parse("open('../stored/run.json')"), stored) == stored
    assert names_stored(ast.parse("print('a run of it')"), stored) == []


def test_every_face_of_the_package_only_hands_on_what_others_define():
    for path in Path(__file__).parents[2].glob("lstm_book/**/__init__.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        defined = (ast.FunctionDef, ast.ClassDef, ast.Call, ast.For, ast.While, ast.With)
        found = [node for node in ast.walk(tree) if isinstance(node, defined)]
        raised = {
            inner for n in ast.walk(tree) if isinstance(n, ast.Raise) for inner in ast.walk(n)
        }
        assert not set(found) - raised, path


def test_every_chapter_of_part_1_follows_the_package():
    root = Path(__file__).parents[2]
    sources = Package(root, "lstm_book")
    pages = [p for p in root.glob("docs/part1_maths/*.md") if "kernelspec" in p.read_text()[:120]]
    assert pages
    for page in pages:
        mark = fingerprint(chapter_code(page.read_text()), sources, [])
        assert mark.files, f"{page.name} imports nothing of the package"


def test_files_that_a_page_says_it_reads_count(root):
    front = "file_format: mystnb\nreads: [pkg/cells/*.py, stored/run_a.*]"
    read = named_to_read(front, root)
    assert root / "stored/run_a.json" in read
    assert root / "pkg/cells/init.py" in read
    assert root / "stored/run_b.json" not in read

    def digest():
        return fingerprint("", Package(root, "pkg"), [], named_to_read(front, root)).digest

    before = digest()
    (root / "stored/run_a.json").write_text('{"another": 1}')
    assert digest() != before
    assert named_to_read("file_format: mystnb", root) == []


def test_a_pattern_that_matches_no_file_fails(root):
    with pytest.raises(ExtensionError, match=r"no file matches 'pkg/\*\.txt'"):
        named_to_read("reads: [pkg/*.txt]", root)


# --- executed pages

NOTEBOOK = "---\nfile_format: mystnb\nkernelspec: {name: python3}\n---\n\n# Page\n\n"


def test_a_failing_cell_warns(tmp_path):
    text = NOTEBOOK + "```{code-cell}\n1 / 0\n```\n"
    assert any("ZeroDivisionError" in w for w in build(tmp_path, index=text).warnings)


def test_a_warning_in_a_cell_warns(tmp_path):
    text = NOTEBOOK + "```{code-cell}\nimport warnings\nwarnings.warn('look out')\n```\n"
    assert any("stderr" in w for w in build(tmp_path, index=text).warnings)


def test_an_executed_page_needs_the_line_that_takes_the_fingerprint(tmp_path):
    with pytest.raises(Exception, match="needs the line"):
        build(tmp_path, index=NOTEBOOK.replace("{name: python3}", "{name: python}"))


def test_a_glued_number_follows_the_page_that_computes_it(tmp_path):
    cell = "```{code-cell}\nfrom myst_nb import glue\nglue('n', NUMBER, display=False)\n```\n"
    other = "# Summary\n\nIt is {glue:text}`chapter.md::n:d`.\n"
    pages = {"summary": other, "index": "# I\n\n```{toctree}\nchapter\nsummary\n```\n"}
    build(tmp_path, chapter=NOTEBOOK + cell.replace("NUMBER", "41"), **pages)
    built = build(tmp_path, chapter=NOTEBOOK + cell.replace("NUMBER", "42"), **pages)
    assert built.warnings == []
    assert "It is 42." in built.page("summary").text_content()
