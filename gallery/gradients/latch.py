"""
A bit can be held without a gradient
====================================

Is what is remembered also what can be learned from? No. A unit that feeds its own output back holds
one bit as long as we watch, and hardly any gradient passes it. A unit that holds a number by its
forget gate forgets slowly, and its gradient with it. For the RNN this was shown in 1994
:cite:p:`bengio1994`. Background: :doc:`/part1_maths/gradient_flow`.
"""

# %%
# Two units
# ---------
# The first keeps by its forget gate alone: bias 5, no recurrence. The second forgets fast, but its
# output comes back to the candidate and renews the cell. Both have an open output gate.
import torch

from lstm_book.cells import LSTMState, Weights, lstm_step
from lstm_book.gradients import cumulative, state_jacobians
from lstm_book.layers import unroll
from lstm_book.plotting import (
    MUTED,
    PALETTE,
    draw_lag,
    label_end,
    show,
    subplots,
    use_style,
)

use_style()
W = torch.tensor(
    [[0.0], [0.0], [1.0], [0.0]], dtype=torch.float64
)  # the candidate reads x
b = {
    "by gate": [0.0, 5.0, 0.0, 4.0],
    "by loop": [0.0, 1.0, 0.0, 4.0],
}  # i, f, g, o
U = {"by gate": [0.0, 0.0, 0.0, 0.0], "by loop": [0.0, 0.0, 4.0, 0.0]}

# %%
# One pulse, then noise
# ---------------------
# Two sequences: one starts with a pulse of +1, the other with −1.
T = 200
x = 0.02 * torch.randn(
    T, 1, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64
)
x = x.repeat(1, 2, 1)
x[0, :, 0] = torch.tensor([1.0, -1.0])
start = LSTMState(*torch.zeros(2, 2, 1, dtype=torch.float64))

cells, norms = {}, {}
for name in b:
    weights = Weights(
        W,
        torch.tensor(U[name]).double()[:, None],
        torch.tensor(b[name]).double(),
    )
    run = unroll(
        lambda x_t, state, w=weights: lstm_step(x_t, state, *w), x, start
    )
    cells[name] = run.states.c.squeeze(-1)
    # ∂(h_T, c_T)/∂(h_t, c_t), from the last step backwards.
    products = cumulative(state_jacobians(run, weights.U).matrix).flip(0)
    norms[name] = torch.linalg.matrix_norm(products, 2)
    plus, minus = cells[name][-1]
    print(f"{name}: ends at {plus:+.2f} or {minus:+.2f},")
    print(f"         gradient at lag 50 {norms[name][50, 0]:.1e}")

# %%
# The better memory has the worse gradient
# ----------------------------------------
# The loop pulls every disturbance back to one of two values. This is why the bit is safe, and why
# a small change early on leaves no trace at the end.
fig, (above, below) = subplots(2, 1, height=4.6)
for name, colour in (("by gate", PALETTE["f"]), ("by loop", PALETTE["g"])):
    above.plot(range(1, T + 1), cells[name], color=colour)
    label_end(above, T, float(cells[name][-1, 0]), name, colour)
    draw_lag(below, norms[name][:101, 0], label=name, colour=colour)
above.axhline(0, color=MUTED, lw=0.8)
above.set(xlabel="step t", ylabel="cell state $c_t$")
show(
    fig,
    alt="Above, two sequences each: held by the gate, the cell decays towards "
    f"zero; held by the loop it stays at {cells['by loop'][-1, 0]:+.2f} or "
    f"{cells['by loop'][-1, 1]:+.2f}. Below, the gradient after 100 steps: "
    f"{norms['by gate'][100, 0]:.1e} by the gate, "
    f"{norms['by loop'][100, 0]:.1e} by the loop.",
)
