"""
The forget gates of a speech detector, while it listens
=======================================================

silero-vad, a speech detector in use, has an LSTM of 128 units. Here are all its forget gates while
it listens to three phrases of made-up speech. At the top are the units that forget fast: their
gates are set anew with every sound. At the bottom are gates that stay open for seconds, whatever is
said. It is not the bottom that its decisions need. Background: :doc:`/part3_training/deployed`.
"""

# %%
# A network and a clip
# --------------------
# The weights come with the package silero-vad (``pip install lstm-book[speech]``), the clip comes
# from a formula. One step of the LSTM is a frame of 32 milliseconds.
import torch

from lstm_book.data import synthetic_speech
from lstm_book.models import load_speech_detector
from lstm_book.plotting import PALETTE, draw_heatmap, show, subplots, use_style
from lstm_book.recording import record

use_style()
draws = torch.Generator().manual_seed(0)
speech = synthetic_speech(1, generator=draws)
detector = load_speech_detector()
with torch.no_grad():
    x = detector.frames(speech.with_noise(15, generator=draws))
    trace = record(detector.layer, x).trace()
    probability = detector.answers(trace.h)[:, 0].sigmoid()
said = speech.phrase
print(f"{probability[said].mean():.2f} on average in phrases")
print(f"{probability[~said].mean():.2f} elsewhere")

# %%
# From the slowest unit to the fastest
# ------------------------------------
# How much does a gate move? Take its standard deviation over the frames, for the faster half of
# the units and for the slower quarter.
lives = 0.032 * trace.half_life()
order = lives.argsort(descending=True)
moves = trace.f[:, 0].std(0)[order]
for name, units in (("slow quarter", slice(32)), ("fast half", slice(64, 128))):
    life = lives[order][units]
    print(
        f"{name}: half-lives {life.min():.3f} to {life.max():.3f} s, "
        f"gates move by {moves[units].mean():.2f}"
    )

# %%
# What it hears, and what it forgets
# ----------------------------------
fig, (top, ax) = subplots(
    2, 1, height=5.0, gridspec_kw={"height_ratios": [1, 4]}, sharex=True
)
frames = torch.arange(1, len(x) + 1)
top.fill_between(
    frames, 0, 1, where=said, step="mid", color=PALETTE["neutral"], alpha=0.3
)
top.plot(frames, probability, color=PALETTE["lstm"])
top.set(ylabel="speech?", yticks=[0, 1], ylim=(-0.05, 1.05))
draw_heatmap(ax, trace.f[:, 0, order], colourbar=False)
places = [16, 48, 112]
ax.set_yticks(
    [place + 1 for place in places],
    [f"{lives[order][place]:.2g} s" for place in places],
)
seconds = [1, 3, 5, 7]
ax.set_xticks([s / 0.032 + 1 for s in seconds], [str(s) for s in seconds])
ax.set(xlabel="seconds", ylabel="units, by half-life")
fig.colorbar(ax.images[0], ax=ax, shrink=0.8, aspect=25, label="forget gate")
show(
    fig,
    alt="Above, the probability of speech rises at each of three phrases. "
    "Below, the forget gates of 128 units as a map. The upper rows, which "
    "forget fast, flicker while something is said and move by "
    f"{moves[64:].mean():.2f}; the lower rows stay bright throughout and move "
    f"by {moves[:32].mean():.2f}.",
)
