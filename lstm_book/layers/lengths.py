"""Sequences of different lengths in one batch."""

import torch
from torch import Tensor


def valid_steps(lengths: Tensor, T: int) -> Tensor:
    """Return which steps of each sequence are its own, (T, B), True before its length.

    >>> valid_steps(torch.tensor([1, 3]), T=3).int()
    tensor([[1, 1],
            [0, 1],
            [0, 1]], dtype=torch.int32)
    """
    return torch.arange(T, device=lengths.device)[:, None] < lengths


def check_lengths(lengths: object, T: int, B: int) -> Tensor:
    """Check lengths against a padded batch; return them as a tensor of int64 on the CPU.

    Raises:
        TypeError: If they are no tensor or list of whole numbers.
        RuntimeError: If there is not one per sequence, or one is below 1 or above T.
    """
    try:
        tensor = torch.as_tensor(lengths)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(
            f"expected lengths to be a tensor or list of whole numbers, got {lengths!r}"
        ) from error
    if tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool:
        raise TypeError(f"expected lengths to be whole numbers, got dtype {tensor.dtype}")
    if tuple(tensor.shape) != (B,):
        raise RuntimeError(
            f"expected one length for each of {B} sequences, got shape {tuple(tensor.shape)}"
        )
    tensor = tensor.to("cpu", torch.int64)
    for index, length in enumerate(tensor.tolist()):
        if not 1 <= length <= T:
            raise RuntimeError(
                f"expected lengths from 1 to T={T}, got {length} for sequence {index}"
            )
    return tensor
