"""Attention against explicit sums, decoding against exhaustive search."""

import itertools
import math

import pytest
import torch
from torch.nn import functional

from lstm_book.models import Seq2Seq, beam_search

S, B, H, V = 5, 3, 6, 4
KINDS = ["none", "dot", "additive"]
SOURCE = torch.randint(7, (S, B), generator=torch.Generator().manual_seed(1))


def build(attention="none", seed=0, stop=0, **options):
    torch.manual_seed(seed)
    model = Seq2Seq(7, V, H, stop=stop, attention=attention, **options).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)  # far from even, so that a wrong choice shows
    return model


def score_of(model, k, tokens):
    """Sum the log-probabilities of given tokens by teacher forcing."""
    target_in = torch.tensor([model.stop, *tokens[:-1]])[:, None]
    with torch.no_grad():
        logits = model(SOURCE[:, [k]], target_in).logits[:, 0]
    return float(logits.log_softmax(-1)[range(len(tokens)), list(tokens)].sum())


def all_targets(stop, longest):
    """Yield every sequence that ends with the stop token, or is as long as it may be."""
    others = [token for token in range(V) if token != stop]
    for length in range(1, longest + 1):
        for tokens in itertools.product(others, repeat=length - 1):
            yield (*tokens, stop)
    yield from itertools.product(others, repeat=longest)


@pytest.mark.parametrize("attention", KINDS)
def test_teacher_forcing_is_one_step_at_a_time(attention):
    model = build(attention, num_layers=2, embedding=3)
    target = torch.randint(V, (4, B))
    whole = model(SOURCE, target)
    encoded = model.encode(SOURCE)
    state = None
    for t in range(4):
        step = model.decode(target[[t]], encoded, state)
        state = step.state
        torch.testing.assert_close(step.logits[0], whole.logits[t])
        if attention != "none":
            torch.testing.assert_close(step.weights[0], whole.weights[t])
    torch.testing.assert_close(state.c, whole.state.c)


def test_dot_attention_against_torchs_own():
    model = build("dot")
    target = torch.randint(V, (4, B))
    memory = model.encode(SOURCE).memory.transpose(0, 1)
    vectors = functional.one_hot(target, V).double()
    output, _ = model.decoder(vectors, model.encode(SOURCE).state)
    found = functional.scaled_dot_product_attention(
        output.transpose(0, 1), memory, memory, scale=1.0
    ).transpose(0, 1)
    joined = torch.tanh(model.join(torch.cat([found, output], -1)))
    torch.testing.assert_close(model(SOURCE, target).logits, model.linear(joined))


def test_additive_attention_against_loops():
    model = build("additive")
    lengths = [5, 2, 4]
    target = torch.randint(V, (4, B))
    memory = model.encode(SOURCE, lengths=lengths).memory
    vectors = functional.one_hot(target, V).double()
    output, _ = model.decoder(vectors, model.encode(SOURCE, lengths=lengths).state)
    found = model(SOURCE, target, source_lengths=lengths)
    for t, b in itertools.product(range(4), range(B)):
        scores = [
            model.score.v(torch.tanh(model.score.query(output[t, b]) + model.score.memory(m)))
            for m in memory[: lengths[b], b]
        ]
        weights = torch.cat(scores).softmax(0)
        torch.testing.assert_close(found.weights[t, b, : lengths[b]], weights)
        mixture = sum(w * m for w, m in zip(weights, memory[:, b], strict=False))
        joined = torch.tanh(model.join(torch.cat([mixture, output[t, b]])))
        torch.testing.assert_close(found.logits[t, b], model.linear(joined))


@pytest.mark.parametrize("attention", KINDS)
def test_attention_is_a_distribution_over_the_source(attention):
    weights = build(attention)(SOURCE, SOURCE[:2] % V, source_lengths=[5, 1, 3]).weights
    if attention == "none":
        assert weights is None
        return
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, B).double())
    assert not weights[:, 1, 1:].any()
    assert not weights[:, 2, 3:].any()
    assert (weights[:, 0] > 0).all()


@pytest.mark.parametrize("attention", KINDS)
def test_without_attention_the_state_is_all_that_passes(attention):
    model = build(attention)
    encoded = model.encode(SOURCE)
    other = encoded._replace(memory=torch.randn_like(encoded.memory))
    target = torch.randint(V, (4, B))
    same = torch.equal(model.decode(target, encoded).logits, model.decode(target, other).logits)
    assert same == (attention == "none")


@pytest.mark.parametrize("attention", KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_greedy_against_argmax_on_the_whole_beginning(attention, seed):
    model = build(attention, seed)
    decoded = model.greedy(SOURCE, max_length=6)
    for k in range(B):
        tokens = []
        while len(tokens) < 6 and tokens[-1:] != [model.stop]:
            target_in = torch.tensor([model.stop, *tokens])[:, None]
            tokens.append(int(model(SOURCE[:, [k]], target_in).logits[-1, 0].argmax()))
        n = int(decoded.lengths[k])
        assert decoded.tokens[:n, k].tolist() == tokens
        assert (decoded.tokens[n:, k] == model.stop).all()
        assert float(decoded.log_probability[k]) == pytest.approx(score_of(model, k, tokens))


@pytest.mark.parametrize("attention", KINDS)
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("alpha", [0.0, 0.7])
def test_width_one_is_greedy(attention, seed, alpha):
    model = build(attention, seed)
    decoded = model.greedy(SOURCE, max_length=6)
    for k, found in enumerate(model.beam(SOURCE, width=1, length_norm=alpha, max_length=6)):
        (best,) = found.hypotheses
        n = int(decoded.lengths[k])
        assert list(best.tokens) == decoded.tokens[:n, k].tolist()
        assert best.log_probability == pytest.approx(float(decoded.log_probability[k]))


@pytest.mark.parametrize("attention", KINDS)
@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_full_width_is_exhaustive_search(attention, alpha):
    model, longest = build(attention, seed=5, stop=2), 4
    found = model.beam(SOURCE, width=V**longest, length_norm=alpha, max_length=longest)
    for k in range(B):
        expected = {
            tokens: score_of(model, k, tokens) / len(tokens) ** alpha
            for tokens in all_targets(2, longest)
        }
        scores = {one.tokens: one.score for one in found[k].hypotheses}
        assert scores == pytest.approx(expected)
        assert found[k].hypotheses[0].tokens == max(expected, key=expected.get)
        # All that can end is counted once: probabilities of all outcomes sum to one.
        total = sum(math.exp(one.log_probability) for one in found[k].hypotheses)
        assert total == pytest.approx(1)


def table_search(table, width, alpha=0.0, longest=5):
    """Search where the next token depends on the last one alone."""
    logs = torch.tensor(table, dtype=torch.float64).log()
    return beam_search(
        lambda tokens, state: (logs[tokens], state),
        None,
        start=0,
        stop=0,
        width=width,
        max_length=longest,
        length_norm=alpha,
        select=lambda state, rows: state,
    )


# After the start, 1 is more probable than 2; but 2 is sure to end, and 1 is not.
TRAP = [[0.0, 0.6, 0.4], [0.4, 0.3, 0.3], [1.0, 0.0, 0.0]]


def test_a_wider_beam_leaves_the_trap():
    assert table_search(TRAP, width=1).hypotheses[0].tokens == (1, 0)
    best = table_search(TRAP, width=2).hypotheses[0]
    assert best.tokens == (2, 0)
    assert best.log_probability == pytest.approx(math.log(0.4))


def test_length_norm_favours_longer_answers():
    """Means: ln .5 / 1 for stopping at once, ln .45 / 2 for one more token."""
    table = [[0.5, 0.5], [0.9, 0.1]]
    assert table_search(table, width=4).hypotheses[0].tokens == (0,)
    best = table_search(table, width=4, alpha=1.0).hypotheses[0]
    assert best.tokens == (1, 0)
    assert best.score == pytest.approx(math.log(0.45) / 2)


def test_kept_is_the_tree():
    kept = table_search(TRAP, width=2).kept
    assert [one.tokens for one in kept[0]] == [(1,), (2,)]
    assert {one.tokens for one in kept[1]} == {(2, 0), (1, 0)}
    assert len(kept) == 2  # both have ended


@pytest.mark.parametrize("attention", KINDS)
def test_every_parameter_learns(attention):
    model = build(attention, num_layers=2, embedding=3)
    loss = model(SOURCE, SOURCE[:3] % V).logits.square().sum()
    for gradient in torch.autograd.grad(loss, list(model.parameters())):
        assert gradient.abs().sum() > 0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: Seq2Seq(7, V, H, stop=V), ValueError, "stop to be a whole number from 0 to 3"),
        (lambda m: Seq2Seq(7, V, H, stop=0, attention="max"), ValueError, "'max'"),
        (lambda m: Seq2Seq(0, V, H, stop=0), ValueError, "tokens to be a whole number from 1"),
        (lambda m: m(SOURCE + 7, SOURCE[:2] % V), IndexError, "source from 0 to 6"),
        (lambda m: m(SOURCE, SOURCE[:2] + V), IndexError, "target_in from 0 to 3"),
        (lambda m: m(SOURCE, SOURCE[:2, :2] % V), RuntimeError, "B=3"),
        (lambda m: m(SOURCE[0], SOURCE), ValueError, "source of shape"),
        (lambda m: m(SOURCE.double(), SOURCE), TypeError, "whole numbers"),
        (lambda m: m(SOURCE[:0], SOURCE), RuntimeError, "at least one time step"),
        (lambda m: m(SOURCE, SOURCE % V, source_lengths=[6, 1, 1]), RuntimeError, "T=5"),
        (lambda m: m(SOURCE, SOURCE % V, target_lengths=[0, 1, 1]), RuntimeError, "from 1"),
        (lambda m: m.greedy(SOURCE, max_length=0), ValueError, "max_length"),
        (lambda m: m.beam(SOURCE, width=0), ValueError, "width"),
        (lambda m: m.beam(SOURCE, width=1, max_length=0), ValueError, "max_length"),
        (lambda m: m.beam(SOURCE, width=1, length_norm=-1), ValueError, "length_norm"),
    ],
)
def test_wrong_input(call, error, message):
    with pytest.raises(error, match=message):
        call(build())
