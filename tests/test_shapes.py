"""The shape annotations are checked while the tests run, and only behind the public entries."""

import pytest
import torch
from jaxtyping import TypeCheckError
from support import problem

from lstm_book.cells import LSTMCell, LSTMState, lstm_1997_step, lstm_step, rnn_step
from lstm_book.gradients import _step, jacobians, state_jacobians

zeros = torch.zeros


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda: rnn_step(zeros(2, 3), zeros(1, 5), zeros(5, 3), zeros(5, 5)), id="B"),
        pytest.param(lambda: rnn_step(zeros(2, 3), zeros(2, 5), zeros(5, 4), zeros(5, 5)), id="D"),
        pytest.param(
            lambda: rnn_step(zeros(2, 3), zeros(2, 5), zeros(5, 3), zeros(5, 5), zeros(1)), id="b"
        ),
        pytest.param(
            lambda: rnn_step(*(zeros(n, m).long() for n, m in [(2, 3), (2, 5), (5, 3), (5, 5)])),
            id="integers",
        ),
        pytest.param(lambda: lstm(lstm_step, rows=15), id="three gates for four"),
        pytest.param(lambda: lstm(lstm_1997_step, rows=20), id="four gates for three"),
        pytest.param(lambda: lstm(lstm_step, rows=20, c=(1, 5)), id="c would broadcast"),
        pytest.param(
            lambda: _step.rnn_step_backward(zeros(2, 3), zeros(1, 3), zeros(3, 3)), id="backward"
        ),
        pytest.param(lambda: jacobians._rows(zeros(2, 4), zeros(5, 5)), id="private helper"),
    ],
)
def test_hook_rejects_what_does_not_fit_its_annotation(call):
    with pytest.raises(TypeCheckError):
        call()


def lstm(step, rows, c=(2, 5)):
    return step(zeros(2, 3), LSTMState(zeros(2, 5), zeros(c)), zeros(rows, 3), zeros(rows, 5))


def test_hook_lets_the_right_shapes_pass():
    state, gates = lstm(lstm_step, rows=20)
    assert state.h.shape == gates.o.shape == (2, 5)


def test_public_entries_raise_their_own_errors_first():
    with pytest.raises(RuntimeError, match="input_size=3"):
        LSTMCell(3, 5)(zeros(2, 4))
    with pytest.raises(RuntimeError, match="expected U of shape"):
        state_jacobians(problem(H=4).run(), zeros(12, 4, dtype=torch.float64))
