"""The layers inside a model, recorded as the model calls them."""

import pytest
import torch
from torch import nn

from lstm_book.cells import GRUCell
from lstm_book.layers import LSTM, Recurrent
from lstm_book.models import SequenceClassifier
from lstm_book.recording import record

T, B, D, H = 7, 2, 3, 5
LAYERS = {
    "torch": lambda: nn.LSTM(D, H, num_layers=2, bidirectional=True),
    "ours": lambda: LSTM(D, H),
    "cell": lambda: Recurrent(GRUCell(D, H)),
}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("lengths", [None, [7, 4]], ids=["equal", "lengths"])
@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_it_is_what_the_layer_itself_gives(make, lengths, training):
    torch.manual_seed(0)
    model, x = SequenceClassifier(make(), classes=4, dropout=0.5), torch.randn(T, B, D)
    model.train(training)
    inside, alone = record(model, x, lengths=lengths), record(model.layer, x, lengths=lengths)
    assert list(inside) == ["layer"]
    torch.testing.assert_close(inside["layer"].trace().h, alone.trace().h, equal_nan=True)
    assert model.training is training
    assert not model.layer._forward_pre_hooks


class Two(nn.Module):
    """Reads forwards, and what was read once more."""

    def __init__(self, times=1):
        super().__init__()
        self.read = nn.LSTM(D, H)
        self.deep = nn.ModuleDict({"er": LSTM(H, H)})
        self.times = times

    def forward(self, x, hx=None):
        output, _ = self.read(x, hx)
        for _ in range(self.times):
            output, _ = self.deep["er"](output)
        return output


def test_every_layer_has_its_name_and_its_own_input():
    model, x, hx = Two(), torch.randn(T, B, D), (torch.randn(1, B, H), torch.randn(1, B, H))
    found = record(model, x, hx)
    assert list(found) == ["read", "deep.er"]
    torch.testing.assert_close(found["deep.er"].output, model(x, hx))
    torch.testing.assert_close(found["read"].output, model.read(x, hx)[0])


def test_what_cannot_be_told_is_refused():
    x = torch.randn(T, B, D)
    with pytest.raises(RuntimeError, match=r"call 'deep\.er' once, got 2 calls"):
        record(Two(times=2), x)
    with pytest.raises(TypeError, match="a model that has some, got Linear"):
        record(nn.Linear(D, H), x)
    silent = nn.Sequential(nn.Linear(D, H))
    silent.unused = nn.LSTM(D, H)
    silent.forward = lambda x: silent[0](x)
    with pytest.raises(RuntimeError, match="call unused, got no call"):
        record(silent, x)
