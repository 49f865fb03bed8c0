"""
Training makes most units forget, and a few remember
====================================================

Lower layers hold short-term patterns, higher layers long-term structure: so it is often said. In a
stack of three layers that has learnt Python's own text, how long does each unit keep what is in its
cell? And how long did it before it had learnt anything? At first all units are alike. Training
shortens most memories and lengthens some, and most of the long ones are in the top layer.
Background: :doc:`/part2_pytorch/stacking`.
"""

# %%
# Stored half-lives
# -----------------
# A cell keeps a share :math:`f_t` of its content at each step, so half of it is gone after
# :math:`\ln 2` over the mean of :math:`-\ln f_t`. The run measured this for every unit on the
# validation text, before and after the training, for five seeds. The first weights had a forget
# bias of 1.
import torch

from lstm_book.experiments import load_experiment
from lstm_book.plotting import INK, PALETTE, show, subplots, use_style

use_style()
stored = load_experiment("python-text-stack")
before = torch.tensor(
    stored.values("half_life_before")
)  # (seeds, layers, units)
after = torch.tensor(stored.values("half_life"))
seeds, layers, H = after.shape

print("half-life in steps: median for each seed;")
print("then the share of the units above 5 steps")
for layer in range(layers):
    for name, lives in (("before", before), ("after", after)):
        medians = "".join(
            f"{m:4.1f}" for m in lives[:, layer].median(dim=1).values.tolist()
        )
        long = (lives[:, layer] > 5).float().mean()
        print(f"layer {layer} {name:6s}{medians}{100 * long:5.0f} %")
shorter = (after < before).float().mean((0, 2))
long = (after > 5).float().mean((0, 2))
assert (shorter > 0.5).all()
assert long.argmax() == layers - 1

# %%
# Every unit of every seed
# ------------------------
# Each dot is a unit; the lines are medians. All units start alike.
fig, ax = subplots(height=3.6)
colours = ("x", "c", "o")
rows = [
    (name, layer) for layer in range(layers) for name in ("before", "after")
]
generator = torch.Generator().manual_seed(0)
for row, (name, layer) in enumerate(rows):
    lives = (before if name == "before" else after)[:, layer].flatten()
    height = row + 0.6 * (torch.rand(len(lives), generator=generator) - 0.5)
    colour = PALETTE["neutral"] if name == "before" else PALETTE[colours[layer]]
    ax.plot(lives, height, "o", color=colour, ms=2.6, alpha=0.5, mew=0)
    ax.plot(
        [float(lives.median())] * 2, [row - 0.42, row + 0.42], color=INK, lw=1.6
    )
ax.set(xscale="log", xlabel="half-life (steps)", xlim=(0.15, 60))
ax.set_yticks(
    range(len(rows)), [f"layer {layer}, {name}" for name, layer in rows]
)
ax.set_xticks([0.3, 1, 3, 10, 30], ["0.3", "1", "3", "10", "30"])
ax.minorticks_off()
ax.invert_yaxis()
ax.grid(False, axis="y")
middles = ", ".join(f"{after[:, k].median():.1f}" for k in range(layers))
show(
    fig,
    alt="Dots for all units of three layers before and after training, on a "
    "logarithmic axis of half-lives. Before, each layer is one narrow cluster. "
    "After, each is spread widely. Median after training, layer by layer: "
    f"{middles} steps.",
)
