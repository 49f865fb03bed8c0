"""The notation table is true: every expression in it runs and has the shape that it says."""

import ast
import inspect
import re
from pathlib import Path

import pytest
import torch
from torch import Tensor

from lstm_book.cells.step import lstm_equations

PAGE = Path(__file__).parents[2] / "docs" / "notation.md"
TEXT = PAGE.read_text(encoding="utf-8")
ROWS = re.findall(r"^\| \$(.+?)\$ \| .+? \| `(.+?)` \| (\(.+?\)) \|$", TEXT, flags=re.MULTILINE)


@pytest.fixture(scope="module")
def namespace():
    """What the page's own code cells define."""
    scope: dict[str, object] = {}
    for code in re.findall(r"^```\{code-cell\}\n(.*?)^```", TEXT, flags=re.DOTALL | re.MULTILINE):
        exec(compile(code, str(PAGE), "exec"), scope)
    return scope


def test_the_table_was_found():
    table_lines = re.findall(r"^\|.*\|.*\|.*\|.*\|$", TEXT, flags=re.MULTILINE)
    headers_and_rules = 2 * 4
    assert len(ROWS) == len(table_lines) - headers_and_rules
    assert len({symbol for symbol, _, _ in ROWS}) == len(ROWS)


@pytest.mark.parametrize(("symbol", "expression", "shape"), ROWS)
def test_expression_has_the_shape(symbol, expression, shape, namespace):
    value = eval(expression, namespace)
    sizes = eval(re.sub(r"(\d)([A-Z])", r"\1*\2", shape), dict(namespace))
    assert isinstance(value, Tensor)
    assert tuple(value.shape) == sizes, symbol


def test_sizes_are_distinct_so_that_shapes_tell_them_apart(namespace):
    T, B, D, H = (namespace[letter] for letter in "TBDH")
    assert len({T, B, D, H, T + 1, T - 1, 2 * H, 4 * H}) == 8


def test_preactivations_have_the_text_letters():
    names = {
        node.id
        for node in ast.walk(ast.parse(inspect.getsource(lstm_equations)))
        if isinstance(node, ast.Name)
    }
    assert {"a_i", "a_f", "a_g", "a_o", "i_t", "f_t", "g_t", "o_t", "c_t", "h_t"} <= names


def test_jacobian_block_of_the_cell_is_the_forget_gate(namespace):
    J, run = namespace["J"], namespace["run"]
    torch.testing.assert_close(J.cc, torch.diag_embed(run.gates.f), rtol=0, atol=0)
