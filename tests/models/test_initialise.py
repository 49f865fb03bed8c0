"""The series' first weights, in every model, against the bounds that the paper gives."""

import math

import pytest
import torch
from torch import nn

from lstm_book.layers import LSTM
from lstm_book.models import (
    CharLM,
    Seq2Seq,
    SequenceClassifier,
    Tagger,
    Vocabulary,
    series_init_,
)

MODELS = {
    "classifier": lambda: SequenceClassifier(LSTM(12, 64, 2, bidirectional=True), 9),
    "tagger": lambda: Tagger(LSTM(16, 64, bidirectional=True), 7, tokens=50),
    "character model": lambda: CharLM(Vocabulary("abcdefgh"), 64, 2, embedding=16),
    "encoder-decoder": lambda: Seq2Seq(12, 12, 64, stop=0, attention="additive"),
}


@pytest.mark.parametrize("name", MODELS)
def test_bounds_and_biases(name):
    model = MODELS[name]()
    kept = {key: value.clone() for key, value in model.named_parameters() if "embedding" in key}
    series_init_(model, generator=torch.Generator().manual_seed(0))
    lstms = [part for part in model.modules() if isinstance(part, nn.LSTM)]
    for lstm in lstms:
        H = lstm.hidden_size
        for key, parameter in lstm.named_parameters():
            if key.startswith("weight"):
                bound = math.sqrt(6 / (parameter.shape[1] + H))
                for gate in parameter.chunk(4):
                    assert 0.97 * bound < gate.abs().max() <= bound
            elif key.startswith("bias_ih"):
                total = parameter + lstm.get_parameter(key.replace("bias_ih", "bias_hh"))
                expected = torch.zeros(4, H)
                expected[1] = 1
                assert torch.equal(total.view(4, H), expected)
    for part in model.modules():
        if isinstance(part, nn.Linear):
            bound = math.sqrt(6 / (part.in_features + part.out_features))
            assert 0.8 * bound < part.weight.abs().max() <= bound
            assert part.bias is None or not part.bias.any()
    for key, value in kept.items():
        assert torch.equal(model.get_parameter(key), value)


def test_draws_repeat_with_the_generator():
    a, b, c = (MODELS["classifier"]() for _ in range(3))
    for model, seed in ((a, 0), (b, 0), (c, 1)):
        series_init_(model, generator=torch.Generator().manual_seed(seed))
    for x, y, z in zip(a.parameters(), b.parameters(), c.parameters(), strict=True):
        assert torch.equal(x, y)
        assert x.dim() == 1 or not torch.equal(x, z)


def test_a_model_without_an_lstm_is_refused():
    with pytest.raises(TypeError, match="recurrent layer"):
        series_init_(nn.Linear(2, 2))
