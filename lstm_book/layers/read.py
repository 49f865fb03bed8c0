"""Read sequences with any recurrent layer: torch's, ours, or a cell in `Recurrent`."""

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from lstm_book.cells import LSTMState
from lstm_book.checks import check_tensor, check_type
from lstm_book.layers.arrange import any_weight
from lstm_book.layers.lengths import check_lengths
from lstm_book.layers.lstm import LSTM
from lstm_book.layers.recurrent import Recurrent

RecurrentLayer = nn.RNNBase | Recurrent


class Reading(NamedTuple):
    """What a layer said of some sequences.

    Attributes:
        output: The last layer's output at every step, (T, B, directions · H), or batch first as the
            layer is; zero beyond a length.
        state: What the layer carries, after each sequence's last own step; (h, c) by name where
            these are two.
    """

    output: Tensor
    state: Any

    @property
    def h(self) -> Tensor:
        """The hidden states after the last own step, (layers · directions, B, H)."""
        h: Tensor = self.state if isinstance(self.state, Tensor) else self.state.h
        return h


def read(layer: RecurrentLayer, x: Tensor, lengths: Any = None, state: Any = None) -> Reading:
    """Run a recurrent layer over sequences of different lengths.

    Args:
        layer: A :class:`torch.nn.LSTM`, :class:`torch.nn.GRU` or :class:`torch.nn.RNN`, a
            :class:`lstm_book.layers.LSTM`, or any cell in a :class:`lstm_book.layers.Recurrent`.
        x: Inputs, (T, B, D), or (B, T, D) if the layer has `batch_first`.
        lengths: How many steps each sequence has, (B,), in any order, from 1 to T; None if all have
            T. What lies beyond is never seen.
        state: What the layer carried before, as a call returned it; zeros if missing.

    Returns:
        The outputs and the state after each sequence's last own step.

    Raises:
        TypeError: If the layer is none of these, x no tensor, the state not what the layer
            carries, or lengths are no whole numbers.
        ValueError: As the layer, or if lengths come with an x that is not 3-D.
        RuntimeError: As the layer, or if a length is out of range.

    >>> gru = nn.GRU(input_size=3, hidden_size=5)
    >>> reading = read(gru, torch.zeros(7, 2, 3), lengths=[7, 4])
    >>> reading.output.shape, reading.h.shape
    (torch.Size([7, 2, 5]), torch.Size([1, 2, 5]))
    """
    check_layer("layer", layer)
    check_tensor("x", x)
    if state is not None and not isinstance(layer, LSTM | Recurrent):  # torch's check no types
        pair = isinstance(layer, nn.LSTM)
        if pair and not (isinstance(state, tuple | list) and len(state) == 2):
            raise TypeError(f"expected state to be (h, c), got {type(state).__name__}")
        for part in state if pair else (state,):
            check_tensor("state", part)
    if lengths is None:
        output, state = layer(x, state)
    elif isinstance(layer, LSTM | Recurrent):
        output, state = layer(x, state, lengths=lengths)
    else:
        if x.dim() != 3:
            raise ValueError(f"expected a batched 3-D input with lengths, got {x.dim()}-D")
        T, B = (x.shape[1], x.shape[0]) if layer.batch_first else x.shape[:2]
        steps = check_lengths(lengths, T, B)
        if B == 0:  # cannot be packed
            return read(layer, x, None, state)
        packed = pack_padded_sequence(x, steps, layer.batch_first, enforce_sorted=False)
        said, state = layer(packed, state)
        output, _ = pad_packed_sequence(said, layer.batch_first, total_length=T)
    if type(state) is tuple:
        state = LSTMState(*state)
    return Reading(output, state)


def check_layer(name: str, layer: object) -> RecurrentLayer:
    """Return a recurrent layer.

    Raises:
        TypeError: If it is none that `read` can run.
    """
    wanted = "a recurrent layer: torch's LSTM, GRU or RNN, lstm_book's LSTM, or a Recurrent"
    return cast(RecurrentLayer, check_type(name, layer, (nn.RNNBase, Recurrent), wanted))


def make_layer(
    make: Callable[..., RecurrentLayer],
    size: int,
    hidden_size: int,
    num_layers: int,
    dropout: float,
) -> RecurrentLayer:
    """Return a new layer for a model that reads one way, time first.

    Raises:
        TypeError: If what is made is no recurrent layer.
        ValueError: If it reads backwards too, or batch first.
    """
    if not callable(make):
        raise TypeError(f"expected layer to make a recurrent layer, got {type(make).__name__}")
    made = make(size, hidden_size, num_layers, dropout=dropout if num_layers > 1 else 0.0)
    check_layer("what layer makes", made)
    if made.bidirectional or made.batch_first:
        raise ValueError("expected a layer that reads one way, time first, got another")
    return made


def output_size(layer: RecurrentLayer) -> int:
    """Return how many numbers a layer puts out at each step."""
    return state_size(layer) * (1 + bool(layer.bidirectional))


def state_size(layer: RecurrentLayer) -> int:
    """Return how many numbers a layer's hidden state has."""
    return int(getattr(layer, "proj_size", 0) or layer.hidden_size)


def weight_like(layer: nn.Module) -> Tensor:
    """Return a floating-point tensor of the layer's, whose dtype and device its inputs have."""
    weight = any_weight(layer)
    return torch.empty(0) if weight is None else weight
