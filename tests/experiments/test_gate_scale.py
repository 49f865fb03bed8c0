"""Weights drawn on the stack and gate by gate, at the same scale or not."""

import pytest
import torch
from torch import nn

from lstm_book.experiments.gate_scale import WAYS, GateScale, draw_weights_


def layer_of(way, seed=0, H=32):
    torch.manual_seed(seed)
    layer = nn.LSTM(4, H)
    draw_weights_(layer, way, torch.Generator().manual_seed(seed))
    return layer


def test_stacked_xavier_with_the_gain_is_xavier_per_gate():
    scaled, apart = layer_of("Xavier, stack, scaled"), layer_of("Xavier, gate")
    for p, q in zip(scaled.parameters(), apart.parameters(), strict=True):
        assert torch.allclose(p, q, atol=1e-6)


@pytest.mark.parametrize("family", ["Xavier", "orthogonal"])
def test_scaled_stacks_have_the_size_of_a_matrix_per_gate(family):
    norms = {
        way: layer_of(way).weight_hh_l0.detach().norm().item()
        for way in WAYS
        if way.startswith(family)
    }
    stack, scaled, gate = norms.values()
    assert scaled == pytest.approx(gate, rel=0.02)
    assert stack < 0.7 * scaled


def test_the_default_keeps_its_draws():
    torch.manual_seed(0)
    own = nn.LSTM(4, 32)
    assert torch.equal(layer_of("default").weight_hh_l0, own.weight_hh_l0)
    scaled = layer_of("default, scaled")
    assert torch.allclose(scaled.weight_hh_l0, 3**0.5 * own.weight_hh_l0)
    assert torch.equal(scaled.weight_ih_l0, own.weight_ih_l0)


def test_every_way_is_trained_once():
    tiny = GateScale(name="tiny", about="", ways=WAYS[:2], length=3, updates=20)
    metrics, model = tiny.train(1, lambda words: None)
    assert model is None
    for found in metrics.values():
        assert list(found) == list(WAYS[:2])
    assert len(metrics["loss"]["default"]) == 2
