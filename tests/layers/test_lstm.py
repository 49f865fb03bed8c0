"""`lstm_book.LSTM` against `torch.nn.LSTM`: every option, both engines, forward and backward."""

import itertools
import shutil
import warnings

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from lstm_book.cells import GRUCell, LSTMCell
from lstm_book.layers import LSTM, Recurrent

T, B, D, H = 6, 3, 4, 5
LENGTHS = [4, 6, 1]
OPTIONS = [
    {
        "num_layers": layers,
        "bias": bias,
        "batch_first": batch_first,
        "bidirectional": both,
        "proj_size": projection,
    }
    for layers, bias, batch_first, both, projection in itertools.product(
        (1, 3), (True, False), (False, True), (False, True), (0, 3)
    )
]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def pair(engine, dtype=torch.float64, **options):
    """A torch layer and ours with the same parameters, loaded strictly."""
    torch.manual_seed(0)
    theirs = nn.LSTM(D, H, dtype=dtype, **options)
    ours = LSTM(D, H, dtype=dtype, engine=engine, **options)
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


def inputs(layer, dtype=torch.float64):
    """A batch in the layer's layout, and an initial state."""
    shape = (B, T, D) if layer.batch_first else (T, B, D)
    x = torch.randn(shape, generator=generator(1), dtype=dtype)
    rows = layer.num_layers * (1 + layer.bidirectional)
    h_0 = torch.randn(rows, B, layer.proj_size or H, generator=generator(2), dtype=dtype)
    c_0 = torch.randn(rows, B, H, generator=generator(3), dtype=dtype)
    return x, (h_0, c_0)


def everything(layer, call, x, hx):
    """Outputs, final states, and the gradients of a loss that reads all of them."""
    x = x.clone().requires_grad_()
    hx = None if hx is None else tuple(state.clone().requires_grad_() for state in hx)
    output, (h_n, c_n) = call(layer, x, hx)
    loss = output.square().sum() + h_n.sin().sum() + c_n.pow(3).sum()
    leaves = [x, *(hx or ()), *layer.parameters()]
    return [output, h_n, c_n, *torch.autograd.grad(loss, leaves)]


def plain(layer, x, hx):
    return layer(x, hx)


def with_lengths(layer, x, hx):
    return layer(x, hx, lengths=LENGTHS)


def packed(layer, x, hx):
    batch = pack_padded_sequence(x, torch.tensor(LENGTHS), layer.batch_first, enforce_sorted=False)
    output, state = layer(batch, hx)
    return pad_packed_sequence(output, layer.batch_first)[0], state


def presorted(layer, x, hx):
    batch = pack_padded_sequence(x, torch.tensor([6, 4, 1]), layer.batch_first)
    output, state = layer(batch, hx)
    assert output.sorted_indices is None
    return pad_packed_sequence(output, layer.batch_first)[0], state


@pytest.mark.parametrize("engine", ["fused", "unrolled"])
@pytest.mark.parametrize("given", ["missing", "given"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize(
    ("ours_call", "torch_call"),
    [(plain, plain), (with_lengths, packed), (packed, packed), (presorted, presorted)],
    ids=["plain", "lengths", "packed", "presorted"],
)
def test_every_option_against_torch(engine, given, options, ours_call, torch_call):
    theirs, ours = pair(engine, **options)
    x, hx = inputs(theirs)
    hx = hx if given == "given" else None
    for mine, reference in zip(
        everything(ours, ours_call, x, hx), everything(theirs, torch_call, x, hx), strict=True
    ):
        torch.testing.assert_close(mine, reference, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("engine", ["fused", "unrolled"])
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("given", [False, True])
def test_unbatched_input_against_torch(engine, batch_first, given):
    theirs, ours = pair(engine, num_layers=2, bidirectional=True, batch_first=batch_first)
    x = torch.randn(T, D, generator=generator(), dtype=torch.float64)
    hx = tuple(torch.randn(4, H, generator=generator(s), dtype=torch.float64) for s in (1, 2))
    hx = hx if given else None
    for mine, reference in zip(
        everything(ours, plain, x, hx), everything(theirs, plain, x, hx), strict=True
    ):
        torch.testing.assert_close(mine, reference, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_state_dicts_load_both_ways_and_defaults_are_torchs(options):
    torch.manual_seed(7)
    theirs = nn.LSTM(D, H, **options)
    torch.manual_seed(7)
    ours = LSTM(D, H, **options)
    for (name, reference), (mine_name, mine) in zip(
        theirs.state_dict().items(), ours.state_dict().items(), strict=True
    ):
        assert name == mine_name
        torch.testing.assert_close(mine, reference, rtol=0, atol=0)
    theirs.load_state_dict(ours.state_dict(), strict=True)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    assert repr(ours) == repr(theirs)


def test_a_state_dict_that_does_not_fit_is_refused():
    with pytest.raises(RuntimeError, match="size mismatch"):
        LSTM(D, H).load_state_dict(nn.LSTM(D, H + 1).state_dict())


@pytest.mark.parametrize("engine", ["fused", "unrolled"])
def test_dropout_is_between_layers_only_and_off_in_eval(engine):
    theirs, ours = pair(engine, num_layers=2, dropout=0.5)
    x, _ = inputs(theirs)
    torch.testing.assert_close(ours.eval()(x)[0], theirs.eval()(x)[0])
    ours.train()
    first, second = ours.run(x), ours.run(x)
    # The first layer sees the input itself, in every pass; the second sees a thinned first layer.
    torch.testing.assert_close(first.layers[0][0].states.h, second.layers[0][0].states.h)
    assert not torch.equal(first.output, second.output)


def test_dropout_thins_what_the_second_layer_reads():
    torch.manual_seed(0)
    lstm = LSTM(D, 400, num_layers=2, dropout=0.25, engine="unrolled").train()
    with torch.no_grad():
        for name, parameter in lstm.named_parameters():
            if name.endswith("_l1"):
                parameter.zero_()
        # Layer 1 copies its input: i and o open, f shut, g small enough to be linear.
        lstm.weight_ih_l1.view(4, 400, 400)[2] = 1e-3 * torch.eye(400)
        lstm.bias_ih_l1.view(4, 400)[[0, 3]] = 30.0
        lstm.bias_ih_l1.view(4, 400)[1] = -30.0
        run = lstm.run(torch.randn(T, B, D, generator=generator()))
    ratio = run.output / (1e-3 * run.layers[0][0].states.h)
    zeros = (ratio.abs() < 1e-6).float().mean()
    assert zeros.item() == pytest.approx(0.25, abs=0.03)
    kept = ratio[ratio.abs() > 1e-6]
    torch.testing.assert_close(kept, torch.full_like(kept, 1 / 0.75), rtol=1e-3, atol=1e-3)


def test_dropout_with_one_layer_warns_as_torch_does():
    with warnings.catch_warnings(record=True) as theirs:
        warnings.simplefilter("always")
        nn.LSTM(D, H, dropout=0.5)
    with pytest.warns(UserWarning, match="dropout option adds dropout") as ours:
        LSTM(D, H, dropout=0.5)
    assert [str(w.message) for w in ours] == [str(w.message) for w in theirs]


@pytest.mark.parametrize("engine", ["fused", "unrolled"])
@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "proj_size": 3}], ids=str)
def test_two_halves_with_carried_state_equal_the_whole(engine, options):
    _, ours = pair(engine, **options)
    x, hx = inputs(ours)
    whole, (h_n, c_n) = ours(x, hx)
    first, state = ours(x[:2], hx)
    second, (h_2, c_2) = ours(x[2:], state)
    torch.testing.assert_close(torch.cat([first, second]), whole)
    torch.testing.assert_close(h_2, h_n)
    torch.testing.assert_close(c_2, c_n)


@pytest.mark.parametrize("engine", ["fused", "unrolled"])
@pytest.mark.parametrize("options", [{"num_layers": 2, "bidirectional": True}, {"proj_size": 2}])
@pytest.mark.parametrize("rubbish", [0.0, 1e9, float("nan"), float("inf")])
def test_padding_changes_nothing(engine, options, rubbish):
    _, ours = pair(engine, **options)
    x, hx = inputs(ours)

    def all_of(fill):
        padded = x.clone()
        for b, length in enumerate(LENGTHS):
            padded[length:, b] = fill
        return everything(ours, with_lengths, padded, hx)

    for reference, mine in zip(all_of(0.0), all_of(rubbish), strict=True):
        torch.testing.assert_close(mine, reference, rtol=0, atol=0)


@pytest.mark.parametrize("engine", ["fused", "unrolled"])
def test_each_sequence_alone_equals_its_row_in_the_batch(engine):
    _, ours = pair(engine, num_layers=2, bidirectional=True)
    x, _ = inputs(ours)
    output, (h_n, c_n) = ours(x, lengths=torch.tensor(LENGTHS))
    for b, length in enumerate(LENGTHS):
        alone, (h, c) = ours(x[:length, b])
        torch.testing.assert_close(output[:length, b], alone)
        assert not output[length:, b].any()
        torch.testing.assert_close(h_n[:, b], h)
        torch.testing.assert_close(c_n[:, b], c)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_causality(bidirectional):
    lstm = LSTM(D, H, bidirectional=bidirectional, engine="unrolled", dtype=torch.float64)
    x = torch.randn(T, 1, D, generator=generator(), dtype=torch.float64)
    J = torch.autograd.functional.jacobian(lambda x: lstm(x)[0][:, 0], x)[:, :, :, 0]
    forward, backward = J[:, :H], J[:, H:]
    for t, s in itertools.product(range(T), repeat=2):
        assert forward[t, :, s].any() == (s <= t)
        if bidirectional:
            assert backward[t, :, s].any() == (s >= t)


def test_run_gives_the_states_and_gates_of_the_text():
    _, ours = pair("fused", num_layers=2, bidirectional=True)
    x, hx = inputs(ours)
    run = ours.run(x, hx)
    torch.testing.assert_close(run.output, ours(x, hx)[0])
    for layer in run.layers:
        for direction in layer:
            h, c = direction.states
            torch.testing.assert_close(h, direction.gates.o * c.tanh())
            i, f, g, _ = direction.gates
            torch.testing.assert_close(c, f * direction.previous.c + i * g)
    back = run.layers[1][1]
    torch.testing.assert_close(back.previous.c[:-1], back.states.c[1:])
    torch.testing.assert_close(back.previous.c[-1], back.initial.c)


@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True}], ids=str)
def test_unrolled_engine_has_second_derivatives(options):
    lstm = LSTM(2, 2, engine="unrolled", dtype=torch.float64, **options)
    x = torch.randn(3, 1, 2, generator=generator(), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: lstm(x)[0], x)
    assert torch.autograd.gradgradcheck(lambda x: lstm(x)[0], x)


def test_unrolled_engine_under_torch_func():
    lstm = LSTM(D, H, engine="unrolled", dtype=torch.float64)
    weights = dict(lstm.named_parameters())
    x = torch.randn(T, 2, D, generator=generator(), dtype=torch.float64)

    def loss(weights, sequence):
        return torch.func.functional_call(lstm, weights, (sequence,))[0].square().sum()

    per_sequence = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 1))(weights, x)
    for b in range(2):
        expected = torch.autograd.grad(lstm(x[:, b])[0].square().sum(), list(weights.values()))
        for name, gradient in zip(weights, expected, strict=True):
            torch.testing.assert_close(per_sequence[name][b], gradient)


@pytest.mark.parametrize("engine", ["fused", "unrolled"])
def test_empty_batch_is_no_error(engine):
    for layer in (nn.LSTM(D, H), LSTM(D, H, engine=engine)):
        output, (h_n, c_n) = layer(torch.zeros(T, 0, D))
        assert output.shape == (T, 0, H)
        assert h_n.shape == c_n.shape == (1, 0, H)


def state(*shape):
    return torch.zeros(shape), torch.zeros(shape)


MISTAKES = {
    "rank": lambda m: m(torch.zeros(2, 2, 2, D)),
    "features": lambda m: m(torch.zeros(T, B, D + 1)),
    "state batch": lambda m: m(torch.zeros(T, B, D), state(1, B + 1, H)),
    "state size": lambda m: m(torch.zeros(T, B, D), state(1, B, H + 1)),
    "state rank": lambda m: m(torch.zeros(T, B, D), state(B, H)),
    "state rank, unbatched": lambda m: m(torch.zeros(T, D), state(1, B, H)),
    "dtype": lambda m: m(torch.zeros(T, B, D, dtype=torch.float64)),
    "no steps": lambda m: m(torch.zeros(0, B, D)),
}


@pytest.mark.parametrize("engine", ["fused", "unrolled"])
@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_error_classes_are_torchs(engine, mistake):
    with pytest.raises(Exception) as theirs:  # noqa: PT011
        mistake(nn.LSTM(D, H))
    with pytest.raises(type(theirs.value)):
        mistake(LSTM(D, H, engine=engine))


CONSTRUCTION = {
    "hidden_size": {"hidden_size": 0},
    "float size": {"hidden_size": 2.5},
    "layers": {"hidden_size": H, "num_layers": 0},
    "dropout": {"hidden_size": H, "dropout": 1.5},
    "projection": {"hidden_size": H, "proj_size": H},
    "bias": {"hidden_size": H, "bias": "yes"},
}


@pytest.mark.parametrize("options", CONSTRUCTION.values(), ids=CONSTRUCTION)
def test_construction_errors_are_torchs(options):
    with pytest.raises(Exception) as theirs:  # noqa: PT011
        nn.LSTM(D, **options)
    with pytest.raises(type(theirs.value)):
        LSTM(D, **options)


def test_unknown_engine():
    with pytest.raises(ValueError, match="one of 'fused', 'unrolled', got 'cudnn'"):
        LSTM(D, H, engine="cudnn")


@pytest.mark.parametrize("engine", ["fused", "unrolled"])
@pytest.mark.parametrize(
    ("lengths", "error", "message"),
    [
        ([1, 2], RuntimeError, r"one length for each of 3 sequences, got shape \(2,\)"),
        ([1, 2, T + 1], RuntimeError, f"from 1 to T={T}, got {T + 1} for sequence 2"),
        ([1, 0, 2], RuntimeError, "got 0 for sequence 1"),
        ([1, -1, 2], RuntimeError, "got -1 for sequence 1"),
        ([1.0, 2.0, 3.0], TypeError, "whole numbers, got dtype"),
        ("abc", TypeError, "whole numbers, got 'abc'"),
    ],
)
def test_bad_lengths(engine, lengths, error, message):
    with pytest.raises(error, match=message):
        LSTM(D, H, engine=engine)(torch.zeros(T, B, D), lengths=lengths)


@pytest.mark.parametrize("engine", ["fused", "unrolled"])
def test_lengths_need_a_padded_batch(engine):
    lstm = LSTM(D, H, engine=engine)
    with pytest.raises(ValueError, match="batched 3-D input with lengths, got 2-D"):
        lstm(torch.zeros(T, D), lengths=[T])
    with pytest.raises(ValueError, match="got a PackedSequence"):
        lstm(pack_padded_sequence(torch.zeros(T, B, D), torch.tensor([T] * B)), lengths=[T] * B)


# torch.export says so of its own nn.LSTM as well.
@pytest.mark.filterwarnings("ignore:The tensor attributes self._flat_weights:UserWarning")
@pytest.mark.parametrize("engine", ["fused", "unrolled"])
def test_export_and_load(engine, tmp_path):
    lstm = LSTM(D, H, num_layers=2, engine=engine).eval()
    x = torch.randn(T, B, D, generator=generator())
    exported = torch.export.export(lstm, (x,))
    torch.export.save(exported, tmp_path / "lstm.pt2")
    loaded = torch.export.load(tmp_path / "lstm.pt2").module()
    output, (h_n, _) = loaded(x)
    expected, (h_expected, _) = lstm(x)
    torch.testing.assert_close(output, expected)
    torch.testing.assert_close(h_n, h_expected)


def test_engine_may_be_changed_later():
    lstm = LSTM(D, H)
    x = torch.randn(T, B, D, generator=generator())
    fused = lstm(x)[0]
    lstm.engine = "unrolled"
    torch.testing.assert_close(lstm(x)[0], fused)
    assert "engine=unrolled" in repr(lstm)


@pytest.mark.parametrize(
    "options", [{}, {"num_layers": 2, "bidirectional": True}, {"proj_size": 2}]
)
@pytest.mark.parametrize("lengths", [None, [70, 33, 32, 1]])
@pytest.mark.parametrize("steps", [31, 32, 33, 70])
def test_the_fast_loop_is_the_taught_one_whatever_the_number_of_steps(options, lengths, steps):
    lstm = LSTM(D, H, engine="unrolled", dtype=torch.float64, **options)
    x = torch.randn(steps, 4, D, generator=generator(), dtype=torch.float64)
    lengths = None if lengths is None else [min(steps, length) for length in lengths]
    weights = list(lstm.parameters())

    def gradients(output, state):
        loss = output.square().sum() + state[0].sin().sum() + state[1].sin().sum()
        return [output, *state, *torch.autograd.grad(loss, weights)]

    run = lstm.run(x, lengths=lengths)
    fast, taught = gradients(*lstm(x, lengths=lengths)), gradients(run.output, run.state)
    for ours, expected in zip(fast, taught, strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-10, atol=1e-12)


def test_hidden_states_alone_are_those_of_the_whole_run():
    for layer in (Recurrent(LSTMCell(D, H), num_layers=2), Recurrent(GRUCell(D, H))):
        x = torch.randn(T, B, D, generator=generator())
        run = layer.run(x, lengths=LENGTHS)
        output, state = layer(x, lengths=LENGTHS)
        torch.testing.assert_close(output, run.output, rtol=0, atol=0)
        torch.testing.assert_close(state, run.state, rtol=0, atol=0)


class Tagger(nn.Module):
    """A user's model with our layer inside."""

    def __init__(self, engine):
        super().__init__()
        self.lstm = LSTM(D, H, engine=engine)
        self.read = nn.Linear(H, 2)

    def forward(self, x):
        return self.read(self.lstm(2 * x)[0])


needs_compiler = pytest.mark.skipif(
    not any(shutil.which(name) for name in ("g++", "clang++", "cl")),
    reason="torch.compile writes C++ for the CPU, and there is no C++ compiler here",
)


@needs_compiler
# Dynamo reads .grad of what is no leaf, and hides the warning only where it is not an error.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
# Inductor asks for a decorator that torch itself has deprecated.
@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
def test_compile_takes_the_whole_loop_as_one_graph_without_a_switch():
    torch._dynamo.reset()
    model = Tagger("unrolled")
    graphs = []

    def count(graph, inputs):
        graphs.append(sum(node.target is torch.addmm for node in graph.graph.nodes))
        return graph.forward

    counted = torch.compile(model, backend=count)
    x = torch.randn(3, B, D, generator=generator())
    torch.testing.assert_close(counted(x), model(x))
    assert [products for products in graphs if products] == [3]  # the loop is in one piece
    torch._dynamo.reset()
    with pytest.raises(torch._dynamo.exc.Unsupported, match="LSTM"):
        torch.compile(LSTM(D, H, engine="unrolled"), backend=count, fullgraph=True)(x[..., :D])
    torch._dynamo.reset()
    # Inductor's cache of graphs does not ask for which instructions its code was written, and its
    # compiler is told those of today (ATEN_CPU_CAPABILITY): the code is written anew.
    compiled = torch.compile(model, options={"fx_graph_cache": False})
    weights = list(model.parameters())
    ours = compiled(x)
    torch.testing.assert_close(ours, model(x))
    for a, b in zip(
        torch.autograd.grad(ours.square().sum(), weights),
        torch.autograd.grad(model(x).square().sum(), weights),
        strict=True,
    ):
        torch.testing.assert_close(a, b)
    torch._dynamo.reset()
