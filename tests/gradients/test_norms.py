"""Norms where a number can be represented and its square cannot, or where there is none."""

import math

import pytest
import torch
from torch import nn

from lstm_book.cells import LSTMCell, RNNCell
from lstm_book.gradients import CellJacobian, gradient_flow, lag_norms
from lstm_book.gradients.flow import _length

FLOATS = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


def shrinking(kind, dtype, T=60):
    """Return a layer whose gradient fades by about a tenth a step, its input and the last pull."""
    layer = kind(3, 16, dtype=torch.float64)
    with torch.no_grad():
        layer.weight_hh_l0.mul_(0.3)
        if kind is nn.LSTM:
            layer.bias_ih_l0[16:32] -= 2
    x, grad_h = (
        torch.randn(T, 1, 3, dtype=torch.float64),
        torch.zeros(T, 1, 16, dtype=torch.float64),
    )
    grad_h[-1] = 1
    return layer.to(dtype), x.to(dtype), grad_h.to(dtype)


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM])
def test_flow_in_single_precision_is_that_in_double_down_to_the_smallest_number(kind):
    layer, x, grad_h = shrinking(kind, torch.float32, T=90)
    single = gradient_flow(layer, x, grad_h)
    double = gradient_flow(layer.double(), x.double(), grad_h.double())
    for got, want in zip(single, double, strict=True):
        if got is None:
            continue
        normal = want > torch.finfo(torch.float32).tiny
        torch.testing.assert_close(got[normal].double(), want[normal], rtol=1e-3, atol=0)
        # Below, a number has fewer digits and the product of two may be 0; not all of them at once.
        assert (got[want > 1e-42] > 0).all()
    assert (double.h < 1e-40).any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_flow_does_not_overflow_where_the_gradient_is_in_range(dtype):
    layer, x, grad_h = shrinking(nn.LSTM, dtype, T=5)
    large = torch.finfo(dtype).max / 1e3
    got = gradient_flow(layer, x, grad_h * large).h
    want = gradient_flow(layer, x, grad_h).h
    torch.testing.assert_close(got / large, want, rtol=1e-4, atol=1e-30)


@pytest.mark.parametrize("dtype", FLOATS)
def test_length_over_the_whole_range_of_a_dtype(dtype):
    info = torch.finfo(dtype)
    for size in (info.tiny, info.tiny * 8, 1.0, info.max / 8):
        v = torch.tensor([[3.0, 4.0, 0.0], [0.0, 0.0, 1.0]], dtype=torch.float64) / 4 * size
        want = torch.tensor([5 / 4 * size, size / 4], dtype=torch.float64)
        torch.testing.assert_close(_length(v.to(dtype)).double(), want, rtol=2 * info.eps, atol=0)
    smallest = torch.tensor([info.smallest_normal * info.eps], dtype=dtype)
    assert _length(smallest) == smallest


def test_length_of_what_is_no_number():
    v = torch.tensor([[torch.nan, 1.0], [torch.inf, 1.0], [-torch.inf, torch.inf], [0.0, 0.0]])
    assert _length(v).isnan().tolist() == [True, False, False, False]
    assert _length(v)[1:].tolist() == [math.inf, math.inf, 0]
    assert _length(torch.zeros(2, 3, 0)).tolist() == [[0.0] * 3] * 2


@pytest.mark.parametrize("make", [LSTMCell, RNNCell])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_has_lag_norms_and_flow(make, dtype):
    cell, x, grad_h = make(3, 4), torch.randn(6, 2, 3), torch.randn(6, 2, 4)
    want = (*lag_norms(cell, x), *gradient_flow(cell, x, grad_h))
    cell = cell.to(dtype)
    got = (*lag_norms(cell, x.to(dtype)), *gradient_flow(cell, x.to(dtype), grad_h.to(dtype)))
    for ours, theirs in zip(got, want, strict=True):
        if ours is not None:
            assert ours.dtype == dtype
            torch.testing.assert_close(ours.float(), theirs, rtol=0.1, atol=0.02)


@pytest.mark.parametrize("make", [LSTMCell, RNNCell])
def test_nan_in_one_sequence_is_nan_there_and_nowhere_else(make):
    cell, x, grad_h = make(3, 4), torch.randn(6, 2, 3), torch.ones(6, 2, 4)
    want, want_flow = lag_norms(cell, x), gradient_flow(cell, x, grad_h)
    x[2, 0, 0] = torch.nan
    got, flow = lag_norms(cell, x), gradient_flow(cell, x, grad_h)
    torch.testing.assert_close(got.state[:, 1], want.state[:, 1])
    torch.testing.assert_close(flow.h[:, 1], want_flow.h[:, 1])
    assert got.state[1:, 0].isnan().all()  # every step from the third on has it
    assert got.state[0, 0] == 1
    assert flow.h[0, 0].isnan()


def test_lag_norms_that_outgrow_the_dtype_are_infinite_and_no_error():
    rnn = nn.RNN(1, 2, nonlinearity="relu")
    with torch.no_grad():
        rnn.weight_hh_l0.copy_(1e5 * torch.eye(2))
        rnn.bias_ih_l0.fill_(1e-30)
        rnn.bias_hh_l0.zero_()
    norms = lag_norms(rnn, torch.zeros(10, 1, 1)).state[:, 0]
    assert norms[7].item() == pytest.approx(1e35, rel=1e-5)
    assert norms[8].item() == math.inf
    assert not norms[9].isfinite()


def test_states_that_became_nan_do_not_pass_for_switched_off():
    rnn = nn.RNN(1, 2, nonlinearity="relu")
    x = torch.zeros(4, 1, 1)
    x[1] = torch.nan
    assert lag_norms(rnn, x).state[1:].isnan().all()
    assert gradient_flow(rnn, x, torch.ones(4, 1, 2)).h[:-1].isnan().all()


@pytest.mark.parametrize("scale", [1e-41, 1e-30, 1e30])
def test_spectral_norms_far_from_one(scale):
    A = torch.randn(3, 2, 4, 4, dtype=torch.float64)
    J = CellJacobian(torch.zeros(3, 2, 4), (scale * A).float())
    torch.testing.assert_close(J.share, torch.ones(3, 2))


def test_share_of_a_jacobian_with_nan_is_nan():
    indirect = torch.ones(3, 2, 4, 4)
    indirect[1, 0, 2, 2] = torch.nan
    share = CellJacobian(torch.ones(3, 2, 4), indirect).share
    assert share.isnan().nonzero().tolist() == [[1, 0]]


@pytest.mark.parametrize("make", [LSTMCell, RNNCell])
def test_no_units_have_norm_zero(make):
    cell, x = make(3, 0), torch.randn(6, 2, 3)
    assert (gradient_flow(cell, x, torch.ones(6, 2, 0)).h == 0).all()
    assert (lag_norms(cell, x).state == 0).all()
