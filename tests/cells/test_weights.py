"""weights_of against the parameters that torch keeps, layer by layer."""

import pytest
import torch
from torch import nn

from lstm_book.cells import LSTMCell, RNNCell, Weights, weights_of

LAYERS = [
    nn.LSTM(2, 3, num_layers=2, bidirectional=True),
    nn.LSTM(2, 3, num_layers=2, bidirectional=True, bias=False),
    nn.LSTM(2, 4, num_layers=2, proj_size=3),
    nn.RNN(2, 3, num_layers=3),
    nn.GRU(2, 3, bidirectional=True),
]


@pytest.mark.parametrize("module", LAYERS, ids=str)
def test_weights_of_layers_by_torchs_names(module):
    for layer in range(module.num_layers):
        for direction in ("forward", "backward")[: 1 + module.bidirectional]:
            suffix = f"l{layer}" + ("_reverse" if direction == "backward" else "")
            W, U, b = weights_of(module, layer, direction)
            assert W is getattr(module, f"weight_ih_{suffix}")
            assert U is getattr(module, f"weight_hh_{suffix}")
            if module.bias:
                total = getattr(module, f"bias_ih_{suffix}") + getattr(module, f"bias_hh_{suffix}")
                assert torch.equal(b, total)
            else:
                assert b is None


@pytest.mark.parametrize("kind", [LSTMCell, RNNCell, nn.LSTMCell, nn.RNNCell, nn.GRUCell])
@pytest.mark.parametrize("bias", [True, False])
def test_weights_of_cells(kind, bias):
    cell = kind(2, 3, bias=bias)
    W, U, b = weights_of(cell)
    assert W is cell.weight_ih
    assert U is cell.weight_hh
    assert torch.equal(b, cell.bias_ih + cell.bias_hh) if bias else b is None


@pytest.mark.parametrize("kind", [LSTMCell, RNNCell])
def test_a_cell_shows_its_weights(kind):
    cell = kind(2, 3)
    assert isinstance(cell.weights, Weights)
    torch.testing.assert_close(tuple(cell.weights), tuple(weights_of(cell)), rtol=0, atol=0)


def test_bias_sends_its_gradient_to_both_biases():
    cell = LSTMCell(2, 3)
    pull = torch.arange(12.0)
    (cell.weights.b * pull).sum().backward()
    assert torch.equal(cell.bias_ih.grad, pull)
    assert torch.equal(cell.bias_hh.grad, pull)


@pytest.mark.parametrize(
    ("module", "layer", "direction", "words"),
    [
        (nn.LSTM(2, 3), 1, "forward", "LSTM has no layer 1 .*weight_ih_l0"),
        (nn.LSTM(2, 3), -1, "forward", "no layer -1"),
        (nn.LSTM(2, 3), 0, "backward", "'backward'"),
        (LSTMCell(2, 3), 1, "forward", "LSTMCell has no layer 1"),
        (nn.LSTMCell(2, 3), 0, "backward", "LSTMCell has no layer 0 .*'backward'"),
        (nn.LSTM(2, 3), 0, "sideways", "'forward' or 'backward', got 'sideways'"),
    ],
)
def test_missing_layer_or_direction(module, layer, direction, words):
    with pytest.raises(ValueError, match=words):
        weights_of(module, layer, direction)


@pytest.mark.parametrize("module", [nn.Linear(2, 3), nn.Sequential(nn.LSTM(2, 3))])
def test_module_without_recurrent_weights_of_its_own(module):
    with pytest.raises(TypeError, match=f"weight_ih.*got {type(module).__name__}"):
        weights_of(module)
