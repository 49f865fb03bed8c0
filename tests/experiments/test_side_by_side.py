"""RNNs and LSTMs from many starts: what is measured on the way is what it says."""

import pytest
import torch

from lstm_book.cells import weights_of
from lstm_book.experiments.side_by_side import STARTS, Continued, SideBySide, Start
from lstm_book.gradients import lag_norms

SMALL = {"name": "small", "about": "", "length": 6, "hidden_size": 4, "looks": (10, 20)}


def silent(words):
    pass


def test_names_are_one_each():
    assert len({str(start) for start in STARTS}) == len(STARTS)


@pytest.mark.parametrize("gain", [1.0, 1.3])
def test_an_rnn_starts_from_an_orthogonal_matrix_times_the_gain(gain):
    U = weights_of(Start("rnn", gain).model(0).layer).U
    torch.testing.assert_close(U @ U.T, gain**2 * torch.eye(32))


def test_an_lstm_starts_from_its_forget_bias():
    assert (weights_of(Start("lstm", 1.75).model(0).layer).b[32:64] == 1.75).all()


@pytest.mark.parametrize("start", [Start("rnn"), Start("lstm", 2.0)])
def test_what_is_measured_before_training_against_lag_norms_and_autograd(start):
    experiment = SideBySide(**SMALL, starts=(start,))
    found = experiment.train(3, silent).metrics[str(start)]
    model = start.model(3, hidden_size=4)
    x, _ = experiment.task.sample(500, generator=torch.Generator().manual_seed(1))
    state = lag_norms(model.layer, x).state[5]
    assert found["state"][0]["mean"] == pytest.approx(state.mean().item(), rel=5e-3)
    assert found["state"][0]["largest"] == pytest.approx(state.max().item(), rel=5e-3)
    x.requires_grad_()
    model(x).sum().backward()
    size = x.grad.norm(dim=-1)
    assert found["first"][0]["mean"] == pytest.approx(size[0].mean().item(), rel=5e-3)
    assert found["last"][0]["median"] == pytest.approx(size[-1].quantile(0.5).item(), rel=5e-3)
    assert [len(found[name]) for name in ("accuracy", "state", "loss")] == [3, 3, 2]


def test_continuations_part_at_the_first_look():
    experiment = Continued(**SMALL, starts=(Start("rnn", 1.0),), times=2)
    metrics, model = experiment.train(0, silent)
    one, two = metrics.values()
    assert one["loss"][0] == two["loss"][0]
    assert one["loss"][1] != two["loss"][1]
    x, y = experiment.task.sample(2000, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():  # what is kept is the model of the first look
        assert experiment.task.accuracy(model(x), y) == pytest.approx(one["accuracy"][1], abs=1e-4)
