"""
One cell chosen, one drawn by lot
=================================

Coloured text makes it look as if the cells of a network had meanings. The ones that are shown were
chosen. Here is a chosen cell, and below it one that a die picked from the same network, on the same
words. How many cells are like the first? Background: :doc:`/part3_training/gates_on_text`.
"""

# %%
# Every cell against three features
# ---------------------------------
# A character model reads the test text, and we note after each character whether it is inside
# quotes, inside brackets, or beyond the middle of a line. The score of a cell is the probability
# that its state is higher inside than outside, :eq:`auc`, turned so that it is above one half.
import torch

from lstm_book.data import python_text
from lstm_book.experiments import load_experiment
from lstm_book.plotting import draw_text, show, subplots, text_height, use_style
from lstm_book.recording import record

use_style()
model = load_experiment("python-text").model
text = python_text().split().test[:18_000]
numbers = model.vocabulary.encode(text)[:, None]
with torch.no_grad():
    c = (
        record(model.layer, model.vectors(numbers, torch.float32))
        .trace()
        .c[:, 0]
    )

rows, quote, depth, column, last = [], False, 0, 0, ""
for character in text:
    if character == last == "\n":
        quote, depth = False, 0
    quote ^= character == '"'
    depth = max(depth + (character in "([{") - (character in ")]}"), 0)
    column = 0 if character == "\n" else column + 1
    rows.append((quote, depth > 0, column > 35))
    last = character
features = dict(
    zip(("quotes", "brackets", "line"), torch.tensor(rows).T, strict=True)
)

ranks = c.argsort(dim=0).argsort(dim=0).double()
scores = {
    name: 0.5
    + (ranks[inside].mean(0) - ranks[~inside].mean(0)).abs() / len(text)
    for name, inside in features.items()
}
H = c.shape[1]
limits = (0.7, 0.8, 0.9)
print(f"scores, and how many of {H} cells are above")
print(f"{'':9s}  best  median" + "".join(f"{limit:6}" for limit in limits))
for name, score in scores.items():
    above = "".join(f"{int((score > limit).sum()):6d}" for limit in limits)
    print(f"{name:9s}{score.max():6.3f}{score.median():8.2f}{above}")
chosen = int(scores["quotes"].argmax())
by_lot = int(torch.randint(H, (), generator=torch.Generator().manual_seed(0)))
mine = ", ".join(
    f"{name} {score[by_lot]:.2f}" for name, score in scores.items()
)
print(f"chosen: cell {chosen}; by lot: cell {by_lot}\n({mine})")
clear = torch.stack(list(scores.values())).amax(0) > 0.9
print(f"cells above 0.9 for any of the three: {int(clear.sum())}")
assert scores["quotes"][chosen] > 0.99
assert clear.sum() < H / 20
assert all(score.median() < 0.7 for score in scores.values())

# %%
# The same words, twice
# ---------------------
# Blue is above zero, red below. Each colour is full at the outermost twentieth of what the cell
# does on that side. Underlined is what is inside quotes. The first cell needs no explanation. The
# second is as strongly coloured, and none of the three features explains it. As the numbers above
# say, hardly any cell of this network is like the first.
start = text.index("If a subclass of dict defines")
passage = text[start : text.index(" >>> class Counter", start)].rstrip()
here = slice(start, start + len(passage))
height = text_height(passage)
fig, axes = subplots(2, 1, height=2 * height + 0.7)
for ax, unit, name in zip(
    axes, (chosen, by_lot), ("chosen", "drawn by lot"), strict=True
):
    state = c[:, unit]
    if state[features["quotes"]].mean() < state[~features["quotes"]].mean():
        state = -state
    low, high = state[state < 0].quantile(0.05), state[state > 0].quantile(0.95)
    draw_text(
        ax,
        passage,
        state[here],
        vmin=low,
        vmax=high,
        marks=features["quotes"][here],
    )
    ax.set_title(f"cell {unit}, {name}")
show(
    fig,
    alt="The same lines of Python's help text twice. In the first, what stands "
    "between double quotes is blue and nothing else is, or hardly. In the "
    "second, blue and red alternate within words and lines, with no visible "
    "relation to quotes.",
)
