"""weights_of against the parameters that torch keeps, layer by layer."""

import pytest
import torch
from reparametrisations import REPARAMETRISATIONS
from support import replica
from torch import nn

from lstm_book.cells import LSTMCell, RNNCell, Weights, weights_of
from lstm_book.layers import LSTM

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
        (nn.LSTM(2, 3), 1, "forward", "LSTM has no layer 1 .*weight_hh_l1"),
        (nn.LSTM(2, 3), -1, "forward", "layer .*from 0 on, got -1"),
        (nn.LSTM(2, 3), 0, "backward", "LSTM has no layer 0 .*'backward'"),
        (LSTMCell(2, 3), 1, "forward", "LSTMCell has no layer 1"),
        (nn.LSTMCell(2, 3), 0, "backward", "LSTMCell has no layer 0 .*'backward'"),
        (nn.LSTM(2, 3), 0, "sideways", "'forward', 'backward', got 'sideways'"),
    ],
)
def test_missing_layer_or_direction(module, layer, direction, words):
    with pytest.raises(ValueError, match=words):
        weights_of(module, layer, direction)


@pytest.mark.parametrize("module", [nn.Linear(2, 3), nn.Sequential(nn.LSTM(2, 3))])
def test_module_without_recurrent_weights_of_its_own(module):
    with pytest.raises(TypeError, match=f"weight_ih.*got {type(module).__name__}"):
        weights_of(module)


every_reparametrisation = pytest.mark.parametrize(
    ("act", "on"), REPARAMETRISATIONS.values(), ids=REPARAMETRISATIONS
)
KINDS = [nn.LSTM, nn.GRU, nn.RNN, LSTM, nn.LSTMCell, nn.GRUCell, nn.RNNCell, LSTMCell, RNNCell]


def tensors(module):
    """Return W, U and both biases as attributes."""
    return {
        name.split("_l0")[0]: getattr(module, name)
        for name in (f"{kind}{end}" for kind in NAMES for end in ("", "_l0"))
        if hasattr(module, name)
    }


NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


@every_reparametrisation
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("which", ["ih", "hh", "ih hh"])
def test_weights_of_a_reparametrised_module_are_the_effective_ones(kind, act, on, which):
    module = kind(2, 3)
    end = "_l0" if hasattr(module, "weight_ih_l0") else ""
    for name in (f"{o}_{w}{end}" for o in on.split() for w in which.split()):
        act(module, name)
    module.eval()  # a spectral norm iterates at each access while training
    module(torch.zeros(4, 2))  # the older norms act on the attribute here
    W, U, b = weights_of(module)
    now = tensors(module)
    assert torch.equal(W, now["weight_ih"])
    assert torch.equal(U, now["weight_hh"])
    assert torch.equal(b, now["bias_ih"] + now["bias_hh"])


@every_reparametrisation
@pytest.mark.parametrize("kind", [nn.LSTM, LSTM, nn.LSTMCell, LSTMCell])
def test_weights_of_follow_an_optimisers_step_without_a_forward_pass(kind, act, on):
    module = kind(2, 3)
    end = "_l0" if hasattr(module, "weight_ih_l0") else ""
    for name in (f"{o}_hh{end}" for o in on.split()):
        act(module, name)
    module.eval()
    x = torch.zeros(4, 2)
    module(x)[0].sum().backward()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn_like(parameter))
    _, U, b = weights_of(module)
    (U.sum() + b.sum()).backward()  # nor is the graph one that was spent
    module(x)  # refreshes the attributes
    now = tensors(module)
    assert torch.equal(U, now["weight_hh"])
    assert torch.equal(b, now["bias_ih"] + now["bias_hh"])


@pytest.mark.parametrize("kind", KINDS)
def test_weights_of_a_replica_are_its_tensors(kind):
    module = kind(2, 3)
    copy = replica(module)
    assert not list(copy.parameters())
    W, U, b = weights_of(copy)
    now = tensors(copy)
    assert W is now["weight_ih"]
    assert U is now["weight_hh"]
    assert torch.equal(b, now["bias_ih"] + now["bias_hh"])


def test_a_lone_bias_is_the_bias():
    cell = LSTMCell(2, 3)
    cell.bias_hh = None
    assert cell.weights.b is cell.bias_ih


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((None,), TypeError, "module to be a recurrent torch.nn.Module, got NoneType"),
        (("a",), TypeError, "got str"),
        ((nn.LSTM,), TypeError, "got type"),
        ((nn.LSTM(2, 3), "a"), TypeError, "layer to be a whole number, got str 'a'"),
        ((nn.LSTM(2, 3), 0.0), TypeError, "layer to be a whole number"),
        ((nn.LSTM(2, 3), True), TypeError, "layer to be a whole number"),
        ((nn.LSTM(2, 3), 0, 3), ValueError, "direction to be one of .*, got 3"),
        ((nn.LSTM(2, 3), 0, None), ValueError, "got None"),
        ((nn.LSTM(2, 3), 0, torch.zeros(2)), ValueError, "direction to be one of"),
    ],
)
def test_weights_of_odd_arguments(arguments, error, words):
    with pytest.raises(error, match=words):
        weights_of(*arguments)
