"""
A latch: what the gates of the quote cell do around a quote
===========================================================

A character model has a cell that knows whether the text is inside quotes. How does it set itself,
and how does it clear itself, when opening and closing quotes are the same character? Line its gates
up at every quote of the test text. At both, the forget gate shuts. The input gate opens at the
opening quote only. Background: :doc:`/part3_training/gates_on_text`.
"""

# %%
# The cell
# --------
# The chapter chose this cell and tested it on text that had no part in the choice. Here it is only
# looked up: the cell that best separates what is inside quotes from what is outside.
import torch

from lstm_book.data import python_text
from lstm_book.experiments import load_experiment
from lstm_book.plotting import (
    INK,
    MUTED,
    PALETTE,
    label_end,
    show,
    subplots,
    use_style,
)
from lstm_book.recording import record

use_style()
model = load_experiment("python-text").model
text = python_text().split().test[:18_000]
numbers = model.vocabulary.encode(text)[:, None]
with torch.no_grad():
    trace = record(model.layer, model.vectors(numbers, torch.float32)).trace()

inside, now, last = [], False, ""
for character in text:
    now = (now and not character == last == "\n") ^ (
        character == '"'
    )  # an empty line closes all
    inside.append(now)
    last = character
inside = torch.tensor(inside)
ranks = trace.c[:, 0].argsort(dim=0).argsort(dim=0).double()
gap = ranks[inside].mean(0) - ranks[~inside].mean(0)
unit = int(gap.abs().argmax())
pairs = 100 * (0.5 + gap[unit].abs() / len(text))
print(f"cell {unit}: inside above outside in {pairs:.1f} % of the pairs")

# %%
# All quotes, side by side
# ------------------------
# :meth:`~lstm_book.recording.Trace.around` cuts a window around each event. To see a string
# from the inside, we take those of at least eight characters, and as much text around them.
before, after = 4, 8
is_quote = torch.tensor([character == '"' for character in text])
places = torch.arange(len(text))
near = places[is_quote]
far_apart = near.diff() > after
opening = torch.zeros(len(text), dtype=torch.bool)
closing = torch.zeros(len(text), dtype=torch.bool)
opening[near[:-1][far_apart]] = True
opening &= inside
closing[near[1:][far_apart]] = True
closing &= ~inside
closing[-after:] = opening[:before] = False
windows = {
    "opening": trace.around(opening[:, None], before=before, after=after),
    "closing": trace.around(closing[:, None], before=before, after=after),
}
for name, window in windows.items():
    gates = {gate: getattr(window, gate)[before, :, unit] for gate in "fig"}
    medians = ", ".join(
        f"{gate} {values.nanmedian():.2f}" for gate, values in gates.items()
    )
    print(
        f"{name} quotes: {window.f.shape[1]}; medians at the quote:\n    "
        f"{medians}"
    )
at_opening, at_closing = (
    window.f[before, :, unit] for window in windows.values()
)
wrote, kept_out = (window.i[before, :, unit] for window in windows.values())
assert max(at_opening.nanmedian(), at_closing.nanmedian()) < 0.01
assert kept_out.nanmedian() < 0.1 < 0.9 < wrote.nanmedian()

# %%
# Same wipe, different writing
# ----------------------------
# Lines are medians over the quotes, bands reach from the 10th to the 90th percentile. The forget
# gate need not know which quote it is: it empties the cell in both cases. The input gate decides,
# and opens at one of the two only. The input is the same character, so what tells it can only be
# the state before.
fig, axes = subplots(4, 1, sharex=True, height=6.6)
steps = range(-before, after + 1)
for row, (name, window) in enumerate(windows.items()):
    for gate in "fi":
        values = getattr(window, gate)[:, :, unit]
        low, middle, high = values.nanquantile(
            torch.tensor([0.1, 0.5, 0.9]), dim=1
        )
        ax = axes[2 * row]
        ax.fill_between(steps, low, high, color=PALETTE[gate], alpha=0.18, lw=0)
        ax.plot(steps, middle, color=PALETTE[gate], marker="o", ms=3)
        label_end(ax, after, float(middle[-1]), f"${gate}_t$", PALETTE[gate])
    low, middle, high = window.c[:, :, unit].nanquantile(
        torch.tensor([0.1, 0.5, 0.9]), dim=1
    )
    ax = axes[2 * row + 1]
    ax.fill_between(steps, low, high, color=PALETTE["c"], alpha=0.18, lw=0)
    ax.plot(steps, middle, color=PALETTE["c"], marker="o", ms=3)
    ax.axhline(0, color=INK, lw=0.8)
    label_end(ax, after, float(middle[-1]), "$c_t$", PALETTE["c"])
    axes[2 * row].set(title=f"at an {name} quote" if row == 0 else "at a "
f"{name} quote",
                      ylabel="gate", ylim=(-0.05, 1.05))  # fmt: skip
    axes[2 * row + 1].set_ylabel("state")
for ax in axes:
    ax.axvline(0, color=MUTED, ls=(0, (3, 2)), lw=1)
axes[-1].set_xlabel("characters after the quote")
show(
    fig,
    alt="Gates and state of one cell around quotes. At both kinds of quote the "
    "forget gate falls to zero. At an opening one the input gate opens, to "
    f"{wrote.nanmedian():.2f}, and the state rises above zero and stays there. "
    f"At a closing one it is at {kept_out.nanmedian():.2f}, and the state "
    "falls to zero and then below.",
)
