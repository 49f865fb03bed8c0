"""
One unit counts brackets
========================

How deep is an expression nested? Add one for every opening bracket, take one off for every closing
one. The cell state is such a sum, so one unit with weights set by hand counts. The same sum inside
a tanh goes wrong. Background: :doc:`/part1_maths/additive_memory`.
"""

# %%
# A unit by hand
# --------------
# The input is +1 for "(", −1 for ")" and 0 for everything else. The candidate copies it on a small
# scale, where tanh is almost a straight line. Every gate is held open by its bias.
import torch

from lstm_book.cells import LSTMState, lstm_step, rnn_step
from lstm_book.layers import unroll
from lstm_book.plotting import PALETTE, show, subplots, use_style

use_style()
text = "((a+b)*(c-(d/(e+f)))-(g*(h-(i+(j*(k+1))))))"
x = torch.tensor([float(ch == "(") - float(ch == ")") for ch in text]).view(
    -1, 1, 1
)
depth = x.flatten().cumsum(0)

scale = 0.1
W = torch.tensor([[0.0], [0.0], [scale], [0.0]])  # i, f, g, o
b = torch.tensor([8.0, 12.0, 0.0, 8.0])
U, zero = torch.zeros(4, 1), torch.zeros(1, 1)
lstm = unroll(
    lambda x_t, state: lstm_step(x_t, state, W, U, b), x, LSTMState(zero, zero)
)

# %%
# The same sum without a cell
# ---------------------------
# A tanh RNN with a recurrent weight of 1 adds as well. But every step squashes the sum anew.
identity = torch.eye(1)
rnn = unroll(
    lambda x_t, h: (rnn_step(x_t, h, scale * identity, identity), ()), x, zero
)

# %%
# Who has counted
# ---------------
# An answer is right if it rounds to the true depth.
counts = {
    "LSTM": lstm.states.c.flatten() / scale,
    "RNN": rnn.states.flatten() / scale,
}
ends = {
    name: round(float(count[-1]), 2) + 0.0 for name, count in counts.items()
}  # no "-0.0"
for name, count in counts.items():
    right = int((count.round() == depth).sum())
    print(f"{name:4} right at {right} of {len(text)}, ends at {ends[name]}")

fig, ax = subplots(height=3.0)
steps = torch.arange(len(text))
edges = torch.arange(len(text) + 1) - 0.5
ax.stairs(
    depth,
    edges,
    baseline=None,
    color=PALETTE["neutral"],
    lw=4,
    label="true depth",
)
ax.plot(
    steps,
    counts["RNN"],
    "o-",
    color=PALETTE["rnn"],
    ms=3,
    lw=1.2,
    label="RNN, $h_t$",
)
ax.plot(
    steps, counts["LSTM"], "o", color=PALETTE["c"], ms=4, label="LSTM, $c_t$"
)
ax.set_xticks(steps, list(text))
ax.tick_params(axis="x", length=0)
ax.grid(False, axis="x")
ax.set(ylabel="brackets open", xlim=(-1, len(text)))
ax.legend(loc="upper left")
show(
    fig,
    alt="Nesting depth of an expression, character by character. The LSTM's "
    f"cell state follows it and ends at {ends['LSTM']}; the RNN falls below it "
    f"and ends at {ends['RNN']} instead of 0.",
)
