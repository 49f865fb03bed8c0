"""How fast neighbouring states part or meet, along the motion that an input drives."""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from lstm_book.checks import check_whole
from lstm_book.dynamics.linear import time_first, trajectory
from lstm_book.dynamics.step_map import StepMap, at_once
from lstm_book.layers.read import RecurrentLayer


class LyapunovExponents(NamedTuple):
    """Mean growth of small distances, in nats a step.

    Attributes:
        values: The k largest exponents of every sequence, (B, k), the largest first. -inf where a
            direction is lost at once.
        running: What they would have been after each step, (T - skip, B, k), to see whether they
            have converged; the last one is `values`, before these are put in order.
    """

    values: Tensor
    running: Tensor

    @property
    def half_lives(self) -> Tensor:
        """Steps after which half of a distance is left, ln 2/-λ, (B, k); infinite if it grows."""
        return (math.log(2) / -self.values).where(self.values < 0, torch.inf)


@torch.no_grad()
def lyapunov_exponents(
    layer: RecurrentLayer, x: Tensor, k: int | None = None, *, skip: int = 0, state: Any = None
) -> LyapunovExponents:
    """Measure the Lyapunov exponents of a layer that an input drives.

    By the method of Benettin and others :cite:p:`benettin1980`: k orthogonal directions go through
    the Jacobian of every step, and a QR decomposition makes them orthogonal again; the mean of
    ln|R_jj| over the steps is the j-th exponent. A largest exponent below 0 says that the layer
    forgets where it started; above 0 that it never does, which is chaos if the motion is bounded.

    Args:
        layer: As for `linearise`.
        x: As for `linearise`: the input drives the motion, so the exponents are those of a layer
            that reads it. They are means over its steps: take many.
        k: How many; all N if None.
        skip: First steps that the means leave out, while the directions still turn.
        state: As for `linearise`.

    Returns:
        The exponents of every sequence, and how they converged.

    Raises:
        TypeError: As `linearise`, or if k or skip is no whole number.
        ValueError: As `linearise`, or if k is not from 1 to N, or no step is left.
        RuntimeError: As `linearise`.

    >>> from torch import nn
    >>> rnn = nn.RNN(input_size=1, hidden_size=2, nonlinearity="relu")
    >>> for weight, value in zip(rnn.parameters(), (0.0, 0.0, 1.0, 0.0)):
    ...     _ = nn.init.constant_(weight, value)
    >>> _ = rnn.weight_hh_l0.data.copy_(torch.tensor([[0.5, 0.0], [0.0, 0.25]]))
    >>> lyapunov_exponents(rnn, torch.zeros(50, 1, 1)).half_lives
    tensor([[1.0000, 0.5000]], dtype=torch.float64)
    """
    system = StepMap("lyapunov_exponents", layer)
    x = time_first(layer, system, x)
    (T, B, _), s = x.shape, system.start(state, x.shape[1])
    N = s.shape[-1]
    k = N if k is None else check_whole("k", k, 1, N)
    skip = check_whole("skip", skip, 0, T - 1)
    Q = torch.eye(N, k, dtype=s.dtype, device=s.device).expand(B, N, k)
    growth = []
    for part in torch.split(x, at_once(B, N)):
        before, s = trajectory(system, part, s)
        J = system.jacobian(before.flatten(0, 1), part.flatten(0, 1))
        for J_t in J.view(len(part), B, N, N):
            Q, R = torch.linalg.qr(J_t @ Q)
            growth.append(R.diagonal(dim1=-2, dim2=-1).abs().log())
    steps = torch.arange(1, T - skip + 1, dtype=s.dtype, device=s.device)
    running = torch.stack(growth[skip:]).cumsum(0) / steps[:, None, None]
    return LyapunovExponents(running[-1].sort(dim=-1, descending=True).values, running)
