"""The figure of the landing page: how much of a gradient comes back, with a forget-bias slider.

The page holds the weights, and `trail.js` computes the bars anew with the gate lab's arithmetic
when the slider moves. What stands there before is computed here.
"""

import json
from html import escape
from typing import Any

import torch
from torch import Tensor, nn

from lstm_book.cells import init_forget_bias_, weights_of
from lstm_book.layers import LSTM
from lstm_book.recording import gradient_paths

H, LAGS, START = 16, 50, 3.0
BIASES = (-1.0, 5.0, 0.25)  # from, to, step
TOP = 2.5  # the room for bars, in multiples of what set out
TYPICAL = 8  # the seed; of ten, its bars are close to the median


class Trail:
    """Bars for an RNN and an LSTM, neither of them trained.

    A bar is the norm of the gradient of one answer, a fixed random sum of the last hidden state,
    with respect to what the network remembers at a step (h of the RNN, c of the LSTM), over the
    same norm at the last step.

    Attributes:
        rnn: The RNN's bars, from the first step to the last.
        lstm: The LSTM's, with PyTorch's initial weights but for the forget bias.
    """

    def __init__(self, seed: int = TYPICAL) -> None:
        torch.manual_seed(seed)
        self.lstm_layer, self.rnn_layer = LSTM(1, H).double(), nn.RNN(1, H).double()
        init_forget_bias_(self.lstm_layer, START)
        self.w = nn.functional.normalize(torch.randn(H, dtype=torch.float64), dim=0)
        self.x = torch.randn(LAGS + 1, dtype=torch.float64)
        self.lstm, self.rnn = self._bars_lstm(), self._bars_rnn()

    def _repr_html_(self) -> str:
        low, high, step = BIASES
        packed = json.dumps(self._data(), separators=(",", ":"))
        return f"""<div class="trail lstm-figure" id="trail">
{_row("RNN", "rnn", self.rnn)}
{_row("LSTM", "lstm", self.lstm)}
<div class="trail-axis"><span>{LAGS} steps before</span><span>the last step</span></div>
<div class="slide-control"><label>Forget bias of the LSTM
<input type="range" min="{low}" max="{high}" step="{step}" value="{START}"></label>
<output></output></div>
<script type="application/json">{packed}</script>
<script src="_static/lab/lstm.js" defer></script><script src="_static/trail.js" defer></script>
</div>"""

    def _data(self) -> dict[str, Any]:
        """Collect what the arithmetic takes: weights row by row, inputs, the answer's weights."""
        data: dict[str, Any] = {"x": _listed(self.x), "top": TOP}
        for name, layer in (("lstm", self.lstm_layer), ("rnn", self.rnn_layer)):
            W, U, b = weights_of(layer)
            if name == "lstm" and b is not None:
                b = b.detach().clone()
                b[H : 2 * H] = 0  # the slider brings the forget bias
            data[name] = {"W": _listed(W), "U": _listed(U), "b": _listed(b)}
            data[name] |= {"w": _listed(self.w), "r": 0}
        return data

    def _bars_lstm(self) -> Tensor:
        x = self.x[:, None, None]
        paths = gradient_paths(self.lstm_layer, x, lambda out, _: (out[-1, 0] * self.w).sum())
        return _relative(paths.c[:, 0])

    def _bars_rnn(self) -> Tensor:
        h = torch.zeros(1, 1, H, dtype=torch.float64)
        states = []
        for x_t in self.x:
            h = self.rnn_layer(x_t.view(1, 1, 1), h)[1]
            states.append(h)
        return _relative(torch.cat(torch.autograd.grad((h * self.w).sum(), states))[:, 0])


def _row(name: str, colour: str, bars: Tensor) -> str:
    described = f"{name}: {written(float(bars[0]))} of the gradient is left after {LAGS} steps."
    rects = "".join(
        f'<rect style="--lag:{LAGS - t}" x="{10 * t + 1}" width="8" '
        f'y="{100 - height:.2f}" height="{height:.2f}"/>'
        for t, height in enumerate((100 / TOP * bars.clamp(max=TOP)).tolist())
    )
    return (
        f'<div class="trail-row" id="trail-{colour}" style="--trail: var(--lstm-{colour})">'
        f'<span class="trail-name">{name}</span>'
        f'<span class="trail-left"><b>{written(float(bars[0]))}</b> left</span>'
        f'<svg viewBox="0 0 {10 * LAGS + 10} 100" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(described)}"><line x1="0" x2="{10 * LAGS + 10}" '
        f'y1="{100 - 100 / TOP}" y2="{100 - 100 / TOP}"/>'
        f"{rects}</svg></div>"
    )


def written(value: float) -> str:
    """Return a number as people write it: 0.24, or 7 × 10⁻¹⁴."""
    if value >= 0.01:
        return f"{value:.2g}"
    digits, power = f"{value:.0e}".split("e")
    raised = str(int(power)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{digits} × 10{raised}"


def _relative(gradients: Tensor) -> Tensor:
    norms: Tensor = gradients.norm(dim=-1)
    return norms / norms[-1]


def _listed(values: Tensor | None) -> list[float]:
    assert values is not None  # both layers have biases
    return [float(f"{value:.9g}") for value in values.detach().flatten().tolist()]
