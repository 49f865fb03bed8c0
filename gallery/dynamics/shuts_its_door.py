"""
A keeper shuts its door behind the first number
===============================================

How does a trained unit keep the first number through 28 steps of noise? An open forget gate is half
of the answer. The other half is an input gate that opens at the first step and shuts at once. How
does it know which step is the first? Its state is empty. Background: :doc:`/part1_maths/gates`.
"""

# %%
# Train, and keep the untrained layer
# -----------------------------------
import copy

import torch
from torch import nn

from lstm_book.cells import init_forget_bias_
from lstm_book.layers import run_module
from lstm_book.models import LastStepClassifier
from lstm_book.plotting import PALETTE, draw_gates, show, subplots, use_style
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
# The unit that writes least
# --------------------------
# We take the one with the smallest mean input gate, and ask what its cell has to do with the first
# number, 29 steps later.
x, y = task.sample(1000, generator=torch.Generator().manual_seed(100))
with torch.no_grad():
    before, after = run_module(fresh.layer, x), run_module(trained.layer, x)
    print(f"accuracy before training: {task.accuracy(fresh(x), y):.3f}")
    print(f"accuracy after training: {task.accuracy(trained(x), y):.3f}")
unit = int(after.gates.i.mean((0, 1)).argmin())
print("correlation of its last c, first number")
for when, run in (("before", before), ("after", after)):
    pair = torch.stack([x[0, :, 0], run.states.c[-1, :, unit]])
    r = torch.corrcoef(pair)[0, 1]
    print(f"    {when:6} {r:.2f}")

# %%
# Empty the state half-way
# ------------------------
# If the state is what tells the time, then an emptied state must open the door again.
with torch.no_grad():
    restarted = run_module(trained.layer, x[15:])
halves = zip(after.gates, restarted.gates, strict=True)
emptied = type(after.gates)(
    *(torch.cat([gate[:15], again]) for gate, again in halves)
)

# %%
# Open once, and again when emptied
# ---------------------------------
# Strong lines are means over 1000 sequences, bands reach from the 10th to the 90th percentile, thin
# lines are one sequence. The output gate does not wait for the end: this unit shows what it
# holds all the time.
panels = {
    "before training": before.gates,
    "after training": after.gates,
    "after training, state emptied after step 15": emptied,
}
fig, axes = subplots(3, 1, sharex=True, sharey=True, height=6.0)
for ax, (title, gates) in zip(axes, panels.items(), strict=True):
    of_unit = {name: getattr(gates, name)[:, :, unit] for name in "ifo"}
    draw_gates(
        ax, {name: values.mean(dim=1) for name, values in of_unit.items()}
    )
    for name, values in of_unit.items():
        low, high = values.quantile(torch.tensor([0.1, 0.9]), dim=1)
        ax.fill_between(
            range(1, 31), low, high, color=PALETTE[name], alpha=0.18, lw=0
        )
        ax.plot(range(1, 31), values[:, 0], color=PALETTE[name], lw=0.6)
    ax.set(title=title, ylabel="gate")
    ax.label_outer()

steps = (1, 3, 15, 16, 18)
door = [float(emptied.i[t - 1, :, unit].mean()) for t in steps]
assert min(door[0] / door[1], door[3] / door[4]) > 3
assert abs(r) > 0.7
assert after.gates.o[3:, :, unit].mean() > 0.5
print("step           " + "".join(f"{t:5}" for t in steps))
print("mean input gate" + "".join(f"{i:5.2f}" for i in door))
show(
    fig,
    alt="Gates of one unit over 30 steps. Before training its input gate stays "
    f"near {before.gates.i[:, :, unit].mean():.1f}. After it, the gate is "
    f"{door[0]:.2f} open at step 1 and {door[1]:.2f} at step 3. With the state "
    "emptied after step 15 it opens once more.",
)
