"""The kernel's one direction of one layer, against nn.LSTM on packed and whole input."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from lstm_book.cells import LSTMState
from lstm_book.layers.kernel import (
    has_projection,
    kernel_weights,
    reverse_steps,
    run_kernel,
    summed,
)

T, B, D, H = 6, 3, 2, 4


@pytest.fixture(params=[0, 3], ids=["whole", "projected"])
def lstm(request):
    torch.manual_seed(0)
    return nn.LSTM(D, H, bidirectional=True, proj_size=request.param)


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("lengths", [None, torch.tensor([4, 6, 1])], ids=["equal", "lengths"])
@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_it_is_one_direction_of_torch_s_layer(lstm, direction, lengths):
    x, out = torch.randn(T, B, D), lstm.proj_size or H
    h_0, c_0 = torch.randn(2, B, out), torch.randn(2, B, H)
    packed = x if lengths is None else pack_padded_sequence(x, lengths, enforce_sorted=False)
    output, (h_n, c_n) = lstm(packed, (h_0, c_0))
    if lengths is not None:
        output = pad_packed_sequence(output)[0]
    back = direction == "backward"
    own = reverse_steps(x, lengths) if back else x
    weights = kernel_weights(lstm, 0, direction)
    assert has_projection(weights) == bool(lstm.proj_size)
    h, last = run_kernel(weights, own, LSTMState(h_0[int(back)], c_0[int(back)]), lengths)
    h = reverse_steps(h, lengths) if back else h
    wanted = output[..., out:] if back else output[..., :out]
    torch.testing.assert_close(h, wanted)
    torch.testing.assert_close(last.h, h_n[int(back)])
    torch.testing.assert_close(last.c, c_n[int(back)])


def test_the_biases_are_summed_and_a_projection_is_none_of_them(lstm):
    weights = kernel_weights(lstm, 0, "forward")
    torch.testing.assert_close(summed(weights).b, lstm.bias_ih_l0 + lstm.bias_hh_l0)
    lstm.bias = False
    assert summed(kernel_weights(lstm, 0, "forward")).b is None
