"""Recorded gates are those of the equations, whatever the LSTM."""

import importlib
import itertools
import math
import warnings

import pytest
import reference
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from lstm_book.layers import LSTM
from lstm_book.recording import record

recorder = importlib.import_module("lstm_book.recording.record")
T, B, D, H = 6, 3, 2, 4
OPTIONS = [
    dict(
        zip(
            ("num_layers", "bidirectional", "batch_first", "bias", "proj_size"), values, strict=True
        )
    )
    for values in itertools.product((1, 3), (False, True), (False, True), (True, False), (0, 2))
]


@pytest.fixture(params=["kernel", "loop"], autouse=True)
def way(request, monkeypatch):
    """Every test with small steps, as they are here, and as if they were large."""
    if request.param == "loop":
        monkeypatch.setattr(recorder, "LARGE_STEP", 1)


def lstm_and_input(dtype=torch.float64, kind=nn.LSTM, **options):
    torch.manual_seed(0)
    lstm = kind(D, H, dtype=dtype, **options)
    for parameter in lstm.parameters():
        parameter.data.mul_(2)
    shape = (B, T, D) if lstm.batch_first else (T, B, D)
    rows = lstm.num_layers * (1 + lstm.bidirectional)
    state = (
        torch.randn(rows, B, lstm.proj_size or H, dtype=dtype),
        torch.randn(rows, B, H, dtype=dtype),
    )
    return lstm, torch.randn(shape, dtype=dtype), state


def taught(lstm):
    """The taught loop on the same parameters."""
    ours = LSTM(
        lstm.input_size, lstm.hidden_size, lstm.num_layers, lstm.bias, lstm.batch_first,
        bidirectional=lstm.bidirectional, proj_size=lstm.proj_size, dtype=lstm.weight_hh_l0.dtype,
    )  # fmt: skip
    ours.load_state_dict(lstm.state_dict())
    return ours


def assert_same(recording, run, lstm, lengths=None):
    valid = torch.ones(T, B, dtype=torch.bool)
    if lengths is not None:
        valid = torch.arange(T)[:, None] < torch.tensor(lengths)
    for layer in range(lstm.num_layers):
        for k, direction in enumerate(("forward", "backward")[: 1 + lstm.bidirectional]):
            trace, want = recording.trace(layer, direction), run.layers[layer][k]
            for name in "ifgo":
                got = getattr(trace, name)
                torch.testing.assert_close(
                    got[valid], getattr(want.gates, name)[valid], rtol=0, atol=1e-12
                )
                assert got[~valid].isnan().all()
            for name in "hc":
                got, expected = getattr(trace, name), getattr(want.states, name)
                torch.testing.assert_close(got[valid], expected[valid], rtol=0, atol=1e-12)
                assert got[~valid].isnan().all()
    torch.testing.assert_close(recording.output[valid], run.output[valid], rtol=0, atol=1e-12)
    for got, want in zip(recording.state, run.state, strict=True):
        torch.testing.assert_close(got, want, rtol=0, atol=1e-12)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("lengths", [None, [2, 6, 1]])
@pytest.mark.parametrize("carried", [False, True])
def test_against_the_taught_loop(options, lengths, carried):
    lstm, x, state = lstm_and_input(**options)
    hx = state if carried else None
    run = taught(lstm).run(x, hx, lengths=lengths)
    assert_same(record(lstm, x, hx, lengths=lengths), run, lstm, lengths)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_outputs_and_states_are_those_of_the_call(options):
    lstm, x, hx = lstm_and_input(**options)
    output, (h_n, c_n) = lstm(x, hx)
    recording = record(lstm, x, hx)
    got = recording.output.transpose(0, 1) if lstm.batch_first else recording.output
    torch.testing.assert_close(got, output, rtol=0, atol=1e-12)
    torch.testing.assert_close(recording.state.h, h_n, rtol=0, atol=1e-12)
    torch.testing.assert_close(recording.state.c, c_n, rtol=0, atol=1e-12)


def test_against_a_scalar_loop_that_shares_no_code():
    lstm, x, (h_0, c_0) = lstm_and_input()
    trace = record(lstm, x, (h_0, c_0)).trace()
    W, U = lstm.weight_ih_l0.tolist(), lstm.weight_hh_l0.tolist()
    b = (lstm.bias_ih_l0 + lstm.bias_hh_l0).tolist()
    for n in range(B):
        h, c = h_0[0, n].tolist(), c_0[0, n].tolist()
        for t in range(T):
            h, c, gates = reference.lstm_step(x[t, n].tolist(), h, c, W, U, b)
            got = torch.stack([getattr(trace, name)[t, n] for name in "ifgo"], dim=-1)
            torch.testing.assert_close(got, torch.tensor(gates, dtype=x.dtype), rtol=0, atol=1e-12)
            assert trace.h[t, n].tolist() == pytest.approx(h, abs=1e-12)
            assert trace.c[t, n].tolist() == pytest.approx(c, abs=1e-12)


def test_float32_is_as_near_as_rounding_allows():
    lstm, x, hx = lstm_and_input(num_layers=2, bidirectional=True)
    exact = record(lstm, x, hx)
    rough = record(lstm.float(), x.float(), tuple(s.float() for s in hx))
    for key, trace in rough.traces.items():
        for name in "ifgohc":
            torch.testing.assert_close(
                getattr(trace, name).double(), getattr(exact.traces[key], name),
                atol=1e-6, rtol=1e-5,
            )  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_each_sequence_is_recorded_as_if_it_were_alone(data):
    lengths = data.draw(st.lists(st.integers(1, T), min_size=B, max_size=B))
    lstm, x, hx = lstm_and_input(num_layers=2, bidirectional=True)
    for n, length in enumerate(lengths):
        x[length:, n] = math.nan
    both = record(lstm, x, hx, lengths=lengths)
    for n, length in enumerate(lengths):
        alone = record(lstm, x[:length, n], tuple(s[:, n] for s in hx))
        for key, trace in alone.traces.items():
            for name in "ifgohc":
                torch.testing.assert_close(
                    getattr(both.traces[key], name)[:length, n], getattr(trace, name)[:, 0],
                    rtol=0, atol=1e-12,
                )  # fmt: skip


def test_packed_and_unbatched_input():
    lstm, x, hx = lstm_and_input(bidirectional=True)
    lengths = [2, 6, 1]
    packed = pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False)
    want = record(lstm, x, hx, lengths=lengths)
    got = record(lstm, packed, hx)
    assert torch.equal(
        got.trace(0, "backward").f.nan_to_num(), want.trace(0, "backward").f.nan_to_num()
    )
    assert got.trace().lengths.tolist() == lengths
    alone = record(lstm, x[:, 1], tuple(s[:, 1] for s in hx)).trace()
    assert alone.f.shape == (T, 1, H)
    torch.testing.assert_close(alone.c[:, 0], record(lstm, x, hx).trace().c[:, 1])


@pytest.mark.parametrize("training", [True, False])
def test_the_module_is_left_as_it_was(training):
    lstm, x, hx = lstm_and_input(num_layers=2, kind=LSTM)
    lstm.train(training)
    x.requires_grad_()
    lstm(x, hx)[0].sum().backward()
    before = {name: (p.clone(), p.grad.clone()) for name, p in lstm.named_parameters()}
    seen = x.clone()
    trace = record(lstm, x, hx).trace(1)
    assert lstm.training is training
    assert torch.equal(x, seen)
    for name, parameter in lstm.named_parameters():
        assert torch.equal(parameter, before[name][0])
        assert torch.equal(parameter.grad, before[name][1])
    assert not trace.f.requires_grad
    trace.h.zero_()  # the caller's own
    want = lstm.eval()(x, hx)[0].detach()
    torch.testing.assert_close(record(lstm, x, hx).output, want, rtol=0, atol=1e-12)


def test_dropout_is_off_and_that_is_said():
    torch.manual_seed(0)
    lstm = nn.LSTM(D, H, num_layers=2, dropout=0.5)
    x = torch.randn(T, B, D)
    with pytest.warns(UserWarning, match=r"dropout=0.5; record leaves dropout out"):
        training = record(lstm, x)
    lstm.eval()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert torch.equal(record(lstm, x).output, training.output)
    assert torch.allclose(training.output, lstm(x)[0], atol=1e-6)


def test_mistakes_have_clear_errors():
    lstm, x, (h_0, c_0) = lstm_and_input()
    with pytest.raises(TypeError, match=r"a torch.nn.LSTM or a Recurrent.*got GRU"):
        record(nn.GRU(D, H), x)
    with pytest.raises(ValueError, match="2 or 3 dimensions, got 4"):
        record(lstm, x[None])
    with pytest.raises(ValueError, match="dtype"):
        record(lstm, x.float())
    with pytest.raises(RuntimeError, match="at least one time step"):
        record(lstm, x[:0])
    with pytest.raises(RuntimeError, match=r"input.size"):
        record(lstm, x[..., :1])
    with pytest.raises(RuntimeError, match=r"expected h_0 of shape \(1, 3, 4\), 1 layers"):
        record(lstm, x, (h_0[:, :1], c_0))
    with pytest.raises(RuntimeError, match="lengths from 1 to T=6, got 7"):
        record(lstm, x, lengths=[7, 1, 1])
    with pytest.raises(ValueError, match="expected a batched 3-D x with lengths, got 2-D"):
        record(lstm, x[:, 0], lengths=[3])
    with pytest.raises(KeyError, match="expected a layer and direction among 0 forward"):
        record(lstm, x).trace(1)


@pytest.mark.parametrize("small", [0, 1024])
@pytest.mark.parametrize("steps", [1, 2, 3, 4, 50, 1000])
def test_cell_states_are_the_recurrence(small, steps, monkeypatch):
    monkeypatch.setattr(recorder, "SMALL_STEP", small)
    generator = torch.Generator().manual_seed(0)
    f = torch.rand(steps, B, H, generator=generator, dtype=torch.float64) ** 0.01
    f[steps // 2, 0] = 0.0  # nothing of before is left
    written = torch.randn(steps, B, H, generator=generator, dtype=torch.float64)
    c = torch.randn(B, H, generator=generator, dtype=torch.float64)
    single = (tensor.float() for tensor in (f, written, c))
    rough = recorder.cell_states(*single)
    got = recorder.cell_states(f, written.clone(), c)
    for t in range(steps):
        c = f[t] * c + written[t]
        torch.testing.assert_close(got[t], c, rtol=0, atol=1e-12)
        torch.testing.assert_close(rough[t].double(), c, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", [(300, 1, 3, 20), (40, 70, 3, 60)])
def test_long_and_wide_sequences(shape):
    T, B, D, H = shape
    torch.manual_seed(0)
    lstm, x = nn.LSTM(D, H, dtype=torch.float64), torch.randn(T, B, D, dtype=torch.float64)
    want = taught(lstm).run(x).layers[0][0]
    exact = record(lstm, x).trace()
    rough = record(lstm.float(), x.float()).trace()
    for name in "ifgohc":
        expected = getattr(want.gates if name in "ifgo" else want.states, name).detach()
        torch.testing.assert_close(getattr(exact, name), expected, rtol=0, atol=1e-12)
        torch.testing.assert_close(getattr(rough, name).double(), expected, rtol=1e-5, atol=1e-6)


def constant_gate(bias):
    lstm = nn.LSTM(D, H, dtype=torch.float64)
    with torch.no_grad():
        for parameter in lstm.parameters():
            parameter.zero_()
        lstm.bias_ih_l0[H : 2 * H] = bias
    return lstm


def test_half_life_of_a_constant_gate():
    trace = record(constant_gate(3.0), torch.zeros(T, B, D, dtype=torch.float64), lengths=[6, 2, 3])
    f = 1 / (1 + math.exp(-3))
    assert trace.trace().half_life().tolist() == pytest.approx([math.log(2) / -math.log(f)] * H)


def test_saturation_counts_own_steps_only():
    x = torch.zeros(T, B, D, dtype=torch.float64)
    trace = record(constant_gate(3.0), x, lengths=[1, 6, 2]).trace()
    shares = trace.saturation()
    assert [share.tolist() for share in shares["f"]] == [[0.0] * H, [1.0] * H]  # open at 0.95
    assert [share.tolist() for share in shares["i"]] == [[0.0] * H, [0.0] * H]  # at a half
    with pytest.raises(ValueError, match="0 <= low < high <= 1"):
        trace.saturation(low=0.9, high=0.1)


def test_what_is_never_above_a_half_counts_as_shut():
    trace = record(constant_gate(-3.0), torch.zeros(T, B, D, dtype=torch.float64)).trace()
    shut, is_open = trace.saturation()["f"]
    assert (shut.tolist(), is_open.tolist()) == ([1.0] * H, [0.0] * H)  # at 0.05


def test_a_step_that_fills_the_cache_is_worked_on_alone(monkeypatch):
    torch.manual_seed(0)
    layer, x = nn.LSTM(D, H), torch.randn(T, B, D)
    whole = record(layer, x).trace()
    monkeypatch.setattr(recorder, "IN_CACHE", B * H - 1)
    for name, gate in record(layer, x).trace().gate_values().items():
        assert torch.allclose(gate, whole.gate_values()[name], atol=1e-6)
