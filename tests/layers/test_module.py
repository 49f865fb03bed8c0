"""run_module: one layer or cell by the book's equations, torch's or ours."""

import pytest
import torch
from torch import nn

from lstm_book.layers import run_module

T, B, D, H = 5, 3, 2, 4


@pytest.mark.parametrize("kind", [nn.LSTM, nn.RNN])
@pytest.mark.parametrize("batch_first", [False, True])
def test_a_layer_of_one_direction_gives_its_own_states(kind, batch_first):
    torch.manual_seed(0)
    layer, x = kind(D, H, batch_first=batch_first), torch.randn(T, B, D)
    given = x.transpose(0, 1) if batch_first else x
    h_0, c_0 = torch.randn(2, 1, B, H)
    is_lstm = kind is nn.LSTM
    output, _ = layer(given, (h_0, c_0) if is_lstm else h_0)
    run = run_module(layer, given, (h_0[0], c_0[0]) if is_lstm else h_0[0])
    states = run.states.h if is_lstm else run.states
    assert torch.allclose(states, output.transpose(0, 1) if batch_first else output, atol=1e-6)


@pytest.mark.parametrize("options", [{"num_layers": 2}, {"bidirectional": True}])
@pytest.mark.parametrize("kind", [nn.LSTM, nn.RNN])
def test_several_layers_or_directions_are_refused(kind, options):
    with pytest.raises(ValueError, match="one layer and one direction"):
        run_module(kind(D, H, **options), torch.zeros(T, B, D))


def test_the_state_of_an_lstm_is_a_pair_and_that_of_an_rnn_is_not():
    h = torch.zeros(B, H)
    with pytest.raises(TypeError):
        run_module(nn.LSTM(D, H), torch.zeros(T, B, D), h)
    with pytest.raises(TypeError):
        run_module(nn.RNN(D, H), torch.zeros(T, B, D), (h, h))
