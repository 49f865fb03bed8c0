"""One way to run every recurrent layer over sequences of different lengths."""

import pytest
import torch
from torch import nn

from lstm_book.cells import LSTMState
from lstm_book.layers import LSTM, read

X = torch.randn(5, 3, 2, generator=torch.Generator().manual_seed(0))
LENGTHS = [2, 5, 1]
KINDS = {"LSTM": nn.LSTM, "GRU": nn.GRU, "RNN": nn.RNN}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("batch_first", [False, True])
def test_torchs_layers_against_each_sequence_alone(kind, batch_first):
    layer = kind(2, 4, num_layers=2, bidirectional=True, batch_first=batch_first)
    time = int(batch_first)
    x = X.transpose(0, 1) if batch_first else X
    spoilt = X.clone()
    for b, length in enumerate(LENGTHS):
        spoilt[length:, b] = torch.nan
    reading = read(layer, spoilt.transpose(0, 1) if batch_first else spoilt, LENGTHS)
    assert reading.output.shape == (*x.shape[:2], 8)
    for b, length in enumerate(LENGTHS):
        one = x.narrow(1 - time, b, 1).narrow(time, 0, length)
        output, state = layer(one)
        got = reading.output.narrow(1 - time, b, 1)
        torch.testing.assert_close(got.narrow(time, 0, length), output)
        assert not got.narrow(time, length, 5 - length).any()
        h = state[0] if kind is nn.LSTM else state
        torch.testing.assert_close(reading.h[:, b : b + 1], h)


def test_a_state_is_carried_on_and_named():
    for layer in (nn.LSTM(2, 4), LSTM(2, 4)):
        first = read(layer, X[:2])
        assert isinstance(first.state, LSTMState)
        second = read(layer, X[2:], None, first.state)
        output, (h, c) = layer(X)
        torch.testing.assert_close(torch.cat([first.output, second.output]), output)
        torch.testing.assert_close(second.state, LSTMState(h, c))


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_an_empty_batch(kind):
    assert read(kind(2, 4), X[:, :0], []).output.shape == (5, 0, 4)


@pytest.mark.parametrize(
    ("layer", "x", "lengths", "error", "said"),
    [
        (nn.LSTMCell(2, 4), X, None, TypeError, "recurrent layer: .* got LSTMCell"),
        (None, X, None, TypeError, "recurrent layer: .* got NoneType"),
        (nn.GRU(2, 4), "x", None, TypeError, "x to be a torch.Tensor"),
        (nn.GRU(2, 4), X[:, 0], [5], ValueError, "batched 3-D input with lengths, got 2-D"),
        (nn.GRU(2, 4), X, [6, 1, 1], RuntimeError, "lengths from 1 to T=5"),
        (nn.GRU(2, 4), X, [1, 1], RuntimeError, "one length for each of 3 sequences"),
        (nn.GRU(2, 4), X, [1.5] * 3, TypeError, "whole numbers"),
        (nn.GRU(3, 4), X, LENGTHS, RuntimeError, "input"),
    ],
)
def test_what_cannot_be_read(layer, x, lengths, error, said):
    with pytest.raises(error, match=said):
        read(layer, x, lengths)


@pytest.mark.parametrize(
    ("layer", "state", "said"),
    [
        (nn.GRU(2, 4), (torch.zeros(1, 3, 4),) * 2, "state to be a torch.Tensor, got tuple"),
        (nn.LSTM(2, 4), torch.zeros(1, 3, 4), r"state to be \(h, c\), got Tensor"),
        (nn.LSTM(2, 4), (None, None), "state to be a torch.Tensor, got NoneType"),
    ],
)
def test_a_state_of_another_kind(layer, state, said):
    with pytest.raises(TypeError, match=said):
        read(layer, X, None, state)
