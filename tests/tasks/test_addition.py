"""The addition task against Python's own arithmetic."""

import random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lstm_book.models import Seq2Seq
from lstm_book.tasks import Addition


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


PAIRS = st.lists(st.tuples(st.integers(0, 999), st.integers(0, 999)), min_size=1, max_size=9)


@given(pairs=PAIRS, reverse=st.booleans())
def test_tokens_say_what_python_says(pairs, reverse):
    task = Addition(3, reverse)
    sums = task.encode(pairs)
    for k, (a, b) in enumerate(pairs):
        n, m = int(sums.source_lengths[k]), int(sums.target_lengths[k])
        question = task.vocabulary.decode(sums.source[:n, k])
        assert (question[::-1] if reverse else question) == f"{a}+{b}"
        assert task.vocabulary.decode(sums.target_out[:m, k]) == f"{a + b}$"
        assert task.vocabulary.decode(sums.target_in[:m, k]) == f"${a + b}"
        assert m <= task.max_length
        assert not sums.source[n:, k].any()
        assert not sums.target_out[m:, k].any()
    assert task.decode(sums.target_out) == [str(a + b) for a, b in pairs]
    assert task.accuracy(sums.target_out, sums) == (1.0, 1.0)


def test_fifty_thousand_pairs_none_twice_and_none_shared():
    train, test = Addition(3).split(50_000, 2_000, generator=generator())
    assert (len(train), len(test)) == (50_000, 2_000)
    assert len({frozenset(pair) for pair in train + test}) == 52_000
    assert all(0 <= number <= 999 for pair in train + test for number in pair)
    # Both parts hold as many short numbers as drawing one digit after the other gives.
    draw, peer = random.Random(0), set()
    while len(peer) < 52_000:
        numbers = ["".join(draw.choices("0123456789", k=draw.randint(1, 3))) for _ in "ab"]
        peer.add(frozenset(map(int, numbers)))
    expected = sum(min(pair) < 100 for pair in peer) / len(peer)
    for part in (train, test):
        short = sum(min(pair) < 100 for pair in part) / len(part)
        assert short == pytest.approx(expected, abs=0.04)
        unequal = [pair for pair in part if pair[0] != pair[1]]
        assert 0.45 < sum(a < b for a, b in unequal) / len(unequal) < 0.55


def test_splits_repeat_with_the_generator():
    a, b, c = (Addition(2).split(300, 50, generator=generator(seed)) for seed in (0, 0, 1))
    assert a == b != c


def test_all_pairs_can_be_drawn():
    train, test = Addition(1).split(50, 5, generator=generator())
    assert {frozenset(pair) for pair in train + test} == {
        frozenset((a, b)) for a in range(10) for b in range(10)
    }


def test_accuracy_by_hand():
    task = Addition(2)
    sums = task.encode([(12, 7), (50, 50)])  # 19$ and 100$: seven characters
    right = sums.target_out

    def score(*answers):
        columns = [task.vocabulary.encode(answer) for answer in answers]
        return task.accuracy(torch.nn.utils.rnn.pad_sequence(columns), sums)

    assert score("19$", "100$") == (1.0, 1.0)
    assert score("19$", "101$") == pytest.approx((6 / 7, 0.5))
    assert score("19", "100") == pytest.approx((5 / 7, 0.0))  # neither ends
    assert score("199", "100$") == pytest.approx((6 / 7, 0.5))
    assert score("1", "1") == pytest.approx((2 / 7, 0.0))
    assert task.accuracy(right[:0], sums) == (0.0, 0.0)
    longer = torch.cat([right, torch.full((5, 2), 3)])
    assert task.accuracy(longer, sums) == (1.0, 1.0)  # what comes after the end does not count


def test_baselines_against_answers_that_read_nothing():
    task = Addition(3)
    _, test = task.split(100, 2000, generator=generator())
    sums = task.encode(test)
    baselines = task.baselines(sums)
    best = []
    for row, own in zip(
        sums.target_out, torch.arange(5)[:, None] < sums.target_lengths, strict=True
    ):
        scores = [int(((row == token) & own).sum()) for token in range(12)]
        best.append(scores.index(max(scores)))
    constant = torch.tensor(best)[:, None].expand(-1, 2000)
    found, _ = task.accuracy(constant, sums)
    assert baselines["the most frequent token of each place"] == pytest.approx(found)
    drawn = torch.randint(12, (5, 2000), generator=generator())
    assert baselines["any token"] == pytest.approx(task.accuracy(drawn, sums)[0], abs=0.01)


def test_it_fits_the_model():
    task = Addition(2)
    sums = task.encode([(1, 2), (10, 99)])
    model = Seq2Seq(len(task.vocabulary), len(task.vocabulary), 8, stop=task.stop)
    logits = model(
        sums.source,
        sums.target_in,
        source_lengths=sums.source_lengths,
        target_lengths=sums.target_lengths,
    ).logits
    assert logits.shape == (4, 2, 12)
    written = model.greedy(sums.source, lengths=sums.source_lengths, max_length=task.max_length)
    assert len(task.decode(written.tokens)) == 2


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Addition(0), ValueError, "digits to be a whole number from 1"),
        (lambda: Addition(2).encode([]), ValueError, "at least one pair"),
        (lambda: Addition(2).encode([(1, 100)]), ValueError, "from 0 to 99"),
        (lambda: Addition(2).encode([(-1, 10)]), ValueError, "from 0 to 99"),
        (lambda: Addition(1).split(50, 6), ValueError, "at most 55 pairs"),
        (lambda: Addition(1).split(-1, 6), ValueError, "train to be a whole number from 0"),
        (lambda: Addition(1).decode(torch.tensor([[12]])), IndexError, "got 12"),
        (
            lambda: Addition(1).accuracy(torch.zeros(2, 3).long(), Addition(1).encode([(1, 2)])),
            RuntimeError,
            "B=1",
        ),
    ],
)
def test_wrong_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
