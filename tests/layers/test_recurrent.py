"""Recurrent: torch's layers as oracles where there are some, and what must hold of any cell."""

from abc import abstractmethod

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from lstm_book.cells import (
    Cell,
    CoupledLSTMCell,
    DropoutState,
    GreffLSTMCell,
    GRUCell,
    JANETCell,
    LayerNormLSTMCell,
    LSTM1997Cell,
    LSTMCell,
    LSTMState,
    MinLSTMCell,
    PeepholeLSTMCell,
    RecurrentDropoutLSTMCell,
    RNNCell,
    SLSTMCell,
    VariantCell,
    ZoneoutLSTMCell,
)
from lstm_book.layers import LSTM, Recurrent, RecurrentRun, unroll
from lstm_book.layers.recurrent import sibling

EXACT = {"rtol": 0, "atol": 1e-12}
D, H = 3, 4
CELLS = {
    "lstm": LSTMCell,
    "rnn": RNNCell,
    "1997": LSTM1997Cell,
    "peephole": PeepholeLSTMCell,
    "coupled": CoupledLSTMCell,
    "layer-norm": LayerNormLSTMCell,
    "dropout-h": lambda *a, **k: RecurrentDropoutLSTMCell(*a, p=0.3, **k),
    "dropout-g": lambda *a, **k: RecurrentDropoutLSTMCell(*a, p=0.3, on="candidate", **k),
    "dropout-step": lambda *a, **k: RecurrentDropoutLSTMCell(*a, p=0.3, resample="step", **k),
    "zoneout": lambda *a, **k: ZoneoutLSTMCell(*a, zoneout_h=0.2, zoneout_c=0.4, **k),
    **{
        f"greff-{name}": lambda *a, name=name, **k: GreffLSTMCell(*a, variant=name, **k)
        for name in ("V", "NIG", "NFG", "NOG", "NIAF", "NOAF", "NP", "CIFG", "FGR")
    },
    "gru": GRUCell,
    "janet": JANETCell,
    "minlstm": MinLSTMCell,
    "slstm": SLSTMCell,
}
every_cell = pytest.mark.parametrize("build", CELLS.values(), ids=CELLS)
shapes = pytest.mark.parametrize(
    ("num_layers", "bidirectional"), [(1, False), (1, True), (2, True), (3, False)]
)
TORCHS = {
    "lstm": (LSTMCell, nn.LSTM, {}),
    "gru": (GRUCell, nn.GRU, {}),
    "tanh": (RNNCell, nn.RNN, {}),
    "relu": (RNNCell, nn.RNN, {"nonlinearity": "relu"}),
}


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(2016)


def fields(state):
    return (state,) if isinstance(state, torch.Tensor) else tuple(state)


def sequences(T=6, B=3):
    return torch.randn(T, B, D, dtype=torch.float64)


def copy_torchs_weights(layer, theirs):
    """Oracle for the order of layers and directions: torch's parameter names."""
    suffixes = [
        f"_l{number}{reverse}"
        for number in range(theirs.num_layers)
        for reverse in (["", "_reverse"] if theirs.bidirectional else [""])
    ]
    for cell, suffix in zip(layer.cells, suffixes, strict=True):
        cell.load_state_dict(
            {
                name: getattr(theirs, name + suffix)
                for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
                if hasattr(theirs, name + suffix)
            },
            strict=True,
        )


@pytest.mark.parametrize("mode", ["plain", "lengths", "single"])
@pytest.mark.parametrize("with_state", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@shapes
@pytest.mark.parametrize("kind", TORCHS)
def test_against_torchs_layers_forward_and_backward(
    kind, num_layers, bidirectional, bias, batch_first, with_state, mode
):
    cls, torchs, options = TORCHS[kind]
    theirs = torchs(
        D, H, num_layers, bias=bias, batch_first=batch_first, bidirectional=bidirectional,
        dtype=torch.float64, **options,
    )  # fmt: skip
    ours = Recurrent(
        cls(D, H, bias, dtype=torch.float64, **options),
        num_layers=num_layers,
        bidirectional=bidirectional,
        batch_first=batch_first,
    )
    copy_torchs_weights(ours, theirs)
    x = sequences()
    x = x[:, 0] if mode == "single" else x.transpose(0, 1) if batch_first else x
    rows = (len(ours.cells),) if mode == "single" else (len(ours.cells), 3)
    states = [torch.randn(*rows, H, dtype=torch.float64) for _ in range(1 + (kind == "lstm"))]
    lengths = torch.tensor([4, 6, 1])

    def call(module):
        leaf = x.clone().requires_grad_()
        leaves = [state.clone().requires_grad_() for state in states]
        hx = (tuple(leaves) if kind == "lstm" else leaves[0]) if with_state else None
        if mode != "lengths":
            output, state = module(leaf, hx)
        elif module is ours:
            output, state = module(leaf, hx, lengths=lengths)
        else:
            packed = pack_padded_sequence(leaf, lengths, batch_first, enforce_sorted=False)
            output, state = module(packed, hx)
            output, _ = pad_packed_sequence(output, batch_first)
        loss = (output**2).sum() + sum((part**3).sum() for part in fields(state))
        parameters = [p for cell in ours.cells for p in cell.parameters()]
        if module is theirs:
            parameters = list(theirs.parameters())
        wanted = [leaf, *(leaves if with_state else []), *parameters]
        return output, fields(state), torch.autograd.grad(loss, wanted)

    torch.testing.assert_close(call(ours), call(theirs), **EXACT)


def test_against_our_own_lstm_with_its_trace():
    layer = LSTM(D, H, 2, bidirectional=True, dtype=torch.float64)
    ours = Recurrent(LSTMCell(D, H, dtype=torch.float64), num_layers=2, bidirectional=True)
    copy_torchs_weights(ours, layer)
    x, lengths = sequences(), [6, 2, 4]
    left, right = ours.run(x, lengths=lengths), layer.run(x, lengths=lengths)
    torch.testing.assert_close(left.output, right.output, **EXACT)
    for ours_, theirs in zip(left.layers, right.layers, strict=True):
        for run, other in zip(ours_, theirs, strict=True):
            torch.testing.assert_close(run.states, other.states, **EXACT)
            torch.testing.assert_close(run.gates, other.gates, **EXACT)


@every_cell
def test_one_layer_is_the_unrolled_cell(build):
    cell = build(D, H, dtype=torch.float64)
    layer = Recurrent(cell)
    assert list(layer.cells) == [cell]
    x = sequences()
    torch.manual_seed(1)
    output, state = layer(x)
    torch.manual_seed(1)
    done = unroll(cell.step, x, cell.zero_state(x[0]))
    assert torch.equal(output, fields(done.states)[0])
    for ours, wanted in zip(fields(state), fields(done.states), strict=True):
        assert torch.equal(ours, wanted[-1:])


@every_cell
def test_padding_changes_nothing(build):
    """Each sequence alone is the oracle; what lies beyond its length is NaN."""
    layer = Recurrent(build(D, H, dtype=torch.float64), num_layers=2, bidirectional=True).eval()
    x, lengths = sequences(T=5), [2, 5, 1]
    alone = [layer(x[:length, row : row + 1]) for row, length in enumerate(lengths)]
    for row, length in enumerate(lengths):
        x[length:, row] = torch.nan
    x.requires_grad_()
    output, state = layer(x, lengths=lengths)
    for row, length in enumerate(lengths):
        own_output, own_state = alone[row]
        torch.testing.assert_close(output[:length, row : row + 1], own_output, **EXACT)
        assert (output[length:, row] == 0).all()
        for ours, own in zip(fields(state), fields(own_state), strict=True):
            torch.testing.assert_close(ours[:, row : row + 1], own, **EXACT)
    loss = output.sum() + fields(state)[0].sum()
    grads = torch.autograd.grad(loss, [x, *layer.parameters()], allow_unused=True)
    assert all(grad.isfinite().all() for grad in grads if grad is not None)
    assert all((grads[0][length:, row] == 0).all() for row, length in enumerate(lengths))
    assert sum(grad is not None for grad in grads) == len(grads)


@pytest.mark.parametrize("name", ["lstm", "slstm", "greff-FGR", "minlstm"])
@given(data=st.data())
@settings(max_examples=20)
def test_padding_changes_nothing_over_lengths(name, data):
    T, B = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 4))
    lengths = data.draw(st.lists(st.integers(1, T), min_size=B, max_size=B))
    torch.manual_seed(data.draw(st.integers(0, 2**31)))
    layer = Recurrent(CELLS[name](D, H, dtype=torch.float64), bidirectional=True)
    x = sequences(T, B)
    padded = x.clone()
    for row, length in enumerate(lengths):
        padded[length:, row] = torch.inf
    output, state = layer(padded, lengths=lengths)
    for row, length in enumerate(lengths):
        own_output, own_state = layer(x[:length, row])
        torch.testing.assert_close(output[:length, row], own_output, **EXACT)
        for ours, own in zip(fields(state), fields(own_state), strict=True):
            torch.testing.assert_close(ours[:, row], own, **EXACT)


@every_cell
def test_two_halves_with_carried_state_equal_the_whole(build):
    layer = Recurrent(build(D, H, dtype=torch.float64), num_layers=2).eval()
    x = sequences()
    output, state = layer(x)
    left, carried = layer(x[:2])
    right, final = layer(x[2:], carried)
    torch.testing.assert_close(torch.cat([left, right]), output, **EXACT)
    torch.testing.assert_close(fields(final), fields(state), **EXACT)
    assert type(final) is type(state)


@every_cell
def test_single_sequence_and_batch_first_are_the_same_numbers(build):
    options = {"num_layers": 2, "bidirectional": True}
    layer = Recurrent(build(D, H, dtype=torch.float64), **options).eval()
    first = Recurrent(build(D, H, dtype=torch.float64), batch_first=True, **options).eval()
    first.load_state_dict(layer.state_dict(), strict=True)
    x = sequences()
    output, state = layer(x)
    turned, same = first(x.transpose(0, 1))
    torch.testing.assert_close(turned.transpose(0, 1), output, **EXACT)
    torch.testing.assert_close(fields(same), fields(state), **EXACT)  # the states do not turn
    for module in (layer, first):
        single, last = module(x[:, 1])
        torch.testing.assert_close(single, output[:, 1], **EXACT)
        for ours, all_rows in zip(fields(last), fields(state), strict=True):
            torch.testing.assert_close(ours, all_rows[:, 1], **EXACT)


@shapes
@every_cell
def test_shapes_of_output_state_and_trace(build, num_layers, bidirectional):
    layer = Recurrent(
        build(D, H, dtype=torch.float64), num_layers=num_layers, bidirectional=bidirectional
    )
    run = layer.run(sequences(), lengths=[6, 1, 3])
    directions = 1 + bidirectional
    assert isinstance(run, RecurrentRun)
    assert run.output.shape == (6, 3, directions * H)
    assert all(part.shape == (num_layers * directions, 3, H) for part in fields(run.state))
    assert len(run.layers) == num_layers
    for runs in run.layers:
        assert len(runs) == directions
        for one in runs:
            assert all(part.shape == (6, 3, H) for part in (*fields(one.states), *one.gates))
    last = torch.cat([fields(one.states)[0] for one in run.layers[-1]], dim=-1)
    assert torch.equal(run.output[:1], last[:1])


def test_layers_read_the_one_below():
    """The second layer's run is its cell over the first layer's hidden states."""
    layer = Recurrent(PeepholeLSTMCell(D, H, dtype=torch.float64), num_layers=2)
    run = layer.run(sequences())
    below, above = run.layers[0][0], run.layers[1][0]
    cell = layer.cells[1]
    again = unroll(cell.step, below.states.h, cell.zero_state(below.states.h[0]))
    torch.testing.assert_close(above.states, again.states, **EXACT)


def test_directions_do_not_mix_below_the_output():
    """Backwards is the same cell over the flipped sequence, flipped back."""
    layer = Recurrent(SLSTMCell(D, H, dtype=torch.float64), bidirectional=True)
    x = sequences()
    output, state = layer(x)
    cell = layer.cells[1]
    flipped = unroll(cell.step, x.flip(0), cell.zero_state(x[0]))
    torch.testing.assert_close(output[..., H:], flipped.states.h.flip(0), **EXACT)
    torch.testing.assert_close(state.n[1], flipped.states.n[-1], **EXACT)


@pytest.mark.parametrize("name", ["peephole", "greff-FGR", "gru", "minlstm", "slstm", "zoneout"])
def test_gradgradcheck_stacked_in_both_directions_with_lengths(name):
    layer = Recurrent(CELLS[name](1, 2, dtype=torch.float64), num_layers=2, bidirectional=True)
    layer.eval()
    x = torch.randn(3, 2, 1, dtype=torch.float64, requires_grad=True)
    call = lambda x: layer(x, lengths=[3, 2])[0]  # noqa: E731
    assert torch.autograd.gradcheck(call, x)
    assert torch.autograd.gradgradcheck(call, x)


@pytest.mark.parametrize("name", ["peephole", "janet", "slstm"])
def test_no_output_depends_on_a_later_input(name):
    layer = Recurrent(CELLS[name](D, H, dtype=torch.float64), num_layers=2)
    x = sequences(T=4, B=1)
    jacobian = torch.autograd.functional.jacobian(lambda x: layer(x)[0], x)
    depends = jacobian.abs().amax(dim=(1, 2, 4, 5)) != 0
    assert torch.equal(depends, torch.ones(4, 4).tril().bool())


# Noise --------------------------------------------------------------------------------------------


def test_masks_are_constant_in_each_layer_and_direction_and_fresh_in_the_next_call():
    layer = Recurrent(RecurrentDropoutLSTMCell(D, 32, p=0.5), num_layers=2, bidirectional=True)
    x = torch.randn(5, 3, D)
    calls = []
    for _ in range(2):
        run = layer.run(x, lengths=[5, 2, 4])
        masks = [one.states.mask for runs in run.layers for one in runs]
        assert all(torch.equal(mask, mask[:1].expand_as(mask)) for mask in masks)
        calls += [mask[0] for mask in masks]
    assert isinstance(run.state, DropoutState)
    for index, mask in enumerate(calls):
        assert not any(torch.equal(mask, other) for other in calls[:index])


def test_a_carried_state_keeps_its_masks():
    layer = Recurrent(RecurrentDropoutLSTMCell(D, 32, p=0.5), num_layers=2)
    _, state = layer(torch.randn(5, 3, D))
    _, later = layer(torch.randn(5, 3, D), state)
    assert torch.equal(later.mask, state.mask)


def test_dropout_acts_between_layers_only():
    """The trace shows what the second layer was given, and that the ends stay whole."""
    cell = RNNCell(1, 400, bias=False, nonlinearity="relu")
    layer = Recurrent(cell, num_layers=2, dropout=0.25)
    x = torch.ones(1, 1, 1)
    run = layer.run(x)
    below, above = run.layers[0][0].states, run.layers[1][0].states
    again = layer.cells[1](below[0])
    assert torch.equal(run.output, above)  # nothing is dropped from the output
    assert not torch.allclose(above[0], again)  # but something was between
    assert torch.equal(layer.run(x).layers[0][0].states, below)  # and nothing before
    evaluated = layer.eval().run(x)
    torch.testing.assert_close(evaluated.output[0], layer.cells[1](below[0]))


def test_dropout_against_torch_with_one_seed():
    """Both draw one mask per gap between layers, so one seed gives one result."""
    theirs = nn.LSTM(D, H, 3, dropout=0.4)
    ours = Recurrent(LSTMCell(D, H), num_layers=3, dropout=0.4)
    unrolled = LSTM(D, H, 3, dropout=0.4, engine="unrolled")
    unrolled.load_state_dict(theirs.state_dict())
    copy_torchs_weights(ours, theirs)
    x = torch.randn(5, 2, D)
    outputs = []
    for module in (theirs, ours, unrolled):
        torch.manual_seed(9)
        outputs.append(module(x)[0])
    torch.testing.assert_close(outputs[1], outputs[0])
    torch.testing.assert_close(outputs[2], outputs[0])
    assert not torch.allclose(ours(x)[0], outputs[0])


def test_dropout_with_one_layer_warns_as_torch_does():
    with pytest.warns(UserWarning, match="between layers only"):
        Recurrent(LSTMCell(D, H), dropout=0.5)


# Building -----------------------------------------------------------------------------------------


@every_cell
def test_siblings_have_the_same_options_and_weights_of_their_own(build):
    cell = build(D, H, bias=False, dtype=torch.float64).eval()
    other = sibling(cell, 7)
    assert type(other) is type(cell)
    assert (other.input_size, other.hidden_size, other.bias) == (7, H, False)
    assert other.training is False
    assert {p.dtype for p in other.parameters()} == {torch.float64}
    wanted = repr(cell).replace(f"{D}, {H}", f"7, {H}", 1)
    assert repr(other) == wanted
    mine = {id(parameter) for parameter in cell.parameters()}
    assert not any(id(parameter) in mine for parameter in other.parameters())
    assert not torch.equal(*(part.weight_ih.flatten()[:9] for part in (cell, other)))


def test_state_dict_of_the_stack_names_cells_in_torchs_order():
    layer = Recurrent(PeepholeLSTMCell(D, H), num_layers=2, bidirectional=True)
    sizes = [cell.weight_ih.shape[1] for cell in layer.cells]
    assert sizes == [D, D, 2 * H, 2 * H]
    assert "cells.3.weight_ch" in layer.state_dict()


class Decay(Cell):
    """A cell of a user's own: it leaks, and has one parameter and no gate."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.rate = nn.Parameter(torch.tensor(0.5))

    def step(self, x_t, state):
        h_t = self.rate * state + x_t.sum(-1, keepdim=True).expand(-1, self.hidden_size)
        return h_t, ()

    def zero_state(self, x_t):
        return x_t.new_zeros(*x_t.shape[:-1], self.hidden_size)


def test_a_cell_of_your_own():
    """1, then 1/2 + 1: two features, one layer on it that sums two units."""
    layer = Recurrent(Decay(1, 2), num_layers=2)
    output, state = layer(torch.ones(2, 1, 1))
    assert output.squeeze(1).tolist() == [[2.0, 2.0], [4.0, 4.0]]
    assert state.squeeze(1).tolist() == [[1.5, 1.5], [4.0, 4.0]]
    assert len(list(layer.parameters())) == 2


class Forgetful(Decay):
    def __init__(self, input_size, hidden_size, secret=1):
        super().__init__(input_size, hidden_size)


def test_a_cell_that_does_not_keep_its_arguments():
    Recurrent(Forgetful(1, 2))
    with pytest.raises(TypeError, match=r"cannot build another Forgetful.*'secret'"):
        Recurrent(Forgetful(1, 2), num_layers=2)


@pytest.mark.parametrize(
    ("cell", "options", "error", "message"),
    [
        (nn.LSTMCell(D, H), {}, TypeError, "got LSTMCell without step, zero_state"),
        (LSTMCell, {}, TypeError, "expected a cell"),
        (LSTMCell(D, H), {"num_layers": 0}, ValueError, "num_layers.*from 1 to 10000, got 0"),
        (LSTMCell(D, H), {"num_layers": 1.5}, TypeError, "num_layers.*whole number, got float 1.5"),
        (LSTMCell(D, H), {"dropout": 1.5}, ValueError, "dropout.*at most 1, got 1.5"),
        (LSTMCell(D, H), {"dropout": True}, TypeError, "dropout.*number, got bool True"),
    ],
    ids=["torch-cell", "class", "no-layer", "half-layer", "dropout", "dropout-bool"],
)
def test_what_cannot_be_built(cell, options, error, message):
    with pytest.raises(error, match=message):
        Recurrent(cell, **options)


X = torch.zeros(6, 3, D)
S = torch.zeros(2, 3, H)


@pytest.mark.parametrize(
    ("x", "hx", "lengths", "error", "message"),
    [
        (torch.zeros(6, 3, 1, D), None, None, ValueError, "2 or 3 dimensions, got 4"),
        (torch.zeros(D), None, None, ValueError, "2 or 3 dimensions, got 1"),
        ([1.0], None, None, TypeError, "input to be a torch.Tensor, got list"),
        (torch.zeros(6, 3, 9), None, None, RuntimeError, f"input_size={D} features, got 9"),
        (X.double(), None, None, ValueError, "dtype torch.float32.*got torch.float64"),
        (X[:0], None, None, RuntimeError, "at least one time step"),
        (X, S, None, TypeError, r"expected hx to be a tuple \(h, c\), got Tensor"),
        (X, (S,), None, RuntimeError, r"expected hx to be \(h, c\), got 1 states"),
        (X, (S, 0), None, TypeError, "c to be a torch.Tensor, got int"),
        (X, (S[:1], S), None, RuntimeError, r"h of shape \(2, 3, 4\), 2 layers in 1 directions"),
        (X[:, 0], (S, S), None, RuntimeError, r"states of 2 dimensions.*shape \(2, 3, 4\)"),
        (X, None, [6, 7, 1], RuntimeError, "from 1 to T=6, got 7 for sequence 1"),
        (X, None, [6, 0, 1], RuntimeError, "from 1 to T=6, got 0 for sequence 1"),
        (X, None, [6, 1], RuntimeError, "one length for each of 3 sequences"),
        (X, None, [6.0, 1.0, 1.0], TypeError, "whole numbers"),
        (X[:, 0], None, [6], ValueError, "batched 3-D input with lengths, got 2-D"),
    ],
)
def test_what_cannot_be_run(x, hx, lengths, error, message):
    layer = Recurrent(PeepholeLSTMCell(D, H), num_layers=2)
    with pytest.raises(error, match=message):
        layer(x, hx, lengths=lengths)


def test_a_tensor_state_of_the_wrong_shape():
    with pytest.raises(RuntimeError, match=r"hx of shape \(1, 3, 4\), 1 layers"):
        Recurrent(GRUCell(D, H))(X, S)


@pytest.mark.parametrize("enforce_sorted", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
def test_a_packed_sequence_against_torchs_layer(batch_first, enforce_sorted):
    theirs = nn.GRU(D, H, 2, batch_first=batch_first, bidirectional=True, dtype=torch.float64)
    ours = Recurrent(
        GRUCell(D, H, dtype=torch.float64),
        num_layers=2,
        batch_first=batch_first,
        bidirectional=True,
    )
    copy_torchs_weights(ours, theirs)
    x, lengths = sequences(), torch.tensor([6, 5, 1] if enforce_sorted else [4, 6, 1])
    packed = pack_padded_sequence(x, lengths, enforce_sorted=enforce_sorted)
    (output, h_n), (wanted, wanted_h_n) = ours(packed), theirs(packed)
    torch.testing.assert_close(output.data, wanted.data, **EXACT)
    torch.testing.assert_close(h_n, wanted_h_n, **EXACT)
    for ours_, torchs in zip(output[1:], wanted[1:], strict=True):
        assert ours_ is torchs is None or torch.equal(ours_, torchs)
    torch.testing.assert_close(ours.run(packed).output, pad_packed_sequence(wanted)[0], **EXACT)
    with pytest.raises(ValueError, match="padded input with lengths, got a PackedSequence"):
        ours(packed, lengths=lengths)


class Duck(nn.Module):
    """It has all four and says nothing of it."""

    input_size = hidden_size = 2
    step = zero_state = None


class Sizeless(Cell):
    def step(self, x_t, state):
        return state, ()

    def zero_state(self, input):
        return input


@pytest.mark.parametrize(
    ("cell", "words"),
    [(Duck(), "Duck that is no"), (Sizeless(), "without input_size, hidden_size")],
)
def test_what_keeps_not_to_the_contract(cell, words):
    with pytest.raises(TypeError, match=rf"derived from lstm_book\.cells\.Cell, got .*{words}"):
        Recurrent(cell)


@pytest.mark.parametrize("name", ["step", "zero_state"])
@pytest.mark.parametrize("base", [Cell, Sizeless, VariantCell])
def test_a_cell_without_a_part_of_the_contract_is_not_built(base, name):
    parts = {"step": Sizeless.step, "zero_state": Sizeless.zero_state}
    parts[name] = abstractmethod(parts[name])
    with pytest.raises(TypeError, match=f"abstract class Mine.* {name}"):
        type("Mine", (base,), parts)(2, 3)


def test_state_goes_in_as_any_tuple_and_comes_out_by_name():
    layer = Recurrent(PeepholeLSTMCell(D, H), num_layers=2)
    _, by_tuple = layer(X, (S, S))
    _, by_list = layer(X, [S, S])
    assert isinstance(by_tuple, LSTMState)
    torch.testing.assert_close(by_tuple, by_list)


def test_repr_shows_the_cell_and_what_differs():
    shown = repr(Recurrent(ZoneoutLSTMCell(D, H, zoneout_h=0.5), num_layers=2, bidirectional=True))
    assert "num_layers=2, bidirectional=True" in shown
    assert "zoneout_h=0.5" in shown
    assert "batch_first" not in shown


def test_exported_and_captured_layers_give_the_same_numbers():
    layer = Recurrent(SLSTMCell(D, H), num_layers=2, bidirectional=True)
    x = torch.randn(3, 2, D)
    wanted, state = layer(x)
    exported = torch.export.export(layer, (x,)).module()
    captured = torch.compile(layer, backend="eager", fullgraph=True)
    for module in (exported, captured):
        output, last = module(x)
        torch.testing.assert_close(output, wanted)
        torch.testing.assert_close(fields(last), fields(state))
        assert type(last) is type(state)


# What a call of the cell would do, and its step does not ------------------------------------------


@pytest.mark.parametrize(
    "register",
    [
        lambda cell: cell.register_forward_hook(lambda m, args, out: out),
        lambda cell: cell.register_forward_pre_hook(lambda m, args: None),
        lambda cell: cell.register_full_backward_hook(lambda m, grad_in, grad_out: None),
        lambda cell: cell.register_full_backward_pre_hook(lambda m, grad_out: None),
    ],
    ids=["forward", "forward pre", "backward", "backward pre"],
)
@pytest.mark.parametrize("number", [0, 3])
def test_a_hook_on_a_cell_would_never_fire_and_is_refused(register, number):
    layer = Recurrent(GRUCell(D, H), num_layers=2, bidirectional=True)
    handle = register(layer.cells[number])
    for call in (layer, layer.run):
        with pytest.raises(TypeError, match=r"cell without hooks.*got GRUCell with one; hook"):
            call(torch.zeros(6, 3, D))
    handle.remove()
    layer(torch.zeros(6, 3, D))


def test_hooks_on_the_layer_and_within_a_cell_fire():
    fired = []
    layer = Recurrent(LayerNormLSTMCell(D, H))
    within = [module for module in layer.cells[0].modules() if isinstance(module, nn.LayerNorm)]
    for module in (layer, *within):
        module.register_forward_hook(lambda m, args, out: fired.append(m))
    layer(torch.zeros(6, 3, D))
    assert fired[-1] is layer
    assert len(fired) == 1 + 6 * len(within)


class LouderCell(LSTMCell):
    def forward(self, input, hx=None):
        h, c = super().forward(input, hx)
        return LSTMState(2 * h, c)


class LouderStep(LSTMCell):
    def step(self, x_t, state):
        (h, c), gates = super().step(x_t, state)
        return LSTMState(2 * h, c), gates


def test_a_cell_whose_forward_alone_is_another_is_refused():
    patched = LSTMCell(D, H)
    patched.forward = lambda *arguments: None
    for cell in (LouderCell(D, H), patched):
        layer = Recurrent(cell)
        with pytest.raises(TypeError, match=r"step does all, got .* with a forward of its own"):
            layer(torch.zeros(6, 3, D))


def test_a_cell_whose_step_is_another_is_run_by_it():
    cell = LouderStep(D, H)
    x = torch.randn(1, 3, D)
    torch.testing.assert_close(Recurrent(cell)(x)[0][0], 2 * lstm_cell_like(cell)(x[0]).h)


def lstm_cell_like(cell):
    plain = LSTMCell(D, H)
    plain.load_state_dict(cell.state_dict())
    return plain


class Counter(Cell):
    """A cell without parameters: it adds up its inputs."""

    input_size = hidden_size = 2

    def step(self, x_t, state):
        return state + x_t, ()

    def zero_state(self, x_t):
        return torch.zeros_like(x_t)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64], ids=str)
def test_a_cell_without_parameters_takes_any_dtype(dtype):
    x = torch.ones(6, 3, 2, dtype=dtype)
    output, state = Recurrent(Counter())(x, lengths=[6, 2, 1])
    assert output.dtype == dtype
    assert state[0, :, 0].tolist() == [6, 2, 1]


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"num_layers": True}, TypeError, "num_layers to be a whole number"),
        ({"num_layers": "2"}, TypeError, "num_layers to be a whole number"),
        ({"num_layers": None}, TypeError, "num_layers to be a whole number"),
        ({"num_layers": 10**30}, ValueError, "num_layers.*from 1 to 10000"),
        ({"dropout": float("nan")}, ValueError, "dropout to be a finite number"),
        ({"dropout": "a"}, TypeError, "dropout to be a number"),
        ({"dropout": -0.5}, ValueError, "dropout.*at least 0"),
        ({"batch_first": "no"}, TypeError, "batch_first to be True or False, got str"),
        ({"batch_first": 0}, TypeError, "batch_first to be True or False, got int"),
        ({"bidirectional": 1}, TypeError, "bidirectional to be True or False, got int"),
        ({"bidirectional": None}, TypeError, "bidirectional to be True or False, got NoneType"),
    ],
)
def test_options_of_the_wrong_kind(options, error, words):
    with pytest.raises(error, match=words):
        Recurrent(LSTMCell(D, H), **options)


@pytest.mark.parametrize("cell", [None, "a", 3, nn.Linear(D, H), LSTM(D, H), LSTMCell])
def test_what_is_no_cell(cell):
    with pytest.raises(TypeError, match="expected a cell, a module with input_size"):
        Recurrent(cell)


@pytest.mark.parametrize(("size", "error"), [(-1, ValueError), (2.0, TypeError), ("4", TypeError)])
def test_a_cell_whose_size_is_none(size, error):
    cell = GRUCell(D, 0)
    assert Recurrent(cell)(torch.zeros(3, 2, D))[0].shape == (3, 2, 0)
    cell.hidden_size = size
    with pytest.raises(error, match="the cell's hidden_size to be a whole number"):
        Recurrent(cell)
