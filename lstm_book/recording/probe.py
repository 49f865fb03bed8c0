"""What a linear read-out finds in states: whether something is there, trained for it or not."""

import torch
from jaxtyping import Float
from torch import Tensor

from lstm_book.checks import check_number, check_shape


@torch.no_grad()
def linear_probe(
    states: Float[Tensor, "S H"], target: Float[Tensor, " S"], ridge: float = 1e-6
) -> float:
    """Return which share of a target's variance a linear read-out of states explains.

    The read-out is fitted to the first half of the sequences, in closed form and in float64, and
    scored on the second :cite:p:`alain2016`. 1 is the exact target, 0 is knowing its mean. Below 0
    it was fitted to noise, the more so the more units there are for a sequence.

    Args:
        states: The states of S sequences, such as the last cell state c_T of each.
        target: What is looked for in them.
        ridge: What is added to the covariance of the standardised states.

    Returns:
        R² on the second half: 1 - MSE / variance.

    Raises:
        TypeError: If the states or the target are no tensor.
        ValueError: If there are fewer than four sequences, either has a wrong number of
            dimensions, the ridge is not positive, the target is constant, or a value is not finite.
        RuntimeError: If there are not as many targets as states.
    """
    count = check_shape("states", states, "S H", (None, None)).shape[0]
    check_shape("target", target, "S", (count,))
    ridge = check_number("ridge", ridge, above=0)
    if count < 4:
        raise ValueError(f"expected at least 4 sequences, got {count}")
    states, target = states.double(), target.double()
    if not (states.isfinite().all() and target.isfinite().all()):
        raise ValueError("expected finite states and targets, got others")
    half = count // 2
    mean, scale = states[:half].mean(0), states[:half].std(0).clamp_min(1e-12)
    states, target = (states - mean) / scale, target - target[:half].mean()
    known = states[:half]
    covariance = known.T @ known / half
    covariance.diagonal().add_(ridge)
    weights = torch.linalg.solve(covariance, known.T @ target[:half] / half)
    error = (states[half:] @ weights - target[half:]).square().mean()
    variance = target[half:].square().mean()
    if not variance:
        raise ValueError("expected a target that varies, got a constant one")
    share: float = 1 - (error / variance).item()
    return share
