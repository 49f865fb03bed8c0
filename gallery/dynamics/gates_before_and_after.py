"""
Training splits the units: some keep, some forget
=================================================

A forget gate near 1 after training is often shown as a learned memory. But what was it before? Here
are the gates of the same units at initialisation and after training. All units start with an open
forget gate. Most open it further, some have learned to shut it, and the mean over the units tells
of neither. Background: :doc:`/part1_maths/gates`.
"""

# %%
# A task that needs both
# ----------------------
# The class is the sign of the first number plus the last. One has to be kept for the whole
# sequence. The other arrives when it is needed, and until then everything of its kind is noise.
import torch
from torch import nn

from lstm_book.cells import init_forget_bias_
from lstm_book.layers import run_module
from lstm_book.models import LastStepClassifier
from lstm_book.plotting import draw_heatmap, show, subplots, use_style
from lstm_book.tasks import FirstAndLast
from lstm_book.training import fit

use_style()
task, H = FirstAndLast(length=30, features=10), 16
x, _ = task.sample(500, generator=torch.Generator().manual_seed(100))
x_test, y_test = task.sample(4000, generator=torch.Generator().manual_seed(101))

# %%
# Three trainings
# ---------------
# They differ in the seed only. The recorded sequences were not trained on.
runs = []
for seed in range(3):
    torch.manual_seed(seed)
    model = LastStepClassifier(nn.LSTM(task.features, H))
    init_forget_bias_(model, 3.0)
    with torch.no_grad():
        before = run_module(model.layer, x)
    fit(
        model,
        task,
        steps=400,
        lr=1e-2,
        generator=torch.Generator().manual_seed(seed),
    )
    with torch.no_grad():
        after = run_module(model.layer, x)
        accuracy = task.accuracy(model(x_test), y_test)
    runs.append((before.gates, after.gates))

    f_before, f_after = before.gates.f.mean((0, 1)), after.gates.f.mean((0, 1))
    assert (f_after > f_before).sum() > H / 2
    assert f_after.min() < 0.5 < f_before.min()
    keepers = f_after > 0.9
    flat = keepers & (after.states.c[-1].abs().median(dim=0).values > 5)
    print(f"seed {seed}, accuracy {accuracy:.3f}. Forget gates:")
    for what, values in (("before", f_before), ("after", f_after)):
        low, mean, high = values.min(), values.mean(), values.max()
        print(f"    {what:6}  {low:.2f} to {high:.3f}, mean {mean:.2f}")
    print(f"    {keepers.sum()} above 0.9 after, |c_T| above 5 in {flat.sum()}")
print("accuracy without memory:")
for who, score in task.baselines().items():
    print(f"    {score} ({who})")

# %%
# The same units, before and after
# --------------------------------
# Seed 0, averaged over the sequences, one row for each unit. All panels have the same order: by the
# forget gate after training. Yellow is open, blue is shut. The forgetters write and show at every
# step. Among the keepers there are units that write and units that do not. A keeper is not always a
# memory: where c has run into the flat part of tanh (above 5, say), h shows hardly anything of it.
gates_before, gates_after = runs[0]
order = gates_after.f.mean((0, 1)).argsort()
fig, axes = subplots(3, 2, height=6.0, sharex=True, sharey=True)
for row, name in enumerate("fio"):
    for column, gates in enumerate(runs[0]):
        ax = axes[row, column]
        draw_heatmap(
            ax, getattr(gates, name).mean(dim=1)[:, order], colourbar=False
        )
        ax.set_title(f"${name}_t$ {'after' if column else 'before'}")
        ax.set_xticks([1, 10, 20, 30])
        ax.set_yticks([1, H])
        ax.label_outer()
fig.colorbar(
    axes[0, 0].images[0], ax=axes, shrink=0.5, aspect=30, label="mean gate"
)
means = {
    name: (getattr(gates_before, name), getattr(gates_after, name))
    for name in "fio"
}
spread = ", ".join(
    f"{name} from {a.mean((0, 1)).min():.2f}-{a.mean((0, 1)).max():.2f} to "
    f"{b.mean((0, 1)).min():.2f}-{b.mean((0, 1)).max():.2f}"
    for name, (a, b) in means.items()
)
show(
    fig,
    alt=f"Heat maps of the mean gates of {H} units over 30 steps. Before "
    "training all units look alike; after it, they differ. The range of the "
    f"units' means widens: {spread}.",
)
