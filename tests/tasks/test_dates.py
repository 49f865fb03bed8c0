"""Dates as people write them, against Babel, whose tables they are."""

from datetime import date, timedelta

import pytest
import torch

from lstm_book.data.date_tables import date_tables
from lstm_book.models import Predicted, Seq2Seq
from lstm_book.tasks import Dates
from lstm_book.tasks.dates import FIRST, HELD_OUT, LAST, _days, _forms, _written
from lstm_book.training import fit

babel = pytest.importorskip("babel.dates")
EVERY = [form for kind in ("shown", "held out", "American") for form in _forms(kind)]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("form", EVERY, ids=lambda form: f"{form.language} {form.name}")
def test_a_form_is_written_as_babel_writes_it(form):
    for day in (date(1974, 9, 3), date(2004, 12, 25), date(2060, 1, 1), date(1999, 5, 31)):
        peer = babel.format_date(day, format=form.pattern, locale=form.language)
        assert _written(day, form).text == peer.replace("\u202f", " ").replace("\xa0", " ")


def test_every_tenth_day_is_held_out_and_no_day_is_lost():
    shown, held_out = _days("shown"), _days("held out")
    assert len(held_out) == pytest.approx(len(shown) / 9, abs=1)
    assert sorted(shown + held_out) == [
        FIRST + timedelta(k) for k in range((LAST - FIRST).days + 1)
    ]


def test_of_each_language_one_form_with_letters_is_held_out():
    held_out = _forms("held out")
    assert sorted(form.language for form in held_out) == sorted(HELD_OUT)
    assert all("MMM" in form.pattern or "年" in form.pattern for form in held_out)
    shown = {(form.language, form.pattern) for form in _forms("shown")}
    assert not shown & {(form.language, form.pattern) for form in held_out}
    assert {language for language, _ in shown} == set(HELD_OUT) == set(date_tables()) - {"en_US"}


def test_no_text_has_two_meanings():
    meanings = {}
    for form in EVERY:
        for day in [*_days("shown")[::11], *_days("held out")[::3]]:
            written = _written(day, form)
            assert meanings.setdefault(written.text, written.iso) == written.iso


@pytest.mark.parametrize("forms", ["shown", "held out", "American"])
def test_what_is_drawn_is_of_its_kind(forms):
    task = Dates("held out", forms)
    drawn = task.draw(200, generator=generator())
    assert drawn == task.draw(200, generator=generator()) != task.draw(200, generator=generator(1))
    days = {day.isoformat() for day in _days("held out")}
    names = {(form.language[:2], form.name) for form in _forms(forms)}
    for written in drawn:
        assert written.iso in days
        assert (written.language, written.form) in names
    source, lengths = task.encode([written.text for written in drawn])
    for k, written in enumerate(drawn):
        assert task.vocabulary.decode(source[: lengths[k], k]) == written.text


def test_batches_are_what_a_model_is_called_with():
    task = Dates()
    inputs, (target, lengths) = task.sample(5, generator=generator())
    drawn = task.draw(5, generator=generator())
    assert task.decode(target) == [written.iso for written in drawn]
    assert task.decode(inputs["target_in"][1:]) == [written.iso for written in drawn]
    assert set(inputs["target_in"][0].tolist()) == {task.stop}
    assert lengths.tolist() == [task.max_length] * 5 == [len(target)] * 5
    logits = torch.nn.functional.one_hot(target, len(task.answers)) * 100.0
    right = Predicted(logits, None, None)
    assert task.loss(right, (target, lengths)).item() == pytest.approx(0, abs=1e-6)
    assert task.accuracy(right, (target, lengths)) == 1.0


def test_fit_trains_on_dates():
    task = Dates()
    torch.manual_seed(0)
    sizes = len(task.vocabulary), len(task.answers)
    model = Seq2Seq(*sizes, 16, stop=task.stop, embedding=8)
    history = fit(model, task, steps=40, batch=16, lr=2e-2)
    blind = task.baselines()["the most frequent token of each place"]
    assert history.loss[-1] < 0.6 * history.loss[0]
    assert history.accuracy[-1] > blind - 0.1 > history.accuracy[0]


def test_baselines_are_shares_of_characters():
    scores = Dates().baselines()
    assert scores["any token"] == 1 / 12
    # Two dashes and the stop are always right.
    assert 3 / 11 < scores["the most frequent token of each place"] < 0.6


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: Dates("tomorrow"), ValueError, "days"),
        (lambda: Dates(forms="new"), ValueError, "forms"),
        (lambda: Dates().encode([]), ValueError, "none that is empty"),
        (lambda: Dates().encode([""]), ValueError, "none that is empty"),
        (lambda: Dates().encode("3. Sept. 1974"), TypeError, "a list of texts"),
        (lambda: Dates().encode(["3 Sept #"]), ValueError, "'#' at position 7"),
        (lambda: Dates().decode(torch.tensor([1])), ValueError, "T, B"),
        (lambda: Dates().draw(-1), ValueError, "-1"),
        (lambda: Dates().loss("x", (1, 2)), TypeError, "what a Seq2Seq says"),
    ],
)
def test_what_is_wrong_is_said(call, error, words):
    with pytest.raises(error, match=words):
        call()
