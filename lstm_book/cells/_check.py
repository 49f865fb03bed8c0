"""Checks of public entries: the error class that torch raises for the mistake, our message."""

from collections.abc import Sequence

from torch import Tensor


def check_tensor(name: str, value: object) -> Tensor:
    """Raise TypeError unless `value` is a tensor."""
    if not isinstance(value, Tensor):
        raise TypeError(f"expected {name} to be a torch.Tensor, got {type(value).__name__}")
    return value


def check_shape(name: str, value: object, dims: str, sizes: Sequence[int | None]) -> Tensor:
    """Check a tensor's rank and sizes.

    Args:
        name: What the caller knows the tensor as.
        value: The candidate.
        dims: The dimensions' letters, such as "T B D".
        sizes: The expected sizes, None where any size will do.

    Raises:
        TypeError: If it is not a tensor.
        ValueError: If it has the wrong number of dimensions.
        RuntimeError: If a size is wrong.
    """
    tensor = check_tensor(name, value)
    letters = dims.split()
    got = tuple(tensor.shape)
    wanted = ", ".join(
        letter if size is None else f"{letter}={size}"
        for letter, size in zip(letters, sizes, strict=True)
    )
    if len(got) != len(sizes):
        raise ValueError(
            f"expected {name} of shape ({wanted}), {len(sizes)}-D, got {len(got)}-D of shape {got}"
        )
    if any(size is not None and size != n for size, n in zip(sizes, got, strict=True)):
        raise RuntimeError(f"expected {name} of shape ({wanted}), got {got}")
    return tensor


def check_like(name: str, value: Tensor, reference_name: str, reference: Tensor) -> None:
    """Raise RuntimeError unless `value` has the reference's dtype and device."""
    if value.dtype != reference.dtype:
        raise RuntimeError(
            f"expected {name} of dtype {reference.dtype}, as {reference_name}, got {value.dtype}"
        )
    if value.device != reference.device:
        raise RuntimeError(
            f"expected {name} on device {reference.device}, as {reference_name}, got {value.device}"
        )
