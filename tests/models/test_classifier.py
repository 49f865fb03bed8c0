"""Read-outs against torch.nn.LSTM, and what the models say to wrong input."""

import pytest
import torch
from torch import nn

from lstm_book.layers import LSTM
from lstm_book.models import SequenceClassifier, Tagger, sequence_cross_entropy

x = torch.randn(6, 4, 3, generator=torch.Generator().manual_seed(0))


def test_last_readout_against_nn_lstm():
    layer = LSTM(3, 5, num_layers=2, bidirectional=True)
    model = SequenceClassifier(layer, 7)
    peer = nn.LSTM(3, 5, num_layers=2, bidirectional=True)
    peer.load_state_dict(layer.state_dict())
    output, _ = peer(x)
    # Forwards the last step has read everything, backwards the first one has.
    features = torch.cat([output[-1, :, :5], output[0, :, 5:]], dim=1)
    torch.testing.assert_close(model(x), model.linear(features))


def test_mean_readout_against_nn_lstm():
    layer = LSTM(3, 5, bidirectional=True)
    model = SequenceClassifier(layer, 7, readout="mean")
    peer = nn.LSTM(3, 5, bidirectional=True)
    peer.load_state_dict(layer.state_dict())
    torch.testing.assert_close(model(x), model.linear(peer(x)[0].mean(0)))


def test_tagger_against_nn_lstm():
    layer = LSTM(3, 5, bidirectional=True)
    model = Tagger(layer, 7)
    peer = nn.LSTM(3, 5, bidirectional=True)
    peer.load_state_dict(layer.state_dict())
    torch.testing.assert_close(model(x), model.linear(peer(x)[0]))


def test_a_projected_layer_fits():
    layer = LSTM(3, 5, proj_size=2, bidirectional=True, engine="unrolled")
    assert SequenceClassifier(layer, 7)(x).shape == (4, 7)
    assert Tagger(layer, 7)(x).shape == (6, 4, 7)


@pytest.mark.parametrize("directions", [1, 2])
def test_tags_see_the_future_only_with_two_directions(directions):
    model = Tagger(LSTM(3, 5, bidirectional=directions == 2), 2)
    given = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model(given)[2].sum(), given)
    assert gradient[:3].any()
    assert bool(gradient[3:].any()) == (directions == 2)


def test_dropout_acts_while_training_only():
    model = SequenceClassifier(LSTM(3, 5), 7, dropout=0.5)
    assert not torch.equal(model(x), model(x))
    model.eval()
    assert torch.equal(model(x), model(x))


def test_cross_entropy_is_the_mean_over_own_steps():
    logits, targets = torch.randn(3, 2, 4), torch.randint(4, (3, 2))
    own = [(0, 0), (0, 1), (1, 1), (2, 1)]
    expected = -sum(logits[t, b].log_softmax(0)[targets[t, b]] for t, b in own) / len(own)
    torch.testing.assert_close(sequence_cross_entropy(logits, targets, [1, 3]), expected)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: SequenceClassifier(nn.LSTMCell(3, 5), 2),
            TypeError,
            "recurrent layer: .*LSTMCell",
        ),
        (
            lambda: SequenceClassifier(LSTM(3, 5), 0),
            ValueError,
            "classes to be a whole number from 1",
        ),
        (lambda: SequenceClassifier(LSTM(3, 5), 2, readout="max"), ValueError, "'last', 'mean'"),
        (lambda: SequenceClassifier(LSTM(3, 5), 2)(x[0]), ValueError, "3-D"),
        (lambda: SequenceClassifier(LSTM(4, 5), 2)(x), RuntimeError, "4"),
        (lambda: SequenceClassifier(LSTM(3, 5), 2)(x[:0]), RuntimeError, "."),
        (lambda: SequenceClassifier(LSTM(3, 5), 2)(x, lengths=[7, 1, 1, 1]), RuntimeError, "T=6"),
        (
            lambda: SequenceClassifier(LSTM(3, 5), 2)(x, lengths=[0, 1, 1, 1]),
            RuntimeError,
            "from 1",
        ),
        (lambda: SequenceClassifier(LSTM(3, 5), 2)(x, lengths=[1, 1]), RuntimeError, "4 sequences"),
        (lambda: SequenceClassifier(LSTM(3, 5), 2)(x, lengths=[1.5] * 4), TypeError, "whole"),
        (lambda: Tagger(nn.Linear(3, 5), 2), TypeError, "recurrent layer: .* got Linear"),
        (lambda: Tagger(LSTM(3, 5), 0), ValueError, "tags to be a whole number from 1"),
        (lambda: Tagger(LSTM(3, 5), 2, tokens=0), ValueError, "tokens to be a whole number from 1"),
        (lambda: Tagger(LSTM(3, 5), 2)(x[0]), ValueError, "3-D"),
        (lambda: Tagger(LSTM(3, 5), 2, tokens=8)(x), ValueError, "2-D"),
        (lambda: Tagger(LSTM(3, 5), 2, tokens=8)(x[0]), TypeError, "whole numbers"),
        (
            lambda: Tagger(LSTM(3, 5), 2, tokens=8)(torch.tensor([[8], [0]])),
            IndexError,
            "from 0 to 7, got 8",
        ),
        (
            lambda: Tagger(LSTM(3, 5), 2, tokens=8)(torch.tensor([[-1], [0]])),
            IndexError,
            "got -1",
        ),
        (
            lambda: Tagger(LSTM(3, 5), 2, tokens=8)(torch.zeros(0, 1).long()),
            RuntimeError,
            "at least one time step",
        ),
        (
            lambda: sequence_cross_entropy(x, torch.zeros(6, 4)),
            TypeError,
            "targets to be whole numbers",
        ),
        (lambda: sequence_cross_entropy(x, torch.zeros(6, 5).long()), RuntimeError, "targets of"),
        (lambda: sequence_cross_entropy(x, torch.full((6, 4), 3)), IndexError, "from 0 to 2"),
        (lambda: sequence_cross_entropy(x[0], torch.zeros(6, 4).long()), ValueError, "3-D"),
    ],
)
def test_wrong_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
