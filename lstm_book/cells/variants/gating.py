"""Which gates there are, and what they look at: 1997, peepholes, coupled gates, Greff's eight."""

from typing import Any, Literal, get_args

import torch
from torch import Tensor

from lstm_book.cells.state import Gates, Gates1997, LSTMState
from lstm_book.cells.step import lstm_1997_step
from lstm_book.cells.variants._base import VariantCell
from lstm_book.cells.variants.records import FGRState, PeepholeGates
from lstm_book.checks import check_choice

GreffVariant = Literal["V", "NIG", "NFG", "NOG", "NIAF", "NOAF", "NP", "CIFG", "FGR"]


class LSTM1997Cell(VariantCell):
    """The LSTM of 1997 :cite:p:`hochreiter1997`, without a forget gate; equation :eq:`lstm-1997`.

    Its memory can only be added to. `lstm_1997_step` holds the equations, the paper's squashing
    functions among them. Left out are the paper's memory blocks of several cells (one here), and
    the recurrent links from gate to gate.

    ========== ====================== ==============
    Symbol     Parameter              Shape
    ========== ====================== ==============
    W          ``weight_ih``          (3H, D): i,g,o
    U          ``weight_hh``          (3H, H): i,g,o
    b          ``bias_ih + bias_hh``  (3H,): i,g,o
    ========== ====================== ==============

    Args:
        input_size: Features D of the input.
        hidden_size: Units H.
        bias: Whether to add b_ih and b_hh.
        device: Where to put the parameters.
        dtype: Their floating-point type.

    Raises:
        TypeError: If a size is no whole number, or another argument of a wrong type.
        RuntimeError: If a size is negative.
    """

    rows = "igo"

    def step(self, x_t: Tensor, state: LSTMState) -> tuple[LSTMState, Gates1997]:
        """Advance by one step and return the gates as well, in the form that `unroll` takes."""
        return lstm_1997_step(x_t, state, *self.weights)


class PeepholeLSTMCell(VariantCell):
    """An LSTM whose gates see the cell state :cite:p:`gers2000count,gers2002`.

    Equation :eq:`peephole-gates`: p_i * c_{t-1} joins a_i, p_f * c_{t-1} joins a_f and p_o * c_t
    joins a_o. The rest is as in :eq:`lstm-gates`, :eq:`lstm-cell` and :eq:`lstm-hidden`. The output
    gate sees the *new* cell state. Each unit sees its own cell only. The tanh of the output, which
    Gers and Schmidhuber drop together with this change, stays, as in Greff et al.
    :cite:p:`greff2017`.

    ========== ====================== ================
    Symbol     Parameter              Shape
    ========== ====================== ================
    W          ``weight_ih``          (4H, D): i,f,g,o
    U          ``weight_hh``          (4H, H): i,f,g,o
    b          ``bias_ih + bias_hh``  (4H,): i,f,g,o
    p          ``weight_ch``          (3H,): i,f,o
    ========== ====================== ================

    Args:
        input_size: Features D of the input.
        hidden_size: Units H.
        bias: Whether to add b_ih and b_hh.
        device: Where to put the parameters.
        dtype: Their floating-point type.

    Raises:
        TypeError: If a size is no whole number, or another argument of a wrong type.
        RuntimeError: If a size is negative.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, device, dtype)
        self.weight_ch = self._parameter(3 * hidden_size)

    def step(self, x_t: Tensor, state: LSTMState) -> tuple[LSTMState, PeepholeGates]:
        """Advance by one step and return the gates as well, in the form that `unroll` takes."""
        self._check_step(x_t, state)
        a_i, a_f, a_g, a_o = self.pre_activations(x_t, state.h)
        p_i, p_f, p_o = self._read("weight_ch").to(a_i.dtype).chunk(3)
        i_t, f_t = (a_i + p_i * state.c).sigmoid(), (a_f + p_f * state.c).sigmoid()
        g_t = a_g.tanh()
        c_t = f_t * state.c + i_t * g_t
        o_t = (a_o + p_o * c_t).sigmoid()
        h_t = o_t * c_t.tanh()
        return LSTMState(h_t, c_t), PeepholeGates(i_t, f_t, g_t, o_t)


class CoupledLSTMCell(VariantCell):
    """An LSTM that forgets as much as it writes :cite:p:`greff2017`: f_t = 1 - i_t.

    Equation :eq:`coupled-gate`. Otherwise the plain LSTM, without peepholes; with them it is
    ``GreffLSTMCell(variant="CIFG")``. The cell state is a moving average of candidates: from 0 it
    never leaves (-1, 1).

    ========== ====================== ==============
    Symbol     Parameter              Shape
    ========== ====================== ==============
    W          ``weight_ih``          (3H, D): i,g,o
    U          ``weight_hh``          (3H, H): i,g,o
    b          ``bias_ih + bias_hh``  (3H,): i,g,o
    ========== ====================== ==============

    Args:
        input_size: Features D of the input.
        hidden_size: Units H.
        bias: Whether to add b_ih and b_hh.
        device: Where to put the parameters.
        dtype: Their floating-point type.

    Raises:
        TypeError: If a size is no whole number, or another argument of a wrong type.
        RuntimeError: If a size is negative.
    """

    rows = "igo"

    def step(self, x_t: Tensor, state: LSTMState) -> tuple[LSTMState, Gates]:
        """Advance by one step and return the gates as well, in the form that `unroll` takes."""
        self._check_step(x_t, state)
        a_i, a_g, a_o = self.pre_activations(x_t, state.h)
        i_t, g_t, o_t = a_i.sigmoid(), a_g.tanh(), a_o.sigmoid()
        f_t = 1 - i_t
        c_t = f_t * state.c + i_t * g_t
        h_t = o_t * c_t.tanh()
        return LSTMState(h_t, c_t), Gates(i_t, f_t, g_t, o_t)


class GreffLSTMCell(VariantCell):
    """One of the nine LSTMs that Greff et al. compare :cite:p:`greff2017`.

    The baseline "V" has peepholes (it is `PeepholeLSTMCell`). Each other variant changes one thing:

    ======== ===============================================================
    Variant  Change
    ======== ===============================================================
    V        none: the vanilla LSTM of the paper
    NIG      no input gate: i_t = 1
    NFG      no forget gate: f_t = 1
    NOG      no output gate: o_t = 1
    NIAF     no input activation: g_t = a_g
    NOAF     no output activation: h_t = o_t * c_t
    NP       no peepholes: the LSTM of :eq:`lstm-gates`, `LSTMCell`
    CIFG     coupled input and forget gate, :eq:`coupled-gate`
    FGR      full gate recurrence, :eq:`gate-recurrence`
    ======== ===============================================================

    A gate that is not there has no parameters. In FGR the state carries the gates (`FGRState`),
    zero before the first step; everywhere else it is (h, c).

    ========== ====================== ======================================================
    Symbol     Parameter              Shape; rows in the order i,f,g,o, without missing gates
    ========== ====================== ======================================================
    W          ``weight_ih``          (4H, D), or (3H, D)
    U          ``weight_hh``          (4H, H), or (3H, H)
    b          ``bias_ih + bias_hh``  (4H,), or (3H,)
    p          ``weight_ch``          (3H,): i,f,o, or (2H,); none in NP
    R          ``weight_gg``          (3H, 3H): to i,f,o from i,f,o; FGR alone
    ========== ====================== ======================================================

    Args:
        input_size: Features D of the input.
        hidden_size: Units H.
        bias: Whether to add b_ih and b_hh.
        device: Where to put the parameters.
        dtype: Their floating-point type.
        variant: One of the names above.

    Raises:
        TypeError: If a size is no whole number, or another argument of a wrong type.
        ValueError: If there is no such variant.
        RuntimeError: If a size is negative.
    """

    options = ("variant",)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        variant: GreffVariant = "V",
    ) -> None:
        check_choice("variant", variant, get_args(GreffVariant))
        self.variant = variant
        missing = {"NIG": "i", "NFG": "f", "NOG": "o", "CIFG": "f"}.get(variant, "")
        self.rows = "".join(gate for gate in "ifgo" if gate != missing)
        super().__init__(input_size, hidden_size, bias, device, dtype)
        if variant != "NP":
            self.weight_ch = self._parameter((self.gates - 1) * hidden_size)
        if variant == "FGR":
            self.state_type = FGRState
            self.weight_gg = self._parameter(3 * hidden_size, 3 * hidden_size)

    def step(self, x_t: Tensor, state: Any) -> tuple[Any, PeepholeGates]:
        """Advance by one step and return the gates as well, in the form that `unroll` takes."""
        self._check_step(x_t, state)
        a = dict(zip(self.rows, self.pre_activations(x_t, state.h), strict=True))
        sigmoid_rows = self.rows.replace("g", "")
        p: dict[str, Any] = dict.fromkeys(sigmoid_rows, 0.0)
        if self.variant != "NP":
            peepholes = self._read("weight_ch").to(a["g"].dtype)
            p = dict(zip(sigmoid_rows, peepholes.chunk(len(sigmoid_rows)), strict=True))
        if self.variant == "FGR":
            before = torch.cat([state.i, state.f, state.o], dim=-1)
            R = self._read("weight_gg")
            for gate, more in zip("ifo", (before @ R.T).chunk(3, dim=-1), strict=True):
                a[gate] = a[gate] + more

        def opened(gate: str, c: Tensor) -> Tensor:
            """Return a gate that looks at c; one that is not there stands open."""
            return (a[gate] + p[gate] * c).sigmoid() if gate in a else torch.ones_like(c)

        i_t = opened("i", state.c)
        f_t = 1 - i_t if self.variant == "CIFG" else opened("f", state.c)
        g_t = a["g"] if self.variant == "NIAF" else a["g"].tanh()
        c_t = f_t * state.c + i_t * g_t
        o_t = opened("o", c_t)
        h_t = o_t * (c_t if self.variant == "NOAF" else c_t.tanh())
        after = FGRState(h_t, c_t, i_t, f_t, o_t) if self.variant == "FGR" else LSTMState(h_t, c_t)
        return after, PeepholeGates(i_t, f_t, g_t, o_t)
