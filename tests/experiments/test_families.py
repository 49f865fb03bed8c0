"""Each kind of experiment trains, and measures what it says."""

import math
from dataclasses import replace

import pytest
import torch

from lstm_book.data import (
    CHARACTER_TAGS,
    Sequences,
    load_japanese_vowels,
    python_sources,
    python_text,
)
from lstm_book.experiments import EXPERIMENTS
from lstm_book.experiments.bottleneck import (
    STOP,
    RepeatDigits,
    RepeatDigitsLonger,
    draw_digits,
)
from lstm_book.experiments.characters import LearnText, half_lives, reset_cost
from lstm_book.experiments.classification import (
    Choice,
    Classification,
    answers,
    stratified_folds,
    with_differences,
)
from lstm_book.experiments.dates import LearnDates
from lstm_book.experiments.tagging import TagSource, confusion_of, pieces, source_vocabulary
from lstm_book.models import CharLM, Vocabulary
from lstm_book.tasks.dates import HELD_OUT
from lstm_book.training import Checkpoint

TEXT = "abracadabra " * 50
HELD_OUT_NAMES = {f"{language[:2]} {form}" for language, form in HELD_OUT.items()}


def silent(words):
    pass


def char_lm(num_layers=2):
    torch.manual_seed(0)
    return CharLM(Vocabulary.of(TEXT), 6, num_layers, embedding=4)


def test_a_constant_forget_gate_has_the_half_life_of_the_formula():
    model = char_lm()
    with torch.no_grad():
        for name, parameter in model.layer.named_parameters():
            parameter.zero_()
            if name.startswith("bias_ih"):
                parameter[6:12] = 2.0 if name.endswith("l0") else 4.0
    lower, upper = half_lives(model, TEXT)
    assert lower == pytest.approx([math.log(2) / math.log1p(math.exp(-2))] * 6, abs=2e-3)
    assert upper == pytest.approx([math.log(2) / math.log1p(math.exp(-4))] * 6, abs=2e-3)


def test_resets_cost_nothing_after_the_last_character_and_something_before():
    model = char_lm()
    with torch.no_grad():
        for parameter in model.layer.parameters():
            parameter.mul_(4)
    for layer in (0, 1):
        assert reset_cost(model, TEXT, layer, 199) == pytest.approx(0, abs=1e-6)
        assert abs(reset_cost(model, TEXT, layer, 1)) > 1e-4
    assert reset_cost(model, TEXT, 0, 1) != reset_cost(model, TEXT, 1, 1)


def test_a_reset_layer_starts_from_zero():
    model = char_lm(num_layers=1)
    tokens = model.vocabulary.encode(TEXT)[:400].view(2, 200).T
    fresh = torch.stack([model(tokens[t : t + 1])[0][0] for t in range(199)])
    target = tokens[1:].flatten()
    alone = torch.nn.functional.cross_entropy(fresh.flatten(0, 1), target)
    whole = torch.nn.functional.cross_entropy(model(tokens[:-1])[0].flatten(0, 1), target)
    expected = (alone - whole).item() / math.log(2)
    assert reset_cost(model, TEXT[:400], 0, 1) == pytest.approx(expected, abs=1e-6)


def test_the_character_model_learns_and_keeps_its_best_weights(monkeypatch):
    class Short:
        text = TEXT
        split = staticmethod(
            lambda: (
                python_text().split()._replace(train=TEXT, validation=TEXT[:200], test=TEXT[5:300])
            )
        )

    monkeypatch.setattr("lstm_book.experiments.characters.python_text", Short)
    small = LearnText(
        name="x",
        about="",
        hidden_size=16,
        num_layers=2,
        embedding=8,
        dropout=0.0,
        epochs=6,
        batch=4,
        length=10,
        lr=0.02,
        by_layer=True,
    )
    metrics, model = small.train(0, silent)
    assert metrics["validation_bits"][-1] < 0.5 < metrics["validation_bits"][0]
    assert metrics["test_bits"] == model.bits_per_character(TEXT[5:300])
    best = min(metrics["validation_bits"])
    assert model.bits_per_character(TEXT[:200]) == pytest.approx(best, abs=1e-6)
    assert [len(layer) for layer in metrics["half_life"]] == [16, 16]
    assert metrics["half_life"] != metrics["half_life_before"]
    again, _ = small.train(0, silent)
    assert again == metrics


def test_digits_are_drawn_for_teacher_forcing():
    torch.manual_seed(0)
    lengths = torch.tensor([3, 1])
    source, target_in, target_out = draw_digits(lengths)
    assert source.shape == (3, 2)
    assert source[1:, 1].tolist() == [0, 0]
    assert target_in[0].tolist() == [STOP, STOP]
    assert torch.equal(target_in[1:], source)
    assert torch.equal(target_out[:3, 0], source[:, 0])
    assert target_out[3, 0] == STOP
    assert target_out[:2, 1].tolist() == [source[0, 1].item(), STOP]


def test_repeating_digits_is_learned_and_scored_by_length():
    small = RepeatDigits(name="x", about="", hidden_size=24, longest=2, scored=3, updates=250)
    metrics, _ = small.train(0, silent)
    assert metrics["whole"]["1"] > 0.9
    assert metrics["whole"]["3"] <= metrics["characters"]["3"] < metrics["characters"]["1"]
    assert len(metrics["loss"]) == 2


def test_a_longer_training_is_scored_on_the_way_and_goes_on_where_it_was_stopped(tmp_path):
    small = RepeatDigitsLonger(
        name="x", about="", hidden_size=24, longest=2, scored=3, budgets=(100, 250), updates=250
    )
    assert small.schedule(99) == small.schedule(249) == 0 < small.schedule(100)
    metrics, _ = small.train(0, silent)
    assert list(metrics["whole"]) == ["100", "250"]
    assert metrics["whole"]["100"]["1"] <= metrics["whole"]["250"]["1"] > 0.9
    assert metrics["bits"]["250"]["1"] == pytest.approx(math.log2(10), abs=0.5)
    assert "3" not in metrics["bits"]["250"]
    assert "save_every" not in small.configuration

    def stop(words):
        if "update 170 of" in words:
            raise KeyboardInterrupt

    checkpoint = Checkpoint(tmp_path / "x", every=50)
    with pytest.raises(KeyboardInterrupt):
        small.train(0, stop, checkpoint)
    assert 100 < checkpoint.updates() < 250
    assert small.train(0, silent, checkpoint).metrics == metrics


def test_dates_are_read_and_scored():
    small = LearnDates(
        name="x", about="", hidden_size=16, updates=100, batch=8, tested=40, searched=10, width=2
    )
    metrics, model = small.train(0, silent)
    assert metrics["loss"][0] < 2.5
    for scores in (metrics["whole"], metrics["greedy"], metrics["beam"]):
        assert list(scores) == ["new days", "new forms", "American"]
        assert all(0 <= share <= 1 for share in scores.values())
    assert set(metrics["by_form"]["new forms"]) <= HELD_OUT_NAMES
    assert len(small.probe(model)) == 1
    assert "save_every" not in small.configuration


def test_addition_is_scored_in_every_way():
    small = replace(
        EXPERIMENTS["addition-reversed-attention"], digits=1, pairs=40, test_pairs=12,
        hidden_size=24, epochs=40, batch=8,
    )  # fmt: skip
    metrics, model = small.train(1, silent)
    assert metrics["loss"][-1] < 1 < metrics["loss"][0]
    assert 0 <= metrics["whole"] <= metrics["characters"] <= 1
    assert metrics["even_characters"] > 0.2
    assert metrics["whole_by_digits"] == {"2": (12, metrics["whole"])}
    assert small.score(model, [(3, 4)])[0] in {0.0, 0.5, 1.0}


def test_folds_hold_as_many_of_each_class():
    y = torch.tensor([0] * 10 + [1] * 7)
    folds = stratified_folds(y, 5, torch.Generator().manual_seed(0))
    for label, counts in ((0, {2}), (1, {1, 2})):
        assert set(torch.bincount(folds[y == label], minlength=5).tolist()) == counts


SMALL = Classification(
    name="small", about="", data="digits-rows", hidden_size=16, epochs=3, dropout=0.1
)


def test_digits_are_told_apart_and_the_confusion_adds_up():
    metrics, model = SMALL.train(0, silent)
    confusion = torch.tensor(metrics["confusion"])
    assert confusion.shape == (10, 10)
    assert confusion.sum() == 540
    assert metrics["accuracy"] == pytest.approx(confusion.diag().sum().item() / 540)
    assert metrics["accuracy"] > 0.7
    assert not model.training
    assert SMALL.train(0, silent).metrics == metrics
    assert SMALL.train(1, silent).metrics != metrics


def test_a_choice_never_sees_the_test_data(monkeypatch):
    from lstm_book.experiments import classification

    whole = classification.load_labelled("digits-rows")
    broken = Sequences(whole.test.x * float("nan"), whole.test.lengths, whole.test.y)
    data = replace(whole, test=broken)
    monkeypatch.setattr(classification, "load_labelled", lambda name: data)
    few = replace(SMALL, epochs=1)
    choice = Choice(name="c", about="", candidates=(few, replace(few, name="other")), folds=2)
    metrics, model = choice.train(0, silent)
    assert model is None
    assert metrics["accuracy"]["small"] == metrics["accuracy"]["other"]
    assert all(0.1 < score < 1 for score in metrics["accuracy"]["small"])
    assert choice.configuration["candidates"][0]["hidden_size"] == 16


def test_answers_do_not_depend_on_dropout():
    model = SMALL.build().train()
    data = python_like_digits()
    assert torch.equal(answers(model, data), answers(model, data))


def python_like_digits():
    torch.manual_seed(0)
    return Sequences(torch.randn(8, 5, 8), torch.tensor([8, 3, 5, 1, 8]), torch.zeros(5).long())


def test_pieces_are_the_files_cut_up():
    files = python_sources().files[:2]
    x, y = pieces(files, 100)
    assert x.shape == y.shape == (100, sum(len(file.text) // 100 for file in files))
    vocabulary = source_vocabulary()
    assert vocabulary.decode(x[:, 1]) == files[0].text[100:200]
    keyword = CHARACTER_TAGS.index("keyword")
    place = files[0].text.index("import")
    assert set(y.T.flatten()[place : place + 6].tolist()) == {keyword}


def test_the_tagger_learns_a_file_and_its_confusion_counts_every_character():
    files = python_sources().files[:1]
    small = TagSource(name="x", about="", hidden_size=8, embedding=8)
    model = small.build()
    confusion = confusion_of(model, files, 50)
    x, y = pieces(files, 50)
    assert confusion.sum() == x.numel()
    assert torch.equal(confusion.sum(1), torch.bincount(y.flatten(), minlength=7))
    with torch.no_grad():
        right = (model(x).argmax(-1) == y).sum()
    assert confusion.diag().sum() == right


def test_one_tagger_has_as_many_parameters_as_the_other():
    counts = [
        sum(p.numel() for p in EXPERIMENTS[name].build().parameters())
        for name in ("python-tags", "python-tags-forward")
    ]
    assert counts[0] <= counts[1] < 1.02 * counts[0]


def test_differences_stay_within_each_sequence():
    whole = load_japanese_vowels()
    told = with_differences(whole)
    x, n = whole.train.x, whole.train.lengths
    D = x.shape[-1]
    assert told.train.x.shape[-1] == 2 * D == len(told.features)
    for k in range(5):
        own, change = x[: n[k], k], told.train.x[: n[k], k, D:]
        assert torch.allclose(change[1:-1], (own[2:] - own[:-2]) / 2)
        assert torch.allclose(change[0], (own[1] - own[0]) / 2)
        assert torch.allclose(change[-1], (own[-1] - own[-2]) / 2)
        assert not told.train.x[n[k] :, k].any()
