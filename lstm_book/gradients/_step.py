"""One step backward, as pure equations; the mirror image of `lstm_book.cells.step`."""

import torch
from jaxtyping import Float
from torch import Tensor

from lstm_book.cells import Gates


def lstm_step_backward(
    dh: Float[Tensor, "B H"],
    dc: Float[Tensor, "B H"],
    c_prev: Float[Tensor, "B H"],
    c_t: Float[Tensor, "B H"],
    gates: Gates,
    U: Float[Tensor, "4*H P"],
) -> tuple[
    Float[Tensor, "B 4*H"], Float[Tensor, "B H"], Float[Tensor, "B P"], Float[Tensor, "B H"]
]:
    """Take the error one LSTM step back; equations :eq:`bptt-cell` to :eq:`bptt-state`.

    Args:
        dh: ∂L/∂h_t, all of it: from the loss at t and from step t + 1.
        dc: ∂L/∂c_t without the part that comes through h_t.
        c_prev: c_{t-1}.
        c_t: c_t.
        gates: The gates of step t.
        U: Recurrent weights; P = H units of h_{t-1} reach them, or those of a projection.

    Returns:
        ∂L/∂a_t of the four pre-activations i, f, g, o; ∂L/∂c_t, all of it; and what the step
        passes on to h_{t-1} and to c_{t-1}.
    """
    i, f, g, o = gates
    tanh_c = c_t.tanh()
    dc = dc + dh * o * (1 - tanh_c**2)
    da_i = dc * g * i * (1 - i)
    da_f = dc * c_prev * f * (1 - f)
    da_g = dc * i * (1 - g**2)
    da_o = dh * tanh_c * o * (1 - o)
    da = torch.cat([da_i, da_f, da_g, da_o], dim=-1)
    return da, dc, da @ U, dc * f


def rnn_step_backward(
    dh: Float[Tensor, "B H"],
    slope: Float[Tensor, "B H"],
    U: Float[Tensor, "H H"],
) -> tuple[Float[Tensor, "B H"], Float[Tensor, "B H"]]:
    """Take the error one step of a simple RNN back; equation :eq:`bptt-rnn`.

    Args:
        dh: ∂L/∂h_t, all of it.
        slope: ∂h_t/∂a_t, 1 - h_t² for tanh.
        U: Recurrent weights.

    Returns:
        ∂L/∂a_t of the pre-activation, and what the step passes on to h_{t-1}.
    """
    da = dh * slope
    return da, da @ U
