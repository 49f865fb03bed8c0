"""The series' experiment, small: what it draws, what it keeps, when it stops, what it measures."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from lstm_book.cells import LSTMState, lstm_step, weights_of
from lstm_book.experiments import EXPERIMENTS, series
from lstm_book.experiments.series import Series, first_in_memory, mean_gates
from lstm_book.models import LastStepClassifier, TransformerClassifier
from lstm_book.tasks import FirstAndLast

TINY = Series(
    name="tiny", about="", length=3, features=1, hidden_size=8, width=8, dropout=0.0,
    lr=3e-2, halve_every=20, batch=16, sequences=100, tests=50, epochs=3,
)  # fmt: skip


def silent(words):
    pass


def trained(seed=0, **settings):
    return replace(TINY, **settings).train(seed, silent).metrics


@pytest.fixture
def drawn(monkeypatch):
    """Record every set of sequences that is drawn, as (B, T) of the first feature."""
    sets, sample = [], FirstAndLast.sample

    def recorded(self, batch, *, generator=None):
        x, y = sample(self, batch, generator=generator)
        sets.append(x[..., 0].T)
        return x, y

    monkeypatch.setattr(FirstAndLast, "sample", recorded)
    return sets


@pytest.fixture
def updates(monkeypatch):
    """Record the learning rate of every update."""
    rates, step = [], torch.optim.AdamW.step

    def recorded(self, *args, **options):
        rates.append(self.param_groups[0]["lr"])
        return step(self, *args, **options)

    monkeypatch.setattr(torch.optim.AdamW, "step", recorded)
    return rates


@pytest.mark.parametrize("layer", ["rnn", "lstm", "gru", "transformer"])
def test_every_model_learns_and_repeats(layer):
    metrics = trained(layer=layer, epochs=8, sequences=200)
    for name in ("loss", "accuracy", "validation_loss", "test_loss", "test_accuracy"):
        assert len(metrics[name]) == 8
        assert all(math.isfinite(value) for value in metrics[name])
    assert metrics["validation_accuracy"][-1] > 0.83
    assert metrics["best_accuracy"] > 0.83
    assert metrics["last_accuracy"] > 0.83
    assert ("gates_before" in metrics) == ("gates_after" in metrics) == (layer == "lstm")
    assert trained(layer=layer, epochs=8, sequences=200) == metrics
    assert trained(1, layer=layer, epochs=1)["loss"] != trained(layer=layer, epochs=1)["loss"]


def test_no_model_is_returned_and_every_update_is_reported():
    told = []
    outcome = TINY.train(0, told.append)
    assert outcome.model is None
    epochs = [words.split(",")[0] for words in told]  # 100 sequences are seven batches of 16
    assert epochs == [f"epoch {n} of 3" for n in (1, 2, 3) for _ in range(7)]


def test_the_best_weights_are_those_of_the_epoch_that_is_named():
    long = trained(epochs=30, lr=0.1)
    best = long["best_epoch"]
    assert long["validation_loss"][best - 1] == min(long["validation_loss"])
    assert 1 < best < 30
    short = trained(epochs=best, lr=0.1)  # the same run, ended there
    assert short["loss"] == long["loss"][:best]
    assert short["last_accuracy"] == short["best_accuracy"] == long["best_accuracy"]
    assert long["last_accuracy"] != long["best_accuracy"]


def test_patience_ends_training_after_as_many_epochs_without_a_better_one():
    for patience in (1, 3):
        metrics = trained(epochs=60, lr=0.1, patience=patience)
        assert len(metrics["loss"]) == metrics["best_epoch"] + patience < 60
        losses = metrics["validation_loss"]
        assert min(losses[metrics["best_epoch"] :]) > losses[metrics["best_epoch"] - 1]
    assert len(trained(epochs=20, lr=0.1)["loss"]) == 20


def test_the_learning_rate_is_halved_as_told(updates):
    trained(epochs=5, halve_every=2, sequences=40)  # three updates an epoch: 16 + 16 + 8
    assert updates == pytest.approx([3e-2] * 6 + [1.5e-2] * 6 + [0.75e-2] * 3)


def test_training_sequences_are_drawn_once_or_anew(drawn):
    names = ("training", "validation", "test", "gates")
    trained(fresh=False)
    assert [len(s) for s in drawn] == [100, 50, 50, 200, 10_000]
    fixed = dict(zip(names, drawn[:4], strict=True))
    drawn.clear()
    trained(fresh=True)
    assert [len(s) for s in drawn] == [100, 50, 50, 200, 100, 100, 10_000]
    assert torch.equal(drawn[0], fixed["training"])
    sequences = torch.cat(drawn)
    assert len(sequences.unique(dim=0)) == len(sequences)  # nothing that is tested was trained on


def test_every_model_of_a_seed_has_the_same_sequences(drawn):
    sets = {}
    for layer in ("rnn", "gru"):
        trained(layer=layer, epochs=1)
        sets[layer] = torch.cat(drawn)
        drawn.clear()
    assert torch.equal(sets["rnn"], sets["gru"])
    trained(1, epochs=1)
    assert not torch.equal(torch.cat(drawn), sets["rnn"])


def test_an_epoch_counts_every_sequence_once():
    """Without learning, what is measured on the way is what is measured at the end."""
    standing = replace(TINY, lr=0.0, epochs=1, sequences=41)  # the last batch has 9
    metrics = standing.train(0, silent).metrics
    torch.manual_seed(0)
    model = standing.untrained()
    generator = torch.Generator().manual_seed(1_000_003)
    scores = standing.score(model, *standing.task.sample(41, generator=generator))
    assert (metrics["loss"], metrics["accuracy"]) == ([round(scores[0], 4)], [round(scores[1], 4)])


def test_scores_are_without_dropout_and_of_all_sequences():
    settings = replace(TINY, dropout=0.5)
    torch.manual_seed(0)
    model = settings.untrained().train()
    x, y = settings.task.sample(1100, generator=torch.Generator().manual_seed(0))  # three parts
    scores = settings.score(model, x, y)
    assert model.training
    assert settings.score(model, x, y) == scores
    with torch.no_grad():
        logits = model.eval()(x)
    wanted = ((logits > 0) == (x[0, :, 0] + x[-1, :, 0] > 0)).double().mean().item()
    assert scores == pytest.approx((nn.BCEWithLogitsLoss()(logits, y).item(), wanted), abs=1e-6)


def test_what_fits_the_training_set_is_measured_there():
    metrics = trained(length=12, sequences=40, epochs=80, hidden_size=24)
    assert metrics["train_accuracy"] == 1
    assert metrics["last_accuracy"] < 0.9


@pytest.mark.parametrize("bias", [None, 2.0, math.log(30)])
def test_the_forget_bias_is_the_total_in_both_layers(bias):
    torch.manual_seed(0)
    model = replace(TINY, forget_bias=bias).untrained()
    torch.manual_seed(0)
    plain = LastStepClassifier(nn.LSTM(1, 8, num_layers=2), every_layer=True)
    for layer in (0, 1):
        found, fresh = weights_of(model.layer, layer), weights_of(plain.layer, layer)
        assert torch.equal(found.U, fresh.U)
        b = found.b.view(4, 8)
        if bias is None:
            assert torch.equal(found.b, fresh.b)
        else:
            assert torch.equal(b[1], torch.full((8,), bias))
            assert torch.equal(b[[0, 2, 3]], fresh.b.view(4, 8)[[0, 2, 3]])


def test_a_grus_bias_keeps_what_is_there_as_a_forget_bias_does():
    torch.manual_seed(0)
    layer = replace(TINY, layer="gru", forget_bias=math.log(30), length=9).untrained().layer
    torch.manual_seed(0)
    fresh = replace(TINY, layer="gru", length=9).untrained().layer
    for name, weight in layer.named_parameters():
        parts = zip(weight.detach().chunk(3), fresh.get_parameter(name).chunk(3), strict=True)
        same = [torch.equal(now, then) for now, then in parts]
        assert same == ([True, False, True] if "bias" in name else [True] * 3)
    cell = nn.GRU(1, 1)
    with torch.no_grad():
        for weight in cell.parameters():
            weight.zero_()
        series.init_update_bias_(cell, math.log(30))
        _, h = cell(torch.zeros(9, 1, 1), torch.ones(1, 1, 1))
    assert h.item() == pytest.approx((30 / 31) ** 9, abs=1e-6)  # f = 30/31 at a bias of ln 30


@pytest.mark.parametrize(("layer", "kind"), [("rnn", nn.RNN), ("lstm", nn.LSTM), ("gru", nn.GRU)])
def test_two_layers_of_torch_and_the_last_states_of_both(layer, kind):
    model = replace(TINY, layer=layer, dropout=0.3).untrained()
    assert type(model.layer) is kind
    assert (model.layer.num_layers, model.layer.hidden_size, model.layer.dropout) == (2, 8, 0.3)
    assert model.readout.in_features == 16


def test_the_transformer_has_its_width_and_dropout():
    model = replace(TINY, layer="transformer", dropout=0.3).untrained()
    assert isinstance(model, TransformerClassifier)
    assert model.width == 8
    assert {m.p for m in model.modules() if isinstance(m, nn.Dropout)} == {0.3}


def test_mean_gates_against_a_loop(generator):
    T, B, H = 5, 4, 3
    torch.manual_seed(0)
    model = LastStepClassifier(nn.LSTM(2, H, num_layers=2), every_layer=True)
    x = below = torch.randn(T, B, 2, generator=generator)
    gates = mean_gates(model, x)
    assert set(gates) == {"by_step", "by_unit"}
    for layer in (0, 1):
        state, steps, outputs = LSTMState(torch.zeros(B, H), torch.zeros(B, H)), [], []
        for x_t in below:
            state, now = lstm_step(x_t, state, *weights_of(model.layer, layer))
            steps.append(now)
            outputs.append(state.h)
        below = torch.stack(outputs)
        for name in ("i", "f", "o"):
            values = torch.stack([getattr(now, name) for now in steps]).detach()
            by_step, by_unit = gates["by_step"][name][layer], gates["by_unit"][name][layer]
            assert by_step == pytest.approx(values.mean((1, 2)).tolist(), abs=6e-5)
            assert by_unit == pytest.approx(values.mean((0, 1)).tolist(), abs=6e-5)


def test_gates_are_measured_before_and_after_training():
    metrics = trained(forget_bias=2.0, epochs=10)
    before, after = (metrics[name]["by_unit"]["f"] for name in ("gates_before", "gates_after"))
    assert len(before) == len(after) == 2
    for layer in (0, 1):
        assert before[layer] == pytest.approx([torch.tensor(2.0).sigmoid().item()] * 8, abs=0.1)
        assert max(abs(a - b) for a, b in zip(after[layer], before[layer], strict=True)) > 0.02


@pytest.mark.parametrize("layer", ["rnn", "lstm", "gru"])
def test_what_can_be_read_of_the_first_number(layer):
    torch.manual_seed(0)
    settings = replace(TINY, layer=layer, hidden_size=6, dropout=0.5)
    model = settings.untrained()
    x = torch.randn(1, 4000, 1)  # one step: the first number is all that there is
    one, two, both = first_in_memory(model, x)
    assert one > 0.95
    assert both >= max(one, two) - 0.01
    assert both <= 1
    x = torch.randn(60, 4000, 1)  # a default layer has forgotten
    assert max(map(abs, first_in_memory(model, x))) < 0.02


def test_what_can_be_read_is_measured_before_and_after_and_changes_nothing():
    plain = trained(epochs=10, length=4)
    metrics = trained(epochs=10, length=4, read_first=1000)
    assert plain == {k: v for k, v in metrics.items() if not k.startswith("first_")}
    before, best, last = (metrics[f"first_{when}"] for when in ("before", "best", "last"))
    assert len(before) == len(best) == len(last) == 3
    torch.manual_seed(0)
    model = replace(TINY, length=4).untrained()
    memory = torch.Generator().manual_seed(6 * 1_000_003)
    x, _ = FirstAndLast(4, 1).sample(1000, generator=memory)
    assert before == first_in_memory(model, x)
    assert last != before != best


SERIES = [name for name in EXPERIMENTS if name.startswith("first-and-last-")]


@pytest.mark.parametrize("name", SERIES)
def test_the_catalogue_has_the_series_settings(name):
    found, (length, _, peer) = (
        EXPERIMENTS[name],
        name.removeprefix("first-and-last-").partition("-"),
    )
    assert (found.length, found.features, found.hidden_size) == (int(length), 10, 128)
    assert (found.dropout, found.lr, found.halve_every, found.batch) == (0.3, 1e-3, 20, 64)
    assert (found.sequences, found.tests, found.epochs) == (5_000, 1_000, 100)
    assert not found.fresh
    assert (found.patience is None) == (length == "30")
    layer, _, start = peer.partition("-")
    assert found.layer == layer
    assert found.forget_bias == {"doubled": 2.0, "chosen": math.log(int(length))}.get(start)


def test_the_catalogue_has_what_the_series_compares():
    assert {f"first-and-last-30-{peer}" for peer in ("rnn", "lstm-doubled")} <= set(SERIES)
