"""Vocabulary, sampling and the character model, each against arithmetic spelt out."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lstm_book.models import CharLM, Vocabulary
from lstm_book.models.sampling import draw

TEXT = "abracadabra, a bad crab"
VOCABULARY = Vocabulary.of(TEXT)


@pytest.fixture
def model():
    torch.manual_seed(3)
    model = CharLM(VOCABULARY, 8, num_layers=2, dropout=0.3)
    with torch.no_grad():
        model.linear.weight.mul_(4)  # far from even, so that a wrong draw shows
    return model


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@given(st.text())
def test_decoding_undoes_encoding(text):
    vocabulary = Vocabulary.of(text + "x")
    assert vocabulary.decode(vocabulary.encode(text)) == text
    assert sorted(vocabulary.characters) == list(vocabulary.characters)


def test_each_next_character_sees_those_before_and_none_after(model):
    model.eval()
    numbers = VOCABULARY.encode(TEXT)[:, None]
    changed = numbers.clone()
    changed[5:] = (changed[5:] + 1) % len(VOCABULARY)
    before, after = model(numbers)[0], model(changed)[0]
    torch.testing.assert_close(before[:5], after[:5])
    assert not torch.isclose(before[5:], after[5:]).all()


def test_a_carried_state_reads_on(model):
    model.eval()
    numbers = VOCABULARY.encode(TEXT)[:, None]
    whole, end = model(numbers)
    first, state = model(numbers[:9])
    second, last = model(numbers[9:], state)
    torch.testing.assert_close(torch.cat([first, second]), whole)
    torch.testing.assert_close(last.c, end.c)


def test_bits_against_one_step_at_a_time(model):
    """The oracle multiplies the probabilities that an endless loop of single steps gives."""
    model.eval()
    bits, state = [], None
    numbers = VOCABULARY.encode(TEXT)
    for now, following in itertools.pairwise(numbers):
        logits, state = model(now.view(1, 1), state)
        bits.append(-math.log2(float(logits[0, 0].detach().softmax(0)[following])))
    model.train()
    for chunk in (1, 4, 7, 1000):
        found = model.bits_per_character(TEXT, chunk=chunk)
        assert found == pytest.approx(sum(bits) / len(bits), rel=1e-5)
        after = model.bits_per_character(TEXT[9:], context=TEXT[:9], chunk=chunk)
        assert after == pytest.approx(sum(bits[8:]) / len(bits[8:]), rel=1e-5)
    assert model.training


def test_sampling_against_a_loop_without_state(model):
    text = "ab"
    model.eval()
    source = generator()
    for _ in range(20):  # the whole text is read anew each time
        logits = model(VOCABULARY.encode(text)[:, None])[0][-1, 0].double() / 0.7
        text += VOCABULARY.characters[
            int(torch.multinomial(logits.softmax(0), 1, generator=source))
        ]
    model.train()
    assert model.sample("ab", 20, temperature=0.7, generator=generator()) == text[2:]
    assert model.training


def test_sampling_repeats_with_its_generator(model):
    a, b, c = (model.sample("a", 60, generator=generator(seed)) for seed in (0, 0, 1))
    assert a == b != c


def test_no_temperature_takes_the_most_probable(model):
    text = "ab"
    model.eval()
    for _ in range(20):
        text += VOCABULARY.characters[
            int(model(VOCABULARY.encode(text)[:, None])[0][-1, 0].argmax())
        ]
    assert model.sample("ab", 20, temperature=0) == text[2:]
    assert model.sample("ab", 20, temperature=1e-9, generator=generator()) == text[2:]
    assert model.sample("ab", 20, temperature=5e-324, generator=generator()) == text[2:]
    assert model.sample("ab", 20, top_k=1, generator=generator()) == text[2:]
    assert model.sample("ab", 20, temperature=50, generator=generator()) != text[2:]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("top_k", [None, 2, 4])
def test_draws_come_as_often_as_the_softmax_says(temperature, top_k):
    logits = torch.tensor([0.3, -1.0, 2.0, 0.9])
    weights = [math.exp(float(value) / temperature) for value in logits]
    for place in [1, 0][: 4 - (top_k or 4)]:  # the least probable ones
        weights[place] = 0.0
    n = 40_000
    counts = draw(logits.expand(n, 4), temperature, top_k, generator()).bincount(minlength=4)
    for count, weight in zip(counts.tolist(), weights, strict=True):
        p = weight / sum(weights)
        assert abs(count / n - p) <= 5 * math.sqrt(p * (1 - p) / n)


def test_top_k_of_all_changes_nothing():
    logits = torch.randn(50, 4, generator=generator())
    assert torch.equal(draw(logits, 1.0, 4, generator()), draw(logits, 1.0, None, generator()))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: m.sample("", 3), ValueError, "at least one character"),
        (lambda m: m.sample("aZ", 3), ValueError, "'Z' at position 1"),
        (lambda m: m.sample("a", -1), ValueError, "n to be a whole number from 0"),
        (lambda m: m.sample("a", 1, temperature=-1.0), ValueError, "temperature"),
        (lambda m: m.sample("a", 1, temperature=math.nan), ValueError, "temperature"),
        (lambda m: m.sample("a", 1, top_k=0), ValueError, "top_k to be a whole number from 1 to"),
        (lambda m: m.sample("a", 1, top_k=100), ValueError, "top_k to be a whole number from 1 to"),
        (lambda m: m.bits_per_character("a"), ValueError, "to predict"),
        (lambda m: m.bits_per_character("", context="ab"), ValueError, "to predict"),
        (lambda m: m.bits_per_character("ab", chunk=0), ValueError, "chunk"),
        (lambda m: m(torch.tensor([[99]])), IndexError, "unknown token"),
        (lambda m: m(torch.tensor([0])), ValueError, "2-D"),
        (lambda m: m(torch.tensor([0]), lengths=[1]), ValueError, "2-D"),
        (lambda m: m("abc"), TypeError, "torch.Tensor"),
        (lambda m: m(torch.tensor([[0.0]])), TypeError, "whole numbers"),
        (lambda m: m(torch.tensor([[0], [99]]), lengths=[2]), IndexError, "unknown token"),
        (lambda m: m(torch.tensor([[0]]), lengths=[2]), RuntimeError, "T=1"),
        (
            lambda m: m(torch.tensor([[0]]), (torch.zeros(1, 1, 8), torch.zeros(1, 1, 8))),
            RuntimeError,
            "hidden",
        ),
        (lambda m: CharLM(VOCABULARY, 8, embedding=0), ValueError, "embedding"),
        (lambda m: Vocabulary(""), ValueError, "at least one"),
        (lambda m: Vocabulary("abca"), ValueError, "'a'"),
        (lambda m: VOCABULARY.encode("xyz"), ValueError, "'x' at position 0"),
        (lambda m: VOCABULARY.decode([0, 50]), IndexError, "got 50"),
        (lambda m: VOCABULARY.decode([-1]), IndexError, "got -1"),
    ],
)
def test_wrong_input(model, call, error, message):
    with pytest.raises(error, match=message):
        call(model)
