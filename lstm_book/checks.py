"""The ground floor of argument checks: one mistake has one error, wherever it is made.

A wrong type is a TypeError, a value or rank that cannot be a ValueError, a size, dtype or device
that does not fit the rest a RuntimeError, as torch has it. Every message says what was expected and
what came. Check shapes before dtypes, as torch does.
"""

import math
import operator
import os
from collections.abc import Collection, Sequence
from numbers import Real
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")


def check_type(name: str, value: T, kinds: type[Any] | tuple[type[Any], ...], wanted: str) -> T:
    """Raise TypeError unless `value` is one of these kinds; `wanted` says them in words."""
    if not isinstance(value, kinds):
        raise TypeError(f"expected {name} to be {wanted}, got {type(value).__name__}")
    return value


def check_whole(name: str, value: object, least: int | None = None, most: int | None = None) -> int:
    """Return a whole number; NumPy's do as well, True and 3.0 do not.

    Raises:
        TypeError: If it is no whole number.
        ValueError: If it is below `least` or above `most`.
    """
    try:
        if isinstance(value, bool | Tensor):
            raise TypeError
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"expected {name} to be a whole number, got {_came(value)}") from None
    if (least is not None and number < least) or (most is not None and number > most):
        bounds = "" if least is None else f" from {least}"
        bounds += " on" if most is None else f" to {most}"
        raise ValueError(f"expected {name} to be a whole number{bounds}, got {number}")
    return number


def check_number(
    name: str,
    value: object,
    least: float = -math.inf,
    most: float = math.inf,
    *,
    above: float = -math.inf,
    below: float = math.inf,
) -> float:
    """Return a finite number; NumPy's do as well, True does not.

    Raises:
        TypeError: If it is no number.
        ValueError: If it is NaN, infinite, or outside the bounds.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"expected {name} to be a number, got {_came(value)}")
    number = float(value)
    if not (math.isfinite(number) and least <= number <= most and above < number < below):
        bounds = [
            f"{words} {bound:g}"
            for words, bound in (
                ("at least", least),
                ("above", above),
                ("at most", most),
                ("below", below),
            )
            if math.isfinite(bound)
        ]
        wanted = " and ".join(bounds)
        raise ValueError(
            f"expected {name} to be a finite number{', ' if wanted else ''}{wanted}, got {number}"
        )
    return number


def check_choice(name: str, value: T, choices: Collection[T]) -> T:
    """Raise ValueError unless `value` is one of the choices."""
    if not any(
        value is choice or (type(value) is type(choice) and value == choice) for choice in choices
    ):
        raise ValueError(
            f"expected {name} to be one of {', '.join(map(repr, choices))}, got {value!r}"
        )
    return value


def check_path(name: str, value: object) -> Path:
    """Return a path, given as one or as text.

    Raises:
        TypeError: If it is neither.
    """
    if not isinstance(value, str | os.PathLike):
        raise TypeError(f"expected {name} to be a path or text, got {type(value).__name__}")
    return Path(value)


def check_tensor(name: str, value: object) -> Tensor:
    """Raise TypeError unless `value` is a tensor."""
    if not isinstance(value, Tensor):
        raise TypeError(f"expected {name} to be a torch.Tensor, got {type(value).__name__}")
    return value


def check_states(name: str, value: object, fields: Sequence[str]) -> tuple[Any, ...]:
    """Return the states given as a tuple or list, one for each field; what each is, is not asked.

    Raises:
        TypeError: If it is neither tuple nor list.
        RuntimeError: If it has another number of states.
    """
    words = ", ".join(fields)
    if not isinstance(value, tuple | list):
        raise TypeError(f"expected {name} to be a tuple ({words}), got {type(value).__name__}")
    if len(value) != len(fields):
        raise RuntimeError(f"expected {name} to be ({words}), got {len(value)} states")
    return tuple(value)


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
    """Raise RuntimeError unless `value` has the reference's dtype and device.

    Under autocast, dtypes that it brings to the same one do.
    """
    if value.dtype != reference.dtype and cast_dtype(value) != cast_dtype(reference):
        raise RuntimeError(
            f"expected {name} of dtype {reference.dtype}, as {reference_name}, got {value.dtype}"
        )
    if value.device != reference.device:
        raise RuntimeError(
            f"expected {name} on device {reference.device}, as {reference_name}, got {value.device}"
        )


def cast_dtype(tensor: Tensor) -> torch.dtype:
    """Return the dtype in which a matrix product takes a tensor: under autocast, maybe another."""
    kind = tensor.device.type
    if not torch.amp.is_autocast_available(kind) or not torch.is_autocast_enabled(kind):
        return tensor.dtype
    if not tensor.is_floating_point() or tensor.dtype == torch.float64:
        return tensor.dtype
    return torch.get_autocast_dtype(kind)


def _came(value: object) -> str:
    """Say what came: the type, and the value where it is short."""
    words = repr(value)
    kind = type(value).__name__
    return f"{kind} {words}" if len(words) <= 40 and kind not in words else kind
