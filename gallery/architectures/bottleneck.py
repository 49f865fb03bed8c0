"""
What fits through the bottleneck
================================

Read digits, write them again. Without attention, all that the decoder gets is the encoder's last
state. The longer the sequence, the more has to fit into it, and with half the units less does. With
attention the decoder looks back at every step, and length does not matter, as far as training went.
Background: :doc:`/part2_pytorch/seq2seq`.
"""

# %%
# Three stored runs
# -----------------
# Each was trained on 1 to 16 digits, and tested on up to 24.
import math

import torch

from lstm_book.experiments import load_experiment
from lstm_book.plotting import (
    MUTED,
    PALETTE,
    draw_history,
    show,
    subplots,
    use_style,
)

use_style()
runs = {
    "64 units": (load_experiment("bottleneck"), "c"),
    "32 units": (load_experiment("bottleneck-half"), "g"),
    "attention": (load_experiment("bottleneck-attention"), "o"),
}
whole = {
    name: 100
    * torch.tensor(
        [list(by_length.values()) for by_length in run.values("whole")]
    ).T
    for name, (run, _) in runs.items()
}  # percent, (length, seed)

# %%
# Where half of the sequences survive
# -----------------------------------
# A random digit has :math:`\log_2 10` bits.
longest = {}
for name, scores in whole.items():
    longest[name] = int((scores.median(1).values >= 50).sum())
    bits = math.log2(10) * longest[name]
    print(f"{name}: up to {longest[name]} digits, {bits:.0f} bits")
assert longest["32 units"] < longest["64 units"] < longest["attention"]

# %%
# Accuracy against length
# -----------------------
# Medians of the seeds, and the range of all. Nothing right of the dashed line was trained.
fig, ax = subplots(height=3.1)
for name, (_, colour) in runs.items():
    draw_history(ax, whole[name], colour=colour)
    x, y, side = (
        (-0.6, 30, "right") if name == "32 units" else (1.0, 60, "left")
    )
    ax.text(longest[name] + x, y, name, color=PALETTE[colour], ha=side)
trained = runs["64 units"][0].experiment.longest
ax.axvline(trained + 0.5, color=MUTED, ls=(0, (3, 2)), lw=1.3)
ax.text(trained + 0.3, 80, "← trained", color=MUTED, ha="right")
ax.set(xlabel="digits", ylabel="repeated without a mistake, %", ylim=(-3, 104))
show(
    fig,
    alt="Three falling curves of accuracy against length. Half of the "
    f"sequences survive up to {longest['32 units']} digits with 32 units, "
    f"{longest['64 units']} with 64, and {longest['attention']} with "
    "attention, just past the longest that were trained.",
)
