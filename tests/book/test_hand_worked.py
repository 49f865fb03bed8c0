"""The example that the book works on paper, with its numbers written down.

Two steps of an LSTM with B = D = H = 1. Its weights stand in the chapter on the cell update and
again in the one on backpropagation. The cell is read from the text and executed here, so these are
the numbers of the very example that a reader sees. They were worked out from the equations with
`math.exp` and `math.tanh`, without the package.
"""

import re
from math import log
from pathlib import Path

import pytest
import torch

from lstm_book.cells import LSTMState, Weights, lstm_step
from lstm_book.gradients import bptt, state_jacobians
from lstm_book.layers import unroll

CHAPTERS = Path(__file__).parents[2] / "docs" / "part1_maths"
CELL = re.compile(r"^```\{code-cell\}\n(# The worked example: .*?)^```", re.DOTALL | re.MULTILINE)

# Step 1 needs no calculator until tanh(1): σ(ln 3) = 3/4, σ(ln 4) = 4/5, tanh(ln 3) = 4/5,
# σ(0) = 1/2, and c_1 = 4/5 · 1/2 + 3/4 · 4/5 = 1.
GATES = {
    "i": [3 / 4, 0.327874],
    "f": [4 / 5, 0.594065],
    "g": [4 / 5, -0.615554],
    "o": [1 / 2, 0.929434],
}
C = [1.0, 0.392241]
H = [0.380797, 0.346949]

# The loss is h_2; the backward pass.
DH = [0.271771, 1.0]
DC = [0.532274, 0.799921]
DA_1 = [0.079841, 0.042582, 0.143714, 0.051745]
DA_2 = [-0.108510, 0.192902, 0.162896, 0.024483]
D_START = [0.317882, 0.425819]  # h_0, c_0

# ∂(h_2, c_2)/∂(h_1, c_1): hh, hc, ch, cc.
J_2 = [0.271771, 0.475205, 0.309141, 0.594065]


def example_in(chapter):
    """Return the code that defines the worked example in a chapter."""
    (code,) = CELL.findall((CHAPTERS / f"{chapter}.md").read_text(encoding="utf-8"))
    return code


@pytest.fixture
def example():
    """Execute it in double precision, as the chapter does; return x, start, weights and the run."""
    scope = {"torch": torch, "log": log, "LSTMState": LSTMState}
    torch.set_default_dtype(torch.float64)
    try:
        exec(compile(example_in("cell_update"), "cell_update.md", "exec"), scope)
    finally:
        torch.set_default_dtype(torch.float32)
    x, start, weights = scope["x"], scope["start"], Weights(*(scope[name] for name in "WUb"))
    return x, start, weights, unroll(lambda x_t, s: lstm_step(x_t, s, *weights), x, start)


def assert_on_paper(tensor, numbers):
    """Compare with numbers that were written down with six decimals."""
    expected = torch.tensor(numbers, dtype=torch.float64)
    torch.testing.assert_close(tensor.flatten(), expected, rtol=0, atol=5.5e-7)


def test_both_chapters_work_the_same_example():
    assert example_in("cell_update") == example_in("bptt")


def test_two_steps_against_paper(example):
    *_, run = example
    for name, numbers in GATES.items():
        assert_on_paper(getattr(run.gates, name), numbers)
    assert_on_paper(run.states.c, C)
    assert_on_paper(run.states.h, H)


def test_two_steps_backward_against_paper(example):
    x, _, weights, run = example
    grads = bptt(run, x, weights, grad_h=torch.tensor([0.0, 1.0]).double().reshape(2, 1, 1))
    assert_on_paper(grads.h, DH)
    assert_on_paper(grads.c, DC)
    assert_on_paper(torch.cat(grads.initial), D_START)
    # x is 1, then -1; h_0 is 0: each sum over the two steps is a difference, one term, or a sum.
    pairs = list(zip(DA_1, DA_2, strict=True))
    torch.testing.assert_close(
        grads.W.flatten(), torch.tensor([a - b for a, b in pairs]).double(), rtol=0, atol=2e-6
    )
    torch.testing.assert_close(
        grads.U.flatten(), torch.tensor([H[0] * b for b in DA_2]).double(), rtol=0, atol=2e-6
    )
    torch.testing.assert_close(
        grads.b.flatten(), torch.tensor([a + b for a, b in pairs]).double(), rtol=0, atol=2e-6
    )


def test_state_jacobian_against_paper(example):
    *_, weights, run = example
    assert_on_paper(state_jacobians(run, weights.U).matrix[1], J_2)
