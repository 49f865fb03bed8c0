"""Layers of every kind that `lstm_book.dynamics` takes, and one step of each."""

import torch
from torch import nn

from lstm_book.cells import CoupledLSTMCell, GRUCell, LSTMCell
from lstm_book.layers import LSTM, Recurrent

KINDS = {
    "torch LSTM": lambda: nn.LSTM(2, 3),
    "projected LSTM": lambda: nn.LSTM(2, 3, proj_size=2),
    "our LSTM": lambda: LSTM(2, 3, batch_first=True),
    "GRU": lambda: nn.GRU(2, 3, batch_first=True),
    "GRU without biases": lambda: nn.GRU(2, 3, bias=False),
    "tanh RNN": lambda: nn.RNN(2, 3),
    "ReLU RNN": lambda: nn.RNN(2, 3, nonlinearity="relu"),
    "LSTM cell": lambda: Recurrent(LSTMCell(2, 3)),
    "GRU cell": lambda: Recurrent(GRUCell(2, 3)),
    "coupled cell": lambda: Recurrent(CoupledLSTMCell(2, 3)),
}


def layer_of(kind, seed=0):
    torch.manual_seed(seed)
    return KINDS[kind]()


def stepped(layer, x, state):
    """One step of the layer as a call takes it, from a state (K, H) of its form."""
    state = tuple(s[None] for s in state) if isinstance(state, tuple) else state[None]
    if isinstance(layer, Recurrent) and isinstance(state, tuple):
        state = type(layer.cells[0].zero_state(torch.zeros(1, 2).to(x)))(*state)
    batch = len(state[0][0]) if isinstance(state, tuple) else state.shape[1]
    rows = x.expand(batch, 1, -1) if layer.batch_first else x.expand(1, batch, -1)
    after = layer(rows, state)[1]
    return tuple(s[0] for s in after) if isinstance(after, tuple) else after[0]


def starts_of(layer, number=40):
    state = layer(torch.zeros(1, 1, 2))[1]
    draws = torch.Generator().manual_seed(1)
    sizes = [s.shape[-1] for s in (state if isinstance(state, tuple) else (state,))]
    drawn = [torch.randn(number, size, generator=draws).tanh() for size in sizes]
    return tuple(drawn) if isinstance(state, tuple) else drawn[0]
