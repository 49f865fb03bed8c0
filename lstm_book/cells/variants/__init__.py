"""LSTMs with something added, taken away or replaced; each named by its paper."""

from lstm_book.cells.variants.exponential import SLSTMCell, SLSTMGates, SLSTMState
from lstm_book.cells.variants.gating import (
    CoupledLSTMCell,
    FGRState,
    GreffLSTMCell,
    LSTM1997Cell,
    PeepholeGates,
    PeepholeLSTMCell,
)
from lstm_book.cells.variants.regularised import (
    DropoutState,
    LayerNormLSTMCell,
    RecurrentDropoutLSTMCell,
    ZoneoutGates,
    ZoneoutLSTMCell,
)
from lstm_book.cells.variants.relatives import (
    GRUCell,
    GRUGates,
    JANETCell,
    JANETGates,
    MinLSTMCell,
    MinLSTMGates,
    linear_scan,
)

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
    "ZoneoutGates",
    "ZoneoutLSTMCell",
    "linear_scan",
]
