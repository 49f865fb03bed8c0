"""What all tasks do alike: NaN is never right, the default dtype is obeyed, odd input refused."""

import pytest
import torch

from lstm_book.tasks import (
    Adding,
    Addition,
    Copy,
    Counting,
    EmbeddedReber,
    FirstAndLast,
    FlipFlop,
    Multiplication,
    Parity,
    Recall,
    TemporalOrder,
)

TASKS = [
    Adding(6),
    Adding(24, "1997"),
    Copy(3),
    Counting(5),
    EmbeddedReber(),
    FirstAndLast(4),
    FlipFlop(5),
    Multiplication(24),
    Parity(5),
    Recall(6),
    TemporalOrder(20),
]
CLASSES = {"Copy": 9, "Recall": 4, "TemporalOrder": 4}


def answers(task, value):
    _, y = task.sample(8, generator=torch.Generator().manual_seed(0))
    classes = CLASSES.get(type(task).__name__)
    shape = y.shape if classes is None else (*y.shape, classes)
    return torch.full(shape, value), y


@pytest.mark.parametrize("task", TASKS, ids=str)
def test_nan_is_never_a_right_answer(task):
    """A comparison with NaN is False, which is the right class of half of all sequences."""
    assert task.accuracy(*answers(task, torch.nan)) == 0
    assert task.loss(*answers(task, torch.nan)).isnan()


@pytest.mark.parametrize("task", TASKS, ids=str)
def test_sequences_have_the_default_dtype(task):
    single = task.sample(3, generator=torch.Generator().manual_seed(0))
    torch.set_default_dtype(torch.float64)
    try:
        x, y = task.sample(3, generator=torch.Generator().manual_seed(0))
    finally:
        torch.set_default_dtype(torch.float32)
    assert x.dtype == torch.float64
    assert y.dtype in (torch.float64, torch.int64)
    assert single[0].dtype == torch.float32


@pytest.mark.parametrize("task", TASKS, ids=str)
def test_no_sequence_may_be_drawn(task):
    x, _ = task.sample(0)
    assert 0 in x.shape


@pytest.mark.parametrize("task", TASKS, ids=str)
def test_no_answer_has_no_score(task):
    given, y = answers(task, 0.0)
    batch = 1 if isinstance(task, Copy | Counting | EmbeddedReber) else 0
    for score in (task.loss, task.accuracy):
        with pytest.raises(ValueError, match="at least one answer"):
            score(given.narrow(batch, 0, 0), y.narrow(batch, 0, 0))


@pytest.mark.parametrize("task", TASKS, ids=str)
@pytest.mark.parametrize(
    ("batch", "error"), [(-1, ValueError), (2.0, TypeError), (None, TypeError), (True, TypeError)]
)
def test_batches_that_are_none(task, batch, error):
    with pytest.raises(error, match="expected batch to be a whole number"):
        task.sample(batch)


@pytest.mark.parametrize("task", TASKS, ids=str)
def test_answers_that_do_not_fit(task):
    given, y = answers(task, 0.0)
    for score in (task.loss, task.accuracy):
        with pytest.raises(TypeError, match=r"expected .* to be a torch\.Tensor"):
            score("right", y)
        with pytest.raises(TypeError, match=r"expected .* to be a torch\.Tensor"):
            score(given, None)
        with pytest.raises(RuntimeError, match="floating-point numbers"):
            score(given.long(), y)
        with pytest.raises((ValueError, RuntimeError), match="expected"):
            score(given[:1], y)
        with pytest.raises((ValueError, RuntimeError), match="expected"):
            score(given, y[None])


@pytest.mark.parametrize("task", [Copy(3), Recall(6), TemporalOrder(20)], ids=str)
def test_targets_that_are_no_class(task):
    logits, y = answers(task, 0.0)
    with pytest.raises(IndexError, match="expected classes y from 0"):
        task.accuracy(logits, y + 10)
    with pytest.raises(RuntimeError, match=r"expected y of dtype torch\.int64"):
        task.loss(logits, y.float())


@pytest.mark.parametrize(
    "make",
    [
        Adding,
        Copy,
        Counting,
        FirstAndLast,
        FlipFlop,
        Multiplication,
        Parity,
        Recall,
        TemporalOrder,
        Addition,
    ],
)
@pytest.mark.parametrize("size", [float("nan"), 30.0, "30", None, True])
def test_sizes_that_are_no_whole_number(make, size):
    with pytest.raises(TypeError, match="to be a whole number, got"):
        make(size)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: Addition(400), ValueError),
        (lambda: Addition(2, reverse=1), TypeError),
        (lambda: Addition().encode([(1, 2, 3)]), ValueError),
        (lambda: Addition().encode([(1.0, 2)]), TypeError),
        (lambda: Addition().encode("1+2"), TypeError),
        (lambda: Addition().decode([1]), TypeError),
        (lambda: Addition().accuracy(torch.zeros(3, 1), None), TypeError),
        (lambda: Addition().baselines(None), TypeError),
        (lambda: Adding(10, batch_first=1), TypeError),
    ],
)
def test_what_is_no_argument(call, error):
    with pytest.raises(error, match="expected"):
        call()
