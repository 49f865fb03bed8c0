"""
A good norm can hide a dead spectrum
====================================

The norm of a Jacobian tells how fast the best-kept direction fades. It says nothing about the
others. Here an RNN is tuned until its gradient norm after 100 steps is that of an LSTM. Most of its
directions are lost all the same. Background: :doc:`/part1_maths/vanishing` and
:doc:`/part1_maths/gradient_flow`.
"""

# %%
# Two layers of equal norm
# ------------------------
# The LSTM's biases are spread over all time scales up to T. The gain of the RNN's orthogonal matrix
# was found by trial: with this one the norms agree at lag T.
import torch
from torch import nn

from lstm_book.cells import init_chrono_, init_orthogonal_, weights_of
from lstm_book.gradients import (
    cumulative,
    rnn_jacobians,
    state_jacobians,
)
from lstm_book.layers import run_module
from lstm_book.plotting import colour_of, show, subplots, use_style

use_style()
D, H, T = 4, 32, 100
x = torch.randn(
    T, 1, D, generator=torch.Generator().manual_seed(0), dtype=torch.float64
)
torch.manual_seed(0)
rnn, lstm = (
    nn.RNN(D, H, dtype=torch.float64),
    nn.LSTM(D, H, dtype=torch.float64),
)
init_orthogonal_(rnn, gain=1.35, generator=torch.Generator().manual_seed(1))
init_chrono_(lstm, T, generator=torch.Generator().manual_seed(0))
jacobians = {
    "RNN": rnn_jacobians(run_module(rnn, x), weights_of(rnn).U),
    "LSTM": state_jacobians(run_module(lstm, x), weights_of(lstm).U).matrix,
}

# %%
# All singular values, at every lag
# ---------------------------------
# The RNN's state :math:`h` has :math:`H` directions. The LSTM's state :math:`(h, c)` has
# :math:`2H`.
spectra = {
    name: torch.linalg.svdvals(cumulative(J)[:, 0]).flip(0)
    for name, J in jacobians.items()
}
alive = {name: (s > 0.1).sum(dim=1) for name, s in spectra.items()}
for name, s in spectra.items():
    print(f"{name}, norm at lag {T}: {s[T, 0]:.2f}")
    print("  singular values above 0.1:")
    print(
        "    "
        + ", ".join(f"{alive[name][lag]} at lag {lag}" for lag in (1, 10, 100))
    )

# %%
# How many survive
# ----------------
# Each line is one singular value of :math:`\partial s_T / \partial s_t`, where :math:`s` is the
# layer's state. Half of the LSTM's die within a few steps: :math:`h` is written anew each time. The
# other half fade slowly, each at the pace of its forget gate.
fig, axes = subplots(2, 1, height=4.8, sharex=True, sharey=True)
for ax, (name, s) in zip(axes, spectra.items(), strict=True):
    ax.plot(
        range(T + 1), s.clamp(min=1e-30), color=colour_of(name.lower()), lw=0.9
    )
    ax.set(yscale="log", ylim=(1e-6, 10), ylabel="singular value")
    ax.set_title(
        f"{name}: {alive[name][T]} of {s.shape[1]} above 0.1 at lag {T}"
    )
axes[1].set_xlabel("lag (steps back)")
show(
    fig,
    alt="All singular values of the state's Jacobian over the lag. The norms "
    f"at lag {T} are alike, but of the RNN's {spectra['RNN'].shape[1]} values "
    f"{alive['RNN'][T]} are above 0.1 there, and of the LSTM's "
    f"{spectra['LSTM'].shape[1]} values {alive['LSTM'][T]}.",
)
