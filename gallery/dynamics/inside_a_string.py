"""
A cell that knows it is inside a string
=======================================

A tagger was trained to say what each character of Python source is. Is there a cell that knows it
is inside a string? Record its gates on a file that it has not seen, and ask when the cell notices.
Background: :doc:`/part2_pytorch/tagging`.
"""

# %%
# One call
# --------
# It records every gate and cell state of both directions.
import torch

from lstm_book.data import CHARACTER_TAGS, python_sources, tag_characters
from lstm_book.experiments import load_experiment
from lstm_book.experiments.tagging import source_vocabulary
from lstm_book.plotting import draw_text, show, subplots, text_height, use_style
from lstm_book.recording import record

use_style()
model = load_experiment("python-tags").model
text = python_sources().split().test[0].text[:20_000]
numbers = source_vocabulary().encode(text)
with torch.no_grad():
    vectors = model.vectors(numbers[:, None], torch.float32)
recording = record(model.layer, vectors)

# %%
# The cell
# --------
# Which cell of the forward direction follows the strings? The one whose state correlates most with
# the tag. The second half of the characters chooses it; all that follows is measured on the first.
inside = torch.tensor(tag_characters(text)) == CHARACTER_TAGS.index("string")
c = recording.trace(0, "forward").c[:, 0]
half = len(text) // 2
chooses, judges = slice(half, None), slice(half)
with_string = torch.corrcoef(
    torch.cat([c[chooses].T, inside[None, chooses].float()])
)[-1, :-1]
unit = int(with_string.abs().argmax())
signed = c[:, unit] * with_string[unit].sign()
inner, outer = (
    signed[chooses][those[chooses]].median() for those in (inside, ~inside)
)
threshold = (inner + outer) / 2

text, inside, signed = text[judges], inside[judges], signed[judges]
judged = torch.corrcoef(torch.stack([signed, inside.float()]))[0, 1]
print(f"cell {unit}: correlation with the tag {with_string[unit].abs():.2f},")
print(f"on the half that did not choose it {judged:.2f}")

# %%
# When it notices
# ---------------
# How long after the opening quote does the state pass half of its way, and how long after the
# closing one does it fall back?
pieces = (
    torch.cat([torch.tensor([True]), inside[1:] != inside[:-1]]).cumsum(0) - 1
)
first = torch.searchsorted(
    pieces, pieces
)  # where the piece begins that a character belongs to
since = torch.arange(len(text)) - first
above = signed > threshold
print("share above the threshold")
print("characters after" + "".join(f"{k:5}" for k in (0, 2, 4, 6, 8)))
for name, those in (("opening", inside), ("closing", ~inside & (pieces > 0))):
    shares = [
        float(above[those & (since == k)].float().mean())
        for k in (0, 2, 4, 6, 8)
    ]
    print(f"{name} quote   " + "".join(f"{share:5.2f}" for share in shares))
assert above[inside & (since == 8)].float().mean() > 0.75
assert (
    above[inside & (since == 0)].float().mean()
    < 0.1
    > above[~inside].float().mean()
)

# %%
# A few lines
# -----------
# The colour is what the state has above the threshold. Underlined is the truth. A small arrow is
# the end of a line.
start = text.index("__all__ =")
stop = text.index("simulates", start) + len("simulates")
excess = (signed[start:stop] - threshold).clamp(min=0)
top = float(signed[inside].median() - threshold)
width = 46  # columns
fig, ax = subplots(height=text_height(text[start:stop], width=width))
draw_text(
    ax,
    text[start:stop],
    excess,
    vmax=top,
    width=width,
    marks=inside[start:stop],
)
show(
    fig,
    alt="A few lines of Python source. The ground is coloured from a few "
    "characters after each opening quote on and blank again after the closing "
    "one; under a docstring it stays coloured. A line marks the characters "
    "that really belong to strings.",
)

# %%
# It takes a few characters to believe in a string, and one to leave it: a quote alone could be
# either end. :func:`~lstm_book.recording.record` gives the states and gates of any
# :class:`torch.nn.LSTM`, of any depth and direction.
