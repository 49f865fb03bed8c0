"""
Every unit walks to its post
============================

Are the roles of trained units, who keeps and who answers, written into their biases? At the first
step there is no hidden state yet, and a gate sees its bias and the input alone. There all units of
a trained layer still stand in one crowd. Within ten steps they part: the other units tell each one
what it is. Background: :doc:`/part3_training/reading_gates`.
"""

# %%
# Five trained networks
# ---------------------
# They were trained to tell the sign of the first number plus the last, over 30 steps, and are
# stored. We record each, and the same network before training, on 1000 fresh sequences.
import torch
from matplotlib.ticker import FixedLocator, NullLocator

from lstm_book.experiments import load_experiment
from lstm_book.plotting import MUTED, PALETTE, show, subplots, use_style
from lstm_book.recording import record

use_style()
stored = load_experiment("first-and-last")
x, _ = stored.task.sample(1000, generator=torch.Generator().manual_seed(100))
places = {"before": [], "after": []}
for seed in range(5):
    for when, model in (
        ("before", stored.experiment.untrained(seed).eval()),
        ("after", stored.model_of(seed)),
    ):
        trace = record(model.layer, x).trace()
        mean = torch.stack([trace.f.mean(dim=1), trace.i.mean(dim=1)], dim=-1)
        places[when].append(
            mean.logit()
        )  # (T, H, 2): a unit's place at each step

# %%
# How far apart they stand
# ------------------------
# The spread is the standard deviation of the units' places, in the units of a bias.
print("at step      " + "".join(f"{t:7}" for t in (1, 3, 10, 30)))
for when, runs in places.items():
    for seed, place in enumerate(runs):
        spread = place.std(dim=1).norm(dim=-1)
        at = "".join(f"{spread[t - 1]:7.2f}" for t in (1, 3, 10, 30))
        print(f"{when:6} seed {seed}{at}")
        if when == "after":
            assert spread[-1] > 3 * spread[0]
            assert spread[9] > 0.85 * spread[-1]
        else:
            assert spread[-1] < spread[0] + 0.2

# %%
# The way of each unit
# --------------------
# One line for each of the 32 units of the first network, from the first step (grey) to the last.
# Bottom right are those who keep: forget gate open, input gate shut. Top left are those who follow
# the input of the moment. Before training (top) hardly any unit moves.
fig, axes = subplots(2, 1, height=6.4, sharex=True, sharey=True)
for ax, (when, runs) in zip(axes, places.items(), strict=True):
    place = runs[0]
    for unit in range(place.shape[1]):
        ax.plot(*place[:, unit].T, color=PALETTE["f"], lw=1.0, alpha=0.55)
    ax.plot(*place[0].T, "o", color=MUTED, ms=4, mec="none")
    ax.plot(*place[-1].T, "o", color=PALETTE["f"], ms=5, mec="none")
    ax.set(title=f"{when} training", ylabel="mean input gate")
axes[1].set_xlabel("mean forget gate")
ticks = [0.05, 0.2, 0.5, 0.8, 0.95, 0.99]
for axis in (axes[1].xaxis, axes[0].yaxis):
    axis.set_major_locator(FixedLocator(torch.tensor(ticks).logit().tolist()))
    axis.set_minor_locator(NullLocator())
axes[1].set_xticklabels([f"{tick:g}" for tick in ticks])
axes[0].set_yticklabels([f"{tick:g}" for tick in ticks])
first, last = (places["after"][0][t].sigmoid() for t in (0, -1))
show(
    fig,
    alt="Two panels of 32 units by mean forget and input gate. Before training "
    "they stay in one spot. After it they start close together, with forget "
    f"gates from {first[:, 0].min():.2f} to {first[:, 0].max():.2f}, and fan "
    f"out in arcs until these span {last[:, 0].min():.2f} to "
    f"{last[:, 0].max():.3f}.",
)
