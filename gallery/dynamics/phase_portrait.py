r"""
A sum and a clock
=================

A network that has learned to add reads a hundred numbers: what path does its cell state take? Drop
it to a plane. One axis is the direction in which the sum so far is read. The other is where the
states vary most besides. Along the first the state moves when a mark comes, and hardly otherwise.
Along the second it travels with time, and a mark pushes it on: the network keeps a clock that
nobody asked for.
Background: :doc:`/part3_training/long_memory`.
"""

# %%
# A plane to look at
# ------------------
# A trained network reads 400 sequences of 100 steps. The first axis comes from a linear fit of the
# sum so far to the cell states. The second is the leading principal component of what is left of
# the states once that direction is taken out.
import torch
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize

from lstm_book.experiments import load_experiment
from lstm_book.plotting import show, subplots, use_style
from lstm_book.recording import record

use_style()
stored = load_experiment("adding-100")
x, y = stored.task.sample(400, generator=torch.Generator().manual_seed(7))
so_far = (x[..., 0] * x[..., 1]).T.cumsum(0).double()
with_time = torch.arange(100.0).double()[:, None].expand(100, 400)

moved, timed, planes = [], [], {}
for seed in range(5):
    c = record(stored.model_of(seed).layer, x).trace().c.double()
    centred = c - c.mean((0, 1))
    flat = centred.flatten(0, 1)
    weights = torch.linalg.lstsq(
        flat, (so_far - so_far.mean()).reshape(-1, 1)
    ).solution
    total = (centred @ weights)[..., 0] + so_far.mean()
    along = weights / weights.norm()
    rest = flat - (flat @ along) @ along.T
    component = torch.linalg.svd(rest.T @ rest).U[:, 0]
    other = (rest @ component).view(100, 400)
    marked = x[..., 1].T[1:] == 1
    steps = total.diff(dim=0)
    moved.append(
        (float(steps[marked].abs().mean()), float(steps[~marked].abs().mean()))
    )
    with_clock = torch.stack([other.flatten(), with_time.flatten()])
    r = float(torch.corrcoef(with_clock)[0, 1])
    timed.append(abs(r))
    planes[seed] = total, other * (1 if r > 0 else -1)
print("seed   first axis moves by      second axis")
print("       at a mark  elsewhere  against time, r")
for seed in range(5):
    print(
        f"{seed:4d} {moved[seed][0]:11.3f} {moved[seed][1]:10.4f} "
        f"{timed[seed]:16.2f}"
    )

# %%
# Seventy paths
# -------------
# Seed 1, one line for each of 70 sequences, coloured by the sum that it has to remember at the end
# (dots). All begin at the left. A jump up is a mark. Between marks the paths run to the right, each
# near the height of its own sum, and end in order of the answer.
assert min(at / off for at, off in moved) > 20
assert min(timed) > 0.8
total, clock = planes[1]
fig, ax = subplots(height=4.0)
whole = colormaps["viridis"]  # without its darkest, which a dark page swallows
shades = ListedColormap([whole(0.25 + 0.75 * k / 255) for k in range(256)])
for n in range(70):
    colour = shades(float(y[n]) / 2)
    ax.plot(clock[:, n], total[:, n], color=colour, lw=0.8, alpha=0.6)
    ax.plot(clock[-1, n], total[-1, n], "o", color=colour, ms=4)
ax.set(
    xlabel="largest other component of $c_t$",
    ylabel="read-out of the sum so far",
)
scale = ScalarMappable(Normalize(0, 2), shades)
fig.colorbar(scale, ax=ax, aspect=30, label="sum to remember")
order = torch.corrcoef(torch.stack([total[-1], y.double()]))[0, 1]
assert order > 0.99
show(
    fig,
    alt="Seventy paths in a plane. All start at the left near zero, run to the "
    "right in bundles, and jump up twice, at different places. They end at the "
    "right at heights in the order of their colours, the sums to remember "
    f"(correlation {order:.3f}).",
)
