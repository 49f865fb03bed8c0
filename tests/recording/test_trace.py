"""Windows around events, before against after, and the traces of other cells."""

import copy
import math
import warnings

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from lstm_book.cells import (
    CoupledLSTMCell,
    GreffLSTMCell,
    GRUCell,
    JANETCell,
    LayerNormLSTMCell,
    LSTM1997Cell,
    MinLSTMCell,
    PeepholeLSTMCell,
    RecurrentDropoutLSTMCell,
    SLSTMCell,
    ZoneoutLSTMCell,
)
from lstm_book.layers import Recurrent
from lstm_book.recording import compare, record

T, B, D, H = 6, 3, 2, 4
LENGTHS = [4, 6, 1]
CELLS = [
    CoupledLSTMCell, GreffLSTMCell, GRUCell, JANETCell, LayerNormLSTMCell, LSTM1997Cell,
    MinLSTMCell, PeepholeLSTMCell, RecurrentDropoutLSTMCell, SLSTMCell, ZoneoutLSTMCell,
]  # fmt: skip


def inputs(dtype=torch.float64):
    return torch.randn(T, B, D, generator=torch.Generator().manual_seed(1), dtype=dtype)


def recorded(lengths=None):
    torch.manual_seed(0)
    return record(nn.LSTM(D, H, dtype=torch.float64), inputs(), lengths=lengths).trace()


def test_windows_hold_the_steps_around_each_event():
    trace = recorded(LENGTHS)
    events = [(0, 0), (3, 0), (5, 1), (0, 2)]
    windows = trace.around(events, before=2, after=1)
    for n, (t, b) in enumerate(events):
        for k in range(4):
            step = t - 2 + k
            for name in "ifgoch":
                got = getattr(windows, name)[k, n]
                if 0 <= step < LENGTHS[b]:
                    assert torch.equal(got, getattr(trace, name)[step, b])
                else:
                    assert got.isnan().all()


def test_a_mask_means_its_events_by_step_then_sequence():
    trace = recorded()
    mask = torch.zeros(T, B, dtype=torch.bool)
    mask[4, 0] = mask[1, 2] = mask[1, 1] = True
    by_mask = trace.around(mask, before=1)
    by_pairs = trace.around(torch.tensor([[1, 1], [1, 2], [4, 0]]), before=1)
    assert torch.equal(by_mask.f, by_pairs.f)
    alone = record(nn.LSTM(D, H), torch.zeros(T, D)).trace()
    assert alone.around(torch.arange(T) == 2).c.shape == (1, 1, H)


def test_windows_are_a_trace_with_statistics():
    trace = recorded(LENGTHS)
    windows = trace.around([(t, b) for b in range(B) for t in range(LENGTHS[b])])
    assert windows.lengths is None
    torch.testing.assert_close(windows.half_life(), trace.half_life())
    outside = trace.around([(0, 2)], before=3, after=3)  # one step of seven
    torch.testing.assert_close(outside.half_life(), math.log(2) / -trace.f[0, 2].log())
    assert set(torch.cat(outside.saturation(low=0.49, high=0.5)["f"]).tolist()) <= {0.0, 1.0}


def test_events_that_do_not_fit():
    trace = recorded(LENGTHS)
    mask = torch.zeros(T, B, dtype=torch.bool)
    with pytest.raises(ValueError, match="at least one event"):
        trace.around(mask)
    with pytest.raises(ValueError, match="at least one event"):
        trace.around([])
    with pytest.raises(RuntimeError, match=r"mask of shape \(T=6, B=3\) or pairs.*\(3, 6\)"):
        trace.around(mask.T | True)
    with pytest.raises(RuntimeError, match=r"pairs of step and sequence, got torch.float32"):
        trace.around(torch.zeros(T, B))
    with pytest.raises(RuntimeError, match="got step 4 of sequence 0 of 4 steps"):
        trace.around([(4, 0)])
    with pytest.raises(RuntimeError, match="got step 0 of sequence 3"):
        trace.around([(0, 3)])
    with pytest.raises(RuntimeError, match="got step -1 of sequence 0"):
        trace.around([(-1, 0)])
    with pytest.raises(ValueError, match="expected after to be a whole number from 0 to 6, got -1"):
        trace.around([(0, 0)], after=-1)


def test_before_against_after():
    torch.manual_seed(0)
    lstm = nn.LSTM(D, H, dtype=torch.float64)
    untrained = copy.deepcopy(lstm)
    with torch.no_grad():  # "training": the last unit's forget gate sticks at σ(4)
        for parameter in lstm.parameters():
            parameter[2 * H - 1] = 0.0
        lstm.bias_ih_l0[2 * H - 1] = 4.0
    before = record(untrained, inputs(), lengths=LENGTHS).trace()
    after = record(lstm, inputs(), lengths=LENGTHS).trace()
    change = compare(before, after)
    own = torch.arange(T)[:, None] < torch.tensor(LENGTHS)
    for k, trace in enumerate((before, after)):
        for name in "ifo":
            gate = getattr(trace, name)[own]
            torch.testing.assert_close(change.mean[name][k], gate.mean(0))
            torch.testing.assert_close(change.spread[name][k], gate.std(0, correction=0))
        torch.testing.assert_close(change.half_life[k], trace.half_life())
    stuck = 1 / (1 + math.exp(-4))
    assert float(change.mean["f"].after[-1]) == pytest.approx(stuck)
    assert float(change.spread["f"].after[-1]) == pytest.approx(0, abs=1e-12)
    assert float(change.half_life.after[-1]) == pytest.approx(math.log(2) / -math.log(stuck))
    assert float(change.half_life.before[-1]) < 2


def test_a_comparison_prints_as_a_table():
    trace = recorded()
    lines = str(compare(trace, trace)).splitlines()
    assert len(lines) == 8
    assert max(map(len, lines)) <= 72
    assert lines[2].startswith("f mean")
    middle = float(trace.f.mean((0, 1)).quantile(0.5, interpolation="nearest"))
    assert lines[2].split()[2] == f"{middle:.3g}"
    with pytest.raises(ValueError, match=r"same names and sizes, got .*'f': 4.*'r': 4"):
        compare(trace, record(Recurrent(GRUCell(D, H)), inputs(torch.float32)).trace())


def test_an_endless_half_life_prints():
    lstm = nn.LSTM(D, H)
    nn.init.constant_(lstm.bias_ih_l0, 100.0)
    trace = record(lstm, inputs(torch.float32)).trace()
    assert "inf (inf to inf)" in str(compare(trace, trace))


def layer_of(cell, **options):
    torch.manual_seed(0)
    return Recurrent(cell(D, H, dtype=torch.float64), **options)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_any_cell_is_recorded_in_its_own_letters(cell, lengths):
    layer = layer_of(cell, num_layers=2, bidirectional=True).eval()
    want = layer.run(inputs(), lengths=lengths)
    recording = record(layer, inputs(), lengths=lengths)
    valid = torch.arange(T)[:, None] < torch.tensor(lengths or [T] * B)
    for number, directions in enumerate(want.layers):
        for direction, run in zip(("forward", "backward"), directions, strict=True):
            trace = recording.trace(number, direction)
            assert trace.direction == direction
            states = run.states if isinstance(run.states, tuple) else {"h": run.states}
            named = (states if isinstance(states, dict) else states._asdict()) | run.gates._asdict()
            for name, expected in named.items():
                got = getattr(trace, name)
                assert torch.equal(got[valid], expected[valid]), name
                assert got[~valid].isnan().all()
                assert not got.requires_grad
            for gate in trace.gate_values().values():
                assert (gate[valid] >= 0).all()
                assert (gate[valid] <= 1).all()
    assert torch.equal(recording.output[valid], want.output[valid])
    assert recording.output[~valid].isnan().all()


def test_a_gru_as_the_equations_have_it():
    layer = layer_of(GRUCell)
    trace = record(layer, inputs(), lengths=LENGTHS).trace()
    assert sorted(trace.gate_values()) == ["r", "z"]
    for t in range(1, 4):
        torch.testing.assert_close(
            trace.h[t, 0], trace.z[t, 0] * trace.h[t - 1, 0] + (1 - trace.z[t, 0]) * trace.n[t, 0]
        )
    torch.testing.assert_close(
        trace.half_life("z"), math.log(2) / -trace.z.log().flatten(0, 1).nanmean(0)
    )
    with pytest.raises(KeyError, match="expected a gate among r, z, got 'f'"):
        trace.half_life()
    assert compare(trace, trace).half_life is None
    assert trace.around([(0, 1), (5, 1)], before=1).z.shape == (2, 2, H)
    with pytest.raises(AttributeError, match="expected one of h, r, z, n, which the cell has"):
        _ = trace.f
    assert torch.equal(copy.deepcopy(trace).z.nan_to_num(), trace.z.nan_to_num())


def test_every_form_of_input_reaches_a_cell():
    layer = layer_of(GRUCell, batch_first=True)
    want = record(layer, inputs().transpose(0, 1), lengths=LENGTHS)
    packed = pack_padded_sequence(inputs(), torch.tensor(LENGTHS), enforce_sorted=False)
    got = record(layer, packed)
    assert torch.equal(got.trace().z.nan_to_num(), want.trace().z.nan_to_num())
    assert got.trace().lengths.tolist() == LENGTHS
    assert layer.batch_first
    alone = record(layer, inputs()[:, 1], torch.zeros(1, H, dtype=torch.float64))
    torch.testing.assert_close(alone.trace().z[:, 0], want.trace().z[:, 1])
    with pytest.raises(ValueError, match="PackedSequence"):
        record(layer, packed, lengths=LENGTHS)


@pytest.mark.parametrize(
    ("cell", "said"),
    [(RecurrentDropoutLSTMCell, r"p=0\.5"), (ZoneoutLSTMCell, "zoneout_h=.*zoneout_c=")],
)
def test_a_cells_own_dropout_is_off_and_that_is_said(cell, said):
    layer = layer_of(cell, num_layers=2, dropout=0.25)
    with pytest.warns(UserWarning, match=rf"dropout=0.25.*{said}.*; record leaves") as caught:
        training = record(layer, inputs())
    assert caught[0].filename == __file__
    assert layer.training
    assert layer.cells[0].training
    layer.eval()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert torch.equal(record(layer, inputs()).output, training.output)
    assert torch.equal(layer(inputs())[0], training.output)


def test_a_layer_is_left_as_it_was():
    layer = layer_of(GRUCell)
    layer(inputs())[0].sum().backward()
    before = {name: (p.clone(), p.grad.clone()) for name, p in layer.named_parameters()}
    record(layer, inputs()).trace().z.zero_()
    for name, parameter in layer.named_parameters():
        assert torch.equal(parameter, before[name][0])
        assert torch.equal(parameter.grad, before[name][1])


def test_mistakes_with_a_cell_have_the_layers_errors():
    layer = layer_of(GRUCell)
    with pytest.raises(RuntimeError, match="input_size=2"):
        record(layer, inputs()[..., :1])
    with pytest.raises(RuntimeError, match="lengths from 1 to T=6, got 7"):
        record(layer, inputs(), lengths=[7, 1, 1])
    with pytest.raises(KeyError, match="0 forward, got 1 'forward'"):
        record(layer, inputs()).trace(1)


def test_a_statistic_of_nan_is_nan_and_padding_is_not_counted():
    x = inputs()
    x[3, 1] = math.nan  # sequence 1 has six steps of its own
    torch.manual_seed(0)
    lstm = nn.LSTM(D, H, dtype=torch.float64)
    trace = record(lstm, x, lengths=LENGTHS).trace()
    assert trace.half_life().isnan().all()
    assert all(share.isnan().all() for pair in trace.saturation().values() for share in pair)
    x[3, 1], x[4:, 0] = 0.0, math.nan  # beyond the four steps of sequence 0
    whole = record(lstm, x, lengths=LENGTHS).trace()
    assert whole.half_life().isfinite().all()
    assert all(share.isfinite().all() for pair in whole.saturation().values() for share in pair)


def test_a_comparison_of_a_model_gone_nan_says_so():
    torch.manual_seed(0)
    lstm = nn.LSTM(D, H, dtype=torch.float64)
    good = record(lstm, inputs()).trace()
    with torch.no_grad():
        lstm.weight_ih_l0[H + 1] = math.nan  # one unit's forget gate, and with h all of them
    lost = record(lstm, inputs()).trace()
    change = compare(good, lost)
    for pair in (*change.mean.values(), *change.spread.values(), change.half_life):
        assert pair.before.isfinite().all()
        assert pair.after.isnan().any()
    lines = str(change).splitlines()[1:]
    assert all("nan in" in line and line.endswith("of 4 units") for line in lines)


def test_windows_leave_out_what_is_beyond_a_sequence_and_nothing_else():
    x = inputs()
    x[2, 1] = math.nan
    torch.manual_seed(0)
    trace = record(nn.LSTM(D, H, dtype=torch.float64), x, lengths=LENGTHS).trace()
    fine = trace.around([(0, 1), (3, 0)], before=2, after=1)
    assert fine.own.tolist() == [[False, True], [False, True], [True, True], [True, False]]
    assert fine.half_life().isfinite().all()
    again = fine.around([(2, 0), (0, 1)], after=2)  # windows are a trace, so they have windows
    assert torch.equal(again.f[:2, 0], trace.f[:2, 1])
    assert torch.equal(again.f[:, 1], trace.f[1:4, 0])
    assert again.own.tolist() == [[True, True], [True, True], [False, True]]
    with pytest.raises(RuntimeError, match="expected events inside sequences, got step 0"):
        fine.around([(0, 0)])
    with pytest.raises(FloatingPointError, match="expected numbers around the events, got NaN"):
        trace.around([(1, 1)], after=1)


@pytest.mark.parametrize("events", ["ab", None, object(), [[None, 1]], [["a", 1]], [[2**70, 1]]])
def test_events_that_are_none(events):
    with pytest.raises(TypeError, match="or pairs of step and sequence"):
        recorded().around(events)


@pytest.mark.parametrize("count", [True, 1.0, "1", None])
def test_a_window_is_so_many_whole_steps(count):
    with pytest.raises(TypeError, match="expected before to be a whole number"):
        recorded().around([(0, 0)], before=count)


@pytest.mark.parametrize("count", [-1, T + 1, 2**70])
def test_a_window_is_within_the_length_of_the_trace(count):
    with pytest.raises(ValueError, match="expected after to be a whole number from 0 to 6"):
        recorded().around([(0, 0)], after=count)


def test_pairs_of_any_whole_numbers():
    trace = recorded()
    want = trace.around([(1, 2)])
    for kind in (torch.int32, torch.uint8, torch.int16):
        assert torch.equal(trace.around(torch.tensor([[1, 2]], dtype=kind)).f, want.f)


def test_wrong_types_are_told():
    trace = recorded()
    for before, after, name in (("a", trace, "before"), (trace, None, "after")):
        with pytest.raises(TypeError, match=f"expected {name} to be a trace"):
            compare(before, after)
    for gate in (None, [], 3, torch.zeros(2)):
        with pytest.raises(TypeError, match="expected gate to be a gate's letter"):
            trace.half_life(gate)
    for low in ("a", None, True):
        with pytest.raises(TypeError, match="expected low to be a number"):
            trace.saturation(low=low)
    with pytest.raises(ValueError, match="expected high to be a finite number"):
        trace.saturation(high=math.nan)


def test_nothing_to_compare_is_nan():
    empty = record(nn.LSTM(D, H), torch.zeros(T, 0, D)).trace()
    change = compare(empty, empty)
    assert change.mean["f"].after.isnan().all()
    assert change.spread["i"].before.isnan().all()
    assert change.half_life.after.isnan().all()
    assert "nan in 4 of 4 units" in str(change)


def test_windows_of_another_cell_hold_its_own_steps():
    layer, x = Recurrent(GRUCell(2, 3)), torch.randn(6, 2, 2)
    trace = record(layer, x).trace()
    windows = trace.around([(4, 1), (5, 0)], before=1)
    assert windows.z.shape == (2, 2, 3)
    torch.testing.assert_close(windows.h[:, 0], trace.h[3:5, 1])
    torch.testing.assert_close(windows.z[:, 1], trace.z[4:6, 0])
