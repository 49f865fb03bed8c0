"""
An error at the end teaches the output gate only at the end
===========================================================

One error, at the last step. Which gates learn from it, and how far back? The candidate and the
gates i and f hear of it at every step. The output gate hears of it once: what it showed earlier is
not what was read. Background: :doc:`/part1_maths/bptt`.
"""

# %%
# Inputs that are pre-activations
# -------------------------------
# We want :math:`\partial L / \partial a_t` of each gate at each step.
# :func:`~lstm_book.gradients.bptt` returns :math:`\partial L / \partial x_t`. So we give every gate
# of every unit an input of its own: :math:`W` is the identity, :math:`x_t` is added to
# :math:`a_t`, and the two gradients are the same.
import torch

from lstm_book.cells import LSTMState, Weights, lstm_step
from lstm_book.gradients import bptt
from lstm_book.layers import unroll
from lstm_book.plotting import draw_lag, show, subplots, use_style

use_style()
T, B, H = 60, 100, 32
generator = torch.Generator().manual_seed(0)
b = (
    torch.tensor([0.0, 3.0, 0.0, 0.0])[:, None].expand(4, H).flatten()
)  # forget bias 3
U = (2 * torch.rand(4 * H, H, generator=generator) - 1) / H**0.5
weights = Weights(W=torch.eye(4 * H), U=U, b=b)
x = 0.5 * torch.randn(T, B, 4 * H, generator=generator)
start = LSTMState(*torch.zeros(2, B, H))
run = unroll(lambda x_t, state: lstm_step(x_t, state, *weights), x, start)

# %%
# One error, in a random direction
# --------------------------------
grad_h = torch.zeros(T, B, H)
grad_h[-1] = torch.nn.functional.normalize(
    torch.randn(B, H, generator=generator), dim=-1
)
back = bptt(run, x, weights, grad_h)
by_gate = dict(
    zip(
        "ifgo",
        back.x.view(T, B, 4, H).norm(dim=-1).flip(0).unbind(2),
        strict=True,
    )
)
print("lag" + "".join(f"{lag:9}" for lag in (0, 1, 40)))
for gate, norms in by_gate.items():
    print(
        f"  {gate}"
        + "".join(f"{norms[lag].median():9.4f}" for lag in (0, 1, 40))
    )

# %%
# One gate drops out
# ------------------
# Medians over the sequences, with bands from the 10th to the 90th percentile. What is left for the
# output gate comes back through the recurrent weights. It is about as much as the forget gate gets,
# whose slope :math:`f (1 - f)` is small at a bias of 3.
fig, ax = subplots(height=3.4)
for gate, norms in by_gate.items():
    draw_lag(ax, norms[:51], label=f"${gate}_t$", colour=gate)
ax.set_ylabel("gradient norm of $a_t$")
ax.set_yticks([0.01, 0.1], ["0.01", "0.1"])
ax.set_yticks([], minor=True)
ratio = {
    gate: float(norms[0].median() / norms[1].median())
    for gate, norms in by_gate.items()
}
show(
    fig,
    alt="Gradient norms of the four gates over the lag, on a logarithmic axis. "
    "From lag 0 to lag 1 that of the output gate falls by a factor of "
    f"{ratio['o']:.0f}, that of the candidate by {ratio['g']:.1f}; after that "
    "all four are nearly flat.",
)
