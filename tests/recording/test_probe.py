"""The linear probe: against scikit-learn's ridge, and where nothing is to be found."""

import pytest
import torch
from sklearn.linear_model import Ridge

from lstm_book.recording import linear_probe


@pytest.fixture
def states():
    return torch.randn(400, 6, generator=torch.Generator().manual_seed(0)) * torch.arange(1, 7)


def test_a_linear_function_of_the_states_is_found_whole(states):
    assert linear_probe(states, states @ torch.arange(6.0) + 3) == pytest.approx(1, abs=1e-6)


def test_noise_is_not_found_and_costs_what_its_units_cost(states):
    noise = torch.randn(400, generator=torch.Generator().manual_seed(1))
    assert -0.1 < linear_probe(states, noise) < 0.05


def test_it_is_ridge_regression_on_standardised_states(states):
    target = states[:, 0] ** 2 + states[:, 1]
    half, ridge = 200, 0.3
    known = states.double()
    known = ((known - known[:half].mean(0)) / known[:half].std(0)).numpy()
    wanted = (target.double() - target[:half].double().mean()).numpy()
    fitted = Ridge(alpha=ridge * half, fit_intercept=False).fit(known[:half], wanted[:half])
    error = ((fitted.predict(known[half:]) - wanted[half:]) ** 2).mean()
    expected = 1 - error / (wanted[half:] ** 2).mean()
    assert linear_probe(states, target, ridge=ridge) == pytest.approx(expected, abs=1e-9)


def test_a_dead_unit_does_no_harm(states):
    states[:, 2] = 0.0
    assert linear_probe(states, states[:, 0]) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"states": torch.zeros(8)}, ValueError, "states"),
        ({"target": torch.zeros(7)}, RuntimeError, "target"),
        ({"target": torch.ones(8)}, ValueError, "varies"),
        ({"states": torch.full((8, 2), torch.nan)}, ValueError, "finite"),
        ({"states": torch.randn(3, 2), "target": torch.randn(3)}, ValueError, "at least 4"),
        ({"ridge": 0.0}, ValueError, "ridge"),
        ({"target": [1.0] * 8}, TypeError, "target"),
    ],
)
def test_what_it_cannot_answer_it_refuses(change, error, says):
    arguments = {"states": torch.randn(8, 2), "target": torch.randn(8), **change}
    with pytest.raises(error, match=says):
        linear_probe(**arguments)
