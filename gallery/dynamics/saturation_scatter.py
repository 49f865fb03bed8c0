"""
Below, forget gates switch; above, they take sides
==================================================

Which gates of a trained network are ever fully open or shut? :cite:t:`karpathy2015` count how often
each one is below 0.1 and above 0.9, and draw one number against the other. Here are all gates of a
character model of three layers. In the lowest, most forget gates are both, now shut and now open.
In the layers above hardly any is. Background: :doc:`/part2_pytorch/stacking`.
"""

# %%
# One call, one method
# --------------------
# The model reads text that it was not trained on.
import torch

from lstm_book.data import python_text
from lstm_book.experiments import load_experiment
from lstm_book.models import series_init_
from lstm_book.plotting import MUTED, PALETTE, show, subplots, use_style
from lstm_book.recording import record

use_style()
stored = load_experiment("python-text-stack")
text = python_text().split().test[:6000]
trained, untrained = stored.model, stored.experiment.build()
torch.manual_seed(0)
series_init_(untrained)
shares = {}
for when, model in (("before", untrained), ("after", trained)):
    numbers = model.vocabulary.encode(text)[:, None]
    with torch.no_grad():
        recording = record(
            model.layer.eval(), model.vectors(numbers, torch.float32)
        )
    for layer in range(3):
        for name, (shut, opened) in recording.trace(layer).saturation().items():
            shares[when, layer, name] = shut, opened
NAMES = {"i": "input", "f": "forget", "o": "output"}

# %%
# Who switches
# ------------
# A gate switches, let us say, if it is shut for a tenth of the time and open for another tenth.
both, far = {}, {}
for (when, layer, name), (shut, opened) in shares.items():
    both[when, layer, name] = int(((shut > 0.1) & (opened > 0.1)).sum())
    far[when, layer, name] = float((shut + opened).mean())
H = trained.layer.hidden_size
print(f"gates of {H} that switch,")
print("and share of the time at either end")
print(" " * 7 + "".join(f"{NAMES[n]:>12s}" for n in "ifo"))
for layer in range(3):
    row = (
        f"{both['after', layer, n]:6d}, {far['after', layer, n]:.2f}"
        for n in "ifo"
    )
    print(f"layer {layer}" + "".join(row))
before = {n: sum(both["before", k, n] for k in range(3)) for n in "ifo"}
print("before training, in all layers")
print(" " * 7 + (" " * 6).join(f"{before[n]:6d}" for n in "ifo"))
always = {
    n: sum(int((shares["after", k, n][1] > 0.9).sum()) for k in range(3))
    for n in "ifo"
}
never = {
    n: sum(int((shares["after", k, n][0] > 0.9).sum()) for k in range(3))
    for n in "ifo"
}
print(f"for nine tenths of the time, of {3 * H}")
for name, count in (("open", always), ("shut", never)):
    print(f"{name:7s}" + (" " * 6).join(f"{count[n]:6d}" for n in "ifo"))
assert (
    max(number for (when, *_), number in both.items() if when == "before")
    < H / 20
)
assert (
    both["after", 0, "f"]
    > H / 2
    > 10 * max(both["after", k, "f"] for k in (1, 2)) / 2
)
assert sum(never.values()) == 0 < always["f"]

# %%
# Shut against open
# -----------------
# A dot is a gate; grey rings are from before training. On the lower edge are gates that never open
# fully, on the left edge those that never shut. On the diagonal a gate would always be at one end
# or the other: a binary switch.
fig, axes = subplots(3, 3, height=5.2, sharex=True, sharey=True)
for layer in range(3):
    for column, name in enumerate("ifo"):
        ax = axes[2 - layer, column]
        shut, opened = shares["after", layer, name]
        ax.plot([0, 1], [1, 0], color=MUTED, lw=0.8)
        ax.plot(shut, opened, "o", color=PALETTE[name], ms=3, alpha=0.6, mew=0)
        start = shares["before", layer, name]
        ax.plot(
            *start, "o", color=PALETTE["neutral"], ms=5, mfc="none", mew=0.7
        )
        ax.set(
            xlim=(-0.05, 1.05),
            ylim=(-0.05, 1.05),
            xticks=[0, 0.5, 1],
            yticks=[0, 0.5, 1],
        )
        ax.set(xticklabels=["0", "½", "1"], yticklabels=["0", "½", "1"])
        ax.set_title(f"{NAMES[name]}, layer {layer}")
        ax.label_outer()
axes[2, 1].set_xlabel("share of the time below 0.1")
axes[1, 0].set_ylabel("share of the time above 0.9")
show(
    fig,
    alt="Nine scatter plots, of input, forget and output gates in three "
    "layers: how often each gate is open against how often it is shut. In the "
    "lowest layer the dots of the forget gates lie in the middle, "
    f"{both['after', 0, 'f']} of {H} at both ends for a tenth of the time. "
    f"Above, they hug the axes: {both['after', 1, 'f']} and "
    f"{both['after', 2, 'f']} are.",
)

# %%
# Some forget gates hardly ever shut: those cells keep what they have. No gate of any kind is shut
# nearly always.
