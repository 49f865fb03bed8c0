"""
It takes two gates to keep a number
===================================

An open forget gate keeps what is in the cell: the number, and all the noise that comes after it. So
a memory needs a shut input gate as much as an open forget gate. Opening one without shutting the
other helps little. Background: :doc:`/part1_maths/additive_memory` and :doc:`/part1_maths/gates`.
"""

# %%
# A grid of units
# ---------------
# Each unit has a forget bias and an input bias of its own, and no recurrence. The candidate reads
# :math:`x_t`, a new random number at every step. Only at the first step, a second input opens all
# the input gates.
import torch

from lstm_book.cells import LSTMState, lstm_step
from lstm_book.layers import unroll
from lstm_book.plotting import draw_heatmap, show, subplots, use_style

use_style()
N, T, B = 17, 100, 400
axis = torch.linspace(0, 8, N)
b_f, b_i = (
    grid.flatten() for grid in torch.meshgrid(axis, -axis, indexing="ij")
)
H = N * N
zero, one = torch.zeros(H), torch.ones(H)
b = torch.cat([b_i, b_f, zero, zero])
W = torch.stack(
    [
        torch.cat([zero, zero, one, zero]),
        torch.cat([12 * one, zero, zero, zero]),
    ],
    dim=1,
)
U = torch.zeros(4 * H, H)

x = torch.zeros(T, B, 2)
x[:, :, 0] = torch.randn(T, B, generator=torch.Generator().manual_seed(0))
x[0, :, 1] = 1.0
run = unroll(
    lambda x_t, state: lstm_step(x_t, state, W, U, b),
    x,
    LSTMState(*torch.zeros(2, B, H)),
)

# %%
# What is left of the first number
# --------------------------------
# The correlation of the last cell state with the number that came first, over the sequences.
first = x[0, :, 0] - x[0, :, 0].mean()
last = run.states.c[-1] - run.states.c[-1].mean(dim=0)
correlation = (first @ last / (first.norm() * last.norm(dim=0))).view(N, N)
print("correlation  forget bias  input bias")
for f, i in ((0.0, 0.0), (8.0, 0.0), (0.0, -8.0), (4.0, -4.0), (8.0, -8.0)):
    at = correlation[
        int((axis - f).abs().argmin()), int((axis + i).abs().argmin())
    ]
    print(f"{at:11.2f}{f:13.0f}{i:12.0f}")

# %%
# The way goes along the diagonal
# -------------------------------
# The dashed line is :math:`b_i = -b_f`, on which :func:`~lstm_book.cells.init_chrono_` starts its
# units.
fig, ax = subplots(height=3.8)
draw_heatmap(ax, correlation, label="correlation with the first number")
ax.plot([1, N], [1, N], color="#10151c", lw=1.8)  # seen on yellow,
ax.plot(
    [1, N], [1, N], color="#fcfcfc", ls=(0, (3, 2)), lw=1.8
)  # and these on blue
ax.set_xticks(range(1, N + 1, 4), [f"{value:.0f}" for value in axis[::4]])
ax.set_yticks(
    range(1, N + 1, 4),
    [f"{-int(value)}".replace("-", "−") for value in axis[::4]],
)
ax.set(xlabel="forget bias", ylabel="input bias")
show(
    fig,
    alt="A map over forget bias and input bias. The correlation of the memory "
    f"with a number seen {T} steps ago is {correlation[-1, 0].abs():.2f} with "
    f"only the forget gate open, {correlation[0, -1].abs():.2f} with only the "
    f"input gate shut, and {correlation[-1, -1]:.2f} with both.",
)
