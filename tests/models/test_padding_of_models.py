"""Padding never changes an output or a gradient: the oracle is each sequence on its own."""

import pytest
import torch

from lstm_book.layers import LSTM
from lstm_book.models import CharLM, Seq2Seq, SequenceClassifier, Tagger, Vocabulary
from lstm_book.models import sequence_cross_entropy as cross_entropy

LENGTHS = [3, 6, 1, 4]
T, B, D, H, C = 6, 4, 3, 5, 4
GARBAGE = [float("nan"), float("inf"), 1e30]
BAD_TOKENS = [-1, 10**9]
TOLERANCE = {"rtol": 1e-10, "atol": 1e-12}


@pytest.fixture(autouse=True)
def _float64():
    torch.manual_seed(7)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def padded(x, filling, lengths=LENGTHS):
    x = x.clone()
    for place, length in enumerate(lengths):
        x[length:, place] = filling
    return x


def gradients(model, loss):
    return torch.autograd.grad(loss, list(model.parameters()), allow_unused=True)


def assert_same_gradients(found, expected):
    for a, b in zip(found, expected, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            torch.testing.assert_close(a, b, **TOLERANCE)


@pytest.mark.parametrize("filling", GARBAGE)
@pytest.mark.parametrize("engine", ["fused", "unrolled"])
@pytest.mark.parametrize("readout", ["last", "mean"])
@pytest.mark.parametrize("directions", [1, 2])
def test_classifier_against_each_sequence_alone(filling, engine, readout, directions):
    layer = LSTM(D, H, num_layers=2, bidirectional=directions == 2, engine=engine)
    model = SequenceClassifier(layer, C, readout=readout)
    x = torch.randn(T, B, D)
    alone = torch.cat([model(x[:n, [k]]) for k, n in enumerate(LENGTHS)])
    together = model(padded(x, filling), lengths=LENGTHS)
    torch.testing.assert_close(together, alone, **TOLERANCE)
    assert_same_gradients(
        gradients(model, together.square().sum()), gradients(model, alone.square().sum())
    )


@pytest.mark.parametrize("readout", ["last", "mean"])
def test_classifier_with_batch_first_is_the_same(readout):
    model = SequenceClassifier(LSTM(D, H, bidirectional=True), C, readout=readout)
    turned = SequenceClassifier(
        LSTM(D, H, bidirectional=True, batch_first=True), C, readout=readout
    )
    turned.load_state_dict(model.state_dict())
    x = torch.randn(T, B, D)
    for lengths in (None, LENGTHS):
        torch.testing.assert_close(
            turned(x.transpose(0, 1), lengths=lengths), model(x, lengths=lengths), **TOLERANCE
        )


@pytest.mark.parametrize("filling", GARBAGE)
@pytest.mark.parametrize("engine", ["fused", "unrolled"])
def test_tagger_of_vectors_against_each_sequence_alone(filling, engine):
    model = Tagger(LSTM(D, H, bidirectional=True, engine=engine), C)
    x, tags = torch.randn(T, B, D), torch.randint(C, (T, B))
    together = model(padded(x, filling), lengths=LENGTHS)
    losses = []
    for k, n in enumerate(LENGTHS):
        alone = model(x[:n, [k]])
        torch.testing.assert_close(together[:n, [k]], alone, **TOLERANCE)
        assert not together[n:, k].any()
        losses.append(cross_entropy(alone, tags[:n, [k]]) * n)
    loss = cross_entropy(together, padded(tags, -100), LENGTHS)
    expected = sum(losses) / sum(LENGTHS)
    torch.testing.assert_close(loss, expected, **TOLERANCE)
    assert_same_gradients(gradients(model, loss), gradients(model, expected))


@pytest.mark.parametrize("filling", BAD_TOKENS)
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("size", [D, 8])
def test_tagger_of_tokens_against_each_sequence_alone(filling, batch_first, size):
    model = Tagger(LSTM(size, H, bidirectional=True, batch_first=batch_first), C, tokens=8)
    assert (model.vectors.embedding is None) == (size == 8)
    x = torch.randint(8, (T, B))

    def run(x, lengths=None):
        if not batch_first:
            return model(x, lengths=lengths)
        return model(x.T, lengths=lengths).transpose(0, 1)

    together = run(padded(x, filling), LENGTHS)
    for k, n in enumerate(LENGTHS):
        torch.testing.assert_close(together[:n, [k]], run(x[:n, [k]]), **TOLERANCE)
        assert not together[n:, k].any()


@pytest.mark.parametrize("filling", BAD_TOKENS)
@pytest.mark.parametrize("embedding", [None, 3])
def test_character_model_against_each_sequence_alone(filling, embedding):
    model = CharLM(Vocabulary("abcd"), H, num_layers=2, embedding=embedding)
    x = torch.randint(4, (T, B))
    state = (torch.randn(2, B, H), torch.randn(2, B, H))
    together, after = model(padded(x, filling), state, lengths=LENGTHS)
    for k, n in enumerate(LENGTHS):
        alone, end = model(x[:n, [k]], tuple(part[:, [k]] for part in state))
        torch.testing.assert_close(together[:n, [k]], alone, **TOLERANCE)
        torch.testing.assert_close(after.h[:, [k]], end.h, **TOLERANCE)
        torch.testing.assert_close(after.c[:, [k]], end.c, **TOLERANCE)
        assert not together[n:, k].any()


@pytest.mark.parametrize("filling", BAD_TOKENS)
@pytest.mark.parametrize("attention", ["none", "dot", "additive"])
def test_seq2seq_against_each_pair_alone(filling, attention):
    model = Seq2Seq(8, 6, H, stop=0, attention=attention, num_layers=2, embedding=3)
    source, target = torch.randint(8, (T, B)), torch.randint(6, (5, B))
    other = [5, 1, 4, 2]
    together = model(
        padded(source, filling),
        padded(target, filling, other),
        source_lengths=LENGTHS,
        target_lengths=other,
    )
    decoded = model.greedy(padded(source, filling), lengths=LENGTHS, max_length=7)
    found = model.beam(padded(source, filling), lengths=LENGTHS, width=3, max_length=4)
    losses, expected = [], []
    for k, (n, m) in enumerate(zip(LENGTHS, other, strict=True)):
        alone = model(source[:n, [k]], target[:m, [k]])
        torch.testing.assert_close(together.logits[:m, [k]], alone.logits, **TOLERANCE)
        assert not together.logits[m:, k].any()
        losses.append(together.logits[:m, k].square().sum())
        expected.append(alone.logits.square().sum())
        if attention != "none":
            torch.testing.assert_close(together.weights[:m, [k], :n], alone.weights, **TOLERANCE)
            assert not together.weights[:, k, n:].any()
        written = model.greedy(source[:n, [k]], max_length=7)
        steps = int(written.lengths[0])
        assert int(decoded.lengths[k]) == steps
        assert decoded.tokens[:steps, k].tolist() == written.tokens[:, 0].tolist()
        assert (decoded.tokens[steps:, k] == model.stop).all()
        torch.testing.assert_close(decoded.log_probability[k], written.log_probability[0])
        (searched,) = model.beam(source[:n, [k]], width=3, max_length=4)
        assert [one.tokens for one in found[k].hypotheses] == [
            one.tokens for one in searched.hypotheses
        ]
    assert_same_gradients(gradients(model, sum(losses)), gradients(model, sum(expected)))
