"""
The number is in the state long before it is needed
===================================================

Where is the first number during the 28 steps in which nobody asks for it? We try to read it, by the
best linear guess, from the state at every step. An untrained layer loses it within a few steps. A
trained one holds it all the way, in :math:`c` and in :math:`h`
alike. Background: :doc:`/part1_maths/additive_memory`.
"""

# %%
# One layer, before and after
# ---------------------------
import copy

import torch
from torch import nn

from lstm_book.cells import init_forget_bias_
from lstm_book.layers import run_module
from lstm_book.models import LastStepClassifier
from lstm_book.plotting import PALETTE, label_end, show, subplots, use_style
from lstm_book.tasks import FirstAndLast
from lstm_book.training import fit

use_style()
task, H = FirstAndLast(length=30, features=10), 16
torch.manual_seed(0)
trained = LastStepClassifier(nn.LSTM(task.features, H))
init_forget_bias_(trained, 3.0)
fresh = copy.deepcopy(trained)
fit(
    trained,
    task,
    steps=400,
    lr=1e-2,
    generator=torch.Generator().manual_seed(0),
)

# %%
# Reading the state
# -----------------
# At each step, least squares predicts the first number from the units' states. It is fitted on the
# first half of the sequences and judged on the second: 1 is perfect, 0 is no better than the mean.
B = 2000
x, _ = task.sample(B, generator=torch.Generator().manual_seed(100))
target = x[0, :, 0, None].expand(task.length, B, 1)
readable = {}
for when, model in (("before", fresh), ("after", trained)):
    with torch.no_grad():
        states = run_module(model.layer, x).states
    for name in "ch":
        known = torch.cat(
            [getattr(states, name), torch.ones(task.length, B, 1)], dim=-1
        )
        weights = torch.linalg.lstsq(
            known[:, : B // 2], target[:, : B // 2]
        ).solution
        error = target[:, B // 2 :] - known[:, B // 2 :] @ weights
        readable[name, when] = 1 - error.var(dim=(1, 2)) / target[
            :, B // 2 :
        ].var(dim=(1, 2))

# %%
# What can be read
# ----------------
# The output gates could have hidden the number until the end. They do not: :math:`h`
# holds it as well as :math:`c`.
fig, ax = subplots(height=3.2)
print("             step 1  step 5  " + f"step {task.length}")
for (name, when), score in readable.items():
    dashes = "-" if name == "c" else (0, (1.2, 1))
    ax.plot(range(1, task.length + 1), score, color=PALETTE[name], ls=dashes)
    label_end(
        ax, task.length, float(score[-1]), f"${name}_t$ {when}", PALETTE[name]
    )
    print(f"{name} {when:8}{score[0]:9.2f}{score[4]:8.2f}{score[-1]:9.2f}")
ax.set(xlabel="step t", ylabel="$R^2$ of the first number", ylim=(-0.08, 1.05))
assert (
    max(readable["c", "before"][9:]) < 0.3 < 0.8 < min(readable["c", "after"])
)
assert (readable["c", "after"] - readable["h", "after"]).abs().max() < 0.1
ends = {when: readable["c", when][-1] for when in ("before", "after")}
show(
    fig,
    alt="How well the first number can be read from the state at each of "
    f"{task.length} steps. Before training it fades to "
    f"{abs(ends['before']):.2f}; after training it is {ends['after']:.2f} at "
    "the end, and about the same at every step.",
)
