"""Autocast and half precision: the dtypes of torch's cells, and one dtype over all steps."""

import contextlib
import itertools

import pytest
import torch
from torch import nn
from variants_cases import CASES, as_state, fields

from lstm_book.cells import GRUCell, LSTMCell, MinLSTMCell, RNNCell
from lstm_book.layers import unroll

f32, bf16, f16 = torch.float32, torch.bfloat16, torch.float16
KINDS = (f32, bf16, f16, torch.float64, torch.int64)
PAIRS = [(RNNCell, nn.RNNCell), (GRUCell, nn.GRUCell), (LSTMCell, nn.LSTMCell)]
CELLS = {"lstm": LSTMCell, "rnn": RNNCell, **{n: c.cls for n, c in CASES.items()}}
OPTIONS = {name: case.options for name, case in CASES.items()}


def autocast(dtype):
    return torch.autocast("cpu", dtype=dtype) if dtype else contextlib.nullcontext()


def outcome(call):
    """Return the dtypes of a result, or the class of an error."""
    try:
        return [tensor.dtype for tensor in fields(call())]
    except Exception as error:
        return type(error)


@pytest.mark.parametrize("half", [None, bf16, f16])
@pytest.mark.parametrize(("ours", "torchs"), PAIRS)
def test_every_mixture_of_dtypes_gives_what_torch_gives(ours, torchs, half):
    for of_cell, of_x, of_h in itertools.product(KINDS[:4], KINDS, (None, *KINDS)):
        a, b = ours(3, 4, dtype=of_cell), torchs(3, 4, dtype=of_cell)
        x = torch.zeros(2, 3, dtype=of_x)
        hx = None if of_h is None else torch.zeros(2, 4, dtype=of_h)
        if hx is not None and ours is LSTMCell:
            hx = (hx, hx)
        with autocast(half):
            got, want = outcome(lambda a=a, x=x, hx=hx: a(x, hx)), outcome(lambda: b(x, hx))  # noqa: B023
        assert got == want, (of_cell, of_x, of_h)


@pytest.mark.parametrize(("ours", "torchs"), PAIRS)
@pytest.mark.parametrize("of_x", [f32, bf16])
def test_numbers_under_autocast_are_torchs_as_far_as_half_precision_goes(ours, torchs, of_x):
    a, b = ours(3, 4), torchs(3, 4)
    b.load_state_dict(a.state_dict())
    x, h = torch.randn(8, 3, dtype=of_x), torch.randn(8, 4)
    hx = (h, h) if ours is LSTMCell else h
    with autocast(bf16):
        got, want = a(x, hx), b(x, hx)
    torch.testing.assert_close(fields(got), fields(want), rtol=0.02, atol=0.02)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("of_h", [f32, bf16])
@pytest.mark.parametrize("of_x", [f32, bf16])
def test_a_state_keeps_its_dtype_under_autocast(name, of_x, of_h, bias):
    cell = CELLS[name](3, 4, bias, **OPTIONS.get(name, {}))
    x = torch.randn(5, 2, 3)
    exact = unroll(cell.eval().step, x, cell.zero_state(x[0]))
    with autocast(bf16):
        initial = cell.zero_state(x[0].to(of_h))
        run = unroll(cell.step, x.to(of_x), initial)
        called = cell(x[0].to(of_x), initial)
    wanted = [bf16] if name == "rnn" else [of_h] * len(fields(initial))
    assert [tensor.dtype for tensor in fields(run.last)] == wanted
    assert [tensor.dtype for tensor in fields(called)] == wanted
    for got, want in zip(fields(run.states), fields(exact.states), strict=True):
        torch.testing.assert_close(got.float(), want, rtol=0.1, atol=0.1)


@pytest.mark.parametrize("name", CELLS)
def test_a_half_cell_runs_and_trains_on_half_inputs(name):
    cell = CELLS[name](3, 4, dtype=bf16, **OPTIONS.get(name, {}))
    state = cell(torch.randn(2, 3, dtype=bf16))
    state = cell(torch.randn(2, 3, dtype=bf16), state)
    assert {tensor.dtype for tensor in fields(state)} == {bf16}
    fields(state)[0].sum().backward()
    assert cell.weight_ih.grad.dtype == bf16
    with pytest.raises(RuntimeError, match=r"input of dtype torch.bfloat16.*got torch.float32"):
        cell(torch.randn(2, 3))


def test_a_scan_under_autocast_adds_up_as_exactly_as_steps_do():
    cell = MinLSTMCell(3, 4)
    x = torch.randn(64, 2, 3)
    with autocast(bf16):
        states, _ = cell.scan(x)
        run = unroll(cell.step, x, cell.zero_state(x[0]))
    assert states.dtype == run.states.dtype == f32
    torch.testing.assert_close(states, run.states, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("name", CASES)
def test_a_state_of_another_dtype_is_refused_outside(name):
    cell = CASES[name].cls(3, 4, **CASES[name].options)
    x = torch.zeros(2, 3)
    state = as_state(cell, [t.bfloat16() for t in fields(cell.zero_state(x))])
    with pytest.raises(RuntimeError, match=r"of dtype torch.float32, as weight_ih, got torch.bf"):
        cell(x, state)
