"""The time loop against torch's layers, and what it may and may not look at."""

from typing import NamedTuple

import pytest
import reference
import torch
from hypothesis import given
from hypothesis import strategies as st
from support import GATES, normal, problem
from torch import nn

from lstm_book.cells import (
    Gates,
    GRUCell,
    LSTMCell,
    LSTMState,
    PeepholeLSTMCell,
    RNNCell,
    VariantCell,
    lstm_step,
    lstm_update,
    weights_of,
)
from lstm_book.layers import Unrolled, unroll

kinds = pytest.mark.parametrize("kind", GATES)


def states(run):
    return (run.states,) if isinstance(run.states, torch.Tensor) else tuple(run.states)


def torch_layer(kind, weights):
    """Return torch's layer with the weights of a problem; all of the bias on b_ih."""
    W, U, b = weights
    layer = {"lstm": nn.LSTM, "rnn": nn.RNN}[kind](W.shape[1], U.shape[1], dtype=W.dtype)
    with torch.no_grad():
        for name, value in (("weight_ih", W), ("weight_hh", U), ("bias_ih", b)):
            getattr(layer, f"{name}_l0").copy_(value)
        layer.bias_hh_l0.zero_()
    return layer


@given(
    kind=st.sampled_from(["lstm", "rnn"]),
    T=st.integers(1, 6),
    B=st.integers(1, 3),
    D=st.integers(1, 4),
    H=st.integers(1, 4),
    seed=st.integers(0, 2**31),
)
def test_unroll_against_torchs_layer_forward_and_backward(kind, T, B, D, H, seed):
    mine = problem(kind, T=T, B=B, D=D, H=H, seed=seed).leaves()
    theirs = mine.leaves()
    layer = torch_layer(kind, theirs.weights)
    pull = normal(T, B, H, generator=torch.Generator().manual_seed(seed))

    run = mine.run(kind)
    h_0, c_0 = (state[None] for state in theirs.initial)
    output, last = layer(theirs.x, h_0 if kind == "rnn" else (h_0, c_0))
    torch.testing.assert_close(states(run)[0], output, rtol=0, atol=1e-12)
    last = (last,) if kind == "rnn" else last
    for state, theirs_last in zip(states(run), last, strict=True):
        torch.testing.assert_close(state[-1], theirs_last[0], rtol=0, atol=1e-12)

    used = mine.initial if kind == "lstm" else mine.initial[:1]
    loss = (pull * states(run)[0]).sum() + states(run)[-1][-1].sum()
    got = torch.autograd.grad(loss, [mine.x, *used, *mine.weights])
    used = theirs.initial if kind == "lstm" else theirs.initial[:1]
    loss = (pull * output).sum() + last[-1].sum()
    parameters = [layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0]
    want = torch.autograd.grad(loss, [theirs.x, *used, *parameters])
    torch.testing.assert_close(got, want, rtol=0, atol=1e-12)


@kinds
def test_unroll_against_scalar_reference(kind):
    x, weights, initial = given_problem = problem(kind, T=7, B=2, D=2, H=3, seed=5)
    run = given_problem.run(kind)
    W, U, b = (tensor.tolist() for tensor in weights)
    for row in range(2):
        xs, h_0, c_0 = x[:, row].tolist(), initial.h[row].tolist(), initial.c[row].tolist()
        if kind == "rnn":
            want = (reference.rnn_run(xs, h_0, W, U, b),)
        else:
            step = getattr(reference, f"{kind}_step")
            want = reference.lstm_run(xs, h_0, c_0, W, U, b, step)
        for got, expected in zip(states(run), want, strict=True):
            expected = torch.tensor(expected, dtype=torch.float64)
            torch.testing.assert_close(got[:, row], expected, rtol=0, atol=1e-12)


@kinds
def test_causality_through_autograd(kind):
    # dh_t/dx_s is exactly zero for s > t, and is not for s <= t.
    T = 5
    mine = problem(kind, T=T, B=1).leaves()
    run = mine.run(kind)
    for t in range(T):
        for state in states(run):
            (slope,) = torch.autograd.grad(state[t].sum(), mine.x, retain_graph=True)
            assert (slope[t + 1 :] == 0).all()
            assert (slope[: t + 1] != 0).all()


@kinds
def test_rows_of_a_batch_do_not_mix(kind):
    mine = problem(kind, T=4, B=3).leaves()
    (slope,) = torch.autograd.grad(states(mine.run(kind))[0][:, 1].sum(), mine.x)
    assert (slope[:, [0, 2]] == 0).all()
    assert (slope[:, 1] != 0).all()


@given(
    kind=st.sampled_from(sorted(GATES)),
    T=st.integers(2, 8),
    seed=st.integers(0, 2**31),
    data=st.data(),
)
def test_two_halves_with_the_state_carried_equal_the_whole(kind, T, seed, data):
    cut = data.draw(st.integers(1, T - 1))
    whole = problem(kind, T=T, seed=seed)
    run = whole.run(kind)
    first = whole._replace(x=whole.x[:cut]).run(kind)
    carried = [state[-1] for state in states(first)]
    carried += [whole.initial.c] * (kind == "rnn")  # not read
    second = whole._replace(x=whole.x[cut:], initial=LSTMState(*carried)).run(kind)
    for all_of_it, start, rest in zip(states(run), states(first), states(second), strict=True):
        torch.testing.assert_close(torch.cat([start, rest]), all_of_it, rtol=0, atol=1e-14)


@kinds
def test_previous_is_the_state_one_step_before(kind):
    mine = problem(kind, T=5)
    run = mine.run(kind)
    previous = run.previous
    assert type(previous) is type(run.states)
    previous = (previous,) if kind == "rnn" else previous
    for before, after, start in zip(previous, states(run), mine.initial, strict=False):
        assert before.shape == after.shape
        assert torch.equal(before[0], start)
        for t in range(1, 5):
            assert torch.equal(before[t], after[t - 1])


def test_unrolled_keeps_the_types_of_the_cell():
    cell = LSTMCell(2, 3)
    x = torch.ones(4, 5, 2)
    run = unroll(cell.step, x, cell.zero_state(x[0]))
    assert isinstance(run, Unrolled)
    assert isinstance(run.states, LSTMState)
    assert isinstance(run.gates, Gates)
    assert {tensor.shape for tensor in (*run.states, *run.gates)} == {(4, 5, 3)}
    assert {tensor.shape for tensor in run.initial} == {(5, 3)}
    rnn = RNNCell(2, 3)
    run = unroll(rnn.step, x, rnn.zero_state(x[0]))
    assert run.states.shape == (4, 5, 3)
    assert run.gates == ()


def test_gates_are_those_of_each_step():
    mine = problem(T=3)
    run = mine.run()
    state = mine.initial
    for t, x_t in enumerate(mine.x):
        alone = mine._replace(x=x_t[None], initial=state).run()
        for gate, gate_alone in zip(run.gates, alone.gates, strict=True):
            torch.testing.assert_close(gate[t], gate_alone[0], rtol=0, atol=0)
        state = LSTMState(*(tensor[0] for tensor in alone.states))


@pytest.mark.parametrize("kind", [LSTMCell, RNNCell])
def test_single_sequence_equals_its_row(kind, generator):
    cell = kind(2, 3, dtype=torch.float64)
    x = normal(5, 4, 2, generator=generator)
    many = unroll(cell.step, x, cell.zero_state(x[0]))
    for row in range(4):
        one = unroll(cell.step, x[:, row], cell.zero_state(x[0, row]))
        for single, batched in zip(states(one), states(many), strict=True):
            assert single.shape == (5, 3)
            torch.testing.assert_close(single, batched[:, row], rtol=0, atol=1e-14)


def test_empty_batch_gives_empty_states():
    run = problem(T=3, B=0).run()
    assert run.states.h.shape == run.gates.f.shape == (3, 0, 4)


def test_no_steps_raise_torchs_class():
    cell, layer = LSTMCell(2, 3), nn.LSTM(2, 3)
    with pytest.raises(RuntimeError) as wanted:
        layer(torch.zeros(0, 5, 2))
    with pytest.raises(wanted.type, match=r"at least one time step, got x of shape \(0, 5, 2\)"):
        unroll(cell.step, torch.zeros(0, 5, 2), cell.zero_state(torch.zeros(5, 2)))


@pytest.mark.parametrize("shape", [(), (4,)])
def test_input_without_time_or_features_raises_torchs_class(shape):
    cell, x = LSTMCell(2, 3), torch.zeros(shape)
    with pytest.raises(ValueError) as wanted:  # noqa: PT011
        nn.LSTM(2, 3)(x)
    with pytest.raises(wanted.type, match=r"\(T, B, D\) or \(T, D\), got .*-D") as error:
        unroll(cell.step, x, cell.zero_state(torch.zeros(5, 2)))
    assert str(shape) in str(error.value)


@pytest.mark.parametrize("shape", [(1, 3), (4, 3), (3,)])
@pytest.mark.parametrize("which", [0, 1])
def test_initial_state_must_have_the_inputs_batch(shape, which):
    cell, x = LSTMCell(2, 3), torch.zeros(6, 5, 2)
    initial = [torch.zeros(5, 3), torch.zeros(5, 3)]
    initial[which] = torch.zeros(shape)
    with pytest.raises(RuntimeError, match=r"initial state of shape \(5, H\)") as error:
        unroll(cell.step, x, LSTMState(*initial))
    assert str(shape) in str(error.value)


@pytest.mark.parametrize("other", [{"dtype": torch.float64}, {"device": "meta"}], ids=str)
def test_initial_state_must_have_the_inputs_dtype_and_device(other):
    cell, x = LSTMCell(2, 3), torch.zeros(6, 5, 2)
    initial = LSTMState(torch.zeros(5, 3), torch.zeros(5, 3, **other))
    with pytest.raises(RuntimeError, match=r"expected the initial state .*float64|cpu.*meta"):
        unroll(cell.step, x, initial)


def test_initial_state_of_a_cell_must_be_its_record():
    cell, x = LSTMCell(2, 3), torch.zeros(6, 5, 2)
    with pytest.raises(TypeError, match=r"named tuple .*such as LSTMState, got tuple"):
        unroll(cell.step, x, (torch.zeros(5, 3), torch.zeros(5, 3)))


def test_unroll_works_with_torchs_parameters():
    lstm = nn.LSTM(2, 3)
    cell = LSTMCell(2, 3)
    cell.load_state_dict({name[:-3]: value for name, value in lstm.state_dict().items()})
    x = torch.ones(6, 5, 2)
    run = unroll(cell.step, x, cell.zero_state(x[0]))
    torch.testing.assert_close(run.states.h, lstm(x)[0])
    torch.testing.assert_close(tuple(cell.weights), tuple(weights_of(lstm)))


MASK = torch.tensor([[1, 1, 0], [1, 0, 0], [0, 1, 0], [1, 1, 1]]).bool()  # (T, B), with holes


@pytest.mark.parametrize("reverse", [False, True])
@kinds
def test_masked_and_reversed_runs_hold_and_know_the_state_before(kind, reverse):
    mine = problem(kind, T=4, B=3)
    if kind == "rnn":
        cell = RNNCell(2, 4, dtype=torch.float64)
        step, initial = cell.step, mine.initial.h
    else:
        step = PeepholeLSTMCell(2, 4, dtype=torch.float64).step
        initial = mine.initial
    run = unroll(step, mine.x, initial, valid=MASK, reverse=reverse)
    assert run.valid is MASK
    assert run.reverse is reverse
    previous = (run.previous,) if kind == "rnn" else run.previous
    start = (initial,) if kind == "rnn" else initial
    order = list(range(4))[:: -1 if reverse else 1]
    for row in range(3):
        held = [tensor[row] for tensor in start]
        for t in order:
            for before, wanted in zip(previous, held, strict=True):
                assert torch.equal(before[t, row], wanted)
            if MASK[t, row]:
                state = held[0] if kind == "rnn" else LSTMState(*held)
                new, _ = step(mine.x[t, row], state)
                held = [new] if kind == "rnn" else list(new)
            for after, wanted in zip(states(run), held, strict=True):
                torch.testing.assert_close(after[t, row], wanted, rtol=0, atol=1e-14)
            held = [after[t, row] for after in states(run)]
        last = (run.last,) if kind == "rnn" else run.last
        assert all(torch.equal(a[row], b) for a, b in zip(last, held, strict=True))


def test_a_single_sequence_may_have_a_mask():
    cell, x = LSTMCell(2, 3), torch.randn(4, 2)
    one = unroll(cell.step, x, cell.zero_state(x[0]), valid=MASK[:, 0])
    many = unroll(cell.step, x[:, None], cell.zero_state(x[:1]), valid=MASK[:, :1])
    torch.testing.assert_close(one.states.c, many.states.c[:, 0])


@pytest.mark.parametrize(
    ("valid", "error", "words"),
    [
        (MASK[:-1], RuntimeError, r"valid of shape \(T=4, B=3\), got \(3, 3\)"),
        (MASK[:, :1], RuntimeError, r"valid of shape \(T=4, B=3\), got \(4, 1\)"),
        (MASK[:1], RuntimeError, r"valid of shape \(T=4, B=3\), got \(1, 3\)"),
        (MASK[:, 0], ValueError, "valid of shape .*, got 1-D"),
        (MASK[..., None], ValueError, "valid of shape .*, got 3-D"),
        (MASK.long(), RuntimeError, "valid of dtype torch.bool, .* got torch.int64"),
        (MASK.double(), RuntimeError, "valid of dtype torch.bool, .* got torch.float64"),
        (MASK.to("meta"), RuntimeError, "valid on device cpu, .* got meta"),
        (MASK.tolist(), TypeError, "valid to be a torch.Tensor, got list"),
    ],
)
def test_a_mask_that_does_not_fit_is_refused(valid, error, words):
    cell, x = LSTMCell(2, 3), torch.zeros(4, 3, 2)
    with pytest.raises(error, match=f"expected {words}"):
        unroll(cell.step, x, cell.zero_state(x[0]), valid=valid)


def plain_step(size):
    """Return an LSTM's step without a check of its own."""
    a = torch.randn(3, 4 * size)

    def step(x_t, state):
        f, i, g, o = a.sigmoid().chunk(4, dim=-1)
        c = f * state.c + i * g
        return LSTMState(o * c.tanh(), c), Gates(i, f, g, o)

    return step


@pytest.mark.parametrize("trace", [True, False])
@pytest.mark.parametrize("valid", [None, MASK])
@pytest.mark.parametrize("small", ["h", "c", "both"])
def test_a_state_that_the_step_broadcasts_is_refused(small, valid, trace):
    wide, narrow = torch.zeros(3, 5), torch.zeros(3, 1)
    start = LSTMState(narrow if small != "c" else wide, narrow if small != "h" else wide)
    with pytest.raises(RuntimeError, match=r"expected step to return a state of shape \(3, 1\)"):
        unroll(plain_step(5), torch.zeros(4, 3, 2), start, valid=valid, trace=trace)


def test_a_state_of_one_row_is_refused_with_any_step():
    with pytest.raises(RuntimeError, match=r"initial state of shape \(3, H\)"):
        unroll(plain_step(5), torch.zeros(4, 3, 2), LSTMState(*torch.zeros(2, 1, 5)))


GIVEN = torch.zeros(3, 5)


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (None, r"step to return \(state, gates\), got NoneType"),
        (GIVEN, r"step to return \(state, gates\), got Tensor"),
        ((LSTMState(GIVEN, GIVEN),), r"step to return \(state, gates\), got tuple"),
        (((GIVEN, GIVEN), ()), "the state that step returns to be a LSTMState, got tuple"),
        ((GIVEN, ()), "the state that step returns to be a LSTMState, got Tensor"),
        ((LSTMState(GIVEN, None), ()), "the state that step returns to be a torch.Tensor"),
        ((LSTMState(GIVEN, GIVEN), None), "step to return gates as a tensor, .*got NoneType"),
        ((LSTMState(GIVEN, GIVEN), [GIVEN]), "step to return gates as a tensor, .*got list"),
        ((LSTMState(GIVEN, GIVEN), {"f": GIVEN}), "step to return gates as a tensor, .*got dict"),
        ((LSTMState(GIVEN, GIVEN), Gates(GIVEN, GIVEN, 1.0, GIVEN)), "a gate that step returns"),
    ],
)
def test_a_step_that_returns_something_else_is_a_type_error(returned, words):
    with pytest.raises(TypeError, match=f"expected {words}"):
        unroll(lambda x_t, state: returned, torch.zeros(4, 3, 2), LSTMState(GIVEN, GIVEN))


def test_other_arguments_of_a_wrong_kind_are_type_errors():
    cell, x = LSTMCell(2, 3), torch.zeros(4, 3, 2)
    start = cell.zero_state(x[0])
    for wrong in (None, "a", 3, object()):
        for call in (
            lambda w=wrong: unroll(w, x, start),
            lambda w=wrong: unroll(cell.step, w, start),
            lambda w=wrong: unroll(cell.step, x, w),
            lambda w=wrong: unroll(cell.step, x, start._replace(c=w)),
            lambda w=wrong: unroll(cell.step, x, start, reverse=w),
            lambda w=wrong: unroll(cell.step, x, start, trace=w),
        ):
            with pytest.raises(TypeError, match="expected"):
                call()


def test_gates_may_be_a_tensor():
    run = unroll(lambda x_t, h: (h + 1, h), torch.zeros(4, 3, 2), torch.zeros(3, 2))
    assert run.gates.tolist() == run.previous.tolist()


@pytest.mark.parametrize("valid", [None, torch.zeros(4, 0, dtype=torch.bool)])
def test_an_empty_batch_with_and_without_a_mask(valid):
    cell, x = LSTMCell(2, 3), torch.zeros(4, 0, 2)
    run = unroll(cell.step, x, cell.zero_state(x[0]), valid=valid)
    assert run.states.c.shape == run.gates.o.shape == run.previous.h.shape == (4, 0, 3)


class Renamed(LSTMCell):
    """The plain cell by another name."""


class Another(RNNCell):
    """A simple RNN with a step of its own."""

    def step(self, x_t, state):
        return x_t.sum() + state, ()


class Plain(VariantCell):
    """The plain equations as a variant; nobody can know."""

    def step(self, x_t, state):
        return lstm_update(torch.cat(self.pre_activations(x_t, state.h), -1), state.c)


@pytest.mark.parametrize(
    ("make", "mode"),
    [
        (lambda: LSTMCell(2, 3), "LSTM"),
        (lambda: Renamed(2, 3), "LSTM"),
        (lambda: RNNCell(2, 3), "RNN_TANH"),
        (lambda: RNNCell(2, 3, nonlinearity="relu"), "RNN_RELU"),
        (lambda: Another(2, 3), "Another"),
        (lambda: Plain(2, 3), "Plain"),
        (lambda: GRUCell(2, 3), "GRUCell"),
    ],
)
def test_a_run_says_whose_equations_they_are(make, mode):
    cell, x = make(), torch.ones(4, 5, 2)
    assert unroll(cell.step, x, cell.zero_state(x[0])).mode == mode
    assert unroll(lambda x_t, s: cell.step(x_t, s), x, cell.zero_state(x[0])).mode is None


def test_autocast_may_give_inputs_and_states_different_dtypes():
    cell = LSTMCell(2, 3)
    x = torch.ones(4, 5, 2)
    half = x.bfloat16()

    def step(x_t, state):
        return lstm_step(x_t, state, *cell.weights)

    with pytest.raises(RuntimeError, match=r"expected the initial state of dtype torch.bfloat16"):
        unroll(step, half, cell.zero_state(x[0]))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        run = unroll(step, half, cell.zero_state(x[0]))
    torch.testing.assert_close(
        run.states.h.float(), unroll(step, x, cell.zero_state(x[0])).states.h, rtol=0.05, atol=0.02
    )


def test_hidden_states_alone_want_a_field_h():
    class Memory(NamedTuple):
        c: torch.Tensor

    x, start = torch.zeros(4, 3, 2), Memory(torch.zeros(3, 2))
    assert unroll(lambda x_t, s: (s, ()), x, start).last.c.shape == (3, 2)
    with pytest.raises(TypeError, match=r"expected the state's field h to be a torch\.Tensor"):
        unroll(lambda x_t, s: (s, ()), x, start, trace=False)
