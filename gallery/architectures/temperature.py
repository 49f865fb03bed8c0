"""
One next character at three temperatures
========================================

A language model gives each next character a probability. A temperature below 1 sharpens the
distribution, one above 1 flattens it. The order of the characters stays what it was; what changes
is how often the tail is drawn from. Background: :doc:`/part2_pytorch/character_model`.
"""

# %%
# One step of a trained model
# ---------------------------
# The stored character model has read Python's own help. A sentence of that kind stops after "a".
# What comes next?
import torch

from lstm_book.experiments import load_experiment
from lstm_book.plotting import PALETTE, show, subplots, use_style

use_style()
model = load_experiment("python-text").model
text = "   If the object is not found, the method returns a"
with torch.no_grad():
    logits = model(model.vocabulary.encode(text)[:, None])[0][-1, 0]

# %%
# Three distributions
# -------------------
# The logits are divided by the temperature before the softmax. The entropy says how much choice is
# left, and 2 to its power, among how many equally likely characters that would be.
temperatures, top = (0.3, 1.0, 1.5), 12
probabilities = {tau: (logits / tau).softmax(0) for tau in temperatures}
order = logits.argsort(descending=True)
choices = {}
print(f"temperature  choice  beyond the first {top}")
for tau, p in probabilities.items():
    choices[tau] = float(2 ** -(p * p.clamp(min=1e-30).log2()).sum())
    assert torch.equal(p[order], p.sort(descending=True).values)
    print(f"{tau:11.1f}{choices[tau]:8.2f}{100 * p[order[top:]].sum():19.1f} %")

# %%
# The same order, another shape
# -----------------------------
names = [
    {" ": "␣", "\n": "↵"}.get(c, c)
    for c in model.vocabulary.decode(order[:top])
]
fig, axes = subplots(len(temperatures), height=4.6, sharex=True)
for ax, (tau, p) in zip(axes, probabilities.items(), strict=True):
    rest = float(p[order[top:]].sum())
    ax.bar(range(top), p[order[:top]].numpy(), color=PALETTE["lstm"], width=0.8)
    ax.bar([top + 0.5], [rest], color=PALETTE["g"], width=0.8)
    ax.text(
        top + 0.5,
        rest + 0.04,
        f"{100 * rest:.1f} %",
        ha="center",
        color=PALETTE["g"],
    )
    ax.text(top + 0.9, 0.8, f"temperature {tau:g}", ha="right")
    ax.set(ylim=(0, 1), yticks=[0, 0.5, 1])
    ax.grid(False, axis="x")
axes[1].set_ylabel("probability")
axes[-1].set_xticks(
    [*range(top), top + 0.5], [*names, "rest"], family="monospace", fontsize=11
)
axes[-1].tick_params(axis="x", length=0)
shown = ", ".join(f"{choice:.1f} at {tau:g}" for tau, choice in choices.items())
show(
    fig,
    alt=f"Three bar charts of the probabilities of the same {top} characters "
    "and of all the rest. The bars sink in the same order; the higher the "
    "temperature, the flatter they are and the larger the rest. Choice, in "
    f"equally likely characters: {shown}.",
)
