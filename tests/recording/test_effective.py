"""What is recorded is what the layer itself computes, however its weights and its call are made."""

import copy
import warnings
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune
from torch.nn.utils import spectral_norm as old_spectral_norm
from torch.nn.utils import weight_norm as old_weight_norm

from lstm_book.cells import GRUCell, LSTMCell, RecurrentDropoutLSTMCell
from lstm_book.layers import LSTM, Recurrent
from lstm_book.recording import gradient_paths, record

T, B, D, H = 6, 3, 2, 4
LENGTHS = [2, 6, 1]


def old(norm):
    """One of torch's two deprecated norms, without the word that it is."""

    def reparametrise(lstm, name):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            norm(lstm, name)

    return reparametrise


class Masked(nn.Module):
    """A parametrisation of somebody's own, other in training mode."""

    def forward(self, weight):
        return weight.sign() * weight.abs().sqrt() * (0.5 if self.training else 1.0)


CHANGES = {
    "plain": lambda lstm: None,
    "weight norm": lambda lstm: parametrizations.weight_norm(lstm, "weight_hh_l0"),
    "spectral norm": lambda lstm: parametrizations.spectral_norm(lstm, "weight_ih_l0"),
    "orthogonal": lambda lstm: parametrizations.orthogonal(lstm, "weight_hh_l0"),
    "own parametrisation": lambda lstm: nn.utils.parametrize.register_parametrization(
        lstm, "weight_hh_l0", Masked()
    ),
    "older weight norm": lambda lstm: old(old_weight_norm)(lstm, "weight_hh_l0"),
    "older spectral norm": lambda lstm: old(old_spectral_norm)(lstm, "weight_hh_l0"),
    "pruned": lambda lstm: prune.l1_unstructured(lstm, "weight_ih_l0", amount=0.5),
    "one bias pruned": lambda lstm: prune.l1_unstructured(lstm, "bias_ih_l0", amount=0.5),
    "nothing pruned": lambda lstm: prune.identity(lstm, "bias_hh_l0"),
    "two pruned": lambda lstm: [
        prune.random_unstructured(lstm, name, amount=0.3) for name in ("weight_hh_l0", "bias_hh_l0")
    ],
}


def changed(change, kind=nn.LSTM, **options):
    torch.manual_seed(0)
    lstm = kind(D, H, **{"dtype": torch.float64, **options})
    with torch.no_grad():
        lstm.bias_ih_l0.add_(1)
    CHANGES[change](lstm)
    return lstm.eval()


def inputs(dtype=torch.float64):
    return torch.randn(T, B, D, generator=torch.Generator().manual_seed(1), dtype=dtype)


def replica(lstm):
    """What `torch.nn.DataParallel` runs on each device: tensors in the place of parameters."""
    made = lstm._replicate_for_data_parallel()
    for name, parameter in lstm._parameters.items():
        setattr(made, name, parameter * 1)
    made._flat_weights = [getattr(made, name) for name in made._flat_weights_names]
    return made


def assert_is_the_layers(lstm, x, **tolerance):
    """Compare to the layer's own output; the gates to these, by c_t = f c + i g, h = o tanh c."""
    output, (h_n, c_n) = lstm(x)
    recording = record(lstm, x)
    for got, want in zip((recording.output, *recording.state), (output, h_n, c_n), strict=True):
        assert got.dtype == want.dtype
        torch.testing.assert_close(got, want.detach(), **tolerance)
    trace = recording.trace(lstm.num_layers - 1)
    kept = torch.cat([torch.zeros_like(trace.c[:1]), trace.c[:-1]])
    torch.testing.assert_close(trace.c, trace.f * kept + trace.i * trace.g, **tolerance)
    if not lstm.proj_size:
        torch.testing.assert_close(trace.h, trace.o * trace.c.tanh(), **tolerance)
    torch.testing.assert_close(trace.c[-1], c_n[-1].detach(), **tolerance)
    for name in "ifgoch":
        assert getattr(trace, name).dtype == output.dtype


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("kind", [nn.LSTM, LSTM])
def test_changed_weights_are_recorded_as_they_run(change, kind):
    lstm = changed(change, kind)
    assert_is_the_layers(lstm, inputs(), rtol=0, atol=1e-12)
    # and after a step of an optimiser, when the older norms have yet to be renewed
    with torch.no_grad():
        for parameter in lstm.parameters():
            parameter.mul_(1.5)
    recorded = record(lstm, inputs()).output
    torch.testing.assert_close(recorded, lstm(inputs())[0].detach(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("change", CHANGES)
def test_gradients_are_those_of_a_layer_with_these_numbers(change):
    lstm = changed(change)
    lstm(inputs())
    baked = nn.LSTM(D, H, dtype=torch.float64)
    for name, parameter in baked.named_parameters():
        parameter.data = getattr(lstm, name).detach().clone()

    def loss(output, state):
        return output.sin().sum() + state[1].square().sum()

    got, want = (gradient_paths(layer, inputs(), loss) for layer in (lstm, baked))
    for a, b in zip(got, want, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


@pytest.mark.parametrize("norm", ["spectral norm", "older spectral norm", "own parametrisation"])
def test_a_norm_in_training_mode_is_left_as_it_was(norm):
    lstm = changed(norm)
    want = record(lstm, inputs()).output
    lstm.train()
    before = copy.deepcopy(lstm.state_dict())
    assert torch.equal(record(lstm, inputs()).output, want)
    gradient_paths(lstm, inputs(), lambda output, _: output.sum())
    assert all(torch.equal(value, before[name]) for name, value in lstm.state_dict().items())
    assert all(module.training for module in lstm.modules())


@pytest.mark.parametrize("kind", [nn.LSTM, LSTM])
def test_a_replica_is_recorded_as_its_layer(kind):
    lstm = changed("plain", kind, num_layers=2)
    want, got = record(lstm, inputs()), record(replica(lstm), inputs())
    assert torch.equal(got.output, want.output)
    paths = [
        gradient_paths(layer, inputs(), lambda output, _: output.sum())
        for layer in (lstm, replica(lstm))
    ]
    assert torch.equal(paths[0].c, paths[1].c)


@pytest.mark.parametrize("options", [{}, {"num_layers": 2}, {"proj_size": 2}])
@pytest.mark.parametrize("sizes", [(T, B, D, H), (6, 128, 3, 64)])
@pytest.mark.parametrize("way", ["autocast", torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
def test_precision_is_that_of_the_layer(way, sizes, options):
    T, B, D, H = sizes
    torch.manual_seed(0)
    dtype = torch.float32 if way == "autocast" else way
    lstm, x = nn.LSTM(D, H, dtype=dtype, **options), torch.randn(T, B, D, dtype=dtype)
    near = 1e-12 if dtype == torch.float64 else 0.03
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=way == "autocast"):
        try:
            want, (h_n, c_n) = lstm(x)
        except RuntimeError as error:
            pytest.skip(f"nn.LSTM itself does not run so on this processor: {error}")
        recording = record(lstm, x)
        paths = gradient_paths(lstm, x, lambda output, _: output.float().sum())
    for got, expected in zip((recording.output, *recording.state), (want, h_n, c_n), strict=True):
        assert got.dtype == expected.dtype
        torch.testing.assert_close(got, expected.detach(), rtol=0, atol=near)
    trace = recording.trace(lstm.num_layers - 1)
    torch.testing.assert_close(trace.c[-1].to(c_n.dtype), c_n[-1].detach(), rtol=0, atol=near)
    exact = record(copy.deepcopy(lstm).double(), x.double()).trace()
    reference = gradient_paths(
        copy.deepcopy(lstm).double(), x.double(), lambda output, _: output.sum()
    )
    for name in "ifgoch":
        assert getattr(recording.trace(), name).dtype == want.dtype
        torch.testing.assert_close(
            getattr(recording.trace(), name).double(), getattr(exact, name), rtol=0, atol=near
        )
    for got, expected in zip(paths, reference, strict=True):
        assert got.dtype == want.dtype
        torch.testing.assert_close(got.double(), expected, rtol=near, atol=3 * near)
    half_life = recording.trace().half_life()
    assert half_life.dtype == torch.promote_types(want.dtype, torch.float32)


def test_padded_sequences_under_autocast_have_the_layers_dtypes():
    lstm, x = LSTM(D, H), inputs(torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.no_grad():
        output, (h_n, _) = lstm(x, lengths=LENGTHS)
        recording = record(lstm, x, lengths=LENGTHS)
        paths = gradient_paths(lstm, x, lambda output, _: output.sum(), lengths=LENGTHS)
    assert recording.output.dtype == recording.trace().f.dtype == output.dtype == paths.c.dtype
    assert recording.state.h.dtype == h_n.dtype
    torch.testing.assert_close(recording.output.nan_to_num(), output, rtol=0, atol=1e-6)


@pytest.mark.parametrize("cell", [LSTMCell, GRUCell])
def test_a_cell_under_autocast_is_recorded_as_it_runs(cell):
    layer = Recurrent(cell(D, H))
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.no_grad():
        output, _ = layer(inputs(torch.float32))
        recording = record(layer, inputs(torch.float32))
    assert recording.output.dtype == output.dtype
    assert torch.equal(recording.output, output)


def test_float32_gates_are_those_of_float64_to_the_seventh_digit():
    torch.manual_seed(0)
    lstm, x = nn.LSTM(D, H), torch.randn(200, B, D)
    rough, exact = record(lstm, x).trace(), record(lstm.double(), x.double()).trace()
    for name in "ifgo":
        torch.testing.assert_close(
            getattr(rough, name).double(), getattr(exact, name), rtol=0, atol=5e-7
        )
    for parameter in lstm.parameters():
        parameter.data.zero_()
    trace = record(lstm, x.double()).trace()
    assert not trace.g.any()  # exactly nothing
    assert not trace.c.any()


class Doubled(nn.LSTM):
    def forward(self, input, hx=None):
        return super().forward(2 * input, hx)


class Named(LSTM):
    """A class of one's own that changes nothing."""


class DoubledLayer(Recurrent):
    def forward(self, input, hx=None, lengths=None):
        return super().forward(2 * input, hx, lengths)


@pytest.mark.parametrize("function", [record, lambda *a: gradient_paths(*a, lambda o, _: o.sum())])
def test_what_would_be_left_out_is_refused(function):
    x = inputs(torch.float32)
    before, after, patched = (nn.LSTM(D, H) for _ in range(3))
    before.register_forward_pre_hook(lambda *_: None)
    after.register_forward_hook(lambda *_: None)
    patched.forward = lambda *_: None
    for lstm in (Doubled(D, H), before, after, patched):
        with pytest.raises(TypeError, match=r"which (record|gradient_paths) would not call"):
            function(lstm, x)
    function(Named(D, H), x)


def test_a_layer_of_cells_that_would_be_left_out_is_refused():
    x = inputs(torch.float32)
    hooked = Recurrent(GRUCell(D, H))
    hooked.register_forward_hook(lambda *_: None)
    inside = Recurrent(GRUCell(D, H))
    inside.cells[0].register_forward_hook(lambda *_: None)
    for layer in (hooked, inside, DoubledLayer(GRUCell(D, H))):
        with pytest.raises(TypeError, match=r"expected .* got"):
            record(layer, x)


@pytest.mark.parametrize(
    "change", [parametrizations.weight_norm, partial(prune.l1_unstructured, amount=0.5)]
)
def test_changed_cells_are_recorded_as_they_run(change):
    layer = Recurrent(LSTMCell(D, H, dtype=torch.float64))
    change(layer.cells[0], "weight_hh")
    recording = record(layer, inputs())
    torch.testing.assert_close(recording.output, layer(inputs())[0].detach(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("lengths", [None, []])
@pytest.mark.parametrize("options", [{}, {"bidirectional": True, "num_layers": 2}])
def test_an_empty_batch_has_empty_traces_and_statistics_of_nothing(lengths, options):
    lstm, x = nn.LSTM(D, H, **options), torch.zeros(T, 0, D)
    output, (h_n, c_n) = lstm(x)
    recording = record(lstm, x, lengths=lengths)
    assert recording.output.shape == output.shape
    assert [s.shape for s in recording.state] == [h_n.shape, c_n.shape]
    trace = recording.trace()
    assert trace.f.shape == trace.c.shape == (T, 0, H)
    assert trace.half_life().isnan().all()
    assert all(share.isnan().all() for pair in trace.saturation().values() for share in pair)
    with pytest.raises(ValueError, match="at least one event"):
        trace.around([])
    paths = gradient_paths(lstm, x, lambda output, _: output.sum(), lengths=lengths)
    assert paths.c.shape == paths.h.shape == paths.direct.shape == (T, 0, H)


def test_an_empty_batch_of_a_cell():
    recording = record(Recurrent(GRUCell(D, H)), torch.zeros(T, 0, D))
    assert recording.trace().z.shape == (T, 0, H)
    assert recording.trace().half_life("z").isnan().all()


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad, torch.enable_grad])
def test_gradients_in_any_mode_of_autograd(mode):
    torch.manual_seed(0)
    lstm, x = nn.LSTM(D, H, num_layers=2), inputs(torch.float32)
    want = gradient_paths(lstm, x, lambda output, _: output.square().sum())
    with mode():
        inside = nn.LSTM(D, H, num_layers=2)
        inside.load_state_dict(lstm.state_dict())
        hx = (torch.zeros(2, B, H), torch.zeros(2, B, H))
        for layer in (lstm, inside):
            got = gradient_paths(layer, x.clone(), lambda output, _: output.square().sum(), hx)
            assert all(torch.equal(a, b) for a, b in zip(got, want, strict=True))
        assert torch.equal(record(inside, x.clone()).output, record(lstm, x).output)


def test_vmap_is_refused_as_by_the_kernel():
    lstm, x = nn.LSTM(D, H), inputs(torch.float32)

    def loss(output, _):
        return output.sum()

    for function in (
        lambda v: record(lstm, v[:, None]).output,
        lambda v: record(lstm, x, (v[None, :1, :1].expand(1, B, H), x.new_zeros(1, B, H))).output,
        lambda v: gradient_paths(lstm, v[:, None], loss).c,
    ):
        with pytest.raises(RuntimeError, match=r"outside torch.func and torch.vmap"):
            torch.vmap(function, 1)(x)


ZEROS = torch.zeros(1, B, H)
STATES = {
    "text": ("ab", TypeError),
    "a number": (3, TypeError),
    "a mapping": ({"h": ZEROS, "c": ZEROS}, TypeError),
    "one tensor": (ZEROS, TypeError),
    "one state": ((ZEROS,), RuntimeError),
    "three states": ((ZEROS,) * 3, RuntimeError),
    "None": ((ZEROS, None), TypeError),
    "rank": ((ZEROS[0], ZEROS[0]), RuntimeError),
    "rank and dtype": ((ZEROS[0].double(), ZEROS), RuntimeError),
    "size": ((ZEROS[..., :1], ZEROS), RuntimeError),
    "batch": ((ZEROS[:, :1], ZEROS), RuntimeError),
    "dtype of h": ((ZEROS.double(), ZEROS), RuntimeError),
    "dtype of c": ((ZEROS, ZEROS.long()), RuntimeError),
    "halves": ((ZEROS.half(), ZEROS.half()), RuntimeError),
}


@pytest.mark.parametrize("kind", STATES)
def test_odd_states_have_the_layers_errors(kind):
    hx, error = STATES[kind]
    lstm, x = nn.LSTM(D, H), inputs(torch.float32)
    for function in (
        lambda: record(lstm, x, hx),
        lambda: gradient_paths(lstm, x, lambda output, _: output.sum(), hx),
    ):
        with pytest.raises(error, match=r"[Ee]xpected"):
            function()


@pytest.mark.parametrize("x", ["a", None, 3, [1.0], np.zeros((T, B, D))], ids=type)
def test_odd_inputs_are_no_tensors(x):
    with pytest.raises(TypeError, match=r"expected x to be a torch.Tensor"):
        record(nn.LSTM(D, H), x)
    with pytest.raises(TypeError, match=r"expected x to be a torch.Tensor"):
        record(Recurrent(GRUCell(D, H)), x)
    with pytest.raises(TypeError, match=r"expected x to be a torch.Tensor"):
        gradient_paths(nn.LSTM(D, H), x, lambda output, _: output.sum())


@pytest.mark.parametrize("lengths", ["ab", [1.0] * B, [True] * B, [None] * B, 3.5, [2**70] * B])
def test_odd_lengths_are_no_whole_numbers(lengths):
    x = inputs(torch.float32)
    with pytest.raises(TypeError, match="whole numbers"):
        record(nn.LSTM(D, H), x, lengths=lengths)
    with pytest.raises(TypeError, match="whole numbers"):
        gradient_paths(nn.LSTM(D, H), x, lambda output, _: output.sum(), lengths=lengths)


@pytest.mark.parametrize("layer", ["a", None, 1.0, [], -1, 1, torch.zeros(2), 10**30])
def test_odd_layers_are_none_of_those_there_are(layer):
    lstm, x = nn.LSTM(D, H), inputs(torch.float32)
    with pytest.raises(KeyError, match="expected a layer and direction among 0 forward"):
        record(lstm, x).trace(layer)
    with pytest.raises(KeyError, match="expected a layer and direction among 0 forward"):
        record(lstm, x).trace(0, layer)
    with pytest.raises(KeyError, match="expected a layer and direction among 0 forward"):
        gradient_paths(lstm, x, lambda output, _: output.sum(), layer=layer)


def test_a_loss_that_is_no_function():
    with pytest.raises(TypeError, match="expected loss to be a function, got str"):
        gradient_paths(nn.LSTM(D, H), inputs(torch.float32), "mse")


def test_nothing_recorded_shares_memory():
    recording = record(nn.LSTM(D, H), inputs(torch.float32))
    trace = recording.trace()
    tensors = [recording.output, *recording.state, *trace.gates, *trace.states]
    assert len({tensor.untyped_storage().data_ptr() for tensor in tensors}) == len(tensors)


@pytest.mark.parametrize("training", [True, False])
def test_no_mask_is_drawn_for_a_recording(training):
    layer = Recurrent(RecurrentDropoutLSTMCell(D, H, p=0.5), num_layers=2).train(training)
    state = torch.get_rng_state()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        recording = record(layer, inputs(torch.float32))
    assert torch.equal(torch.get_rng_state(), state)
    assert all((trace.mask == 1).all() for trace in recording.traces.values())
    assert (recording.state.mask == 1).all()
