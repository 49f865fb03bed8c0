"""
What fits through the bottleneck
================================

Read digits, write them again. Without attention, all that the decoder gets is the encoder's last
state, and the longer the sequence, the more has to fit into it. How much does fit depends on how
long the model was trained. With attention the decoder looks back at every step, and length does not
matter, as far as training went. Background: :doc:`/part2_pytorch/seq2seq` and
:doc:`/part2_pytorch/attention`.
"""

# %%
# One state, several budgets
# --------------------------
# The models were trained on 1 to 16 digits, and scored on up to 24: one with a state of 64 units
# after several numbers of updates, and one with attention after the smallest of these.
import torch

from lstm_book.experiments import load_experiment
from lstm_book.plotting import (
    INK,
    MUTED,
    PALETTE,
    draw_history,
    show,
    subplots,
    use_style,
)

use_style()
state = load_experiment("bottleneck-64")
looking = load_experiment("bottleneck-attention")
budgets = [str(made) for made in state.experiment.budgets]
runs = {
    made: [run[made].values() for run in state.values("whole")]
    for made in budgets
}
runs["attention"] = [run.values() for run in looking.values("whole")]
whole = {
    name: 100 * torch.tensor([list(lengths) for lengths in found]).T
    for name, found in runs.items()
}  # percent, (length, seed)

# %%
# Where half of the sequences survive
# -----------------------------------
longest = {}
for name, scores in whole.items():
    longest[name] = int((scores.median(1).values >= 50).sum())
    print(f"{name + ':':10} up to {longest[name]} digits")
assert longest[budgets[0]] < longest[budgets[-1]] <= longest["attention"]

# %%
# Accuracy against length
# -----------------------
# Medians of the seeds, and the range of all. Nothing right of the dashed line was trained.
fig, ax = subplots(height=3.2)
for name, scores in whole.items():
    attention = name == "attention"
    colour = INK if attention else PALETTE["lstm"]
    draw_history(ax, scores, colour=colour)
    x, y, side = (1.1, 72, "left") if attention else (-0.1, 40, "right")
    words = name if attention else f"{int(name) // 1000}k"
    ax.text(longest[name] + x, y, words, color=colour, ha=side)
trained = state.experiment.longest
ax.axvline(trained + 0.5, color=MUTED, ls=(0, (3, 2)), lw=1.3)
ax.text(trained + 0.3, 4, "trained", color=MUTED, ha="right")
ax.set(xlabel="digits", ylabel="repeated without a mistake, %", ylim=(-3, 104))
show(
    fig,
    alt="Falling curves of accuracy against length. Half of the sequences "
    + ", ".join(
        f"survive up to {longest[made]} digits after {made} updates"
        for made in budgets
    )
    + f", and up to {longest['attention']} with attention, just past the "
    "longest that were trained.",
)
