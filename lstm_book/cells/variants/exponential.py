"""The sLSTM: exponential gates, a normaliser, and a stabiliser that keeps them in range."""

from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor
from torch.nn import functional

from lstm_book.cells.modules import VariantCell
from lstm_book.cells.state import register_records
from lstm_book.checks import check_choice

ForgetGate = Literal["sigmoid", "exp"]


class SLSTMState(NamedTuple):
    """The state of an sLSTM. Its c and n are those of the paper's plain equations times e^-m.

    Attributes:
        h: Hidden state h_t. Shape (B, H), or (T, B, H) stacked over time.
        c: Cell state.
        n: Normaliser state, at least 1 from the first step on.
        m: Stabiliser state: the exponent taken out of c and n; -∞ before the first step.
    """

    h: Tensor
    c: Tensor
    n: Tensor
    m: Tensor


class SLSTMGates(NamedTuple):
    """The gates of one sLSTM step, after stabilisation.

    Attributes:
        i: Input gate, in (0, 1]. Shape (B, H), or (T, B, H) stacked over time.
        f: Forget gate, in [0, 1]. One of i and f is 1.
        g: Candidate, in (-1, 1); the paper writes z.
        o: Output gate, in (0, 1).
    """

    i: Tensor
    f: Tensor
    g: Tensor
    o: Tensor


register_records(SLSTMState, SLSTMGates)


class SLSTMCell(VariantCell):
    """The sLSTM of Beck et al. :cite:p:`beck2024`: an input gate without an upper bound.

    Equation :eq:`slstm-step`: h_t = σ(a_o) * c_t / n_t. Its forget gate is σ(a_f), or exp(a_f) with
    ``forget="exp"``. c_t / n_t is a weighted mean of candidates. m_t is taken out of numerator and
    denominator alike, so it changes no output; it only keeps the exponentials from overflowing.
    Before the first step nothing is stored: c_0 = n_0 = 0 and m_0 = -∞, hence i_1 = 1, and n_t is
    never below 1.

    The candidate g_t is the paper's z_t. U is full: one head, in the paper's terms.

    ========== ====================== ================
    Symbol     Parameter              Shape
    ========== ====================== ================
    W          ``weight_ih``          (4H, D): i,f,g,o
    U          ``weight_hh``          (4H, H): i,f,g,o
    b          ``bias_ih + bias_hh``  (4H,): i,f,g,o
    ========== ====================== ================

    Args:
        forget: "sigmoid" or "exp".
    """

    state_type = SLSTMState
    options = ("forget",)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        forget: ForgetGate = "sigmoid",
    ) -> None:
        check_choice("forget", forget, get_args(ForgetGate))
        super().__init__(input_size, hidden_size, bias, device, dtype)
        self.forget = forget

    def zero_state(self, input: Tensor) -> SLSTMState:
        """Return h_0 = c_0 = n_0 = 0 and m_0 = -∞, for an input of shape (…, D)."""
        h, c, n = (self._zeros(input) for _ in range(3))
        return SLSTMState(h, c, n, torch.full_like(h, -torch.inf))

    def step(self, x_t: Tensor, state: SLSTMState) -> tuple[SLSTMState, SLSTMGates]:
        """Advance by one step and return the gates as well, in the form that `unroll` takes."""
        self._check_step(x_t, state)
        a_i, a_f, a_g, a_o = self.pre_activations(x_t, state.h)
        log_f = functional.logsigmoid(a_f) if self.forget == "sigmoid" else a_f
        m_t = torch.maximum(log_f + state.m, a_i)
        i_t, f_t = (a_i - m_t).exp(), (log_f + state.m - m_t).exp()
        g_t, o_t = a_g.tanh(), a_o.sigmoid()
        c_t = f_t * state.c + i_t * g_t
        n_t = f_t * state.n + i_t
        h_t = o_t * c_t / n_t
        return SLSTMState(h_t, c_t, n_t, m_t), SLSTMGates(i_t, f_t, g_t, o_t)
