"""Each task against its definition, its baselines and its own statistics."""

import dataclasses
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from lstm_book.tasks import (
    Adding,
    Copy,
    Counting,
    EmbeddedReber,
    Multiplication,
    Parity,
    Recall,
    TemporalOrder,
)
from lstm_book.tasks.reber import SYMBOLS, reber_string

N = 20_000
TASKS = [
    Adding(30), Adding(30, "1997"), Multiplication(30), Copy(15), Recall(12), TemporalOrder(40),
    TemporalOrder(40, "6b"), TemporalOrder(40, "pascanu"), Parity(7), Counting(9), EmbeddedReber(),
    EmbeddedReber(steps=50),
]  # fmt: skip


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def within(share, expected, n=N):
    return abs(share - expected) < 4 * math.sqrt(expected * (1 - expected) / n)


@pytest.mark.parametrize("task", TASKS, ids=repr)
def test_draws_repeat_with_their_generator_and_go_on(task):
    first, second = seeded(1), seeded(1)
    one, two = task.sample(3, generator=first), task.sample(3, generator=second)
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
    again = task.sample(3, generator=first)
    assert any(a.shape != b.shape or not torch.equal(a, b) for a, b in zip(one, again, strict=True))


@pytest.mark.parametrize("task", TASKS, ids=repr)
def test_a_task_is_frozen_has_baselines_and_float_inputs(task):
    with pytest.raises(dataclasses.FrozenInstanceError):
        task.length = 1
    assert all(0 < score < 700 for score in task.baselines().values())
    x, y = task.sample(4, generator=seeded())
    assert x.dtype == torch.float32
    assert x.dim() == 3
    assert x.shape[1] == 4
    assert 4 in y.shape


@given(T=st.integers(2, 40), B=st.integers(1, 6), seed=st.integers(0, 2**31))
def test_modern_adding_against_the_definition_row_by_row(T, B, seed):
    x, y = Adding(T).sample(B, generator=seeded(seed))
    assert x.shape == (T, B, 2)
    for n in range(B):
        marked = [t for t in range(T) if x[t, n, 1] == 1]
        assert len(marked) == 2
        assert marked[0] < T // 2 <= marked[1]
        assert y[n].item() == pytest.approx(sum(x[t, n, 0].item() for t in marked), abs=1e-6)
        assert sorted(set(x[:, n, 1].tolist())) in ([0, 1], [1])


@given(T=st.integers(24, 80), B=st.integers(1, 6), seed=st.integers(0, 2**31))
def test_adding_and_multiplication_of_1997_against_the_definition(T, B, seed):
    for task, combine in ((Adding(T, "1997"), lambda a, b: 0.5 + (a + b) / 4),
                          (Multiplication(T), lambda a, b: a * b)):  # fmt: skip
        x, y = task.sample(B, generator=seeded(seed))
        steps = len(x)
        assert T <= steps <= T + T // 10
        for n in range(B):
            assert x[0, n, 1] == x[-1, n, 1] == -1
            marked = [t for t in range(steps) if x[t, n, 1] == 1]
            assert len(marked) == 2
            assert any(1 <= t <= 9 for t in marked)
            assert all(1 <= t <= T // 2 - 2 for t in marked)
            assert y[n].item() == pytest.approx(combine(*x[marked, n, 0].tolist()), abs=1e-6)


@pytest.mark.parametrize("form", ["modern", "1997"])
def test_adding_batch_first_is_the_same_draw_turned(form):
    x, y = Adding(30, form).sample(5, generator=seeded())
    turned, same = Adding(30, form, batch_first=True).sample(5, generator=seeded())
    assert torch.equal(turned, x.transpose(0, 1))
    assert torch.equal(same, y)


def test_places_of_the_marks_are_even():
    x, _ = Adding(10).sample(N, generator=seeded())
    for share in x[..., 1].mean(1).tolist():
        assert within(share, 0.2)
    x, _ = Adding(30, "1997").sample(N, generator=seeded())
    first = (x[1:10, :, 1] == 1).float().mean(1)
    # One mark among nine steps for sure, and the other one sometimes.
    assert first.min() > 1 / 9
    assert x[0, :, 0].min() < -0.99
    assert x[..., 0].max() <= 1


@pytest.mark.parametrize("task", [Adding(30), Adding(30, "1997"), Multiplication(30)], ids=repr)
def test_always_the_mean_scores_as_the_baseline_says(task):
    _, y = task.sample(N, generator=seeded())
    error = (y - y.mean()).square()
    (baseline,) = task.baselines().values()
    assert abs(error.mean() - baseline) < 4 * error.std() / math.sqrt(N)


def test_numbers_at_the_end_are_right_within_a_tolerance():
    task = Adding()
    y = torch.tensor([0.5, 0.5, 0.5, 0.5])
    prediction = torch.tensor([0.5, 0.53, 0.55, -0.5])
    assert task.accuracy(prediction, y) == 0.5
    assert task.loss(prediction, y).item() == pytest.approx((0.03**2 + 0.05**2 + 1) / 4, rel=1e-4)
    assert task.accuracy(prediction[:, None], y) == 0.5
    assert task.loss(prediction[:, None], y) == task.loss(prediction, y)
    for measure in (task.loss, task.accuracy):
        with pytest.raises(ValueError, match=r"expected prediction of shape \(B=4\), 1-D"):
            measure(prediction[:, None].expand(-1, 2), y)


@given(delay=st.integers(1, 30), B=st.integers(1, 5), seed=st.integers(0, 2**31))
def test_copy_against_the_definition(delay, B, seed):
    x, y = Copy(delay).sample(B, generator=seeded(seed))
    assert x.shape == (delay + 20, B, 10)
    tokens = x.argmax(-1)
    assert torch.equal(functional.one_hot(tokens, 10).float(), x)
    assert tokens[:10].max() <= 7
    assert (tokens[10 : delay + 9] == 8).all()
    assert (tokens[delay + 9] == 9).all()
    assert (tokens[delay + 10 :] == 8).all()
    assert torch.equal(y[-10:], tokens[:10])
    assert (y[:-10] == 8).all()


@pytest.mark.parametrize(("delay", "published"), [(100, 0.1733), (200, 0.0945), (500, 0.0400)])
def test_the_memoryless_score_of_copy_is_the_published_one(delay, published):
    task = Copy(delay)
    assert task.baselines()["no memory"] == pytest.approx(published, abs=6e-5)
    _, y = task.sample(50, generator=seeded())
    logits = torch.zeros(*y.shape, 9)
    logits[..., 8] = -1e4
    logits[:-10, :, 8] = 1e4
    assert task.loss(logits, y).item() == pytest.approx(task.baselines()["no memory"], rel=1e-5)
    assert task.accuracy(functional.one_hot(y, 9).float(), y) == 1
    with pytest.raises(RuntimeError, match="expected logits of shape"):
        task.loss(logits[..., :8], y)


@given(T=st.integers(2, 20), symbols=st.integers(2, 5), others=st.integers(1, 4),
       seed=st.integers(0, 2**31))  # fmt: skip
def test_recall_against_the_definition(T, symbols, others, seed):
    x, y = Recall(T, symbols, others).sample(4, generator=seeded(seed))
    tokens = x.argmax(-1)
    assert x.shape == (T, 4, symbols + others + 1)
    assert torch.equal(tokens[0], y)
    assert (tokens[-1] == symbols + others).all()
    assert ((tokens[1:-1] >= symbols) & (tokens[1:-1] < symbols + others)).all()


def test_recall_and_order_have_even_classes_and_scores():
    for task in (Recall(5, 3), TemporalOrder(40), TemporalOrder(40, "6b")):
        _, y = task.sample(N, generator=seeded())
        assert y.dtype == torch.int64
        for count in torch.bincount(y, minlength=task.classes).tolist():
            assert within(count / N, 1 / task.classes)
        logits = functional.one_hot(y, task.classes).float()
        assert task.accuracy(logits, y) == 1
        assert within(task.accuracy(logits.roll(1, 0), y), task.baselines()["a guess"])
        assert task.loss(0 * logits, y).item() == pytest.approx(math.log(task.classes), rel=1e-5)
        with pytest.raises(RuntimeError, match="expected logits of shape"):
            task.accuracy(logits[:, :-1], y)


@pytest.mark.parametrize("form", ["6a", "6b", "pascanu"])
@given(T=st.integers(20, 120), seed=st.integers(0, 2**31))
def test_order_against_the_definition(form, T, seed):
    x, y = TemporalOrder(T, form).sample(3, generator=seeded(seed))
    tokens = x.argmax(-1)
    if form == "pascanu":
        assert x.shape == (T, 3, 6)
    else:
        assert T <= len(x) <= T + T // 10
        assert (tokens[0] == 6).all()
        assert (tokens[-1] == 7).all()
    for n in range(3):
        order = [token - 4 for token in tokens[:, n].tolist() if token in (4, 5)]
        assert len(order) == (3 if form == "6b" else 2)
        assert y[n] == int("".join(map(str, order)), 2)


def test_the_places_of_1997_at_a_length_of_100():
    spans = {"6a": [(10, 20), (50, 60)], "6b": [(10, 20), (33, 43), (66, 76)]}
    for form, expected in spans.items():
        x, _ = TemporalOrder(100, form).sample(5000, generator=seeded())
        place = (x[..., 4] + x[..., 5]).T.nonzero()[:, 1].view(5000, -1) + 1
        found = list(zip(place.amin(0).tolist(), place.amax(0).tolist(), strict=True))
        assert found == expected


def test_parity_and_counting():
    x, y = Parity(9).sample(N, generator=seeded())
    assert torch.equal(y, x.sum((0, 2)) % 2)
    assert within(y.mean().item(), 0.5)
    without_one = 2 * (x[1:].sum((0, 2)) % 2) - 1
    assert within(Parity().accuracy(without_one, y), Parity().baselines()["all bits but one"])
    task = Counting(12)
    x, y = task.sample(N, generator=seeded())
    assert torch.equal(y[-1], x[..., 0].sum(0))
    assert task.accuracy(y + 0.4, y) == 1
    half = torch.arange(1, 13)[:, None].expand_as(y) / 2
    assert task.loss(half, y).item() == pytest.approx(
        task.baselines()["half of the steps"], rel=0.05
    )
    with pytest.raises(ValueError, match="expected prediction of shape"):
        task.loss(y[0], y)


def test_reber_strings_of_the_paper():
    strings = {
        "".join(SYMBOLS[symbol] for symbol in reber_string(seeded(seed))[0]) for seed in range(300)
    }
    assert {"BTSXSE", "BPVVE", "BTXSE", "BPVPSE"} <= strings
    assert not strings & {"BTE", "BPSE", "BTSE"}


def test_legal_symbols_are_those_that_do_come():
    x, y = EmbeddedReber().sample(2000, generator=seeded())
    tokens = x.argmax(-1)
    own = y.any(-1)
    follows = own[1:]
    assert y[:-1].gather(-1, tokens[1:, :, None])[follows].all()
    assert set(y[own].sum(-1).tolist()) == {1, 2}
    # The last prediction of each string is E, the one before it the second symbol.
    last = own.sum(0) - 1
    columns = torch.arange(2000)
    assert (y[last, columns].argmax(-1) == SYMBOLS.index("E")).all()
    assert (y[last, columns].sum(-1) == 1).all()
    assert torch.equal(y[last - 1, columns].argmax(-1), tokens[1])
    assert torch.equal(tokens[last, columns], tokens[1])


def test_the_baseline_of_reber_is_what_forgetting_the_second_symbol_scores():
    for task in (EmbeddedReber(), EmbeddedReber(steps=2000)):
        _, y = task.sample(3000 if task.steps is None else 20, generator=seeded())
        forgetful = y.clone()
        T, P = SYMBOLS.index("T"), SYMBOLS.index("P")
        single = (y.sum(-1) == 1) & (y[..., T] + y[..., P] == 1)
        forgetful[..., T][single] = forgetful[..., P][single] = 1
        (baseline,) = task.baselines().values()
        assert task.accuracy(forgetful, y) == pytest.approx(baseline, abs=0.003)
        assert task.accuracy(y, y) == 1
        right = task.loss(y * 1e3, y).item()
        two = (y.sum(-1) == 2).sum() / y.any(-1).sum()
        assert right == pytest.approx(math.log(2) * two.item(), rel=1e-4)


def test_a_stream_is_full_and_its_strings_follow_one_another():
    x, y = EmbeddedReber(steps=300).sample(5, generator=seeded())
    assert x.shape == y.shape == (300, 5, 7)
    assert (x.sum(-1) == 1).all()
    tokens = x.argmax(-1)
    assert y[:-1].gather(-1, tokens[1:, :, None]).all()
    text = "".join(SYMBOLS[symbol] for symbol in tokens[:, 0])
    assert text.count("TEB") + text.count("PEB") > 10


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Adding(1), "length to be a whole number from 2 on, got 1"),
        (lambda: Adding(23, "1997"), "length to be a whole number from 24 on, got 23"),
        (lambda: Adding(50, "1998"), "'modern', '1997', got '1998'"),
        (lambda: Multiplication(10), "length to be a whole number from 24 on, got 10"),
        (lambda: Copy(0), "delay to be a whole number from 1 on, got 0"),
        (lambda: Recall(1), "length to be a whole number from 2 on, got 1"),
        (lambda: Recall(5, symbols=1), "symbols to be a whole number from 2 on, got 1"),
        (lambda: Recall(5, distractors=0), "distractors to be a whole number from 1 on, got 0"),
        (lambda: TemporalOrder(19), "length to be a whole number from 20 on, got 19"),
        (lambda: TemporalOrder(form="7"), "'6a', '6b', 'pascanu', got '7'"),
        (lambda: Parity(0), "length to be a whole number from 1 on, got 0"),
        (lambda: Counting(0), "length to be a whole number from 1 on, got 0"),
        (lambda: EmbeddedReber(0), "steps to be a whole number from 1 on, got 0"),
    ],
)
def test_settings_that_cannot_be(make, words):
    with pytest.raises(ValueError, match=words):
        make()
