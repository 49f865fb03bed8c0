"""
What comes after decides
========================

``return`` is a keyword, ``returned`` is a name. At the letter n, a model that reads from left to
right cannot know which of the two it is reading. One that also reads from right to left can. Which
characters does each of them listen to? Background: :doc:`/part2_pytorch/bidirectional`.
"""

# %%
# Two taggers
# -----------
# Both were trained to say of each character of Python source what it belongs to; they have as many
# parameters. Here is what they say of the letters of ``returned``.
import torch

from lstm_book.data import CHARACTER_TAGS
from lstm_book.experiments import load_experiment
from lstm_book.experiments.tagging import source_vocabulary
from lstm_book.plotting import MUTED, PALETTE, show, subplots, use_style

use_style()
taggers = {
    "forwards only": load_experiment("python-tags-forward").model,
    "both ways": load_experiment("python-tags").model,
}
text = "import os\nreturned = 1\nx = returned\n"
word = slice(text.index("returned"), text.index("returned") + len("returned"))
tokens = source_vocabulary().encode(text)[:, None]
KEYWORD, NAME = CHARACTER_TAGS.index("keyword"), CHARACTER_TAGS.index("name")

with torch.no_grad():
    keyword = [
        tagger(tokens)[word, 0].softmax(-1)[:, KEYWORD]
        for tagger in taggers.values()
    ]
print("probability that the letter is of a keyword")
print("  " + "".join(f"{name:>15s}" for name in taggers))
for letter, *says in zip(text[word], *keyword, strict=True):
    print(f"{letter:2s}" + "".join(f"{p:15.2f}" for p in says))

# %%
# Who is heard
# ------------
# The gradient of "keyword rather than name", at the letter n, with respect to the vector of each
# character. Its norm says how much a small change there would move the answer here.
target = word.start + len("return") - 1
heard = {}
print("share in percent  before     n   after")
for name, tagger in taggers.items():
    vectors = (
        tagger.vectors(tokens, tagger.linear.weight.dtype)
        .detach()
        .requires_grad_()
    )
    logits = tagger.linear(tagger.layer(vectors)[0])[target, 0]
    (slope,) = torch.autograd.grad(logits[KEYWORD] - logits[NAME], vectors)
    norms = slope[:, 0].norm(dim=-1)
    heard[name] = norms / norms.sum()
    before, after = heard[name][:target].sum(), heard[name][target + 1 :].sum()
    shares = 100 * torch.stack([before, heard[name][target], after])
    print(f"{name:16s}" + "".join(f"{share:7.0f}" for share in shares))
assert not heard["forwards only"][target + 1 :].any()

# %%
# The same letter, two models
# ---------------------------
# The violet bar is the n. To its right, the forward model hears exactly nothing.
shown = slice(word.start - 6, word.stop + 6)
letters = [
    {" ": "␣", "\n": "↵"}.get(character, character) for character in text[shown]
]
colours = [
    PALETTE["o" if t == target else "h"] for t in range(shown.start, shown.stop)
]
top = max(float(share.max()) for share in heard.values())
fig, axes = subplots(2, height=3.8, sharex=True)
for ax, (name, share) in zip(axes, heard.items(), strict=True):
    ax.bar(range(len(letters)), share[shown].numpy(), color=colours, width=0.8)
    ax.axvline(target - shown.start + 0.5, color=MUTED, lw=1, ls=(0, (3, 2)))
    ax.set(title=name, ylim=(0, 1.08 * top), ylabel="share")
    ax.grid(False, axis="x")
axes[1].set_xticks(range(len(letters)), letters, family="monospace")
axes[1].tick_params(axis="x", length=0)
after = float(heard["both ways"][target + 1 :].sum())
show(
    fig,
    alt="Bars over the characters around the word returned: how much each "
    "moves the tag of the n. For the forward model all bars stand at the n and "
    f"before it. For the model that reads both ways, {100 * after:.0f} % of "
    "the total stands after it.",
)
