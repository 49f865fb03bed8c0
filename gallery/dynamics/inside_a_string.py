"""
A cell that knows it is inside a string
=======================================

A tagger was trained to say what each character of Python source is. Is there a cell that knows it
is inside a string? Record its gates on a file that it has not seen, and ask when the cell notices.
Background: :doc:`/part2_pytorch/tagging`.
"""

import torch
from matplotlib.patches import Rectangle

from lstm_book.data import CHARACTER_TAGS, python_sources, tag_characters
from lstm_book.experiments import load_experiment
from lstm_book.experiments.tagging import source_vocabulary
from lstm_book.plotting import INK, PALETTE, show, subplots, use_style
from lstm_book.recording import record

use_style()
model = load_experiment("python-tags").model
text = python_sources().split().test[0].text[:20_000]
numbers = source_vocabulary().encode(text)

# %%
# One call records every gate and cell state of both directions:

with torch.no_grad():
    vectors = model.vectors(numbers[:, None], torch.float32)
recording = record(model.layer, vectors)

# %%
# Which cell of the forward direction follows the strings? The one whose state correlates most with
# the tag. The second half of the characters chooses it; all that follows is measured on the first.

inside = torch.tensor(tag_characters(text)) == CHARACTER_TAGS.index("string")
c = recording.trace(0, "forward").c[:, 0]
half = len(text) // 2
chooses, judges = slice(half, None), slice(half)
with_string = torch.corrcoef(torch.cat([c[chooses].T, inside[None, chooses].float()]))[-1, :-1]
unit = int(with_string.abs().argmax())
signed = c[:, unit] * with_string[unit].sign()
inner, outer = (signed[chooses][those[chooses]].median() for those in (inside, ~inside))
threshold = (inner + outer) / 2

text, inside, signed = text[judges], inside[judges], signed[judges]
judged = torch.corrcoef(torch.stack([signed, inside.float()]))[0, 1]
print(f"cell {unit}: correlation with the tag {with_string[unit].abs():.2f}, judged {judged:.2f}")

# %%
# How long after the opening quote does the state pass half of its way, and how long after the
# closing one does it fall back?

pieces = torch.cat([torch.tensor([True]), inside[1:] != inside[:-1]]).cumsum(0) - 1
first = torch.searchsorted(pieces, pieces)  # where the piece begins that a character belongs to
since = torch.arange(len(text)) - first
above = signed > threshold
print("share above the threshold, by characters since the quote")
for name, those in (("opening", inside), ("closing", ~inside & (pieces > 0))):
    shares = [float(above[those & (since == k)].float().mean()) for k in (0, 2, 4, 6, 8)]
    print(
        f"   {name}: "
        + "  ".join(f"{k}: {s:.2f}" for k, s in zip((0, 2, 4, 6, 8), shares, strict=True))
    )
assert above[inside & (since == 8)].float().mean() > 0.75
assert above[inside & (since == 0)].float().mean() < 0.1 > above[~inside].float().mean()

# %%
# Here is its state on a few lines: the colour is what is above the threshold. The line below a
# character is the truth.

width, rows = 52, 14
start = text.index("__all__ =")
cells, row, column = [], 0, 0
for place in range(start, len(text)):
    cells.append((row, column, place))
    row, column = (row + 1, 0) if text[place] == "\n" or column == width - 1 else (row, column + 1)
    if row == rows:
        break
top = float(signed.quantile(0.98) - threshold)
fig, ax = subplots(height=0.27 * rows)
for row, column, place in cells:
    share = min(max(float(signed[place] - threshold) / top, 0), 1)
    ax.add_patch(Rectangle((column, row), 1, 0.86, color=PALETTE["c"], alpha=0.75 * share, lw=0))
    if inside[place]:
        ax.plot([column, column + 1], [row + 0.93] * 2, color=PALETTE["x"], lw=2)
    shown = text[place].strip()
    ax.text(column + 0.5, row + 0.45, shown, ha="center", va="center", color=INK,
            family="monospace", fontsize=8)  # fmt: skip
ax.set(xlim=(0, width), ylim=(rows, 0))
ax.axis("off")
show(
    fig,
    alt="Fourteen lines of Python source. The background darkens a few characters after each "
    "opening quote and is light again after the closing one; under a docstring it stays dark. A "
    "line marks the characters that really belong to strings.",
)

# %%
# It takes a few characters to believe in a string, and one to leave it: a quote alone could be
# either end. :func:`~lstm_book.recording.record` gives the states and gates of any
# :class:`torch.nn.LSTM`, of any depth and direction.
