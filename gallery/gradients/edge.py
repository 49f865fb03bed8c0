"""
An RNN balances on an edge, an LSTM stands on a plain
=====================================================

How well must a network be tuned for a gradient to come through 100 steps? The gain of an RNN's
recurrent matrix has to hit a narrow band: below it the gradient vanishes, above it explodes. An
LSTM's forget bias only has to be large enough. Background: :doc:`/part1_maths/vanishing` and
:doc:`/part1_maths/gradient_flow`.
"""

# %%
# Every gain, every bias
# ----------------------
# The RNN's recurrent matrix is orthogonal times a gain, so the gain is its largest singular value,
# :math:`\sigma_{\max}`. :func:`~lstm_book.gradients.lag_norms` measures the gradient at every lag.
# We take one network of each kind, the median of a few sequences of noise, and its logarithm to
# base 10.
import torch
from matplotlib.lines import Line2D
from torch import nn

from lstm_book.cells import init_forget_bias_, init_orthogonal_
from lstm_book.gradients import lag_norms
from lstm_book.plotting import INK, draw_heatmap, show, subplots, use_style

use_style()
D, H, T, B = 4, 24, 100, 3
x = torch.randn(
    T, B, D, generator=torch.Generator().manual_seed(0), dtype=torch.float64
)
torch.manual_seed(0)
rnn, lstm = (
    nn.RNN(D, H, dtype=torch.float64),
    nn.LSTM(D, H, dtype=torch.float64),
)
gains, biases = torch.linspace(0.6, 2.6, 33), torch.linspace(-2, 8, 33)
by_gain, by_bias = [], []
for gain, bias in zip(gains.tolist(), biases.tolist(), strict=True):
    init_orthogonal_(rnn, gain=gain, generator=torch.Generator().manual_seed(1))
    init_forget_bias_(lstm, bias)
    by_gain.append(lag_norms(rnn, x).state.median(dim=1).values.log10())
    by_bias.append(lag_norms(lstm, x).state.median(dim=1).values.log10())
maps = {
    "RNN": (gains, torch.stack(by_gain)),
    "LSTM": (biases, torch.stack(by_bias)),
}

# %%
# What is neither lost nor too large
# ----------------------------------
# On the dashed line the gradient has fallen to a tenth, on the solid one it has grown to ten. The
# LSTM never gets there. The bound by :math:`\sigma_{\max}` promises that nothing explodes at gains
# up to 1. It does not promise that the balance is there: tanh takes its share, so the band lies
# above.
assert maps["LSTM"][1].max() < 1  # no solid line on its map
print("gains and biases with a gradient norm\n"
      f"of 0.1 to 10 at lag {T}:")  # fmt: skip
for name, (values, norms) in maps.items():
    good = values[norms[:, T].abs() < 1]
    print(
        f"{name}: {good.min():.2f} to {good.max():.2f}, of {values[0]:.2f} to "
        f"{values[-1]:.2f}"
    )

fig, axes = subplots(2, 1, height=5.4)
lags = torch.arange(1, T + 1)
for ax, (name, (values, norms)) in zip(axes, maps.items(), strict=True):
    draw_heatmap(ax, norms[:, 1:].T, vmin=-6, vmax=6, colourbar=False)
    rows = torch.arange(1, len(values) + 1)
    ax.contour(
        lags,
        rows,
        norms[:, 1:].numpy(),
        levels=[-1, 1],
        colors=[INK],
        linewidths=1.1,
    )
    ticks = (
        [1.0, 1.5, 2.0, 2.5]
        if name == "RNN"
        else [-2.0, 0.0, 2.0, 4.0, 6.0, 8.0]
    )
    places = [
        1 + (tick - float(values[0])) / float(values[1] - values[0])
        for tick in ticks
    ]
    ax.set_yticks(places, [f"{tick:g}".replace("-", "−") for tick in ticks])
    ax.set(xlabel="lag (steps back)", title=name)
lines = [Line2D([], [], color=INK, lw=1.1, ls=style) for style in ("--", "-")]
names = ["norm 0.1", "norm 10"]
axes[0].legend(
    lines, names, loc="lower right", bbox_to_anchor=(1.02, 0.98), ncols=2
)
label = r"$\log_{10}$ of the gradient norm"
fig.colorbar(axes[0].images[0], ax=axes, shrink=0.5, aspect=30, label=label)
axes[0].set_ylabel(r"gain ($\sigma_{\max}$ of $U$)")
axes[1].set_ylabel("forget bias")

lost, grown = maps["RNN"][1][0, T], maps["RNN"][1][-1, T]
show(
    fig,
    alt="Two maps of the gradient norm over the lag. RNN: between vanishing "
    f"(1e{lost:.0f} at the smallest gain) and exploding (1e{grown:.0f} at the "
    "largest) runs a narrow band. LSTM: the gradient vanishes at small forget "
    "biases, and the whole upper half of the map is near 1.",
)
