"""Step Jacobians in closed form against autograd, one by one and multiplied."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support import problem
from torch.func import jacrev

from lstm_book.cells import LSTMState, lstm_step, rnn_step
from lstm_book.gradients import (
    cell_jacobian,
    cumulative,
    rnn_jacobians,
    state_jacobians,
)

EXACT = {"rtol": 0, "atol": 1e-12}
shapes = {
    "T": st.integers(1, 6),
    "B": st.integers(1, 3),
    "D": st.integers(1, 3),
    "H": st.integers(1, 5),
    "seed": st.integers(0, 2**31),
}


def state_at(run, t, row):
    """Return the state after t steps of one sequence; t = 0 is the initial one."""
    record = run.initial if t == 0 else run.states
    index = (row,) if t == 0 else (t - 1, row)
    if isinstance(record, torch.Tensor):
        return record[index]
    return LSTMState(*(tensor[index] for tensor in record))


def joined(state):
    return torch.cat(tuple(state), -1)


def advance(mine, row, start, stop):
    """Return the map from the joined state after `start` steps to the one after `stop` steps."""
    H = mine.weights.U.shape[1]

    def call(joint):
        state = LSTMState(joint[:H], joint[H:])
        for x_t in mine.x[start:stop, row]:
            state, _ = lstm_step(x_t, state, *mine.weights)
        return joined(state)

    return call


@given(**shapes)
def test_state_jacobians_against_jacrev_step_by_step(T, B, D, H, seed):
    mine = problem(T=T, B=B, D=D, H=H, seed=seed)
    run = mine.run()
    J = state_jacobians(run, mine.weights.U)
    for t in range(T):
        for row in range(B):
            want = jacrev(advance(mine, row, t, t + 1))(joined(state_at(run, t, row)))
            torch.testing.assert_close(J.matrix[t, row], want, **EXACT)


def test_blocks_are_named_output_then_input():
    mine = problem(B=1, H=3)
    J = state_jacobians(mine.run(), mine.weights.U)
    (h, c), x_t = mine.initial, mine.x[0]
    for name, (out, which) in {"hh": (0, 0), "hc": (0, 1), "ch": (1, 0), "cc": (1, 1)}.items():
        want = torch.autograd.functional.jacobian(
            lambda h, c, out=out: lstm_step(x_t, LSTMState(h, c), *mine.weights)[0][out], (h, c)
        )[which]
        torch.testing.assert_close(getattr(J, name)[0, 0], want[0, :, 0], **EXACT)
    assert torch.equal(J.matrix[:, :, :3, :3], J.hh)
    assert torch.equal(J.matrix[:, :, :3, 3:], J.hc)
    assert torch.equal(J.matrix[:, :, 3:, :3], J.ch)
    assert torch.equal(J.matrix[:, :, 3:, 3:], J.cc)


@given(**shapes)
def test_cell_to_cell_is_exactly_the_forget_gate(T, B, D, H, seed):
    mine = problem(T=T, B=B, D=D, H=H, seed=seed)
    run = mine.run()
    J = state_jacobians(run, mine.weights.U)
    assert torch.equal(J.cc, torch.diag_embed(run.gates.f))
    off_diagonal = ~torch.eye(H, dtype=torch.bool).expand_as(J.hc)
    assert (J.hc[off_diagonal] == 0).all()


@given(**shapes)
def test_products_of_state_jacobians_are_the_full_gradient(T, B, D, H, seed):
    mine = problem(T=T, B=B, D=D, H=H, seed=seed)
    run = mine.run()
    products = cumulative(state_jacobians(run, mine.weights.U).matrix)
    assert products.shape == (T + 1, B, 2 * H, 2 * H)
    for t in range(T + 1):
        for row in range(B):
            want = jacrev(advance(mine, row, t, T))(joined(state_at(run, t, row)))
            torch.testing.assert_close(products[t, row], want, rtol=1e-12, atol=1e-12)


@given(**shapes)
def test_rnn_jacobians_and_their_products_against_jacrev(T, B, D, H, seed):
    mine = problem("rnn", T=T, B=B, D=D, H=H, seed=seed)
    run = mine.run("rnn")
    J = rnn_jacobians(run, mine.weights.U, nonlinearity="tanh")
    products = cumulative(J)
    for row in range(B):

        def to_the_end(h, start, stop, row=row):
            for x_t in mine.x[start:stop, row]:
                h = rnn_step(x_t, h, *mine.weights)
            return h

        for t in range(T):
            h = state_at(run, t, row)
            torch.testing.assert_close(J[t, row], jacrev(to_the_end)(h, t, t + 1), **EXACT)
            want = jacrev(to_the_end)(h, t, T)
            torch.testing.assert_close(products[t, row], want, rtol=1e-12, atol=1e-12)


def test_rnn_jacobian_is_the_formula_of_the_text():
    mine = problem("rnn", T=3, B=2)
    run = mine.run("rnn")
    want = torch.diag_embed(1 - run.states**2) @ mine.weights.U
    torch.testing.assert_close(rnn_jacobians(run, mine.weights.U), want, **EXACT)


def cell_alone(mine, run, row, start, stop):
    """Return the map from c after `start` steps to c after `stop`, o of step `start` held.

    h follows c through tanh, but the gate in between is a constant.
    """
    held = run.gates.o[start - 1, row].detach()

    def call(c):
        state = LSTMState(held * c.tanh(), c)
        for x_t in mine.x[start:stop, row]:
            state, _ = lstm_step(x_t, state, *mine.weights)
        return state.c

    return call


@given(**{**shapes, "T": st.integers(2, 6)})
def test_cell_jacobian_against_autograd_with_the_output_gate_held(T, B, D, H, seed):
    mine = problem(T=T, B=B, D=D, H=H, seed=seed)
    run = mine.run()
    J = cell_jacobian(run, mine.weights.U)
    assert torch.equal(J.direct, run.gates.f[1:])
    assert J.total.shape == (T - 1, B, H, H)
    for step in range(1, T):
        for row in range(B):
            total = jacrev(cell_alone(mine, run, row, step, step + 1))(run.states.c[step - 1, row])
            torch.testing.assert_close(J.total[step - 1, row], total, **EXACT)
            bracket = total - torch.diag(run.gates.f[step, row])
            torch.testing.assert_close(J.indirect[step - 1, row], bracket, **EXACT)


def test_products_of_cell_jacobians_are_not_the_full_gradient():
    T = 6
    mine = problem(T=T, B=1, H=4)
    run = mine.run()
    partial = cumulative(cell_jacobian(run, mine.weights.U).total)
    H = 4
    full = cumulative(state_jacobians(run, mine.weights.U).matrix)
    for step in range(1, T):
        want = jacrev(cell_alone(mine, run, 0, step, T))(run.states.c[step - 1, 0])
        # The product of 2H x 2H matrices, entered through h and through c, is the whole truth ...
        h_from_c = run.gates.o[step - 1, 0] * (1 - run.states.c[step - 1, 0].tanh() ** 2)
        through_both = full[step, 0, H:, :H] * h_from_c + full[step, 0, H:, H:]
        torch.testing.assert_close(through_both, want, **EXACT)
        # ... and that of H x H matrices is not, once there are two of them.
        distance = (partial[step - 1, 0] - want).norm() / want.norm()
        if step == T - 1:
            assert distance < 1e-12
        else:
            assert distance > 1e-3


def test_share_is_a_ratio_of_largest_singular_values():
    mine = problem(T=4, B=2, H=3)
    J = cell_jacobian(mine.run(), mine.weights.U)
    for t in range(3):
        for row in range(2):
            bracket = torch.linalg.svdvals(J.indirect[t, row])[0]
            total = torch.linalg.svdvals(torch.diag(J.direct[t, row]) + J.indirect[t, row])[0]
            torch.testing.assert_close(J.share[t, row], bracket / total)


def test_cumulative_puts_later_steps_on_the_left():
    generator = torch.Generator().manual_seed(0)
    A = torch.randn(3, 2, 4, 4, generator=generator, dtype=torch.float64)
    got = cumulative(A)
    identity = torch.eye(4, dtype=torch.float64).expand(2, 4, 4)
    for t, want in enumerate([A[2] @ A[1] @ A[0], A[2] @ A[1], A[2], identity]):
        torch.testing.assert_close(got[t], want)


def test_no_steps_multiply_to_the_identity():
    got = cumulative(torch.zeros(0, 2, 3, 3))
    assert torch.equal(got, torch.eye(3).expand(1, 2, 3, 3))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_jacobians_keep_the_dtype_and_carry_no_graph(dtype):
    mine = problem(dtype=dtype).leaves()
    run, U = mine.run(), mine.weights.U
    rnn = problem("rnn", dtype=dtype).leaves()
    parts = [*state_jacobians(run, U), *cell_jacobian(run, U)]
    parts += [rnn_jacobians(rnn.run("rnn"), rnn.weights.U), cumulative(state_jacobians(run, U).hh)]
    for part in parts:
        assert part.dtype == dtype
        assert not part.requires_grad


def test_empty_batch_gives_empty_jacobians():
    mine = problem(T=3, B=0, H=4)
    run = mine.run()
    J = state_jacobians(run, mine.weights.U)
    assert J.matrix.shape == (3, 0, 8, 8)
    assert cumulative(J.matrix).shape == (4, 0, 8, 8)
    assert cell_jacobian(run, mine.weights.U).total.shape == (2, 0, 4, 4)


def test_runs_are_left_as_they_were():
    mine = problem()
    run = mine.run()
    kept = [tensor.clone() for tensor in (*run.states, *run.gates, *run.initial)]
    state_jacobians(run, mine.weights.U)
    cell_jacobian(run, mine.weights.U)
    for before, after in zip(kept, (*run.states, *run.gates, *run.initial), strict=True):
        assert torch.equal(before, after)
