"""Read a long sequence in pieces, and keep only what is between them."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from lstm_book.checks import check_tensor, check_type, check_whole
from lstm_book.layers.recurrent import Recurrent


def read_in_chunks(layer: nn.RNNBase | Recurrent, x: Tensor, chunk: int) -> Tensor:
    """Return the last output of a recurrent layer, with less memory for the way back.

    Backpropagation keeps everything that every step computed: memory grows with T. Here the
    sequence is read in chunks and only the states between them are kept; on the way back each chunk
    is computed once more. With chunks of about the square root of T, memory beyond the input grows
    with the square root of T :cite:p:`chen2016`, for about one more forward pass. Results and
    gradients are the same.

    Args:
        layer: A one-directional LSTM, GRU or RNN of torch, `lstm_book.layers.LSTM`, or
            `lstm_book.layers.Recurrent`.
        x: Inputs, (T, B, D), or (B, T, D) if the layer is `batch_first`.
        chunk: Steps of a chunk, at least 1.

    Returns:
        The last layer's output at the last step, (B, H).

    Raises:
        TypeError: If the layer is none of these, x no tensor, or the chunk no whole number.
        ValueError: If the chunk is below 1, x is not 3-D, or the layer reads backwards too.
        RuntimeError: As the layer, also if there is no step to read.
    """
    check_type("layer", layer, (nn.RNNBase, Recurrent), "an LSTM, GRU, RNN or Recurrent")
    chunk = check_whole("chunk", chunk, 1)
    if layer.bidirectional:
        raise ValueError("expected a layer with one direction, got a bidirectional one")
    if check_tensor("x", x).dim() != 3:
        form = "(B, T, D)" if layer.batch_first else "(T, B, D)"
        raise ValueError(f"expected x of shape {form}, got {tuple(x.shape)}")
    state: Any = None
    output = x
    time = int(layer.batch_first)
    for part in torch.split(x, min(chunk, x.shape[time] or 1), dim=time):
        output, state = checkpoint(_read, layer, part, state, use_reentrant=False)
    return output


def _read(layer: nn.RNNBase | Recurrent, part: Tensor, state: Any) -> tuple[Tensor, Any]:
    """Read one chunk; keep of its outputs the last one."""
    output, state = layer(part, state)
    return output.select(int(layer.batch_first), -1), state
