"""Lyapunov exponents against determinants, eigenvalues and a closed form."""

import math

import pytest
import torch
from dynamics_layers import KINDS, layer_of
from torch import nn

from lstm_book.dynamics import linearise, lyapunov_exponents
from lstm_book.recording import record


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "ReLU RNN"])
def test_their_sum_is_the_mean_log_determinant(kind):
    layer = layer_of(kind)
    x = torch.randn(40, 2, 2, generator=torch.Generator().manual_seed(0))
    x = x.transpose(0, 1) if layer.batch_first else x
    total = lyapunov_exponents(layer, x).values.sum(-1)
    wanted = torch.linalg.slogdet(linearise(layer, x).jacobians).logabsdet.mean(0)
    if kind == "projected LSTM":  # five numbers of which the next step sees five: no rank is lost
        assert wanted.isfinite().all()
    torch.testing.assert_close(total, wanted, rtol=0, atol=1e-6)


def test_the_sum_of_an_lstm_in_closed_form():
    """|det J| is the product of the f_t, of the slopes of h_t in o_t, and |det U_o|."""
    lstm = layer_of("torch LSTM").double()
    x = torch.randn(30, 1, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    trace = record(lstm, x).trace()
    U_o = lstm.weight_hh_l0.detach().chunk(4)[3]
    slopes = trace.c.tanh().abs() * trace.o * (1 - trace.o)
    wanted = (trace.f.log() + slopes.log()).sum(-1).mean(0) + torch.linalg.slogdet(U_o).logabsdet
    torch.testing.assert_close(lyapunov_exponents(lstm, x).values.sum(-1), wanted)


def test_a_linear_rnn_has_the_logarithms_of_its_eigenvalues():
    rnn = nn.RNN(1, 3, nonlinearity="relu").double()
    sizes = torch.tensor([0.9, 0.5, 0.1], dtype=torch.float64)
    mix = torch.tensor([[2.0, 1.0, 0.5], [0.5, 2.0, 1.0], [1.0, 0.5, 2.0]], dtype=torch.float64)
    with torch.no_grad():
        rnn.weight_hh_l0.copy_(mix @ torch.diag(sizes) @ mix.inverse())
        rnn.bias_ih_l0.fill_(100.0)  # so that ReLU never cuts
    x = torch.zeros(3000, 1, 1, dtype=torch.float64)
    exponents = lyapunov_exponents(rnn, x, skip=200)
    torch.testing.assert_close(exponents.values[0], sizes.log(), rtol=0, atol=1e-6)
    torch.testing.assert_close(exponents.half_lives[0], math.log(0.5) / sizes.log())


def test_fewer_are_the_first_of_all_and_they_converge():
    layer = layer_of("GRU")
    x = torch.randn(1, 600, 2, generator=torch.Generator().manual_seed(0))
    every, two = lyapunov_exponents(layer, x), lyapunov_exponents(layer, x, 2, skip=100)
    assert every.values.shape == (1, 3)
    assert two.running.shape == (500, 1, 2)
    torch.testing.assert_close(two.values, every.values[:, :2], rtol=0, atol=0.02)
    changes = (two.running - two.values).abs().amax(-1)[:, 0]
    assert changes[400:].max() < changes[:20].max()


def test_chaos_has_an_exponent_above_zero_and_a_shut_cell_minus_infinity():
    torch.manual_seed(0)
    rnn = nn.RNN(1, 100)
    with torch.no_grad():
        rnn.weight_hh_l0.normal_(0, 2.5 / 10)
    x, start = torch.zeros(400, 1, 1), torch.randn(1, 100)
    assert lyapunov_exponents(rnn, x, 1, skip=50, state=start).values > 0.1
    dead = nn.RNN(1, 2, nonlinearity="relu")
    with torch.no_grad():
        dead.bias_ih_l0.fill_(-10.0)
    values = lyapunov_exponents(dead, torch.zeros(3, 1, 1)).values
    assert values.tolist() == [[-math.inf, -math.inf]]


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"k": 0}, ValueError, "k to be a whole number from 1 to 6"),
        ({"k": 7}, ValueError, "got 7"),
        ({"k": 1.0}, TypeError, "whole number"),
        ({"skip": 5}, ValueError, "skip"),
        ({"state": torch.zeros(2, 3)}, TypeError, "state to be a tuple"),
        ({"state": (torch.zeros(1, 3),) * 2}, RuntimeError, "B=2"),
    ],
)
def test_refused(options, error, words):
    with pytest.raises(error, match=words):
        lyapunov_exponents(nn.LSTM(2, 3), torch.zeros(5, 2, 2), **options)
