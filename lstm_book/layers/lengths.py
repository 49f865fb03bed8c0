"""Sequences of different lengths in one batch."""

import torch
from torch import Tensor
from torch._C._functorch import get_unwrapped, is_functorch_wrapped_tensor
from torch._subclasses.fake_tensor import FakeTensor


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

    While a graph is captured their values are not there yet: the graph checks them when it runs.

    Raises:
        TypeError: If they are no tensor or list of whole numbers.
        RuntimeError: If there is not one per sequence, or one is below 1 or above T.
    """
    if isinstance(lengths, list | tuple):
        if any(isinstance(length, bool) for length in lengths):
            raise TypeError(f"expected lengths to be whole numbers, got {lengths!r}")
        lengths = lengths or torch.zeros(0, dtype=torch.int64)  # of an empty batch
    try:
        tensor = torch.as_tensor(lengths)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise TypeError(
            f"expected lengths to be a tensor or list of whole numbers, got {lengths!r}"
        ) from error
    if tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool:
        raise TypeError(f"expected lengths to be whole numbers, got dtype {tensor.dtype}")
    if tuple(tensor.shape) != (B,):
        raise RuntimeError(
            f"expected one length for each of {B} sequences, got shape {tuple(tensor.shape)}"
        )
    if tensor.is_meta:
        return tensor.to(torch.int64)
    tensor = tensor.to("cpu", torch.int64)
    if is_captured(tensor):
        fits = ((tensor >= 1) & (tensor <= T)).all()
        torch._assert_async(fits, f"expected lengths from 1 to T={T}")
        return tensor
    for index, length in enumerate(_values(tensor)):
        if not 1 <= length <= T:
            raise RuntimeError(
                f"expected lengths from 1 to T={T}, got {length} for sequence {index}"
            )
    return tensor


def is_captured(tensor: Tensor) -> bool:
    """Whether the tensor has no values: a graph is being captured, or sizes alone are computed."""
    return torch.compiler.is_compiling() or isinstance(tensor, FakeTensor) or tensor.is_meta


def is_batched(tensor: Tensor) -> bool:
    """Whether `torch.vmap` or the like has wrapped the tensor, so that it stands for many."""
    wrapped: bool = is_functorch_wrapped_tensor(tensor)
    return wrapped


def _values(tensor: Tensor) -> list[int]:
    """Return all values, also of a tensor that stands for many."""
    while is_functorch_wrapped_tensor(tensor):
        tensor = get_unwrapped(tensor)
    values: list[int] = tensor.flatten().tolist()
    return values
