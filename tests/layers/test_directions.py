"""Two directions taken apart, against two layers that each have one."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from lstm_book.layers import LSTM, directions

T, B, D, H = 6, 3, 4, 5


def sequence(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def one_direction(kind, both, suffix):
    """A layer of one direction with the weights of one direction of another, first layer only."""
    layer = kind(D, H)
    ends = f"_l0{suffix}"
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            parameter.copy_(both.get_parameter(name.removesuffix("_l0") + ends))
    return layer


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN, LSTM])
def test_each_direction_is_a_layer_of_its_own(kind):
    both = kind(D, H, bidirectional=True)
    x = sequence(T, B, D)
    output, state = both(x)
    forward, backward = directions(output, state[0] if isinstance(state, tuple) else state)

    alone, last = one_direction(kind, both, "")(x)
    torch.testing.assert_close(forward.output, alone)
    torch.testing.assert_close(forward.h_n, last[0] if isinstance(last, tuple) else last)

    alone, last = one_direction(kind, both, "_reverse")(x.flip(0))
    torch.testing.assert_close(backward.output, alone.flip(0))
    torch.testing.assert_close(backward.h_n, last[0] if isinstance(last, tuple) else last)


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("options", [{}, {"batch_first": True}, {"proj_size": 2}])
def test_rows_of_h_n_are_the_ends_of_the_outputs(layers, options):
    lstm = LSTM(D, H, num_layers=layers, bidirectional=True, engine="unrolled", **options)
    output, (h_n, _) = lstm(sequence(T, B, D))
    forward, backward = directions(output, h_n)
    time = 1 if options.get("batch_first") else 0
    assert forward.h_n.shape == backward.h_n.shape == (layers, *h_n.shape[1:])
    assert torch.equal(forward.output.select(time, -1), forward.h_n[-1])
    assert torch.equal(backward.output.select(time, 0), backward.h_n[-1])


def test_every_layers_rows_go_to_their_direction():
    rows = torch.arange(6.0).view(6, 1, 1)
    forward, backward = directions(torch.zeros(2, 1, 2), rows)
    assert forward.h_n.flatten().tolist() == [0, 2, 4]
    assert backward.h_n.flatten().tolist() == [1, 3, 5]


def test_a_single_sequence():
    output, (h_n, _) = nn.LSTM(D, H, bidirectional=True)(sequence(T, D))
    forward, backward = directions(output, h_n)
    assert forward.output.shape == backward.output.shape == (T, H)
    assert torch.equal(forward.output[-1], forward.h_n[-1])


def test_lengths():
    lengths = [4, 6, 1]
    output, (h_n, _) = LSTM(D, H, bidirectional=True)(sequence(T, B, D), lengths=lengths)
    forward, backward = directions(output, h_n)
    last = forward.output[torch.tensor(lengths) - 1, torch.arange(B)]
    assert torch.equal(last, forward.h_n[-1])
    assert torch.equal(backward.output[0], backward.h_n[-1])


def test_the_parts_are_views_so_gradients_come_back():
    output = sequence(T, B, 2 * H).requires_grad_()
    forward, backward = directions(output, sequence(2, B, H))
    (forward.output.sum() - backward.output.sum()).backward()
    assert (output.grad[..., :H] == 1).all()
    assert (output.grad[..., H:] == -1).all()


@pytest.mark.parametrize(
    ("output", "h_n", "error"),
    [
        ((T, B, H), (1, B, H), RuntimeError),  # one direction
        ((T, B, H), (2, B, H), RuntimeError),  # two layers of one direction
        ((T, B, 2 * H), (3, B, H), RuntimeError),
        ((T, B, 2 * H), (0, B, H), RuntimeError),
        ((T, B, 2 * H), (2, H), ValueError),
        ((2 * H,), (H,), ValueError),
        ((1, T, B, 2 * H), (1, 2, B, H), ValueError),
        ((T, B, 2 * H), (2, B + 1, H), RuntimeError),  # two batches
        ((T, B, 2 * H), (2, 1, H), RuntimeError),
        ((T, 0, 2 * H), (2, B, H), RuntimeError),
        ((B, T, 2 * H), (2, 2 * B + 1, H), RuntimeError),
    ],
)
def test_what_has_not_two_directions(output, h_n, error):
    with pytest.raises(error, match="got shapes"):
        directions(torch.zeros(output), torch.zeros(h_n))


def test_an_empty_batch():
    output, (h_n, _) = nn.LSTM(D, H, bidirectional=True)(torch.zeros(T, 0, D))
    forward, backward = directions(output, h_n)
    assert forward.output.shape == backward.output.shape == (T, 0, H)
    assert forward.h_n.shape == backward.h_n.shape == (1, 0, H)


def test_what_is_no_tensor():
    packed = pack_padded_sequence(torch.zeros(T, B, 2 * H), [6, 4, 1])
    with pytest.raises(TypeError, match=r"output to be a torch\.Tensor, got PackedSequence"):
        directions(packed, torch.zeros(2, B, H))
    with pytest.raises(TypeError, match=r"h_n to be a torch\.Tensor, got tuple"):
        directions(torch.zeros(T, B, 2 * H), (torch.zeros(2, B, H),) * 2)
