"""Plotting is an extra, and a room of its own."""

import ast
import subprocess
import sys
from pathlib import Path

import lstm_book.plotting

BLOCK = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "matplotlib":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker())
"""


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_without_matplotlib_the_error_names_the_extra():
    result = run(BLOCK + "import lstm_book.plotting")
    assert result.returncode == 1
    assert "ImportError: lstm_book.plotting needs Matplotlib" in result.stderr
    assert "pip install lstm-book[plot]" in result.stderr


def test_without_matplotlib_the_rest_imports():
    result = run(BLOCK + "import lstm_book.cells, lstm_book.gradients")
    assert result.returncode == 0, result.stderr


def test_plotting_imports_nothing_else_of_ours_but_the_checks():
    for path in Path(lstm_book.plotting.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0
                names = [node.module]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            for name in names:
                ours = name.startswith("lstm_book") and name != "lstm_book.checks"
                assert not ours or name.startswith("lstm_book.plotting")
                assert name.split(".")[0] != "torch"


def test_all_is_complete_and_sorted():
    names = lstm_book.plotting.__all__
    assert list(names) == sorted(names)
    assert all(hasattr(lstm_book.plotting, name) for name in names)
    drawn = {name for name in dir(lstm_book.plotting) if name.startswith("draw_")}
    assert drawn <= set(names)
