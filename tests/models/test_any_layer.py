"""Every read-out on every kind of recurrent layer, with sequences of different lengths."""

from functools import partial

import pytest
import torch
from torch import nn

from lstm_book.cells import GRUCell, LSTM1997Cell, LSTMCell, PeepholeLSTMCell, RNNCell
from lstm_book.layers import LSTM, Recurrent
from lstm_book.models import (
    CharLM,
    LastStepClassifier,
    Seq2Seq,
    SequenceClassifier,
    Tagger,
    Vocabulary,
)

T, B, D, H = 6, 4, 3, 5
LENGTHS = [4, 6, 1, 5]
X = torch.randn(T, B, D, generator=torch.Generator().manual_seed(0))


def celled(cell, D, H, num_layers=1, *, dropout=0.0, **options):
    return Recurrent(cell(D, H), num_layers=num_layers, dropout=dropout, **options)


KINDS = {
    "torch.LSTM": nn.LSTM,
    "torch.GRU": nn.GRU,
    "torch.RNN": nn.RNN,
    "LSTM": LSTM,
    "unrolled LSTM": partial(LSTM, engine="unrolled"),
    **{
        cell.__name__: partial(celled, cell)
        for cell in (LSTMCell, GRUCell, RNNCell, PeepholeLSTMCell, LSTM1997Cell)
    },
}
every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def alone(call, b):
    """Call with one sequence, cut to its length: what padding and the others must not change."""
    return call(X[: LENGTHS[b], b : b + 1], None)


@every_kind
@pytest.mark.parametrize("readout", ["last", "mean"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_class_is_that_of_the_sequence_alone(kind, readout, bidirectional):
    layer = kind(D, H, num_layers=2, bidirectional=bidirectional)
    model = SequenceClassifier(layer, 2, readout=readout)
    logits = model(X, lengths=LENGTHS)
    for b in range(B):
        torch.testing.assert_close(logits[b : b + 1], alone(model, b))


@every_kind
@pytest.mark.parametrize("bidirectional", [False, True])
def test_tags_are_those_of_the_sequence_alone(kind, bidirectional):
    model = Tagger(kind(D, H, bidirectional=bidirectional), 2)
    logits = model(X, lengths=LENGTHS)
    for b in range(B):
        torch.testing.assert_close(logits[: LENGTHS[b], b : b + 1], alone(model, b))
        assert not logits[LENGTHS[b] :, b].any()


@every_kind
@pytest.mark.parametrize("every_layer", [False, True])
def test_an_answer_is_from_the_last_own_step(kind, every_layer):
    model = LastStepClassifier(kind(D, H, num_layers=2), outputs=2, every_layer=every_layer)
    answers = model(X, lengths=LENGTHS)
    for b in range(B):
        want = model(X[: LENGTHS[b], b : b + 1])
        torch.testing.assert_close(answers[b : b + 1], want)
    assert model.readout.in_features == H * (1 + every_layer)


@every_kind
def test_batch_first_and_tokens(kind):
    model = Tagger(kind(D, H, batch_first=True), 2, tokens=7)
    tokens = torch.arange(T * B).reshape(B, T) % 7
    logits = model(tokens, lengths=LENGTHS)
    assert logits.shape == (B, T, 2)
    for b in range(B):
        torch.testing.assert_close(
            logits[b : b + 1, : LENGTHS[b]], model(tokens[b : b + 1, : LENGTHS[b]])
        )
    classes = SequenceClassifier(kind(D, H, batch_first=True), 2)
    torch.testing.assert_close(
        classes(X.transpose(0, 1), lengths=LENGTHS)[:1], classes(X[:4, :1].transpose(0, 1))
    )


@every_kind
def test_gradients_do_not_see_the_padding(kind):
    model = SequenceClassifier(kind(D, H, bidirectional=True), 2)
    given = X.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model(given, lengths=LENGTHS).sum(), given)
    for b, length in enumerate(LENGTHS):
        assert gradient[:length, b].any()
        assert not gradient[length:, b].any()


@every_kind
def test_a_text_is_read_in_pieces(kind):
    model = CharLM(Vocabulary("abc"), H, 2, embedding=3, dropout=0.5, layer=kind).eval()
    tokens = torch.arange(T * B).reshape(T, B) % 3
    whole, last = model(tokens)
    first, state = model(tokens[:2])
    second, state = model(tokens[2:], state)
    torch.testing.assert_close(torch.cat([first, second]), whole)
    torch.testing.assert_close(state, last)
    padded, _ = model(tokens, lengths=LENGTHS)
    torch.testing.assert_close(padded[:4, 0], whole[:4, 0])
    assert len(model.sample("ab", 5, generator=torch.Generator().manual_seed(0))) == 5
    bits = [model.bits_per_character("abcacb" * 9, chunk=chunk) for chunk in (7, 100)]
    assert bits[0] == pytest.approx(bits[1], rel=1e-5)


@every_kind
@pytest.mark.parametrize("attention", ["none", "additive"])
def test_an_encoder_and_a_decoder(kind, attention):
    torch.manual_seed(0)
    model = Seq2Seq(7, 6, H, stop=0, num_layers=2, attention=attention, layer=kind).eval()
    source = torch.arange(T * B).reshape(T, B) % 7
    target = torch.arange(3 * B).reshape(3, B) % 6
    logits = model(source, target, source_lengths=LENGTHS).logits
    for b in range(B):
        want = model(source[: LENGTHS[b], b : b + 1], target[:, b : b + 1]).logits
        torch.testing.assert_close(logits[:, b : b + 1], want)
    greedy = model.greedy(source, lengths=LENGTHS, max_length=5)
    for b, search in enumerate(model.beam(source, width=1, lengths=LENGTHS, max_length=5)):
        best = search.hypotheses[0]
        assert list(best.tokens) == greedy.tokens[: len(best.tokens), b].tolist()


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (nn.Linear, TypeError, "dropout"),
        (lambda *sizes, dropout: nn.Linear(2, 3), TypeError, "what layer makes to be a recurrent"),
        (LSTM(3, 4), TypeError, "dropout"),
        (3, TypeError, "expected layer to make a recurrent layer, got int"),
        (partial(nn.GRU, bidirectional=True), ValueError, "reads one way, time first"),
        (partial(nn.GRU, batch_first=True), ValueError, "reads one way, time first"),
    ],
)
def test_a_layer_that_cannot_be(make, error, said):
    with pytest.raises(error, match=said):
        CharLM(Vocabulary("ab"), 4, layer=make)


def test_chunks_are_of_whole_sequences():
    model = LastStepClassifier(nn.GRU(D, H))
    with pytest.raises(ValueError, match="expected no chunk"):
        model(X, chunk=2, lengths=LENGTHS)
