"""
One bias, one time scale
========================

Which memories does a layer have before it has learned anything? A constant forget bias gives every
unit the same one. Set to 1 in *both* of PyTorch's bias vectors, it is a bias of 2. Only different
biases give different memories. Background: :doc:`/part1_maths/gradient_flow`.
"""

# %%
# Four fresh layers
# -----------------
# They share their weights and differ in their biases only. The second is what
# :func:`~lstm_book.cells.init_forget_bias_` does. The third is the trap. The last is
# :func:`~lstm_book.cells.init_chrono_`.
import math

import torch
from torch import nn

from lstm_book.cells import init_chrono_, init_forget_bias_
from lstm_book.layers import run_module
from lstm_book.plotting import PALETTE, show, subplots, use_style

use_style()
H, t_max = 64, 1000
torch.manual_seed(0)
layers = {
    name: nn.LSTM(4, H) for name in ("default", "bias 1", "1 in both", "chrono")
}
for layer in layers.values():
    layer.load_state_dict(layers["default"].state_dict())

init_forget_bias_(layers["bias 1"], 1.0)
with torch.no_grad():
    for bias in (
        layers["1 in both"].bias_ih_l0,
        layers["1 in both"].bias_hh_l0,
    ):
        bias[H : 2 * H] = 1.0
init_chrono_(
    layers["chrono"], t_max, generator=torch.Generator().manual_seed(0)
)

# %%
# Their half-lives
# ----------------
# We feed noise and ask each unit: after how many steps is half of its memory gone? The direct path
# :eq:`direct-path` multiplies forget gates, so we average their logarithms over steps and
# sequences.
x = torch.randn(100, 50, 4, generator=torch.Generator().manual_seed(1))
half_lives = {}
with torch.no_grad():
    for name, layer in layers.items():
        log_f = run_module(layer, x).gates.f.log().mean((0, 1))
        half_lives[name] = math.log(0.5) / log_f

print("half-life in steps: percentiles of the units")
print(f"{'':10} {'10th':>6} {'50th':>6} {'90th':>6}")
for name, values in half_lives.items():
    low, middle, high = values.quantile(torch.tensor([0.1, 0.5, 0.9])).tolist()
    print(f"{name:10} {low:6.3g} {middle:6.3g} {high:6.3g}")

# %%
# Where the units are
# -------------------
# Each dot is a unit. The random weights hardly spread them. Chrono does, and evenly in *steps*: on
# this logarithmic axis most of its units stand to the right, and few remember for only ten steps.
fig, ax = subplots(height=2.9)
shuffled = torch.randperm(H, generator=torch.Generator().manual_seed(2))
spread = 0.26 * (
    2 * shuffled / (H - 1) - 1
)  # only so that the dots do not hide each other
for row, values in enumerate(half_lives.values()):
    ax.plot(
        values, row + spread, "o", color=PALETTE["f"], ms=3.4, alpha=0.8, mew=0
    )
ax.set(
    xscale="log",
    xlim=(0.5, 1500),
    xlabel="half-life of the direct path (steps)",
    title=f"The {H} units of a fresh layer",
)
ax.set_yticks(range(len(half_lives)), list(half_lives))
ax.set_xticks([1, 10, 100, 1000], ["1", "10", "100", "1000"])
ax.invert_yaxis()
ax.grid(False, axis="y")

medians = [
    f"{name}: {values.quantile(0.5):.3g}" for name, values in half_lives.items()
]
low, high = half_lives["chrono"].min(), half_lives["chrono"].max()
show(
    fig,
    alt="The half-lives of the units as dots, one row for each initialisation. "
    f"Median in steps: {', '.join(medians)}. Three rows are tight clusters; "
    f"chrono spreads from {low:.0f} to {high:.0f} steps.",
)
