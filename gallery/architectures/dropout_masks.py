"""
Three kinds of dropout, three kinds of mask
===========================================

Dropout for a feed-forward network is one decision per number. In time there are more choices. The
``dropout`` of an LSTM with several layers draws anew at each step, between the layers only.
Recurrent dropout draws once and keeps its mask for the whole sequence. Zoneout drops nothing: it
leaves some units as they were. Here are the masks of real runs. Background:
:doc:`/part2_pytorch/variants`.
"""

# %%
# Three runs in training mode
# ---------------------------
# Two of the cells hand their mask out: recurrent dropout carries it in the state, and zoneout
# shows it with its gates.
import torch

from lstm_book.cells import RecurrentDropoutLSTMCell, ZoneoutLSTMCell
from lstm_book.layers import LSTM, unroll
from lstm_book.plotting import PALETTE, SURFACE, show, subplots, use_style

use_style()
T, D, H, p = 40, 8, 16, 0.3
x = torch.randn(T, 1, D, generator=torch.Generator().manual_seed(0))
torch.manual_seed(0)  # masks come from PyTorch's global generator

variational = RecurrentDropoutLSTMCell(D, H, p=p)
zoneout = ZoneoutLSTMCell(D, H, zoneout_h=0.0, zoneout_c=p)
dropped_in_time = (
    unroll(variational.step, x, variational.zero_state(x[0])).states.mask[:, 0]
    == 0
)
zoned = unroll(zoneout.step, x, zoneout.zero_state(x[0]))
frozen = zoned.gates.keep_c[:, 0] == 1

# %%
# The layer keeps its mask to itself. So we ask autograd: how does the output depend on each number
# that the first layer gave to the second? Not at all, where the number was dropped.
stack = LSTM(D, H, num_layers=2, dropout=p)
run = stack.run(x)
(slope,) = torch.autograd.grad(run.output.sum(), run.layers[0][0].states.h)
dropped_between = slope[:, 0] == 0

# %%
# What each does to a unit
# ------------------------
# A unit under recurrent dropout is gone for good, or never. A zoned-out cell state is exactly the
# one of the step before.
before = zoned.previous.c[:, 0]
assert torch.equal(zoned.states.c[:, 0][frozen], before[frozen])
masks = {
    f"dropout={p} between two layers: anew at each step": dropped_between,
    "recurrent dropout: one mask for the whole sequence": dropped_in_time,
    "zoneout: $c_t$ stays as it was": frozen,
}
print("share of all, and how often a unit changes")
for name, mask in masks.items():
    share, changes = mask.float().mean(), (mask[1:] != mask[:-1]).float().mean()
    print(f"{100 * share:3.0f} % {100 * changes:4.0f} %  {name.split(':')[0]}")
assert (dropped_in_time == dropped_in_time[0]).all()

# %%
# Forty steps of sixteen units
# ----------------------------
# Red is dropped, blue is frozen.
fig, axes = subplots(3, height=5.4, sharex=True)
for ax, (name, mask), colour in zip(axes, masks.items(), "ffc", strict=True):
    steps, units = mask.nonzero().T
    ax.bar(
        steps + 1,
        1,
        1,
        units + 0.5,
        color=PALETTE[colour],
        edgecolor=SURFACE,
        linewidth=0.6,
    )
    ax.set(
        title=name,
        ylabel="unit",
        ylim=(0.5, H + 0.5),
        xlim=(0.5, T + 0.5),
        yticks=[1, H],
    )
    ax.grid(False)
axes[-1].set_xlabel("step t")
show(
    fig,
    alt=f"Three panels of {H} units over {T} steps. Above, marks are scattered "
    "at random, other ones at each step. In the middle they form unbroken "
    "horizontal lines: the same units at all steps. Below they are scattered "
    "again, in another colour: units that keep their value.",
)
