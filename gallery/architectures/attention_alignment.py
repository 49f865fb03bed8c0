"""
Attention is no column of digits
================================

A model with attention adds two numbers that it reads from left to right. Where does it look while
it writes the ones: at the ones? We draw its attention, on average over many sums, and frame the
digits that stand in one column when people add on paper. Most of it lies outside the frames. What
is found at a step of the question is no digit but a state, and a state knows what was read before
it. Background: :doc:`/part2_pytorch/attention`.
"""

# %%
# Sums of one form
# ----------------
# Two numbers of three digits whose sum has four, so that every character has its place.
import torch
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from lstm_book.experiments import load_experiment
from lstm_book.plotting import draw_heatmap, show, subplots, use_style

use_style()
stored = load_experiment("addition-forward-attention")
task, model = stored.experiment.task, stored.model
pairs = torch.randint(
    100, 1000, (4000, 2), generator=torch.Generator().manual_seed(0)
)
pairs = pairs[pairs.sum(1) >= 1000]
sums = task.encode([tuple(pair) for pair in pairs.tolist()])
with torch.no_grad():
    predicted = model(sums.source, sums.target_in)
right = (predicted.logits.argmax(-1) == sums.target_out).all(0).double().mean()
look = predicted.weights.mean(1)  # (character written, character read)
print(f"{len(pairs)} sums, {100 * right:.1f} % right")

# %%
# What stands in the same column
# ------------------------------
# Each letter in ``abc+def`` and ``1xyz$`` stands for a digit, and ``$`` ends the answer. The
# leading 1 is the carry of the hundreds. The model writes it while it looks at the last step, where
# all has been read.
question, answer = "abc+def", "1xyz$"
columns = {0: (0, 4), 1: (0, 4), 2: (1, 5), 3: (2, 6)}  # written: read
inside = [float(look[step, list(rows)].sum()) for step, rows in columns.items()]
print(f"the 1 looks at the last step: {100 * look[0, -1]:.0f} %")
for step, share in enumerate(inside):
    print(f"{answer[step]} looks at its own column: {100 * share:.0f} %")
print(
    f"two of {len(question)} steps by chance: {100 * 2 / len(question):.0f} %"
)
assert look[0, -1] > 0.5 > sum(inside) / len(inside)

# %%
# The map and the frames
# ----------------------
fig, ax = subplots(height=3.6)
draw_heatmap(ax, look, label="attention, on average")
halo = [
    withStroke(linewidth=3.6, foreground="#10151c")
]  # white is seen on blue, this on yellow
for step, rows in columns.items():
    for row in rows:
        corner = (step + 0.57, row + 0.57)
        frame = Rectangle(
            corner,
            0.86,
            0.86,
            fill=False,
            ec="#fcfcfc",
            lw=1.6,
            path_effects=halo,
        )
        ax.add_patch(frame)
ax.set_xticks(range(1, 6), list(answer))
ax.set_yticks(range(1, 8), list(question))
ax.set(xlabel="written", ylabel="read")
show(
    fig,
    alt="A map of attention, five written characters against seven read ones. "
    "Frames mark the digits of the same column; on average "
    f"{100 * sum(inside) / len(inside):.0f} percent of the attention is inside "
    "them. The first written character looks at the last one read.",
)
