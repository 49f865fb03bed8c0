"""
Training makes most memories shorter
====================================

We train LSTMs to remember, so one expects that training opens the forget gates. It does, for some.
Here are the half-lives of all units of a character model of three layers, before and after, in five
trainings. Most units hold their content for less long than they did at random weights. Of those
that hold it longer than any did, most are in the top layer. Background:
:doc:`/part2_pytorch/stacking`.
"""

# %%
# The same units, before and after
# --------------------------------
# The half-life of a unit is :eq:`half-life` with the mean of :math:`\ln f` over text that was
# not trained on: :meth:`~lstm_book.recording.Trace.half_life` of a recording. The stored run has
# that of every unit of every seed; for the weights that are stored with it, we look for ourselves.
import numpy as np
import torch

from lstm_book.data import python_text
from lstm_book.experiments import load_experiment
from lstm_book.plotting import MUTED, PALETTE, show, subplots, use_style
from lstm_book.recording import record

use_style()
stored = load_experiment("python-text-stack")
before = torch.tensor(
    stored.values("half_life_before")
)  # (seeds, layers, units)
after = torch.tensor(stored.values("half_life"))
model = stored.model.eval()
numbers = model.vocabulary.encode(python_text().split().validation[:5000])[
    :, None
]
with torch.no_grad():
    recording = record(model.layer, model.vectors(numbers, torch.float32))
seen = torch.stack([recording.trace(layer).half_life() for layer in range(3)])
distance = ((seen - after) / after).abs().amax(dim=(1, 2))
print(f"recorded again, one seed agrees to {distance.min():.1e}")
assert distance.min() < 0.01

# %%
# Shorter, and for some longer
# ----------------------------
shorter = (after < before).float().mean(dim=2)  # (seeds, layers)
longer = (after > before.amax(dim=2, keepdim=True)).float().mean(dim=2)
for layer in range(3):
    middle = [
        f"{v.min():.2f} to {v.max():.2f}"
        for v in (
            before[:, layer].median(dim=1).values,
            after[:, layer].median(dim=1).values,
        )
    ]
    longest = [f"{v.min():.1f} to {v.max():.1f}" for v in (
        before[:, layer].amax(1), after[:, layer].amax(1))]  # fmt: skip
    units = [f"{v.min():.0f} to {v.max():.0f} %" for v in (
        100 * shorter[:, layer], 100 * longer[:, layer])]  # fmt: skip
    print(f"layer {layer}{'before':>18}{'after':>15}")
    print(f"    median  {middle[0]:>13}  {middle[1]:>13}")
    print(f"    longest {longest[0]:>13}  {longest[1]:>13}")
    print(f"    {units[0]} of the units became shorter")
    print(f"    {units[1]} longer than any was before")
assert shorter.min() > 0.5
assert (longer[:, 2] > longer[:, :2].sum(dim=1)).all()
assert (after.amax(dim=2) > 2 * before.amax(dim=2)).all()

# %%
# All units of five seeds
# -----------------------
# The mark is the longest of all. In the top layer training has made two groups of what was one. The
# mean of :math:`\ln f` is hard on a gate that shuts now and then, and rightly: what one shut step
# has lost, the open steps around it cannot bring back.
fig, axes = subplots(3, 1, height=5.0, sharex=True, sharey=True)
bins = np.geomspace(0.2, 130, 45)
for layer, ax in zip((2, 1, 0), axes, strict=True):
    ax.hist(after[:, layer].flatten(), bins, color=PALETTE["f"], alpha=0.75)
    ax.hist(
        before[:, layer].flatten(), bins, histtype="step", color=MUTED, lw=1.2
    )
    longest = float(after[:, layer].max())
    ax.plot(longest, 4, "v", color=PALETTE["f"], ms=5)
    ax.set(xscale="log", title=f"layer {layer}", ylabel="units")
    ax.set_xticks(
        [0.3, 1, 3, 10, 30, 100], ["0.3", "1", "3", "10", "30", "100"]
    )
    ax.minorticks_off()
axes[0].annotate("before", (2.9, 130), color=MUTED)
axes[0].annotate("after", (0.33, 60), color=PALETTE["f"])
axes[2].set_xlabel("half-life (characters)")
show(
    fig,
    alt="Histograms of half-lives in three layers, logarithmic. Before "
    f"training all units stand in one narrow peak around {before.median():.1f} "
    "characters. After it most are to the left of the peak, with medians "
    f"{after[:, 0].median():.2f}, {after[:, 1].median():.2f} and "
    f"{after[:, 2].median():.2f}, and a thin tail reaches to the right, to "
    f"{after.max():.0f}.",
)
