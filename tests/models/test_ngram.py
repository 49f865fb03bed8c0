"""The counting model against dictionaries and the formulas of its smoothing."""

import math
import random
from collections import Counter, defaultdict

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lstm_book.models import NGram, Vocabulary, best_ngram

ALPHABET = "abc"
VOCABULARY = Vocabulary(ALPHABET)
TEXTS = st.text(ALPHABET, min_size=8, max_size=60)
SMOOTHINGS = ["kneser-ney", "witten-bell"]


def by_hand(text, order, smoothing, context, character):
    """Follow the recursion from the longest context down, with counts in dictionaries."""
    counts = {}
    for k in range(order, 0, -1):
        occurrences = [text[t : t + k] for t in range(len(text) - k + 1)]
        if k < order and smoothing == "kneser-ney":
            longer = {text[t : t + k + 1] for t in range(len(text) - k)}
            counts[k] = Counter(gram[1:] for gram in longer)
        else:
            counts[k] = Counter(occurrences)

    def probability(k):
        if k == 0:
            return 1 / len(ALPHABET)
        shorter = probability(k - 1)
        history = context[len(context) - k + 1 :] if k > 1 else ""
        after = defaultdict(int)
        for gram, count in counts[k].items():
            if gram[:-1] == history:
                after[gram[-1]] = count
        total, kinds = sum(after.values()), len(after)
        if total == 0 or len(history) < k - 1:
            return shorter
        if smoothing == "witten-bell":
            return (after[character] + kinds * shorter) / (total + kinds)
        once = sum(count == 1 for count in counts[k].values())
        twice = sum(count == 2 for count in counts[k].values())
        discount = once / (once + 2 * twice) if once else 0.5
        return (max(after[character] - discount, 0) + discount * kinds * shorter) / total

    return probability(min(order, len(context) + 1))


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@given(text=TEXTS, context=st.text(ALPHABET, max_size=6), order=st.integers(1, 4))
def test_probabilities_against_the_recursion(smoothing, text, context, order):
    found = NGram(VOCABULARY, order, smoothing).fit(text).probabilities(context)
    expected = [by_hand(text, order, smoothing, context, character) for character in ALPHABET]
    assert found.tolist() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@given(text=TEXTS, context=st.text(ALPHABET + "d", max_size=8), order=st.integers(1, 7))
def test_probabilities_are_positive_and_sum_to_one(smoothing, text, context, order):
    """ "d" is known but never comes in the text."""
    p = NGram(Vocabulary(ALPHABET + "d"), order, smoothing).fit(text).probabilities(context)
    assert float(p.sum()) == pytest.approx(1, abs=1e-12)
    assert bool((p > 0).all())


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@given(text=TEXTS, test=st.text(ALPHABET, min_size=2, max_size=20), order=st.integers(1, 5))
def test_bits_are_those_of_the_probabilities(smoothing, text, test, order):
    model = NGram(VOCABULARY, order, smoothing).fit(text)
    bits = [
        -math.log2(float(model.probabilities(test[:t])[ALPHABET.index(test[t])]))
        for t in range(len(test))
    ]
    assert model.bits_per_character(test) == pytest.approx(sum(bits[1:]) / (len(bits) - 1))
    after = model.bits_per_character(test[1:], context=test[:1])
    assert after == pytest.approx(model.bits_per_character(test))


def test_an_order_beyond_64_bits():
    """Twelve characters out of a hundred would overflow a single number."""
    text = "".join(chr(33 + k) for k in range(100)) * 3
    model = NGram(Vocabulary.of(text), 12, "witten-bell").fit(text)
    assert float(model.probabilities(text[:50])[50]) > 0.6
    assert model.entries == 12 * 100  # a text that goes round has 100 grams of every length


def test_the_order_is_chosen_on_validation():
    """The text is drawn so that two characters tell all there is to tell about the next one."""
    step, text = random.Random(0), "ab"
    for _ in range(3000):
        usual = {"aa": "b", "bb": "c", "cc": "a"}.get(text[-2:], text[-2])
        text += usual if step.random() < 0.8 else step.choice(ALPHABET)
    train, validation = text[:2000], text[2000:]
    model, scores = best_ngram(train, validation, VOCABULARY, range(1, 7), "witten-bell")
    assert model.order == min(scores, key=scores.get) == 3
    assert scores[2] > scores[3] < scores[4]
    peer = NGram(VOCABULARY, 3, "witten-bell").fit(train)
    assert scores[3] == peer.bits_per_character(validation, context=train)


def test_samples_follow_the_counts_and_the_generator():
    model = NGram(VOCABULARY, 2, "witten-bell").fit("ab" * 500)
    seeds = [torch.Generator().manual_seed(seed) for seed in (0, 0, 1)]
    a, b, c = (model.sample("", 200, generator=seed) for seed in seeds)
    assert a == b != c
    assert (a.count("ab") + a.count("ba")) / 199 > 0.95
    assert model.sample("a", 4, temperature=0) == "baba"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: NGram(VOCABULARY, 0), ValueError, "order to be a whole number from 1"),
        (lambda: NGram(VOCABULARY, 2, "laplace"), ValueError, "'laplace'"),
        (lambda: NGram(VOCABULARY, 3).fit("ab"), ValueError, "at least 3 characters"),
        (lambda: NGram(VOCABULARY, 1).fit("abz"), ValueError, "'z' at position 2"),
        (lambda: NGram(VOCABULARY, 1).probabilities("a"), RuntimeError, "call fit first"),
        (lambda: NGram(VOCABULARY, 1).bits_per_character("ab"), RuntimeError, "call fit first"),
        (lambda: NGram(VOCABULARY, 1).fit("abc").bits_per_character("a"), ValueError, "predict"),
        (
            lambda: NGram(VOCABULARY, 1).fit("abc").sample("a", -1),
            ValueError,
            "n to be a whole number from 0",
        ),
        (lambda: best_ngram("abc", "abc", VOCABULARY, []), ValueError, "at least one order"),
    ],
)
def test_wrong_input(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_bits_of_each_character_are_those_of_its_probabilities():
    model = NGram(VOCABULARY, 3).fit("abacabcab")
    bits = model.bits("cab", context="ab")
    p = [model.probabilities(before)[ALPHABET.index(c)].item()
         for before, c in (("ab", "c"), ("abc", "a"), ("abca", "b"))]  # fmt: skip
    assert bits.tolist() == pytest.approx([-math.log2(value) for value in p], rel=1e-9)
    assert model.bits_per_character("cab", context="ab") == pytest.approx(float(bits.mean()))
