r"""
The sum is in no unit, but in all of them
=========================================

An LSTM that has learned to add must hold the sum so far somewhere. In which cell? In none: the
best cell follows the sum in part. A weighted sum of all cells follows it almost exactly, a step up
at each mark by the marked number. And the surprise: so it does *before* training. Background:
:doc:`/part3_training/long_memory`.
"""

# %%
# Five trained networks, and the same before training
# ---------------------------------------------------
# Each learned to add over 100 steps. The sum so far is 0, then the first marked number, then both.
# A linear read-out of the cell state is fitted to it on 200 sequences and scored on 200 others; the
# score is the share of variance that it explains. Once with all 32 cells, once with the best one.
import torch

from lstm_book.experiments import load_experiment
from lstm_book.plotting import (
    INK,
    PALETTE,
    label_end,
    show,
    subplots,
    use_style,
)
from lstm_book.recording import record

use_style()
stored = load_experiment("adding-100")
x, _ = stored.task.sample(400, generator=torch.Generator().manual_seed(7))
so_far = (x[..., 0] * x[..., 1]).T.cumsum(0).double()
shown = int(
    (so_far[-1, 200:] - 1.2).abs().argmin()
)  # a sequence with a sum near 1.2

scores, pictures = {}, {}
for seed in range(5):
    models = {
        "before": stored.experiment.untrained(seed),
        "after": stored.model_of(seed),
    }
    for when, model in models.items():
        c = record(model.layer, x).trace().c.double()
        read, best = [], None
        for cells in ([*range(32)], *([k] for k in range(32))):
            chosen = torch.cat(
                [c[..., cells], torch.ones_like(c[..., :1])], dim=-1
            )
            solution = torch.linalg.lstsq(
                chosen[:, :200].flatten(0, 1), so_far[:, :200].reshape(-1, 1)
            ).solution
            found = (chosen[:, 200:] @ solution)[..., 0]
            error = (found - so_far[:, 200:]).square().mean()
            read.append(
                (float(1 - error / so_far[:, 200:].var()), found[:, shown])
            )
        best = max(read[1:], key=lambda pair: pair[0])
        scores[seed, when] = read[0][0], best[0]
        if seed == 1:
            pictures[when] = read[0][1], best[1]
print("               before             after")
print("seed  all cells   best   all cells   best")
for seed in range(5):
    row = [
        f"{all_cells:11.3f}{one:7.3f}"
        for all_cells, one in (scores[seed, w] for w in models)
    ]
    print(f"{seed:4d}" + " ".join(row))

# %%
# One sequence
# ------------
# The thin line is the sum so far. Training did not make the accumulator. It made it more exact.
assert all(whole > 0.95 and whole > one for whole, one in scores.values())
assert all(
    scores[seed, "after"][0] > scores[seed, "before"][0] for seed in range(5)
)
panels = [
    ("before training", "best cell", pictures["before"][1], "g"),
    ("before training", "all cells", pictures["before"][0], "c"),
    ("after training", "best cell", pictures["after"][1], "g"),
    ("after training", "all cells", pictures["after"][0], "c"),
]
fig, axes = subplots(4, 1, sharex=True, sharey=True, height=6.8)
for ax, (title, cells, values, colour) in zip(axes, panels, strict=True):
    ax.plot(range(1, 101), so_far[:, 200 + shown], color=INK, lw=1)
    ax.plot(range(1, 101), values, color=PALETTE[colour], lw=2)
    label_end(ax, 100, float(so_far[-1, 200 + shown]), "the sum", INK)
    label_end(ax, 100, float(values[-1]), cells, colour)
    ax.set(title=f"{title}, {cells}", ylabel="sum so far")
axes[-1].set_xlabel("step t")
show(
    fig,
    alt="Four panels with a thin staircase of two steps. Read from the best "
    "single cell, the coloured line strays from it before training "
    f"({scores[1, 'before'][1]:.2f} of the variance) and after "
    f"({scores[1, 'after'][1]:.2f}). Read from all cells it follows the "
    f"staircase, before training ({scores[1, 'before'][0]:.3f}) and after "
    f"({scores[1, 'after'][0]:.3f}).",
)
