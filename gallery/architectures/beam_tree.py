"""
The better answer has the worse beginning
=========================================

What is 319 + 681? Character by character, the most probable choice leads to 900. A beam that keeps
three beginnings finds 1000, which is more probable as a whole. The beginning 9 looks better only
because two wrong answers share it. Background: :doc:`/part2_pytorch/decoding`.
"""

# %%
# A search with three beginnings
# ------------------------------
import math

import torch

from lstm_book.experiments import load_experiment
from lstm_book.plotting import (
    MUTED,
    PALETTE,
    SURFACE,
    show,
    subplots,
    use_style,
)

use_style()
stored = load_experiment("addition-reversed")
task, model = stored.experiment.task, stored.model
a, b = 319, 681
sums = task.encode([(a, b)])
greedy = task.decode(
    model.greedy(sums.source, max_length=task.max_length).tokens
)[0]
(search,) = model.beam(sums.source, width=3, max_length=task.max_length)
for one in search.hypotheses[:3]:
    answer = task.vocabulary.decode(torch.tensor(one.tokens))
    print(f"{answer:6s} {math.exp(one.log_probability):.3f}")
best = search.hypotheses[0].tokens
print(f"greedy decoding writes {greedy}")
assert task.vocabulary.decode(torch.tensor(best)) == f"{a + b}$" != f"{greedy}$"

# %%
# Places for the beginnings
# -------------------------
# Every beginning that was kept is a node. Those that go nowhere get a height each, in the order of
# their characters; the others stand in the middle of what they lead to.
kept = {
    one.tokens: math.exp(one.log_probability)
    for step in search.kept
    for one in step
}
kept = {tokens: p for tokens, p in kept.items() if p > 0.01}
ends = sorted(t for t in kept if not any(other[:-1] == t for other in kept))
height = {tokens: float(-place) for place, tokens in enumerate(ends)}
for tokens in sorted(kept, key=len, reverse=True):
    onward = [height[other] for other in kept if other[:-1] == tokens]
    if onward:
        height[tokens] = sum(onward) / len(onward)
roots = [y for tokens, y in height.items() if len(tokens) == 1]
height[()] = sum(roots) / len(roots)

# %%
# The tree
# --------
# The number under a character is the probability of all characters up to it. The sign ``$`` ends an
# answer.
fig, ax = subplots(height=3.4)
for tokens, p in kept.items():
    x, y = len(tokens), height[tokens]
    on_best = best[:x] == tokens
    colour = PALETTE["o"] if on_best else MUTED
    ends_at = [height[tokens[:-1]], y]
    ax.plot(
        [x - 1, x], ends_at, color=colour, lw=2.6 if on_best else 1.2, zorder=1
    )
    ax.plot(
        x, y, "o", ms=21, color=SURFACE, mec=colour, mew=2.2 if on_best else 1.2
    )
    character = task.vocabulary.decode(torch.tensor(tokens[-1:]))
    ax.text(
        x, y, character, ha="center", va="center", color=colour, fontsize=12
    )
    ax.annotate(
        f"{p:.2f}",
        (x, y),
        xytext=(0, -20),
        textcoords="offset points",
        ha="center",
        color=colour,
        fontsize=9.5,
    )
ax.text(-0.1, height[()], f"{a} + {b}", ha="right", va="center")
ax.set(xlim=(-1.3, 5.4), ylim=(1 - len(ends) - 0.6, 0.5))
ax.axis("off")
show(
    fig,
    alt=f"A tree of beginnings for {a} + {b}. The beginning 9 is more probable "
    "than 1, but it splits into two answers of "
    f"{kept[search.hypotheses[1].tokens]:.2f} and "
    f"{kept[search.hypotheses[2].tokens]:.2f}; {a + b} ends with "
    f"{kept[best]:.2f}.",
)
