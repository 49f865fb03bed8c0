"""Which gates there are, and what they look at: 1997, peepholes, coupled gates, Greff's eight."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor

from lstm_book.cells.modules import VariantCell
from lstm_book.cells.state import Gates, Gates1997, LSTMState, register_records
from lstm_book.cells.step import lstm_1997_step
from lstm_book.checks import check_choice

GreffVariant = Literal["V", "NIG", "NFG", "NOG", "NIAF", "NOAF", "NP", "CIFG", "FGR"]


class FGRState(NamedTuple):
    """The state of an LSTM with full gate recurrence: its gates look at the gates of before.

    Attributes:
        h: Hidden state h_t. Shape (B, H), or (T, B, H) stacked over time.
        c: Cell state c_t.
        i: Input gate i_t.
        f: Forget gate f_t.
        o: Output gate o_t.
    """

    h: Tensor
    c: Tensor
    i: Tensor
    f: Tensor
    o: Tensor


class PeepholeGates(NamedTuple):
    """The activated gates of one LSTM step whose gates may see more than x_t and h_{t-1}.

    They are read as `Gates` are. That they are none says that the equations are others: those of
    the plain LSTM's gradients and Jacobians do not hold for them.

    Attributes:
        i: Input gate, in (0, 1). Shape (B, H), or (T, B, H) stacked over time.
        f: Forget gate, in (0, 1).
        g: Candidate, in (-1, 1), if it is squashed.
        o: Output gate, in (0, 1).
    """

    i: Tensor
    f: Tensor
    g: Tensor
    o: Tensor


register_records(FGRState, PeepholeGates)


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


class _Change(NamedTuple):
    """What one of Greff's variants does otherwise than the vanilla LSTM."""

    without: str = ""  # the gate that has no parameters
    coupled: bool = False
    peepholes: bool = True
    recurrent_gates: bool = False
    squash_g: Callable[[Tensor], Tensor] = torch.tanh
    squash_c: Callable[[Tensor], Tensor] = torch.tanh


def _as_it_is(value: Tensor) -> Tensor:
    """Leave a number unsquashed."""
    return value


CHANGES: dict[GreffVariant, _Change] = {
    "V": _Change(),
    "NIG": _Change(without="i"),
    "NFG": _Change(without="f"),
    "NOG": _Change(without="o"),
    "NIAF": _Change(squash_g=_as_it_is),
    "NOAF": _Change(squash_c=_as_it_is),
    "NP": _Change(peepholes=False),
    "CIFG": _Change(without="f", coupled=True),
    "FGR": _Change(recurrent_gates=True),
}


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
        variant: One of the names above.
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
        self.variant, change = variant, CHANGES[variant]
        self.rows = "".join(gate for gate in "ifgo" if gate != change.without)
        super().__init__(input_size, hidden_size, bias, device, dtype)
        if change.peepholes:
            self.weight_ch = self._parameter((self.gates - 1) * hidden_size)
        if change.recurrent_gates:
            self.state_type = FGRState
            self.weight_gg = self._parameter(3 * hidden_size, 3 * hidden_size)

    def step(self, x_t: Tensor, state: Any) -> tuple[Any, PeepholeGates]:
        """Advance by one step and return the gates as well, in the form that `unroll` takes."""
        self._check_step(x_t, state)
        change = CHANGES[self.variant]
        a = dict(zip(self.rows, self.pre_activations(x_t, state.h), strict=True))
        if change.recurrent_gates:
            before = torch.cat([state.i, state.f, state.o], dim=-1) @ self._read("weight_gg").T
            for gate, more in zip("ifo", before.chunk(3, dim=-1), strict=True):
                a[gate] = a[gate] + more
        looking = self.rows.replace("g", "")
        p: dict[str, Any] = dict.fromkeys(looking, 0.0)
        if change.peepholes:
            peepholes = self._read("weight_ch").to(a["g"].dtype).chunk(len(looking))
            p = dict(zip(looking, peepholes, strict=True))

        def opened(gate: str, c: Tensor) -> Tensor:
            """Return a gate that looks at c; one that is not there stands open."""
            return (a[gate] + p[gate] * c).sigmoid() if gate in a else torch.ones_like(c)

        i_t = opened("i", state.c)
        f_t = 1 - i_t if change.coupled else opened("f", state.c)
        g_t = change.squash_g(a["g"])
        c_t = f_t * state.c + i_t * g_t
        o_t = opened("o", c_t)
        h_t = o_t * change.squash_c(c_t)
        after = (i_t, f_t, o_t) if change.recurrent_gates else ()
        return self.state_type(h_t, c_t, *after), PeepholeGates(i_t, f_t, g_t, o_t)
