"""The pure equations against scalar arithmetic, against each other and against autograd."""

import pytest
import reference
import torch
from hypothesis import given
from hypothesis import strategies as st
from support import GATES, normal, problem
from torch.func import grad, jacrev, vmap

from lstm_book.cells import LSTMState, lstm_1997_step, lstm_step, rnn_step

LSTM_STEPS = {
    "lstm": (lstm_step, reference.lstm_step),
    "lstm_1997": (lstm_1997_step, reference.lstm_1997_step),
}
sizes = st.integers(1, 5)


def as_tensor(values):
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize("kind", LSTM_STEPS)
@given(B=st.integers(1, 3), D=sizes, H=sizes, seed=st.integers(0, 2**31))
def test_lstm_steps_against_scalar_reference(kind, B, D, H, seed):
    x, (W, U, b), initial = problem(kind, T=1, B=B, D=D, H=H, seed=seed)
    step, scalar_step = LSTM_STEPS[kind]
    state, gates = step(x[0], initial, W, U, b)
    for row in range(B):
        h, c, by_unit = scalar_step(
            x[0, row].tolist(),
            initial.h[row].tolist(),
            initial.c[row].tolist(),
            W.tolist(),
            U.tolist(),
            b.tolist(),
        )
        wanted = (h, c, *zip(*by_unit, strict=True))
        for got, want in zip((*state, *gates), wanted, strict=True):
            torch.testing.assert_close(got[row], as_tensor(want), rtol=0, atol=1e-12)


@given(B=st.integers(1, 3), D=sizes, H=sizes, seed=st.integers(0, 2**31))
def test_rnn_step_against_scalar_reference(B, D, H, seed):
    x, (W, U, b), initial = problem("rnn", T=1, B=B, D=D, H=H, seed=seed)
    h_t = rnn_step(x[0], initial.h, W, U, b)
    for row in range(B):
        want = reference.rnn_step(
            x[0, row].tolist(), initial.h[row].tolist(), W.tolist(), U.tolist(), b.tolist()
        )
        torch.testing.assert_close(h_t[row], as_tensor(want), rtol=0, atol=1e-12)


def test_rnn_step_applies_the_activation_it_is_given():
    x, (W, U, b), initial = problem("rnn", T=1)
    a = x[0] @ W.T + initial.h @ U.T + b
    assert (a < 0).any()
    torch.testing.assert_close(
        rnn_step(x[0], initial.h, W, U, b, activation=torch.relu), a.clamp(min=0)
    )


@pytest.mark.parametrize("kind", GATES)
def test_no_bias_is_a_zero_bias(kind):
    x, (W, U, b), initial = problem(kind, T=1)
    step, state = (rnn_step, initial.h) if kind == "rnn" else (LSTM_STEPS[kind][0], initial)
    without, zero = step(x[0], state, W, U), step(x[0], state, W, U, torch.zeros_like(b))
    torch.testing.assert_close(without, zero, rtol=0, atol=0)
    assert not torch.equal(_first(without), _first(step(x[0], state, W, U, b)))


def _first(result):
    return result if isinstance(result, torch.Tensor) else result[0].h


def test_1997_is_the_lstm_with_its_forget_gate_pinned_at_one():
    # With the cell counted in halves, 2 tanh(a_g/2) becomes tanh(a_g/2): rows of g halved.
    x, (W, U, b), initial = problem("lstm_1997", T=8, H=4)
    i, g, o = (slice(4 * gate, 4 * gate + 4) for gate in range(3))
    state_1997, state = initial, LSTMState(initial.h, initial.c / 2)
    W_4, U_4 = (torch.cat([M[i], torch.zeros_like(M[i]), M[g] / 2, M[o]]) for M in (W, U))
    b_4 = torch.cat([b[i], torch.full((4,), torch.inf, dtype=b.dtype), b[g] / 2, b[o]])
    for x_t in x:
        state_1997, gates_1997 = lstm_1997_step(x_t, state_1997, W, U, b)
        state, gates = lstm_step(x_t, state, W_4, U_4, b_4)
        assert (gates.f == 1).all()
        torch.testing.assert_close(state_1997.h, state.h, rtol=0, atol=1e-14)
        torch.testing.assert_close(state_1997.c, 2 * state.c, rtol=0, atol=1e-14)
        torch.testing.assert_close(gates_1997.g, 2 * gates.g, rtol=0, atol=1e-14)


def test_carousel_of_1997_carries_the_error_unchanged():
    # Without recurrent weights dc_T/dc_0 is exactly the identity, however long the sequence.
    x, (W, U, b), initial = problem("lstm_1997", T=50)
    weights = (W, torch.zeros_like(U), b)
    c_0 = initial.c.requires_grad_()
    state = LSTMState(initial.h, c_0)
    for x_t in x:
        state, _ = lstm_1997_step(x_t, state, *weights)
    (slope,) = torch.autograd.grad(state.c.sum(), c_0)
    assert (slope == 1).all()


def flat_step(kind):
    """Return a step as a function of tensors that returns tensors."""
    if kind == "rnn":
        return lambda x, h, c, W, U, b: rnn_step(x, h, W, U, b)

    def call(x, h, c, W, U, b):
        state, gates = LSTM_STEPS[kind][0](x, LSTMState(h, c), W, U, b)
        return (*state, *gates)

    return call


@pytest.mark.parametrize("check", [torch.autograd.gradcheck, torch.autograd.gradgradcheck])
@pytest.mark.parametrize("kind", GATES)
def test_gradients_against_finite_differences(kind, check):
    x, weights, initial = problem(kind, T=1, B=2, D=2, H=2).leaves()
    assert check(flat_step(kind), (x[0].detach().requires_grad_(), *initial, *weights))


@pytest.mark.parametrize("kind", LSTM_STEPS)
def test_jacrev_of_a_step_against_scalar_gradients(kind):
    x, (W, U, b), initial = problem(kind, T=1, B=1, D=2, H=2)
    step, scalar_step = LSTM_STEPS[kind]
    jacobian = jacrev(lambda h: step(x[0, 0], LSTMState(h, initial.c[0]), W, U, b)[0].h)
    rows = []
    for unit in range(2):
        h = reference.nested(reference.Scalar, initial.h[0].tolist())
        fixed = (initial.c[0].tolist(), W.tolist(), U.tolist(), b.tolist())
        h_new, _, _ = scalar_step(x[0, 0].tolist(), h, *fixed)
        rows.append(reference.gradients(h_new[unit], h))
    torch.testing.assert_close(jacobian(initial.h[0]), as_tensor(rows), rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", GATES)
def test_vmap_over_rows_equals_the_batch(kind):
    x, weights, initial = problem(kind, T=1, B=4)
    step = flat_step(kind)
    rows = vmap(lambda x, h, c: step(x, h, c, *weights))(x[0], *initial)
    torch.testing.assert_close(rows, step(x[0], *initial, *weights))


@pytest.mark.parametrize("kind", GATES)
def test_vmap_of_grad_equals_autograd(kind):
    x, weights, initial = problem(kind, T=1, B=4)
    step = flat_step(kind)

    def loss(h, x, c):
        out = step(x, h, c, *weights)
        return (out if kind == "rnn" else out[0] + 2 * out[1]).square().sum()

    per_row = vmap(grad(loss))(initial.h, x[0], initial.c)
    h = initial.h.clone().requires_grad_()
    torch.testing.assert_close(per_row, torch.autograd.grad(loss(h, x[0], initial.c), h)[0])


dtypes = st.sampled_from([torch.float32, torch.float64, torch.bfloat16])


@given(
    kind=st.sampled_from(["lstm", "lstm_1997"]),
    B=st.integers(0, 4),
    D=st.integers(0, 4),
    H=sizes,
    dtype=dtypes,
    scale=st.sampled_from([0.1, 1.0, 3.0]),
    seed=st.integers(0, 2**31),
)
def test_bounds_of_states_and_gates(kind, B, D, H, dtype, scale, seed):
    generator = torch.Generator().manual_seed(seed)
    rows = GATES[kind] * H

    def draw(*shape):
        return normal(*shape, generator=generator, scale=scale, dtype=dtype)

    before = LSTMState(draw(B, H), draw(B, H))
    state, gates = LSTM_STEPS[kind][0](draw(B, D), before, draw(rows, D), draw(rows, H), draw(rows))
    for record in (*state, *gates):
        assert record.shape == (B, H)
        assert record.dtype == dtype
    sigmoids = (gates.i, gates.o, gates.f) if kind == "lstm" else (gates.i, gates.o)
    assert all(((gate >= 0) & (gate <= 1)).all() for gate in sigmoids)
    largest_g = 1 if kind == "lstm" else 2
    assert (gates.g.abs() <= largest_g).all()
    # |c_t| <= f |c_{t-1}| + i |g|, and h is a fraction o of a squashed cell.
    kept = before.c.abs() * (gates.f if kind == "lstm" else 1)
    rounding = 4 * torch.finfo(dtype).eps * (1 + before.c.abs())
    assert (state.c.abs() <= kept + gates.i * gates.g.abs() + rounding).all()
    assert (state.h.abs() <= gates.o).all()
    assert (state.h * state.c >= 0).all()


@given(
    kind=st.sampled_from(sorted(GATES)),
    B=st.integers(2, 5),
    seed=st.integers(0, 2**31),
    data=st.data(),
)
def test_a_row_does_not_depend_on_the_other_rows(kind, B, seed, data):
    x, weights, initial = problem(kind, T=1, B=B, seed=seed)
    row = data.draw(st.integers(0, B - 1))
    others = torch.arange(B) != row
    step = flat_step(kind)
    out = step(x[0], *initial, *weights)
    disturbed = [tensor.clone() for tensor in (x[0], *initial)]
    for tensor in disturbed:
        tensor[others] = torch.nan
    again = step(*disturbed, *weights)
    for before, after in zip(_tuple(out), _tuple(again), strict=True):
        torch.testing.assert_close(before[row], after[row], rtol=0, atol=1e-14)
        assert after[others].isnan().all()


@given(kind=st.sampled_from(sorted(GATES)), B=st.integers(1, 4), seed=st.integers(0, 2**31))
def test_a_single_sequence_equals_its_row_of_the_batch(kind, B, seed):
    x, weights, initial = problem(kind, T=1, B=B, seed=seed)
    step = flat_step(kind)
    batched = _tuple(step(x[0], *initial, *weights))
    for row in range(B):
        single = _tuple(step(x[0, row], initial.h[row], initial.c[row], *weights))
        for one, many in zip(single, batched, strict=True):
            torch.testing.assert_close(one, many[row], rtol=0, atol=1e-14)


def _tuple(out):
    return out if isinstance(out, tuple) else (out,)
