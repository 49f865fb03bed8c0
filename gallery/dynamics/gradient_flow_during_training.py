r"""
Learning the last number shuts the road to the first
====================================================

Before training, the gradient reaches the first step. Is it still there when it is needed? Here is
the size of :math:`\partial \mathcal{L} / \partial c_t` at every step of the sequence, all through
training. A run that learns the last number first shuts its gates behind it: at the first step the
gradient falls to less than a hundredth, and the run has to wait. Background:
:doc:`/part1_maths/gradient_flow`.
"""

# %%
# Five runs at the edge
# ---------------------
# The class is the sign of the first number plus the last; the last one alone is right in three
# cases of four. With thirty steps and a forget bias of 2, some runs learn at once and some wait.
# Every twenty updates we measure on 64 sequences that are held out: the gradient, and the part of
# it that comes along the belt alone, :eq:`direct-path`, through nothing but forget gates.
import torch
from torch import nn

from lstm_book.cells import init_forget_bias_
from lstm_book.gradients import gradient_flow
from lstm_book.layers import run_module
from lstm_book.models import LastStepClassifier
from lstm_book.plotting import (
    MUTED,
    PALETTE,
    draw_heatmap,
    show,
    subplots,
    use_style,
)
from lstm_book.tasks import FirstAndLast
from lstm_book.training import descend

use_style()
T, H, UPDATES, EVERY = 30, 16, 600, 20
task = FirstAndLast(length=T, features=2)
x, y = task.sample(64, generator=torch.Generator().manual_seed(100))

flows, belts, curves = [], [], []
for seed in range(5):
    torch.manual_seed(seed)
    model = LastStepClassifier(nn.LSTM(2, H))
    init_forget_bias_(model, 2.0)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    generator = torch.Generator().manual_seed(100 + seed)
    gradients, along_belt, accuracy = [], [], []
    for update in range(UPDATES + 1):
        if update % EVERY == 0:
            with torch.no_grad():
                run = run_module(model.layer, x)
            h = run.states.h.requires_grad_()
            loss = task.loss(model.readout(h[-1]).squeeze(-1), y) * len(y)
            (grad_h,) = torch.autograd.grad(loss, h)
            gradients.append(
                gradient_flow(model.layer, x, grad_h).c.mean(dim=1)
            )
            to_c = (
                grad_h[-1]
                * run.gates.o[-1]
                * (1 - run.states.c[-1].tanh() ** 2)
            )
            along_belt.append(
                (to_c * run.gates.f[1:].prod(0)).norm(dim=-1).mean()
            )
        inputs, targets = task.sample(32, generator=generator)
        logits = model(inputs)
        descend(task.loss(logits, targets), model, optimiser)
        accuracy.append(task.accuracy(logits, targets))
    flows.append(torch.stack(gradients))
    belts.append(torch.stack(along_belt))
    curves.append(torch.tensor(accuracy).unfold(0, 40, EVERY).mean(dim=1))

# %%
# Who keeps the gradient, and who waits
# -------------------------------------
# For each run: the lowest gradient at the first step, as a share of what it was before training;
# the belt at that moment, as such a share; the gradient after the last update; and the update by
# which 85 % of forty batches were right. Those who keep it learn first, whoever is late.
lowest, learned = [], []
print("seed    lowest   belt   at end  learned by update")
for seed, (flow, belt, curve) in enumerate(
    zip(flows, belts, curves, strict=True)
):
    place = int(flow[:, 0].argmin())
    lowest.append(float(flow[place, 0] / flow[0, 0]))
    above = (curve > 0.85).nonzero()
    learned.append(int(above[0]) * EVERY + 40 if len(above) else UPDATES + 1)
    when = str(learned[-1]) if len(above) else f"not in {UPDATES}"
    share = float(belt[place] / belt[0])
    end = float(flow[-1, 0] / flow[0, 0])
    print(f"{seed:4}{lowest[-1]:10.4f}{share:7.3f}{end:9.3f}  {when:>17}")
    assert lowest[-1] > 0.01 or share < 0.05
kept = [seed for seed in range(5) if lowest[seed] > 0.01]
lost = [seed for seed in range(5) if lowest[seed] < 0.01]
assert max(learned[seed] for seed in kept) < min(learned[seed] for seed in lost)

# %%
# It goes dark, and the run waits
# -------------------------------
# One run of each kind; dashed, the score of the last number alone. In the second run the gradient
# is gone after the first updates from all but the last steps, and stays away as long as the
# accuracy rests on the dashed line.
quick, slow = (
    min(kept, key=learned.__getitem__),
    min(lost, key=learned.__getitem__),
)
fig, axes = subplots(3, 1, height=6.8, sharex=True, height_ratios=(3, 3, 2.4))
for ax, seed, what in (
    (axes[0], quick, "learns at once"),
    (axes[1], slow, "waits"),
):
    draw_heatmap(ax, flows[seed].log10(), vmin=-5, vmax=0, colourbar=False)
    ax.images[0].set_extent((-EVERY / 2, UPDATES + EVERY / 2, 0.5, T + 0.5))
    ax.set(
        title=f"seed {seed} {what}",
        xlabel="",
        ylabel="step t",
        yticks=(1, 10, 20, 30),
    )
colours = fig.colorbar(
    axes[0].images[0],
    ax=axes[:2],
    location="top",
    aspect=40,
    pad=0.02,
    label="gradient",
)
colours.set_ticks([-4, -2, 0], labels=["$10^{-4}$", "$10^{-2}$", "1"])
alone = task.baselines()["the last element alone"]
for seed, colour in ((quick, "lstm"), (slow, "rnn")):
    updates = [EVERY * n + 20 for n in range(len(curves[seed]))]
    axes[2].plot(
        updates, curves[seed], color=PALETTE[colour], label=f"seed {seed}"
    )
axes[2].axhline(alone, color=MUTED, ls=(0, (3, 2)), lw=1.3)
axes[2].text(
    UPDATES - 5,
    alone - 0.03,
    "the last number alone",
    color=MUTED,
    ha="right",
    va="top",
)
axes[2].legend(loc="upper left")
axes[2].set(
    xlabel="updates", ylabel="accuracy", xlim=(0, UPDATES), ylim=(0.6, 1)
)
axes[2].set_xticks(range(0, UPDATES + 1, 100))
waiting = (curves[slow] > alone - 0.03) & (curves[slow] < alone + 0.01)
assert (
    flows[slow][: len(waiting)][waiting, 0].median() < 0.1 * flows[slow][0, 0]
)
end = float(flows[slow][-1, 0] / flows[slow][0, 0])
when = (
    f"by update {learned[slow]}" if learned[slow] <= UPDATES else "not at all"
)
show(
    fig,
    alt=f"Two maps of the gradient over {UPDATES} updates and {T} steps. In "
    f"seed {quick} it is never below {lowest[quick]:.2f} of its start at the "
    f"first step. In seed {slow} all but the last steps go dark, down to "
    f"{lowest[slow]:.4f} of the start at the first, which has {end:.2f} of it "
    f"after the last update. Seed {quick} has learned by update "
    f"{learned[quick]}, seed {slow} {when}.",
)
