"""LSTMCell and RNNCell against torch.nn's, as drop-ins: parameters, numbers, gradients, saving."""

import copy
import pickle

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support import copy_of, normal
from torch import nn

from lstm_book.cells import Gates, Gates1997, LSTMCell, LSTMState, RNNCell, lstm_step, rnn_step

PAIRS = [
    pytest.param(LSTMCell, nn.LSTMCell, {}, id="LSTM"),
    pytest.param(LSTMCell, nn.LSTMCell, {"bias": False}, id="LSTM-no-bias"),
    pytest.param(RNNCell, nn.RNNCell, {}, id="RNN"),
    pytest.param(RNNCell, nn.RNNCell, {"bias": False}, id="RNN-no-bias"),
    pytest.param(RNNCell, nn.RNNCell, {"nonlinearity": "relu"}, id="RNN-relu"),
    pytest.param(RNNCell, nn.RNNCell, {"bias": False, "nonlinearity": "relu"}, id="RNN-relu-bare"),
]
pairs = pytest.mark.parametrize(("ours", "torchs", "options"), PAIRS)
dtypes = pytest.mark.parametrize(
    "dtype", [torch.float64, torch.float32, torch.bfloat16], ids=["f64", "f32", "bf16"]
)
TOLERANCE = {
    torch.float64: {"rtol": 0, "atol": 1e-12},
    torch.float32: {"rtol": 1e-5, "atol": 1e-6},
    torch.bfloat16: {"rtol": 0, "atol": 0.05},
}


def outputs(result):
    return (result,) if isinstance(result, torch.Tensor) else tuple(result)


@pytest.mark.parametrize("with_state", [True, False], ids=["state", "no-state"])
@pytest.mark.parametrize("batch", [(), (0,), (1,), (4,)], ids=["unbatched", "B=0", "B=1", "B=4"])
@dtypes
@pairs
def test_cell_against_torch_forward_and_backward(
    ours, torchs, options, dtype, batch, with_state, generator
):
    theirs = torchs(3, 5, dtype=dtype, **options)
    cell = copy_of(ours(3, 5, dtype=dtype, **options), like=theirs)
    x = normal(*batch, 3, generator=generator, dtype=dtype)
    states = [normal(*batch, 5, generator=generator, dtype=dtype) for _ in range(2)]
    pulls = [normal(*batch, 5, generator=generator, dtype=dtype) for _ in range(2)]
    is_lstm = ours is LSTMCell

    def call(module):
        leaves = [t.clone().requires_grad_() for t in (x, *states[: 1 + is_lstm])]
        hx = (tuple(leaves[1:]) if is_lstm else leaves[1]) if with_state else None
        out = outputs(module(leaves[0], hx))
        loss = sum((pull * part).sum() for pull, part in zip(pulls, out, strict=False))
        wanted = [*(leaves if with_state else leaves[:1]), *module.parameters()]
        return out, torch.autograd.grad(loss, wanted)

    (out, grads), (their_out, their_grads) = call(cell), call(theirs)
    assert [part.shape for part in out] == [part.shape for part in their_out]
    torch.testing.assert_close(out, their_out, **TOLERANCE[dtype])
    torch.testing.assert_close(grads, their_grads, **TOLERANCE[dtype])


@given(
    B=st.one_of(st.none(), st.integers(0, 4)),
    D=st.integers(0, 5),
    H=st.integers(1, 5),
    seed=st.integers(0, 2**31),
)
def test_lstm_cell_against_torch_over_shapes(B, D, H, seed):
    generator = torch.Generator().manual_seed(seed)
    theirs = nn.LSTMCell(D, H, dtype=torch.float64)
    cell = copy_of(LSTMCell(D, H, dtype=torch.float64), like=theirs)
    batch = () if B is None else (B,)
    x, h, c = (normal(*batch, size, generator=generator) for size in (D, H, H))
    torch.testing.assert_close(tuple(cell(x, (h, c))), theirs(x, (h, c)), rtol=0, atol=1e-13)


@pairs
def test_state_dict_loads_both_ways_strictly(ours, torchs, options):
    cell, theirs = ours(3, 5, **options), torchs(3, 5, **options)
    assert list(cell.state_dict()) == list(theirs.state_dict())
    for target, source in ((torchs(3, 5, **options), cell), (ours(3, 5, **options), theirs)):
        result = target.load_state_dict(source.state_dict(), strict=True)
        assert not result.missing_keys
        assert not result.unexpected_keys
        for name, parameter in target.named_parameters():
            torch.testing.assert_close(parameter, source.get_parameter(name), rtol=0, atol=0)


@pairs
def test_default_initialisation_makes_torchs_draws(ours, torchs, options):
    torch.manual_seed(3)
    theirs = torchs(3, 5, **options)
    after = torch.rand(1)
    torch.manual_seed(3)
    cell = ours(3, 5, **options)
    assert torch.rand(1) == after
    for name, parameter in theirs.named_parameters():
        assert torch.equal(cell.get_parameter(name), parameter), name


@pairs
def test_repr_is_torchs(ours, torchs, options):
    assert repr(ours(3, 5, **options)) == repr(torchs(3, 5, **options))


@pairs
def test_arguments_go_by_torchs_names(ours, torchs, options):
    x = torch.ones(2, 3)
    for kind in (ours, torchs):
        cell = kind(input_size=3, hidden_size=5, device="cpu", dtype=torch.float32, **options)
        hx = outputs(cell(input=x))
        again = cell(input=x, hx=hx if len(hx) == 2 else hx[0])
        assert outputs(again)[0].shape == (2, 5)


def test_device_and_dtype_are_obeyed():
    for cell in (
        LSTMCell(3, 5, device="meta", dtype=torch.float64),
        RNNCell(3, 5, device="meta", dtype=torch.float64),
    ):
        assert {(p.device.type, p.dtype) for p in cell.parameters()} == {("meta", torch.float64)}
        assert outputs(cell(torch.zeros(2, 3, device="meta", dtype=torch.float64)))[0].is_meta


def test_lstm_cell_takes_a_list_as_torch_does():
    cell, x, h, c = LSTMCell(3, 5), torch.ones(2, 3), torch.ones(2, 5), torch.zeros(2, 5)
    assert torch.equal(cell(x, [h, c]).h, cell(x, (h, c)).h)


def test_no_units_give_empty_states_as_torch():
    cell, theirs = LSTMCell(3, 0), nn.LSTMCell(3, 0)
    x = torch.ones(2, 3)
    assert [t.shape for t in cell(x)] == [t.shape for t in theirs(x)] == [(2, 0), (2, 0)]


def test_lstm_cell_step_shows_its_gates(generator):
    cell = LSTMCell(3, 5, dtype=torch.float64)
    x = normal(2, 3, generator=generator)
    before = LSTMState(*(normal(2, 5, generator=generator) for _ in range(2)))
    state, gates = cell.step(x, before)
    want, want_gates = lstm_step(x, before, *cell.weights)
    assert isinstance(state, LSTMState)
    assert isinstance(gates, Gates)
    torch.testing.assert_close((*state, *gates), (*want, *want_gates), rtol=0, atol=0)
    torch.testing.assert_close(tuple(cell(x, before)), tuple(state), rtol=0, atol=0)


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_rnn_cell_step_has_no_gates(nonlinearity, generator):
    cell = RNNCell(3, 5, nonlinearity=nonlinearity, dtype=torch.float64)
    x, h = normal(2, 3, generator=generator), normal(2, 5, generator=generator)
    h_t, gates = cell.step(x, h)
    assert gates == ()
    activation = {"tanh": torch.tanh, "relu": torch.relu}[nonlinearity]
    torch.testing.assert_close(h_t, rnn_step(x, h, *cell.weights, activation=activation))


def test_zero_states_have_the_inputs_batch_and_dtype():
    x = torch.ones(2, 7, 3, dtype=torch.float64)
    for zeros in (*LSTMCell(3, 5).zero_state(x), RNNCell(3, 5).zero_state(x)):
        assert torch.equal(zeros, torch.zeros(2, 7, 5, dtype=torch.float64))


@pairs
def test_gradcheck_and_gradgradcheck_of_the_cell(ours, torchs, options, generator):
    cell = ours(2, 2, dtype=torch.float64, **options)
    names = [name for name, _ in cell.named_parameters()]
    states = 2 if ours is LSTMCell else 1
    inputs = [normal(2, 2, generator=generator) for _ in range(1 + states)]
    inputs += [p.detach().clone() for p in cell.parameters()]

    def call(x, *rest):
        hx = tuple(rest[:states]) if states == 2 else rest[0]
        parameters = dict(zip(names, rest[states:], strict=True))
        return outputs(torch.func.functional_call(cell, parameters, (x, hx)))

    leaves = [tensor.requires_grad_() for tensor in inputs]
    assert torch.autograd.gradcheck(call, leaves)
    assert torch.autograd.gradgradcheck(call, leaves)


@pairs
@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda cell: pickle.loads(pickle.dumps(cell))]
)
def test_copies_have_the_same_numbers_and_their_own_parameters(ours, torchs, options, duplicate):
    cell, x = ours(3, 5, **options), torch.ones(2, 3)
    before = outputs(cell(x))
    twin = duplicate(cell)
    assert repr(twin) == repr(cell)
    torch.testing.assert_close(outputs(twin(x)), before, rtol=0, atol=0)
    with torch.no_grad():
        twin.weight_ih.zero_()
    torch.testing.assert_close(outputs(cell(x)), before, rtol=0, atol=0)


@pytest.mark.parametrize("record", [LSTMState, Gates, Gates1997])
def test_records_pickle(record):
    value = record(*(torch.full((2,), float(k)) for k in range(len(record._fields))))
    twin = pickle.loads(pickle.dumps(value))
    assert type(twin) is record
    torch.testing.assert_close(tuple(twin), tuple(value))


@pytest.mark.parametrize("ours", [LSTMCell, RNNCell])
def test_exported_cell_saves_loads_and_gives_the_same_numbers(ours, tmp_path, generator):
    cell = ours(3, 5)
    x = normal(2, 3, generator=generator, dtype=torch.float32)
    torch.export.save(torch.export.export(cell, (x,)), tmp_path / "cell.pt2")
    loaded = torch.export.load(tmp_path / "cell.pt2").module()(x)
    assert type(loaded) is (LSTMState if ours is LSTMCell else torch.Tensor)
    torch.testing.assert_close(outputs(loaded), outputs(cell(x)))


def test_vmap_over_an_ensemble_of_cells(generator):
    cells = [LSTMCell(3, 5, dtype=torch.float64) for _ in range(4)]
    parameters, _ = torch.func.stack_module_state(cells)
    x = normal(2, 3, generator=generator)
    together = torch.func.vmap(lambda p: torch.func.functional_call(cells[0], p, (x,)))(parameters)
    one_by_one = torch.stack([cell(x).h for cell in cells])
    torch.testing.assert_close(together.h, one_by_one)
