"""Points where a layer rests while its input is held, and points where it almost does."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from lstm_book.checks import check_like, check_number, check_shape, check_whole
from lstm_book.dynamics.step_map import StepMap, at_once, check_finite
from lstm_book.layers.read import RecurrentLayer

NOT_A_POINT = -1


class FixedPoints(NamedTuple):
    """K different points, the slowest first; all in float64.

    Attributes:
        states: The points in the cell's form, each tensor (K, H): (h, c) for an LSTM.
        speed: q = ½‖F(s) - s‖² at each, (K,).
        jacobians: ∂F/∂s at each, (K, N, N), of the cell's tensors side by side.
        eigenvalues: Those of the Jacobians, (K, N), complex, the largest modulus first.
        fixed: Whether q is below the tolerance, (K,); the others are slow points, where q has a
            minimum above it.
        ended: Which point each start ended at, (S,), or -1 if the search did not converge: it came
            to no minimum of q in the steps it had, or to one that is too fast to count.
    """

    states: Any
    speed: Tensor
    jacobians: Tensor
    eigenvalues: Tensor
    fixed: Tensor
    ended: Tensor

    @property
    def stable(self) -> Tensor:
        """Whether every eigenvalue lies inside the unit circle, (K,)."""
        return self.unstable_directions == 0

    @property
    def unstable_directions(self) -> Tensor:
        """How many eigenvalues lie on the unit circle or outside, (K,); a saddle has some."""
        return (self.eigenvalues.abs() >= 1).sum(-1)

    @property
    def time_scales(self) -> Tensor:
        """Steps in which a small distance changes e-fold, (K, N), by eigenvalues λ.

        They are 1 / abs(ln abs(λ)), infinite where abs(λ) is 1. The distance shrinks where it is
        smaller, and grows where it is larger.
        """
        return 1 / self.eigenvalues.abs().log().abs()

    @property
    def converged(self) -> Tensor:
        """Which starts ended at a point, (S,)."""
        return self.ended != NOT_A_POINT


@torch.no_grad()
def fixed_points(
    layer: RecurrentLayer,
    x: Tensor,
    starts: Any,
    *,
    steps: int = 200,
    tolerance: float = 1e-20,
    slow: float = 1e-6,
    apart: float = 1e-4,
) -> FixedPoints:
    """Find fixed and slow points of s ↦ F(s; x), the layer's step while its input stays x.

    As by Sussillo and Barak :cite:p:`sussillo2013`, the speed q = ½‖F(s) - s‖² is minimised from
    many starts; here by the method of Levenberg and Marquardt, all starts at once, with the
    Jacobian in closed form for LSTMs, simple RNNs and GRUs, and by autograd for other cells. A
    minimum need not be stable: saddles are found as well. No search proves that there are no more,
    and some may lie where no run ever goes, such as h beyond 1.

    Args:
        layer: As for `linearise`.
        x: The input that is held, (D,).
        starts: Where to begin, in the cell's form, each tensor (S, H): (h, c) for an LSTM, h for a
            GRU. States that the layer visits are good starts.
        steps: Most steps of a search.
        tolerance: The point is fixed if q is below it.
        slow: A minimum of q above the tolerance is a slow point if q is below this.
        apart: Points that differ by less in every number are one; the one with smaller q is kept.

    Returns:
        The different points, and at which of them each start ended.

    Raises:
        TypeError: If it is no such layer, or x or starts are no tensors, or not as many.
        ValueError: If it has several layers or directions, a tensor has a wrong number of
            dimensions or numbers that are not finite; or an option is out of range.
        RuntimeError: If a size, dtype or device does not fit.

    >>> from torch import nn
    >>> rnn = nn.RNN(input_size=1, hidden_size=1)
    >>> for weight, value in zip(rnn.parameters(), (0.0, 2.0, 0.0, 0.0)):
    ...     _ = nn.init.constant_(weight, value)  # h ↦ tanh 2h
    >>> points = fixed_points(rnn, torch.zeros(1), torch.tensor([[-1.0], [0.1], [1.0]]))
    >>> [round(h, 4) + 0.0 for h in sorted(points.states.flatten().tolist())]
    [-0.9575, 0.0, 0.9575]
    >>> int(points.stable.sum())
    2
    """
    system = StepMap("fixed_points", layer)
    if isinstance(x, Tensor) and x.dim() > 1:
        raise ValueError(
            f"expected one input x of shape (D,), held at every step, got shape {tuple(x.shape)}; "
            "linearise and lyapunov_exponents take inputs that vary"
        )
    check_shape("x", x, "D", (system.features,))
    check_like("x", check_finite("x", x), "the layer", system.weight)
    s = system.vector("starts", starts)
    steps = check_whole("steps", steps, 1)
    tolerance = check_number("tolerance", tolerance, above=0)
    slow, apart = check_number("slow", slow, 0), check_number("apart", apart, 0)
    x = x.detach().double()
    together = 8 * at_once(1, s.shape[-1])
    parts = [_minimise(system, x, part, steps, tolerance) for part in torch.split(s, together)]
    s, q, rested = (torch.cat(part) for part in zip(*parts, strict=True))
    good = (q < tolerance) | (rested & (q < slow))
    places, ended = _different(s, q.where(good, torch.inf), apart)
    s, q = s[places], q[places]
    J = system.jacobian(s, x.expand(len(s), -1))
    eigenvalues = torch.linalg.eigvals(J)
    order = eigenvalues.abs().argsort(dim=-1, descending=True)
    return FixedPoints(system.state(s), q, J, eigenvalues.gather(-1, order), q < tolerance, ended)


def _minimise(
    system: StepMap, x: Tensor, s: Tensor, steps: int, tolerance: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Minimise q from every start; return s, q, and whether q has a minimum there.

    A step d solves (AᵀA + μ) d = -Aᵀr with r = F(s) - s and A = ∂F/∂s - 1. Where it makes q
    smaller it is taken and μ falls, elsewhere μ grows.
    """
    s, N = s.clone(), s.shape[-1]
    r = system.step(s, x.expand(len(s), -1)) - s
    q = _half_square(r)
    rested, mu = torch.zeros_like(q, dtype=torch.bool), torch.full_like(q, 1e-2)
    eye = torch.eye(N, dtype=s.dtype, device=s.device)
    todo = torch.arange(len(s), device=s.device)[q.isfinite() & (q > 0)]
    for _ in range(steps):
        if not len(todo):
            break
        here, inputs, r_here = s[todo], x.expand(len(todo), -1), r[todo]
        A = system.jacobian(here, inputs) - eye
        slope = (A.mT @ r_here[..., None])[..., 0]
        d, _ = torch.linalg.solve_ex(A.mT @ A + mu[todo, None, None] * eye, -slope)
        there = here + d
        r_there = system.step(there, inputs) - there
        q_there, q_here = _half_square(r_there), q[todo]
        better = q_there < q_here  # False for NaN
        s[todo], r[todo] = (
            there.where(better[:, None], here),
            r_there.where(better[:, None], r_here),
        )
        q[todo] = q_there.where(better, q_here)
        mu[todo] = (mu[todo] * torch.where(better, 0.1, 10.0)).clamp(1e-15, 1e15)
        flat = slope.norm(dim=-1) <= 1e-6 * r_here.norm(dim=-1)  # a minimum of q, which is not 0
        rested[todo] = flat
        finished = (q[todo] < 1e-4 * tolerance) | (flat & (q[todo] >= tolerance))
        finished |= ~better & (mu[todo] >= 1e15)
        todo = todo[~finished]
    return s, q, rested


def _different(s: Tensor, q: Tensor, apart: float) -> tuple[Tensor, Tensor]:
    """Return the places of different points, by falling q, and the point of every start."""
    ended = torch.full_like(q, NOT_A_POINT, dtype=torch.int64)
    places: list[int] = []
    for place in q.argsort().tolist():
        if ended[place] == NOT_A_POINT and q[place].isfinite():
            near = (s - s[place]).abs().amax(-1) <= apart
            ended[near & (ended == NOT_A_POINT) & q.isfinite()] = len(places)
            places.append(place)
    return torch.tensor(places, dtype=torch.int64, device=s.device), ended


def _half_square(r: Tensor) -> Tensor:
    """Return q = ½‖r‖²."""
    return r.square().sum(-1) / 2
