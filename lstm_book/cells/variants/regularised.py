"""The plain LSTM with something done to it while it runs: normalised, dropped out, zoned out."""

from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

from lstm_book.cells.modules import VariantCell
from lstm_book.cells.state import Gates, LSTMState, register_records
from lstm_book.cells.step import add_bias, lstm_step, lstm_update
from lstm_book.checks import check_choice, check_number

DropoutTarget = Literal["hidden", "candidate"]
Resample = Literal["sequence", "step"]


class DropoutState(NamedTuple):
    """The state of an LSTM with recurrent dropout, the mask included.

    Attributes:
        h: Hidden state h_t. Shape (B, H), or (T, B, H) stacked over time.
        c: Cell state c_t.
        mask: What the units are multiplied by: 0 or 1/(1-p) while training, 1 otherwise.
    """

    h: Tensor
    c: Tensor
    mask: Tensor


class ZoneoutGates(NamedTuple):
    """The gates of one step with zoneout, and how much of each unit stayed as it was.

    Attributes:
        i: Input gate, in (0, 1). Shape (B, H), or (T, B, H) stacked over time.
        f: Forget gate, in (0, 1).
        g: Candidate, in (-1, 1).
        o: Output gate, in (0, 1).
        keep_h: Share of h_{t-1} in h_t: 0 or 1 while training, the rate otherwise.
        keep_c: Share of c_{t-1} in c_t, alike.
    """

    i: Tensor
    f: Tensor
    g: Tensor
    o: Tensor
    keep_h: Tensor
    keep_c: Tensor


register_records(DropoutState, ZoneoutGates)


class LayerNormLSTMCell(VariantCell):
    """An LSTM with layer normalisation, placed as in Ba et al. :cite:p:`ba2016`.

    Equation :eq:`layer-norm`, with c_t from :eq:`lstm-cell`: a_t = LN(x_t W^T) + LN(h_{t-1} U^T) +
    b and h_t = o_t * tanh(LN(c_t)). The share of the input and that of the hidden state are
    normalised apart, each over all 4H pre-activations at once (not gate by gate). c_t itself is
    carried on as it is; only the tanh of the output sees it normalised. Each LN has its own gain,
    first 1, and offset, first 0.

    ========== ====================== ================
    Symbol     Parameter              Shape
    ========== ====================== ================
    W          ``weight_ih``          (4H, D): i,f,g,o
    U          ``weight_hh``          (4H, H): i,f,g,o
    b          ``bias_ih + bias_hh``  (4H,): i,f,g,o
    LN         ``norm_ih, norm_hh``   (4H,) each
    LN(c_t)    ``norm_c``             (H,)
    ========== ====================== ================

    Args:
        eps: Added to the variance, above 0. The paper has none, but at first h_0 U^T is all zeros.
    """

    options = ("eps",)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        eps: float = 1e-5,
    ) -> None:
        self.eps = eps = check_number("eps", eps, above=0)
        super().__init__(input_size, hidden_size, bias, device, dtype)
        self.norm_ih, self.norm_hh, self.norm_c = (
            nn.LayerNorm(size, eps, device=device, dtype=dtype)
            for size in (4 * self.hidden_size, 4 * self.hidden_size, self.hidden_size)
        )

    def reset_parameters(self) -> None:
        """Draw weights and biases from U(-1/√H, 1/√H); gains 1, offsets 0."""
        super().reset_parameters()
        for norm in self.children():
            if isinstance(norm, nn.LayerNorm):
                norm.reset_parameters()

    def step(self, x_t: Tensor, state: LSTMState) -> tuple[LSTMState, Gates]:
        """Advance by one step and return the gates as well, in the form that `unroll` takes."""
        self._check_step(x_t, state)
        W, U, b = self.weights
        a = add_bias(self.norm_ih(x_t @ W.T) + self.norm_hh(state.h @ U.T), b)
        (_, c_t), gates = lstm_update(a, state.c)
        h_t = gates.o * self.norm_c(c_t).tanh()
        return LSTMState(h_t, c_t), gates


class RecurrentDropoutLSTMCell(VariantCell):
    """An LSTM with dropout on what it carries through time, by a mask that the state holds.

    With ``on="hidden"``, as in the variational LSTM of Gal and Ghahramani :cite:p:`gal2016`, the
    gates see mask * h_{t-1}, equation :eq:`dropout-hidden`. One mask serves all four gates and all
    steps of a sequence (the paper's tied form). The paper drops x_t too, by another constant mask;
    do that once, outside.

    With ``on="candidate"``, as in Semeniuta et al. :cite:p:`semeniuta2016`, the cell writes i_t *
    mask * g_t, equation :eq:`dropout-candidate`, and nothing that is already in memory gets lost.

    Kept units are scaled by 1/(1-p), so that nothing needs scaling in evaluation, where no unit is
    dropped. `zero_state` draws the mask: a new sequence has a new one, a carried state keeps its
    own. So does one from evaluation, which is all ones. Masks come from PyTorch's global generator,
    as those of :class:`torch.nn.Dropout` do. To start from an h and c of your own, use
    ``cell.zero_state(x_t)._replace(h=h, c=c)``.

    ========== ====================== ================
    Symbol     Parameter              Shape
    ========== ====================== ================
    W          ``weight_ih``          (4H, D): i,f,g,o
    U          ``weight_hh``          (4H, H): i,f,g,o
    b          ``bias_ih + bias_hh``  (4H,): i,f,g,o
    ========== ====================== ================

    Args:
        p: Probability of dropping a unit, from 0 to below 1.
        on: "hidden" or "candidate".
        resample: When a new mask is drawn: at the start of each "sequence", or at each "step".
    """

    state_type = DropoutState
    options = ("p", "on", "resample")

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        p: float = 0.5,
        on: DropoutTarget = "hidden",
        resample: Resample = "sequence",
    ) -> None:
        p = check_number("p, a probability,", p, 0, below=1)
        check_choice("on", on, get_args(DropoutTarget))
        check_choice("resample", resample, get_args(Resample))
        super().__init__(input_size, hidden_size, bias, device, dtype)
        self.p, self.on, self.resample = p, on, resample

    def zero_state(self, input: Tensor) -> DropoutState:
        """Return h_0 = c_0 = 0 and a fresh mask, for an input of shape (…, D)."""
        h, c = self._zeros(input), self._zeros(input)
        return DropoutState(h, c, self._mask(h))

    def step(self, x_t: Tensor, state: DropoutState) -> tuple[DropoutState, Gates]:
        """Advance by one step and return the gates as well, in the form that `unroll` takes.

        The gates are those before the mask.
        """
        self._check_step(x_t, state)
        mask = state.mask
        if not self.training:
            mask = torch.ones_like(mask)
        elif self.resample == "step":
            mask = self._mask(state.h)
        h = state.h * mask if self.on == "hidden" else state.h
        (h_t, c_t), gates = lstm_step(x_t, LSTMState(h, state.c), *self.weights)
        if self.on == "candidate":
            c_t = gates.f * state.c + gates.i * mask * gates.g
            h_t = gates.o * c_t.tanh()
        return DropoutState(h_t, c_t, state.mask if not self.training else mask), gates

    def _mask(self, like: Tensor) -> Tensor:
        """Draw a mask, or return ones in evaluation."""
        if not self.training:
            return torch.ones_like(like)
        return torch.full_like(like, 1 - self.p).bernoulli() / (1 - self.p)


class ZoneoutLSTMCell(VariantCell):
    """An LSTM some units of which skip a step at random :cite:p:`krueger2017`.

    Equation :eq:`zoneout`: c_t = keep_c * c_{t-1} + (1 - keep_c) * c̃, and h_t alike, with (h̃, c̃)
    what the plain LSTM would carry on; h̃ is made from c̃. While training, keep_c and keep_h are
    drawn anew for each unit and step: 1 with the probability of the rate, otherwise 0. In
    evaluation they are the rates themselves, their expectation. They come from PyTorch's global
    generator.

    ========== ====================== ================
    Symbol     Parameter              Shape
    ========== ====================== ================
    W          ``weight_ih``          (4H, D): i,f,g,o
    U          ``weight_hh``          (4H, H): i,f,g,o
    b          ``bias_ih + bias_hh``  (4H,): i,f,g,o
    ========== ====================== ================

    Args:
        zoneout_h: Rate of h, from 0 to 1.
        zoneout_c: Rate of c, from 0 to 1.
    """

    options = ("zoneout_h", "zoneout_c")

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        zoneout_h: float = 0.05,
        zoneout_c: float = 0.5,
    ) -> None:
        zoneout_h = check_number("zoneout_h, a probability,", zoneout_h, 0, 1)
        zoneout_c = check_number("zoneout_c, a probability,", zoneout_c, 0, 1)
        super().__init__(input_size, hidden_size, bias, device, dtype)
        self.zoneout_h, self.zoneout_c = zoneout_h, zoneout_c

    def step(self, x_t: Tensor, state: LSTMState) -> tuple[LSTMState, ZoneoutGates]:
        """Advance by one step and return the gates as well, in the form that `unroll` takes."""
        (h_new, c_new), gates = lstm_step(x_t, state, *self.weights)
        keep_h, keep_c = self._keep(h_new, self.zoneout_h), self._keep(c_new, self.zoneout_c)
        c_t = keep_c * state.c + (1 - keep_c) * c_new
        h_t = keep_h * state.h + (1 - keep_h) * h_new
        return LSTMState(h_t, c_t), ZoneoutGates(*gates, keep_h, keep_c)

    def _keep(self, like: Tensor, rate: float) -> Tensor:
        """Draw which units stay as they were, or return the expectation in evaluation."""
        share = torch.full_like(like, rate)
        return share.bernoulli() if self.training else share
