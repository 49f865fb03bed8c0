"""Say in plain values what a run is of, so that two can be compared."""

import ctypes
import hashlib
import re
from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

MISSING = "nothing"


def describe(value: Any, depth: int = 4) -> Any:
    """Return plain values that say what something is, the same ones in every process.

    Numbers (NumPy's as well) and text are themselves. Arrays are told by a digest of their
    numbers, functions by their names, other things by their own `repr`, or by their class and what
    their public attributes are. Nothing is told by where it is in memory.
    """
    if depth < 0:
        return type(value).__qualname__
    for kind in (bool, int, float, str):  # not a subclass of theirs, as NumPy has
        if isinstance(value, kind):
            return kind(value) if value == value else "nan"
    if value is None:
        return None
    if isinstance(value, Tensor):
        held = value.detach().cpu().contiguous()
        return _array(ctypes.string_at(held.data_ptr(), held.nbytes), value)
    if hasattr(value, "dtype") and hasattr(value, "tobytes"):  # NumPy's, which need not be here
        return _array(value.tobytes(), value) if value.ndim else describe(value.item())
    if isinstance(value, Mapping):
        return {str(key): describe(part, depth - 1) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [describe(part, depth - 1) for part in value]
    if isinstance(value, set | frozenset):
        return sorted(str(describe(part, depth - 1)) for part in value)
    if callable(value) and hasattr(value, "__qualname__"):
        return value.__qualname__
    if getattr(type(value), "__repr__", None) != object.__repr__:
        return _words(value)
    public = {name: part for name, part in getattr(value, "__dict__", {}).items() if name[0] != "_"}
    return {"class": type(value).__qualname__, **describe(public, depth)}


def describe_model(model: nn.Module) -> dict[str, Any]:
    """Return a model's structure, and the names, shapes and dtypes of what it holds."""
    held = [*model.named_parameters(), *model.named_buffers()]
    return {
        "structure": [line.strip() for line in _words(model).splitlines()],
        "tensors": {
            name: "lazy"
            if is_lazy(tensor)
            else f"{tuple(tensor.shape)} {tensor.dtype}{', trained' * tensor.requires_grad}"
            for name, tensor in held
        },
        "in evaluation mode": [name for name, part in model.named_modules() if not part.training],
    }


def differences(wanted: Any, found: Any, name: str = "") -> list[str]:
    """Return where two descriptions differ, and how, in words."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return [
            words
            for key in {**wanted, **found}
            for words in differences(
                wanted.get(key, MISSING), found.get(key, MISSING), f"{name}.{key}".lstrip(".")
            )
        ]
    if isinstance(wanted, list) and isinstance(found, list):
        return [
            words
            for number, (one, two) in enumerate(zip_longest(wanted, found, fillvalue=MISSING))
            for words in differences(one, two, f"{name}[{number}]")
        ]
    return [] if wanted == found else [f"{name} {wanted!r}, got {found!r}"]


def _words(value: Any) -> str:
    """Return the `repr`, without where things are in memory."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


def _array(content: bytes, value: Any) -> str:
    """Describe an array by its shape, dtype and a digest of its numbers."""
    return f"{tuple(value.shape)} {value.dtype} {hashlib.sha256(content).hexdigest()[:16]}"
