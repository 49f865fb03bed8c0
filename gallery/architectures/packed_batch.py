"""
A packed batch shrinks as it goes
=================================

Sequences of different lengths are padded to the longest one. How much of the work is then done on
padding? A packed batch has none: at each step it holds only the sequences that are still going on.
But whether that saves anything is decided before, by who shares a batch. Background:
:doc:`/part2_pytorch/padding`.
"""

# %%
# Real lengths
# ------------
# The training utterances of JapaneseVowels, two batches of 32: the first takes them as a shuffle
# gives them, the second takes neighbours after sorting by length.
import torch
from torch.nn.utils.rnn import pack_padded_sequence

from lstm_book.data import load_japanese_vowels
from lstm_book.plotting import PALETTE, label_end, show, subplots, use_style

use_style()
utterances = load_japanese_vowels().train
N, B = len(utterances), 32
shuffled = torch.randperm(N, generator=torch.Generator().manual_seed(0))
middle = utterances.lengths.argsort(stable=True)[
    N // 2 - B // 2 : N // 2 + B // 2
]
batches = {"shuffled": shuffled[:B], "sorted": middle}

# %%
# ``batch_sizes`` says how many sequences take part in each step.
alive = {}
for name, places in batches.items():
    batch = utterances.take(places)
    packed = pack_padded_sequence(batch.x, batch.lengths, enforce_sorted=False)
    alive[name] = packed.batch_sizes
    own, padded = int(batch.lengths.sum()), len(batch.x) * B
    assert int(packed.batch_sizes.sum()) == own
    wasted = 100 * (1 - own / padded)
    print(f"{name:9s} {own} own steps of {padded}: {wasted:.0f} % padding")

# %%
# Over all batches of an epoch:
for name, order in (
    ("shuffled", shuffled),
    ("sorted", utterances.lengths.argsort(stable=True)),
):
    parts = [utterances.lengths[places] for places in torch.split(order, B)]
    padded = sum(int(part.max()) * len(part) for part in parts)
    wasted = 100 * (1 - int(utterances.lengths.sum()) / padded)
    print(f"{name:9s} {wasted:.0f} % of the epoch is padding")

# %%
# Who is still there
# ------------------
# The area above a curve, up to its last step, is what padding would cost.
fig, axes = subplots(2, height=4.0, sharex=True)
for ax, (name, sizes) in zip(axes, alive.items(), strict=True):
    edges = torch.arange(len(sizes) + 1) + 0.5
    full = torch.full_like(sizes, B)
    ax.stairs(
        full.numpy(),
        edges.numpy(),
        baseline=sizes.numpy(),
        fill=True,
        color=PALETTE["f"],
        alpha=0.25,
        lw=0,
    )
    ax.stairs(
        sizes.numpy(),
        edges.numpy(),
        fill=True,
        color=PALETTE["h"],
        alpha=0.8,
        lw=0,
    )
    label_end(ax, float(edges[-1]), B / 2, name, "h")
    ax.set(ylabel="sequences", ylim=(0, B), yticks=[0, 16, 32])
axes[0].text(18.5, 24, "padding", color=PALETTE["f"], ha="center")
axes[0].text(
    6, 12, "own steps", ha="center", color="#10151c"
)  # read on blue in both themes
axes[1].set(xlabel="step t", xlim=(0.5, 35))
lengths = {name: len(sizes) for name, sizes in alive.items()}
last = int(alive["shuffled"][-1])
show(
    fig,
    alt="Above, the number of sequences in a shuffled batch falls from step to "
    f"step, until only {last} of {B} are left at step {lengths['shuffled']}; "
    "much of the rectangle around it is padding. Below, the sorted batch stays "
    f"full until almost its end at {lengths['sorted']}.",
)
