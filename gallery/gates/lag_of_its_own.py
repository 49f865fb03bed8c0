"""
A forget gate learns from the lag that it almost spans
======================================================

The slope of the sigmoid is largest where a gate is half open, and fades as the gate decides. Does a
decided forget gate stop learning, then? At lag 1 it does. At longer lags it is the undecided gate
that learns nothing. Background: :doc:`/part1_maths/gates` and :doc:`/part1_maths/gradient_flow`.
"""

# %%
# Many cells at once
# ------------------
# Each unit is a cell of its own. It starts at :math:`c = 1`, nothing is written, nothing recurs,
# and only its forget bias differs from its neighbour's. What is left after :math:`k` steps is the
# direct path of :eq:`direct-path`.
import math

import torch

from lstm_book.cells import LSTMState, Weights, lstm_step
from lstm_book.gradients import bptt
from lstm_book.layers import unroll
from lstm_book.plotting import MUTED, PALETTE, show, subplots, use_style

use_style()
biases = torch.linspace(-4, 12, 321, dtype=torch.float64)
H = len(biases)
b = torch.zeros(4, H, dtype=torch.float64)
b[1] = biases
weights = Weights(
    W=b.new_zeros(4 * H, 1), U=b.new_zeros(4 * H, H), b=b.flatten()
)
start = LSTMState(h=b.new_zeros(1, H), c=b.new_ones(1, H))

# %%
# The gradient of the memory
# --------------------------
# For each lag, :func:`~lstm_book.gradients.bptt` carries the gradient of the last cell state back
# to the forget bias.
lags = [1, 10, 100, 1000]
gradients = []
for lag in lags:
    x = b.new_zeros(lag, 1, 1)
    run = unroll(lambda x_t, state: lstm_step(x_t, state, *weights), x, start)
    grad_c = torch.zeros_like(run.states.c)
    grad_c[-1] = 1.0
    back = bptt(run, x, weights, grad_h=torch.zeros_like(grad_c), grad_c=grad_c)
    gradients.append(back.b.view(4, H)[1])

at_zero = int(biases.abs().argmin())
print("gradient at bias 0:")
for lag, gradient in zip(lags, gradients, strict=True):
    print(f"  lag {lag:4}: {gradient[at_zero]:.1e}")

# %%
# A hill for every lag
# --------------------
# Left of a hill the memory is gone before it is asked for. Right of it the gate is too decided to
# be moved. The gradient is :math:`k f^k (1 - f)` for a lag of :math:`k`. It is largest at
# :math:`f = k / (k + 1)`, which is a bias of :math:`\ln k`: the place where
# :func:`~lstm_book.cells.init_chrono_` puts its biases.
fig, ax = subplots(height=3.2)
for lag, gradient, alpha in zip(
    lags, gradients, (0.55, 0.7, 0.85, 1.0), strict=True
):
    top = gradient.max()
    ax.plot(biases, gradient, color=PALETTE["f"], alpha=alpha)
    ax.plot([math.log(lag)] * 2, [0, top], color=MUTED, lw=1, ls=(0, (3, 2)))
    ax.annotate(
        f"lag {lag}" if lag == 1 else str(lag),
        (math.log(lag), top),
        xytext=(0, 4),
        textcoords="offset points",
        ha="center",
    )
ax.set(
    xlabel="forget bias   (dashed: ln lag)",
    ylabel="gradient for the forget bias",
    ylim=(0, 0.45),
)
peaks = ", ".join(f"{biases[gradient.argmax()]:.1f}" for gradient in gradients)
show(
    fig,
    alt="The gradient of the memory for the forget bias, against the bias: a "
    f"hill for each of the lags {', '.join(map(str, lags))}, with tops at the "
    f"logarithms of the lags: {peaks}.",
)
