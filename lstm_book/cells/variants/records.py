"""What the variants carry from step to step, and what a step of theirs shows.

A variant that carries no more than (h, c) uses `LSTMState`; one that carries h alone uses a tensor,
as `torch.nn.GRUCell` does.
"""

from typing import NamedTuple

from torch import Tensor

from lstm_book.cells.state import register_records


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


class GRUGates(NamedTuple):
    """The activated gates of one GRU step, in PyTorch's weight order.

    Attributes:
        r: Reset gate, in (0, 1). Shape (B, H), or (T, B, H) stacked over time.
        z: Update gate, in (0, 1): the share of h_{t-1} that stays.
        n: Candidate ("new"), in (-1, 1).
    """

    r: Tensor
    z: Tensor
    n: Tensor


class JANETGates(NamedTuple):
    """The activated gates of one JANET step.

    Attributes:
        i: What the candidate is multiplied by, 1 - σ(a_f - β). Shape (B, H), or (T, B, H).
        f: Forget gate, σ(a_f).
        g: Candidate, in (-1, 1).
    """

    i: Tensor
    f: Tensor
    g: Tensor


class MinLSTMGates(NamedTuple):
    """The gates of one minLSTM step, normalised.

    Attributes:
        i: Input gate i', in (0, 1); i' + f' = 1. Shape (B, H), or (T, B, H) stacked over time.
        f: Forget gate f', in (0, 1).
        g: Candidate; the paper writes h̃.
    """

    i: Tensor
    f: Tensor
    g: Tensor


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


RECORDS = (
    FGRState,
    DropoutState,
    PeepholeGates,
    ZoneoutGates,
    GRUGates,
    JANETGates,
    MinLSTMGates,
    SLSTMState,
    SLSTMGates,
)
register_records(*RECORDS)
