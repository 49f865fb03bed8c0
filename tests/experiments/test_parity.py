"""Parity at several lengths, small: what begins, what ends it, what is kept."""

from dataclasses import replace

import pytest
import torch

from lstm_book.cells import weights_of
from lstm_book.experiments.parity import LearnParity

TINY = LearnParity(name="tiny", about="", lengths=(2, 12), scale=4.0, updates=200)


def silent(words):
    pass


def test_weights_are_scaled_and_biases_are_not():
    small, large = (
        weights_of(replace(TINY, scale=scale).untrained(3).layer) for scale in (1.0, 4.0)
    )
    assert torch.equal(large.W, 4 * small.W)
    assert torch.equal(large.U, 4 * small.U)
    assert torch.equal(large.b, small.b)
    assert torch.equal(small.b.chunk(4)[1], torch.ones(16))


def test_each_length_begins_anew_and_ends_when_it_is_solved():
    metrics, model = TINY.train(0, silent)
    assert model is None
    assert metrics["solved"] == [True, False]
    assert metrics["updates"][0] < 200 == metrics["updates"][1]
    assert metrics["updates"][0] % 20 == 0
    assert metrics["accuracy"][0] >= 0.99
    assert metrics["accuracy"][1] == pytest.approx(0.5, abs=0.05)
    alone, _ = replace(TINY, lengths=(12,)).train(0, silent)
    assert alone["accuracy"] == metrics["accuracy"][1:]
    assert TINY.train(0, silent).metrics == metrics
