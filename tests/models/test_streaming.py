"""Models read step by step, against the same models that read everything at once."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from lstm_book.cells import LSTMCell
from lstm_book.layers import Recurrent
from lstm_book.models import (
    LastStepClassifier,
    RecurrentStream,
    TransformerClassifier,
    TransformerStream,
    stream,
)

T, B, D, H = 7, 3, 4, 6
torch.manual_seed(0)
MODELS = {
    "RNN": LastStepClassifier(nn.RNN(D, H, 2)),
    "GRU": LastStepClassifier(nn.GRU(D, H, 2, bias=False), outputs=5),
    "LSTM": LastStepClassifier(nn.LSTM(D, H, 3, dropout=0.5), every_layer=True).eval(),
    "Transformer": TransformerClassifier(D, 8, 2),
}


def reader_of(model, room=T):
    if isinstance(model, TransformerClassifier):
        return TransformerStream(model, room, B)
    return RecurrentStream(model, B)


@pytest.mark.parametrize("name", MODELS)
def test_every_step_against_the_whole_sequence(name):
    model = MODELS[name].double()
    x = torch.randn(T, B, D, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    reader = reader_of(model)
    for t in range(T):
        assert_close(reader.step(x[t]), model(x[: t + 1]))


@pytest.mark.parametrize("name", MODELS)
def test_what_is_kept_has_one_size_or_grows_by_a_key_and_a_value(name):
    model = MODELS[name].double()
    reader = reader_of(model)
    sizes = []
    for _ in range(3):
        reader.step(torch.zeros(B, D, dtype=torch.float64))
        sizes.append(sum(part.numel() for part in reader.kept()))
    parts = {"RNN": 2, "GRU": 2, "LSTM": 6}
    if name == "Transformer":
        assert sizes == [2 * 2 * B * 8 * n for n in (1, 2, 3)]
    else:
        assert sizes == [parts[name] * B * H] * 3


def test_cells_share_the_layers_weights():
    model = MODELS["LSTM"]
    reader = RecurrentStream(model)
    assert reader.cells[1].weight_hh is model.layer.weight_hh_l1


def test_a_stream_draws_no_random_numbers():
    before = torch.random.get_rng_state()
    stream(MODELS["LSTM"], 1)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_stream_takes_either():
    assert isinstance(stream(MODELS["GRU"], 2), RecurrentStream)
    assert isinstance(stream(MODELS["Transformer"], 2), TransformerStream)


def test_no_gradient_flows_through_a_stream():
    for model in MODELS.values():
        assert not reader_of(model.float()).step(torch.zeros(B, D)).requires_grad


def test_a_cache_has_an_end():
    reader = TransformerStream(MODELS["Transformer"].float(), 1)
    reader.step(torch.zeros(1, D))
    with pytest.raises(ValueError, match="at most 1 steps"):
        reader.step(torch.zeros(1, D))


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (nn.LSTM(D, H), TypeError, "a LastStepClassifier"),
        (LastStepClassifier(Recurrent(LSTMCell(D, H))), TypeError, "an LSTM, a GRU or an RNN"),
        (LastStepClassifier(nn.RNN(D, H, nonlinearity="relu")), TypeError, "with tanh"),
        (LastStepClassifier(nn.LSTM(D, H, proj_size=2)), ValueError, "without projection"),
    ],
)
def test_what_cannot_be_streamed_is_told(model, error, message):
    with pytest.raises(error, match=message):
        stream(model, 5)


@pytest.mark.parametrize("name", ["GRU", "Transformer"])
def test_another_size_is_told(name):
    reader = reader_of(MODELS[name])
    with pytest.raises(RuntimeError, match="expected x"):
        reader.step(torch.zeros(B, D + 1))
    with pytest.raises(RuntimeError, match="expected x"):
        reader.step(torch.zeros(B + 1, D))
