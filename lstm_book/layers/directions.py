"""What a bidirectional layer returns, one direction at a time."""

from typing import NamedTuple

from torch import Tensor

from lstm_book.checks import check_tensor


class DirectionOutput(NamedTuple):
    """What one direction of a bidirectional layer returned.

    Attributes:
        output: The last layer's hidden states at every step: (T, B, H), or as the layer's output is
            laid out.
        h_n: Each layer's hidden state after the last step that this direction took, (L, B, H); for
            the backward direction that is the first step of the sequence.
    """

    output: Tensor
    h_n: Tensor


def directions(output: Tensor, h_n: Tensor) -> tuple[DirectionOutput, DirectionOutput]:
    """Take what a bidirectional layer returns apart into its two directions.

    Works for any layer of PyTorch's layout: LSTM, GRU or RNN, its own or ours, with `batch_first`
    or without, also for a single sequence.

    Args:
        output: The layer's outputs, (T, B, 2H), (B, T, 2H) or (T, 2H).
        h_n: Its last hidden states, (2L, B, H), or (2L, H) for a single sequence.

    Returns:
        The forward and the backward direction, as views.

    Raises:
        TypeError: If one is no tensor, such as a packed sequence.
        ValueError: If they have a wrong number of dimensions.
        RuntimeError: If the output has not twice as many features as h_n, or h_n not two rows for
            each layer: then there are not two directions. Or if their batch sizes differ.

    >>> import torch
    >>> output, (h_n, c_n) = torch.nn.LSTM(3, 5, bidirectional=True)(torch.zeros(7, 2, 3))
    >>> forward, backward = directions(output, h_n)
    >>> forward.output.shape, forward.h_n.shape
    (torch.Size([7, 2, 5]), torch.Size([1, 2, 5]))
    >>> torch.equal(backward.output[0], backward.h_n[-1])
    True
    """
    dims = check_tensor("output", output).dim()
    if check_tensor("h_n", h_n).dim() != dims or dims not in (2, 3):
        raise ValueError(
            "expected output and h_n of 3 dimensions, "
            "or of 2 for a single sequence, got shapes "
            f"{tuple(output.shape)} and {tuple(h_n.shape)}"
        )
    H = h_n.shape[-1]
    if output.shape[-1] != 2 * H or len(h_n) == 0 or len(h_n) % 2:
        raise RuntimeError(
            "expected the output and h_n of a bidirectional layer, "
            "(T, B, 2H) and (2L, B, H), "
            f"got shapes {tuple(output.shape)} and {tuple(h_n.shape)}"
        )
    if dims == 3 and h_n.shape[1] not in output.shape[:2]:  # B comes second, or batch_first
        raise RuntimeError(
            "expected output and h_n of one batch, "
            f"got shapes {tuple(output.shape)} and {tuple(h_n.shape)}"
        )
    forward = DirectionOutput(output[..., :H], h_n[0::2])
    return forward, DirectionOutput(output[..., H:], h_n[1::2])
