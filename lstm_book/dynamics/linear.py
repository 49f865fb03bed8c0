"""The motion near a trajectory: the Jacobian of every step that a layer took."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from lstm_book.checks import check_like, check_shape
from lstm_book.dynamics.step_map import StepMap, at_once, check_finite
from lstm_book.layers.read import RecurrentLayer


class Linearised(NamedTuple):
    """What a layer did, and what a small change of each state becomes one step later.

    Attributes:
        states: The states after each step, in the cell's form; each tensor (T, B, H), float64.
        jacobians: ∂s_t/∂s_{t-1}, (T, B, N, N), of the cell's tensors side by side: N = 2H with
            rows and columns (h, c) for an LSTM.
    """

    states: Any
    jacobians: Tensor


@torch.no_grad()
def linearise(layer: RecurrentLayer, x: Tensor, state: Any = None) -> Linearised:
    """Linearise a layer along the trajectory that an input drives it through.

    A small change δ of the state before step t is J_t δ after it, up to terms in δ². All is
    computed in float64. LSTMs, simple RNNs and GRUs have closed forms; other cells are
    differentiated by autograd.

    Args:
        layer: A layer of `torch.nn.LSTM`, `torch.nn.GRU` or `torch.nn.RNN`, the package's `LSTM`,
            or any cell in `Recurrent`; one layer, one direction. Dropout is off.
        x: Inputs, (T, B, D), or (B, T, D) if the layer has `batch_first`.
        state: The state before the first step in the cell's form, each tensor (B, H): (h, c) for an
            LSTM, h for a GRU. What the layer starts from by itself if None.

    Returns:
        States and Jacobians, time first.

    Raises:
        TypeError: If it is no such layer, does more than its class's equations, or x or a state is
            no tensor.
        ValueError: If it has several layers or directions, or a tensor a wrong number of dimensions
            or numbers that are not finite.
        RuntimeError: If a size, dtype or device does not fit, or T = 0.

    >>> from torch import nn
    >>> linear = linearise(nn.LSTM(input_size=3, hidden_size=5), torch.zeros(7, 2, 3))
    >>> linear.states.c.shape, linear.jacobians.shape
    (torch.Size([7, 2, 5]), torch.Size([7, 2, 10, 10]))
    """
    system = StepMap("linearise", layer)
    x = time_first(layer, system, x)
    before, last = trajectory(system, x, system.start(state, x.shape[1]))
    T, B, N = before.shape
    parts = (torch.split(tensor, at_once(B, N)) for tensor in (before, x))
    jacobians = [
        system.jacobian(s.flatten(0, 1), x_s.flatten(0, 1)) for s, x_s in zip(*parts, strict=True)
    ]
    states = system.state(torch.cat([before[1:], last[None]]))
    return Linearised(states, torch.cat(jacobians).view(T, B, N, N))


def time_first(layer: RecurrentLayer, system: StepMap, x: Tensor) -> Tensor:
    """Check inputs, and return them as (T, B, D) in float64."""
    sizes = (None, None, system.features)
    check_shape("x", x, "B T D" if layer.batch_first else "T B D", sizes)
    check_like("x", check_finite("x", x), "the layer", system.weight)
    x = x.transpose(0, 1) if layer.batch_first else x
    if len(x) == 0:
        raise RuntimeError(f"expected at least one time step, got x of shape {tuple(x.shape)}")
    return x.detach().double()


def trajectory(system: StepMap, x: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
    """Return the vectors that each step starts from, (T, B, N), and the last one, (B, N)."""
    before = []
    for x_t in x:
        before.append(s)
        s = system.step(s, x_t)
    return torch.stack(before), s
