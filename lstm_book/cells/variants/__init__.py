"""LSTMs with something added, taken away or replaced; each named by its paper."""

from lstm_book.cells.variants._base import VariantCell
from lstm_book.cells.variants.exponential import SLSTMCell
from lstm_book.cells.variants.gating import (
    CoupledLSTMCell,
    GreffLSTMCell,
    LSTM1997Cell,
    PeepholeLSTMCell,
)
from lstm_book.cells.variants.records import (
    DropoutState,
    FGRState,
    GRUGates,
    JANETGates,
    MinLSTMGates,
    PeepholeGates,
    SLSTMGates,
    SLSTMState,
    ZoneoutGates,
)
from lstm_book.cells.variants.regularised import (
    LayerNormLSTMCell,
    RecurrentDropoutLSTMCell,
    ZoneoutLSTMCell,
)
from lstm_book.cells.variants.relatives import GRUCell, JANETCell, MinLSTMCell, linear_scan

__all__ = [
    "CoupledLSTMCell",
    "DropoutState",
    "FGRState",
    "GRUCell",
    "GRUGates",
    "GreffLSTMCell",
    "JANETCell",
    "JANETGates",
    "LSTM1997Cell",
    "LayerNormLSTMCell",
    "MinLSTMCell",
    "MinLSTMGates",
    "PeepholeGates",
    "PeepholeLSTMCell",
    "RecurrentDropoutLSTMCell",
    "SLSTMCell",
    "SLSTMGates",
    "SLSTMState",
    "VariantCell",
    "ZoneoutGates",
    "ZoneoutLSTMCell",
    "linear_scan",
]
