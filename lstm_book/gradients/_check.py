"""Checks that the entries of this room share."""

from typing import Any

from torch import Tensor

from lstm_book.cells import Gates
from lstm_book.layers import Unrolled


def check_kind(run: Unrolled[Any, Any], gates: int) -> None:
    """Raise TypeError unless it is the run of an LSTM (4 gates) or of a simple RNN (1)."""
    wanted = "an LSTM with forget gate" if gates == 4 else "a simple RNN"
    fits = isinstance(run.gates, Gates) if gates == 4 else isinstance(run.states, Tensor)
    if not fits:
        came = f"{type(run.states).__name__} states and {type(run.gates).__name__} gates"
        raise TypeError(f"expected the run of {wanted}, got one with {came}")
