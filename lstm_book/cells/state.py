"""What a step carries on and what it shows: named tuples, so that code reads like the text."""

from typing import Any, NamedTuple

from torch import Tensor, serialization
from torch.utils import _pytree


class LSTMState(NamedTuple):
    """The state an LSTM carries from one step to the next, in PyTorch's order.

    Attributes:
        h: Hidden state h_t, the output of the step. Shape (B, H), or (T, B, H) stacked over time.
        c: Cell state c_t, the memory. Same shape.
    """

    h: Tensor
    c: Tensor


class Gates(NamedTuple):
    """The activated gates of one LSTM step, in PyTorch's weight order.

    Attributes:
        i: Input gate, in (0, 1). Shape (B, H), or (T, B, H) stacked over time.
        f: Forget gate, in (0, 1).
        g: Candidate, in (-1, 1). The series and many papers write c̃.
        o: Output gate, in (0, 1).
    """

    i: Tensor
    f: Tensor
    g: Tensor
    o: Tensor


class Gates1997(NamedTuple):
    """The activated gates of one step of the 1997 LSTM, which has no forget gate.

    Attributes:
        i: Input gate, in (0, 1). Shape (B, H), or (T, B, H) stacked over time.
        g: Squashed input, in (-2, 2).
        o: Output gate, in (0, 1).
    """

    i: Tensor
    g: Tensor
    o: Tensor


def register_records(*records: type[Any]) -> None:
    """Let named tuples be saved and loaded: in a `torch.export` programme, and by `torch.load`.

    Without a serialised name, a saved programme that returns one cannot be loaded. `torch.load`
    refuses by default whatever it does not know.
    """
    for record in records:
        _pytree._register_namedtuple(record, serialized_type_name=f"lstm_book.{record.__name__}")
    serialization.add_safe_globals(list(records))


register_records(LSTMState, Gates, Gates1997)
