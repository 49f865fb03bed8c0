"""What users do to `torch.nn.LSTM`, done to ours: torch's result, or a clear refusal."""

import copy
import io
import itertools
import pickle

import pytest
import torch
from support import label, replica
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from lstm_book.cells import GRUCell, LSTMCell, PeepholeLSTMCell, RNNCell, SLSTMCell
from lstm_book.layers import LSTM, Recurrent
from lstm_book.layers.lstm import ENGINES

T, B, D, H = 6, 3, 4, 5
LENGTHS = torch.tensor([4, 6, 1])
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
engines = pytest.mark.parametrize("engine", ENGINES)
ways = pytest.mark.parametrize("way", [*ENGINES, "run"])


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(16)


def call(layer, way, x, hx=None, **options):
    """Output, h_n and c_n of one of the three ways through our layer."""
    if way == "run":
        output, state = layer.run(x, hx, **options)[:2]
    else:
        layer.engine = way
        output, state = layer(x, hx, **options)
    return output, *state


def gradients(layer, outputs):
    """The gradients of what is trained, by a loss that reads all outputs."""
    loss = sum(output.float().square().sum() for output in outputs)
    return torch.autograd.grad(loss, list(layer.parameters()))


# Weights that are no plain parameters -------------------------------------------------------------


class Doubled(nn.Module):
    def forward(self, weight):
        return 2 * weight


REPARAMETRISATIONS = {
    "parametrised": lambda m: parametrize.register_parametrization(m, "weight_ih_l0", Doubled()),
    "parametrised bias": lambda m: parametrize.register_parametrization(m, "bias_hh_l0", Doubled()),
    "weight norm": lambda m: parametrizations.weight_norm(m, "weight_hh_l0"),
    "spectral norm": lambda m: parametrizations.spectral_norm(m, "weight_hh_l0"),
    "orthogonal": lambda m: parametrizations.orthogonal(m, "weight_hr_l0"),
    "older weight norm": lambda m: nn.utils.weight_norm(m, "weight_hh_l0"),
    "older spectral norm": lambda m: nn.utils.spectral_norm(m, "weight_hh_l0"),
    "pruned": lambda m: prune.l1_unstructured(m, "weight_hh_l0", amount=0.5),
    "pruned twice": lambda m: [
        prune.random_unstructured(m, "weight_ih_l0", amount=0.3) for _ in range(2)
    ],
    "pruned projection": lambda m: prune.l1_unstructured(m, "weight_hr_l0", amount=0.5),
    "one bias pruned": lambda m: prune.identity(m, "bias_ih_l0"),
    "backward": lambda m: prune.l1_unstructured(m, "weight_hh_l0_reverse", amount=0.5),
}


@pytest.mark.filterwarnings("ignore:.*torch.nn.utils.weight_norm:FutureWarning")
@ways
@pytest.mark.parametrize("act", REPARAMETRISATIONS.values(), ids=REPARAMETRISATIONS)
def test_weights_of_every_kind_against_torch(act, way):
    options = {"bidirectional": True, "proj_size": 2, "dtype": torch.float64}
    theirs, ours = nn.LSTM(D, H, **options), LSTM(D, H, **options)
    ours.load_state_dict(theirs.state_dict())
    torch.manual_seed(0)
    act(theirs)
    torch.manual_seed(0)
    act(ours)
    theirs.eval(), ours.eval()
    x = torch.randn(T, B, D, dtype=torch.float64)

    def both():
        wanted = theirs(x)
        wanted = (wanted[0], *wanted[1])
        got = call(ours, way, x)
        torch.testing.assert_close(got, wanted, rtol=1e-10, atol=1e-12)
        wanted, got = gradients(theirs, wanted), gradients(ours, got)
        torch.testing.assert_close(got, wanted, rtol=1e-10, atol=1e-12)
        return wanted

    steps = both()
    with torch.no_grad():  # what is trained moves; what is computed from it must follow
        for module in (theirs, ours):
            for parameter, step in zip(module.parameters(), steps, strict=True):
                parameter -= 0.1 * step
    both()


@ways
@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True}], ids=str)
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["plain", "lengths"])
def test_a_replica_computes_with_its_own_tensors(way, options, lengths):
    layer = LSTM(D, H, **options)
    x = torch.randn(T, B, D)
    wanted = call(layer, way, x, lengths=lengths)
    again = replica(layer)
    got = call(again, way, x, lengths=lengths)
    torch.testing.assert_close(got, wanted)
    torch.testing.assert_close(gradients(layer, got), gradients(layer, wanted))


CELLS = {
    "lstm": (LSTMCell, "weight_hh"),
    "gru": (GRUCell, "weight_hh"),
    "rnn": (RNNCell, "weight_ih"),
    "slstm": (SLSTMCell, "weight_hh"),
    "peephole": (PeepholeLSTMCell, "weight_ch"),
    "bias": (LSTMCell, "bias_ih"),
}
CELL_ACTS = {
    "parametrised": lambda m, name: parametrize.register_parametrization(m, name, Doubled()),
    "pruned": lambda m, name: prune.l1_unstructured(m, name, amount=0.5),
    "weight norm": lambda m, name: parametrizations.weight_norm(m, name),
    "older weight norm": lambda m, name: nn.utils.weight_norm(m, name),
}


def effective(cell):
    """The same cell with plain parameters of the effective numbers."""
    plain = type(cell)(D, H, dtype=torch.float64)
    if parametrize.is_parametrized(cell):
        plain = type(cell).__bases__[0](D, H, dtype=torch.float64)
    with torch.no_grad():
        for name, parameter in plain.named_parameters():
            parameter.copy_(getattr(cell, name))
    return plain


@pytest.mark.filterwarnings("ignore:.*torch.nn.utils.weight_norm:FutureWarning")
@pytest.mark.parametrize("act", CELL_ACTS.values(), ids=CELL_ACTS)
@pytest.mark.parametrize(("kind", "name"), CELLS.values(), ids=CELLS)
def test_recurrent_of_a_cell_with_weights_of_every_kind(kind, name, act):
    cell = kind(D, H, dtype=torch.float64)
    act(cell, name)
    layer = Recurrent(cell)
    x = torch.randn(T, B, D, dtype=torch.float64)
    for _ in range(2):
        output, _ = layer(x)
        output.square().sum().backward()
        cell(x[0])  # the reference reads what a call renews
        torch.testing.assert_close(output, Recurrent(effective(cell))(x)[0])
        assert torch.equal(layer.run(x).output, output)
        with torch.no_grad():
            for parameter in cell.parameters():
                parameter -= 0.1 * parameter.grad
                parameter.grad = None


def test_spectral_norm_is_computed_once_for_all_steps():
    """In training each reading iterates: weights would change under way."""
    cell = RNNCell(D, H, bias=False)
    parametrizations.spectral_norm(cell, "weight_hh")
    seen = []
    hook = cell.parametrizations.weight_hh[0].register_forward_hook(lambda *a: seen.append(a[2]))
    Recurrent(cell)(torch.randn(T, B, D))
    hook.remove()
    assert len(seen) == 1


@pytest.mark.parametrize("kind", [LSTMCell, GRUCell, SLSTMCell])
def test_recurrent_as_a_replica(kind):
    layer = Recurrent(kind(D, H), num_layers=2, bidirectional=True)
    x = torch.randn(T, B, D)
    wanted, got = layer(x)[0], replica(layer)(x)[0]
    torch.testing.assert_close(got, wanted)
    torch.testing.assert_close(gradients(layer, [got]), gradients(layer, [wanted]))
    with pytest.raises(ValueError, match=r"dtype torch.float32.*got torch.float64"):
        replica(layer)(x.double())


@pytest.mark.parametrize("act", [CELL_ACTS["parametrised"], CELL_ACTS["pruned"]])
def test_others_like_a_reparametrised_cell_are_not_built(act):
    cell = LSTMCell(D, H)
    act(cell, "weight_hh")
    with pytest.raises(TypeError, match=r"another .*LSTMCell: its weights are .*`cells`"):
        Recurrent(cell, bidirectional=True)


# Mixed precision ----------------------------------------------------------------------------------


def lower():
    return torch.autocast("cpu", dtype=torch.bfloat16)


@pytest.mark.parametrize("x_dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("h_dtype", [None, torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize(
    "options",
    [{}, {"num_layers": 2, "bidirectional": True}, {"bias": False}, {"batch_first": True}],
    ids=str,
)
def test_autocast_against_torch(options, x_dtype, h_dtype):
    """Results to what bfloat16 can say; dtypes as torch's kernel has them, with oneDNN or not."""
    theirs = nn.LSTM(D, H, **options)
    ours = LSTM(D, H, **options)
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn((B, T, D) if theirs.batch_first else (T, B, D)).to(x_dtype)
    rows = theirs.num_layers * (1 + theirs.bidirectional)
    hx = None if h_dtype is None else tuple(torch.randn(rows, B, H).to(h_dtype) for _ in range(2))
    exact = nn.LSTM.forward(theirs, x.float(), None if hx is None else tuple(s.float() for s in hx))
    exact = (exact[0].transpose(0, 1) if theirs.batch_first else exact[0], *exact[1])
    results = {}
    with lower():  # oneDNN has no such kernel on every processor
        broken = error_of(theirs, x, hx)
        assert error_of(ours, x, hx) is broken
    for way in ("unrolled", "run") if broken else (*ENGINES, "run"):
        with lower():
            output, *state = call(ours, way, x, hx)
        output = output.transpose(0, 1) if theirs.batch_first and way != "run" else output
        results[way] = output, *state
        grads = gradients(ours, results[way])
        assert all(grad.dtype == torch.float32 and grad.isfinite().all() for grad in grads)
        for got, wanted in zip(results[way], exact, strict=True):
            torch.testing.assert_close(got.float(), wanted, rtol=0, atol=0.05)
    dtypes = [[tensor.dtype for tensor in results[way]] for way in ("unrolled", "run")]
    assert dtypes == [[torch.bfloat16] * 3] * 2


@pytest.mark.parametrize("h_dtype", [None, torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("x_dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("mode", ["packed", "lengths", "projected", "empty"])
def test_autocast_where_torch_keeps_the_states_precision(mode, x_dtype, h_dtype):
    options = {"proj_size": 2} if mode == "projected" else {}
    theirs, ours = nn.LSTM(D, H, **options), LSTM(D, H, **options)
    ours.load_state_dict(theirs.state_dict())
    batch = 0 if mode == "empty" else B
    x = torch.randn(T, batch, D).to(x_dtype)
    hx = None
    if h_dtype is not None:
        sizes = (theirs.proj_size or H, H)
        hx = tuple(torch.randn(1, batch, size).to(h_dtype) for size in sizes)
    packed = pack_padded_sequence(x, LENGTHS, enforce_sorted=False) if batch else x

    def padded(output):
        return pad_packed_sequence(output)[0] if isinstance(output, PackedSequence) else output

    with lower():
        output, state = theirs(packed if mode in ("packed", "lengths") else x, hx)
        wanted = padded(output), *state
        for way in ENGINES:
            given = packed if mode == "packed" else x
            lengths = {"lengths": LENGTHS} if mode == "lengths" else {}
            output, *state = call(ours, way, given, hx, **lengths)
            got = padded(output), *state
            assert [tensor.dtype for tensor in got] == [tensor.dtype for tensor in wanted]
            torch.testing.assert_close(got, wanted, rtol=0, atol=0.05)


@ways
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_layers_without_autocast(way, dtype):
    layer = LSTM(D, H, num_layers=2, bidirectional=True)
    x = torch.randn(T, B, D)
    wanted = call(layer, way, x)
    got = call(layer.to(dtype), way, x.to(dtype))
    assert {tensor.dtype for tensor in got} == {dtype}
    torch.testing.assert_close([t.float() for t in got], list(wanted), rtol=0, atol=0.05)


@pytest.mark.parametrize("x_dtype", [torch.float32, torch.bfloat16], ids=str)
def test_autocast_of_a_gru_cell_against_torch(x_dtype):
    theirs, ours = nn.GRU(D, H), Recurrent(GRUCell(D, H))
    ours.load_state_dict(
        {f"cells.0.{name[:-3]}": value for name, value in theirs.state_dict().items()}
    )
    x = torch.randn(T, B, D).to(x_dtype)
    with lower():
        wanted, got = theirs(x), ours(x)
    assert [tensor.dtype for tensor in got] == [tensor.dtype for tensor in wanted]
    torch.testing.assert_close(got, wanted, rtol=0, atol=0.05)
    assert all(grad.dtype == torch.float32 for grad in gradients(ours, got))


@pytest.mark.parametrize("kind", [LSTMCell, GRUCell, RNNCell, SLSTMCell, PeepholeLSTMCell])
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["plain", "lengths"])
def test_autocast_after_a_linear_layer(kind, lengths):
    linear = nn.Linear(D, D)
    layer = Recurrent(kind(D, H), num_layers=2, bidirectional=True)
    x = torch.randn(T, B, D)
    wanted = layer(linear(x), lengths=lengths)[0]
    with lower():
        output, _ = layer(linear(x), lengths=lengths)
        run = layer.run(linear(x), lengths=lengths)
    assert torch.equal(run.output, output)
    torch.testing.assert_close(output.float(), wanted, rtol=0, atol=0.05)


@ways
def test_autocast_leaves_float64_alone(way):
    layer = LSTM(D, H, dtype=torch.float64)
    x = torch.randn(T, B, D, dtype=torch.float64)
    wanted = call(layer, way, x)
    with lower():
        torch.testing.assert_close(call(layer, way, x), wanted, rtol=0, atol=0)
        with pytest.raises(RuntimeError):
            call(layer, way, x.float())
        with pytest.raises(RuntimeError):
            call(LSTM(D, H), way, x)


# torch's own layer --------------------------------------------------------------------------------

OPTIONS = [
    {},
    {"num_layers": 2, "bidirectional": True, "batch_first": True},
    {"bias": False, "proj_size": 2},
    {"num_layers": 2, "dropout": 0.5, "dtype": torch.float64},
]


@engines
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_to_torch_is_torchs_layer_with_the_same_numbers(engine, options):
    ours = LSTM(D, H, engine=engine, **options).eval()
    ours.weight_hh_l0.requires_grad_(False)
    state = torch.get_rng_state()
    theirs = ours.to_torch()
    assert torch.equal(torch.get_rng_state(), state)
    assert type(theirs) is nn.LSTM
    assert repr(theirs) == repr(ours).replace(f", engine={engine}", "")
    assert not theirs.training
    assert ours.train().to_torch().training
    for (name, mine), (other, copied) in zip(
        ours.named_parameters(), theirs.named_parameters(), strict=True
    ):
        assert name == other
        assert torch.equal(mine, copied)
        assert mine.dtype == copied.dtype
        assert mine.requires_grad == copied.requires_grad
        assert mine.data_ptr() != copied.data_ptr()
    x = torch.randn(T, B, D, dtype=ours.weight_ih_l0.dtype)
    torch.testing.assert_close(theirs(x), tuple(ours.eval()(x)))
    copy.deepcopy(theirs)(x)
    pickle.loads(pickle.dumps(theirs))(x)


def test_to_torch_on_another_device():
    theirs = LSTM(D, H, device="meta").to_torch()
    assert theirs.weight_ih_l0.is_meta


@pytest.mark.filterwarnings("ignore:.*torch.nn.utils.weight_norm:FutureWarning")
@pytest.mark.parametrize("act", REPARAMETRISATIONS.values(), ids=REPARAMETRISATIONS)
def test_to_torch_takes_the_weights_as_they_come_out(act):
    ours = LSTM(D, H, bidirectional=True, proj_size=2)
    act(ours)
    ours.eval()
    with torch.no_grad():
        for parameter in ours.parameters():
            parameter.mul_(1.5)
        theirs = ours.to_torch()
    x = torch.randn(T, B, D)
    torch.testing.assert_close(theirs(x), ours(x))
    assert len(list(theirs.parameters())) == 10
    assert all(parameter.requires_grad for parameter in theirs.parameters())


def test_to_torch_without_a_second_warning_of_dropout():
    with pytest.warns(UserWarning, match="dropout option"):
        ours = LSTM(D, H, dropout=0.5)
    assert ours.to_torch().dropout == 0.5


def test_to_torch_of_another_forward_is_refused():
    class Louder(LSTM):
        def forward(self, *arguments):
            output, state = super().forward(*arguments)
            return 2 * output, state

    patched = LSTM(D, H)
    patched.forward = lambda x: x
    for layer in (Louder(D, H), patched):
        with pytest.raises(TypeError, match="LSTM's own forward, got"):
            layer.to_torch()


class Model(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer, self.readout = layer, nn.Linear(H, 2)

    def forward(self, x):
        return self.readout(self.layer(x)[0])


torchscript = pytest.mark.filterwarnings(
    "ignore:.*torch.jit:DeprecationWarning", "ignore::torch.jit.TracerWarning"
)


@torchscript
@engines
def test_script_is_refused_with_the_way_out_and_the_model_left_as_it_was(engine):
    layer = LSTM(D, H, engine=engine)
    for module in (layer, Model(layer), nn.Sequential(nn.Linear(D, D), Model(layer))):
        with pytest.raises(TypeError, match=r"torch.nn.LSTM, got lstm_book's.*to_torch\(\)"):
            torch.jit.script(module)
    model = Model(layer)
    with pytest.raises(TypeError):
        torch.jit.script(model)
    assert model.layer is layer
    x = torch.randn(T, B, D)
    model.layer = layer.to_torch()
    torch.testing.assert_close(torch.jit.script(model)(x), model(x))


@torchscript
def test_script_of_recurrent_is_refused():
    layer = Recurrent(LSTMCell(D, H))
    for module in (layer, Model(layer)):
        with pytest.raises(TypeError, match=r"compile, got Recurrent.*trace it.*to_torch\(\)"):
            torch.jit.script(module)


@torchscript
@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True}], ids=str)
def test_a_traced_fused_layer_takes_any_number_of_steps(options):
    layer = LSTM(D, H, **options)
    traced = torch.jit.trace(layer, (torch.randn(T, B, D),))
    for shape in ((T, B, D), (2, B, D), (40, 1, D)):
        x = torch.randn(shape)
        torch.testing.assert_close(traced(x), layer(x))


@torchscript
def test_a_traced_fused_layer_takes_lengths():
    """Lengths that are traced stay free; those of a list would be constants."""
    layer = LSTM(D, H).requires_grad_(False)

    class Lengths(Model):
        def forward(self, x, lengths):
            return self.layer(x, lengths=lengths)[0]

    traced = torch.jit.trace(Lengths(layer), (torch.randn(T, B, D), LENGTHS))
    x, lengths = torch.randn(T, B, D), torch.tensor([6, 2, 3])
    torch.testing.assert_close(traced(x, lengths), layer(x, lengths=lengths)[0])


@torchscript
def test_a_trace_of_the_unrolled_loop_is_refused():
    layer = LSTM(D, H, engine="unrolled")
    x = torch.randn(T, B, D)
    for module in (layer, Model(layer)):
        with pytest.raises(RuntimeError, match=r"engine 'fused'.*to_torch\(\)"):
            torch.jit.trace(module, (x,))
    torch.testing.assert_close(torch.jit.trace(layer.to_torch(), (x,))(x[:2]), layer(x[:2]))


@torchscript
def test_a_trace_of_recurrent_is_right_or_refuses_other_steps():
    layer = Recurrent(GRUCell(D, H), num_layers=2, bidirectional=True)
    traced = torch.jit.trace(layer, (torch.randn(T, B, D),))
    x = torch.randn(T, B + 2, D)
    torch.testing.assert_close(traced(x), layer(x))
    with pytest.raises(RuntimeError, match="elements in a list"):
        traced(x[:2])


older_export = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning", "ignore::UserWarning"
)


@older_export
@pytest.mark.parametrize("inside", [False, True])
def test_the_older_onnx_export(inside):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    layer = LSTM(D, H, 2, bidirectional=True).eval()
    module = nn.Sequential(layer) if inside else layer
    x = torch.randn(T, B, D)
    axes = {"x": {0: "T", 1: "B"}}
    options = {"dynamo": False, "input_names": ["x"], "dynamic_axes": axes}
    file = io.BytesIO()
    torch.onnx.export(module, (x,), file, **options)
    session = runtime.InferenceSession(file.getvalue())
    for shape in ((T, B, D), (3, 1, D)):
        x = torch.randn(shape)
        (got, *_) = session.run(None, {"x": x.numpy()})
        torch.testing.assert_close(torch.from_numpy(got), layer(x)[0], rtol=1e-4, atol=1e-5)
    layer.engine = "unrolled"
    with pytest.raises(RuntimeError, match=r"older ONNX export.*to_torch\(\)"):
        torch.onnx.export(module, (x,), io.BytesIO(), **options)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.parametrize(
    "spec",
    [
        {nn.LSTM},
        {nn.LSTM, nn.Linear},
        {LSTM},
        None,
        {"layer": torch.ao.quantization.default_dynamic_qconfig},
    ],
    ids=["torch's", "both", "ours", "default", "by name"],
)
def test_dynamic_quantisation_is_refused_with_the_way_out(spec):
    quantise = torch.ao.quantization.quantize_dynamic
    model = Model(LSTM(D, H))
    with pytest.raises(TypeError, match=r"quantisation would pass over it.*to_torch\(\)"):
        quantise(model, spec)
    model.layer = model.layer.to_torch()
    x = torch.randn(T, B, D)
    spec = {nn.LSTM} if spec == {LSTM} else spec
    quantised = quantise(model, spec)
    assert "quantized" in type(quantised.layer).__module__
    torch.testing.assert_close(quantised(x), model.eval()(x), rtol=0, atol=0.1)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
@engines
def test_linear_layers_beside_ours_are_quantised(engine):
    model = Model(LSTM(D, H, engine=engine))
    quantised = torch.ao.quantization.quantize_dynamic(model, {nn.Linear})
    assert type(quantised.layer) is LSTM
    assert "quantized" in type(quantised.readout).__module__
    x = torch.randn(T, B, D)
    torch.testing.assert_close(quantised(x), model.eval()(x), rtol=0, atol=0.1)


# The engine, and what is stored -------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["Fused", "", None, 1, ["fused"], "cudnn"], ids=repr)
def test_an_unknown_engine_is_refused_whenever_it_is_given(engine):
    with pytest.raises(ValueError, match="engine to be one of 'fused', 'unrolled', got"):
        LSTM(D, H, engine=engine)
    layer = LSTM(D, H, engine="unrolled")
    with pytest.raises(ValueError, match="engine to be one of 'fused', 'unrolled', got"):
        layer.engine = engine
    assert layer.engine == "unrolled"


@engines
def test_copies_and_pickles_keep_the_engine(engine):
    layer = LSTM(D, H, engine=engine)
    old = layer.__getstate__()
    assert old["engine"] == engine  # where it has always been
    again = LSTM.__new__(LSTM)
    again.__setstate__(old)
    x = torch.randn(T, B, D)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), again):
        assert other.engine == engine
        torch.testing.assert_close(other(x), layer(x))
        assert "engine" not in "".join(other.state_dict())


@engines
def test_states_are_plain_tuples_that_load_as_weights_only(engine):
    output, state = LSTM(D, H, engine=engine)(torch.zeros(T, B, D), lengths=LENGTHS)
    assert type(state) is tuple
    file = io.BytesIO()
    torch.save({"output": output, "state": state}, file)
    file.seek(0)
    torch.testing.assert_close(torch.load(file, weights_only=True)["state"], state)


def test_first_states_do_not_share_memory():
    run = LSTM(D, H).run(torch.zeros(T, B, D))
    initial = run.layers[0][0].initial
    assert initial.h.data_ptr() != initial.c.data_ptr()


# Mistakes -----------------------------------------------------------------------------------------

Z = torch.zeros
INPUTS = {
    "right": Z(T, B, D),
    "single": Z(T, D),
    "rank 1": Z(D),
    "rank 4": Z(1, T, B, D),
    "rank 0": Z(()),
    "features": Z(T, B, D + 1),
    "no features": Z(T, B, 0),
    "single features": Z(T, D + 1),
    "float64": Z(T, B, D).double(),
    "int64": Z(T, B, D).long(),
    "no steps": Z(0, B, D),
    "single no steps": Z(0, D),
    "no batch": Z(T, 0, D),
    "float64 features": Z(T, B, D + 1).double(),
    "float64 no steps": Z(0, B, D).double(),
    "float64 rank 4": Z(1, T, B, D).double(),
    "no steps features": Z(0, B, D + 1),
}
STATES = {
    "missing": None,
    "right": Z(1, B, H),
    "single": Z(1, H),
    "batch of 1": Z(1, 1, H),
    "batch": Z(1, B + 1, H),
    "no batch": Z(1, 0, H),
    "size": Z(1, B, H + 1),
    "size of 1": Z(1, B, 1),
    "rows": Z(2, B, H),
    "rank 1": Z(H),
    "rank 4": Z(1, 1, B, H),
    "float64": Z(1, B, H).double(),
    "float64 rank": Z(B, H).double(),
    "float64 size": Z(1, B, H + 1).double(),
}
OURS = {
    "fused": LSTM(D, H),
    "unrolled": LSTM(D, H, engine="unrolled"),
    "run": LSTM(D, H).run,
    "recurrent": Recurrent(LSTMCell(D, H)),
}


def error_of(function, *arguments):
    """The class of what it raises, None if nothing."""
    try:
        function(*arguments)
    except Exception as error:
        return type(error) if str(error) else "an error without words"
    return None


@pytest.mark.parametrize("given", INPUTS)
def test_every_mistake_and_pair_of_mistakes_has_torchs_error_class(given):
    theirs, gru, cells = nn.LSTM(D, H), nn.GRU(D, H), Recurrent(GRUCell(D, H))
    x = INPUTS[given]
    right = Z(1, H) if x.dim() == 2 else Z(1, x.shape[1], H) if x.dim() == 3 else STATES["right"]
    for name, state in STATES.items():
        pairs = [None] if state is None else [(state, state), (state, right), (right, state)]
        for hx in pairs:
            wanted = error_of(theirs, x, hx)
            for way, ours in OURS.items():
                assert error_of(ours, x, hx) is wanted, (name, way)
        assert error_of(cells, x, state) is error_of(gru, x, state), name


WRONG_PACKS = {
    "features": lambda: pack(Z(T, B, D + 1)),
    "float64": lambda: pack(Z(T, B, D).double()),
    "rank 3": lambda: pack(Z(T, B, D, 2)),
    "rank 1": lambda: PackedSequence(Z(4), torch.tensor([3, 1])),
}


def pack(x):
    return pack_padded_sequence(x, LENGTHS, enforce_sorted=False)


@engines
@pytest.mark.parametrize("make", WRONG_PACKS.values(), ids=WRONG_PACKS)
def test_packed_mistakes_have_torchs_error_class(make, engine):
    assert error_of(nn.LSTM(D, H), make()) is RuntimeError
    assert error_of(LSTM(D, H, engine=engine), make()) is RuntimeError


@engines
@pytest.mark.parametrize("name", ["single", "batch of 1", "batch", "size", "rows", "rank 1"])
def test_a_packed_batch_with_wrong_states_is_refused(name, engine):
    """Torch takes one of a larger batch, and reads beyond the end of a smaller one."""
    layer, right, wrong = LSTM(D, H, engine=engine), STATES["right"], STATES[name]
    for hx in ((wrong, wrong), (wrong, right), (right, wrong)):
        with pytest.raises(RuntimeError):
            layer(pack(Z(T, B, D)), hx)


ODD = [None, "a", 3, float("nan"), [], (), {}, [1.0], (None, None), ("a", "b"), object(), True]
ODD += [(Z(1, B, H),), (Z(1, B, H),) * 3, Z(2, 1, B, H), 10**30, Z(T, B, D) > 0]


@pytest.mark.parametrize("name", OURS)
def test_odd_arguments_have_an_error_with_words(name):
    ours = OURS[name]
    for odd in ODD:
        assert error_of(ours, odd) in (TypeError, ValueError, RuntimeError)
        if odd is not None:
            for arguments in ((Z(T, B, D), odd), (Z(T, B, D), None, odd)):
                assert error_of(ours, *arguments) in (TypeError, RuntimeError, ValueError)


@pytest.mark.parametrize("hx", [Z(2, 1, B, H), "ab", 3, {}, iter(())], ids=label)
def test_what_is_no_pair_of_states(hx):
    for way in ("fused", "unrolled", "run"):
        with pytest.raises(TypeError, match=r"hx to be a tuple \(h_0, c_0\), got"):
            OURS[way](Z(T, B, D), hx)


@pytest.mark.parametrize(
    ("option", "value", "error"),
    [
        ("num_layers", 10**30, ValueError),
        ("num_layers", 1.5, TypeError),
        ("num_layers", "2", TypeError),
        ("num_layers", -1, ValueError),
        ("bidirectional", "yes", TypeError),
        ("bidirectional", 2, TypeError),
        ("batch_first", 1, TypeError),
        ("dropout", float("nan"), ValueError),
        ("dropout", -0.1, ValueError),
        ("dropout", None, TypeError),
        ("dropout", [], TypeError),
    ],
)
def test_odd_options(option, value, error):
    with pytest.raises(error):
        LSTM(D, H, **{option: value})
    with pytest.raises(error, match=option):
        Recurrent(LSTMCell(D, H), **{option: value})


def test_every_combination_of_hidden_sizes_that_would_broadcast():
    for h, c in itertools.product((1, H), repeat=2):
        if (h, c) != (H, H):
            for ours in OURS.values():
                assert error_of(ours, Z(T, B, D), (Z(1, B, h), Z(1, B, c))) is RuntimeError
