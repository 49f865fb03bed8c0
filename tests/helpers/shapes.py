"""The checker of shape annotations that `conftest` puts on the pure equations and their helpers.

`beartype` reads the signatures; inside `jaxtyped`, every check remembers the sizes it has seen. It
does not look into named tuples, so this looks first: an axis such as "4*H" needs to know H, and it
is the state, an earlier argument, that tells.
"""

import functools
from collections.abc import Callable
from typing import Any

from beartype import beartype
from jaxtyping import Float, TypeCheckError, jaxtyped
from torch import Tensor


def check(function: Callable[..., Any]) -> Callable[..., Any]:
    """Check arguments and results against the annotations; the last stage of `jaxtyped`."""
    checked = beartype(function)

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        for value in (*args, *kwargs.values()):
            _check_record(value)
        result = checked(*args, **kwargs)
        for part in result if type(result) is tuple else (result,):
            _check_record(part)
        return result

    return wrapper


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with its annotations checked at every call."""
    return jaxtyped(typechecker=check)(function)


def _check_record(value: Any) -> None:
    """Bind B and H by the fields of a state or of gates; they all have one shape."""
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        for name, tensor in value._asdict().items():
            if not isinstance(tensor, Float[Tensor, "*B H"]):
                raise TypeCheckError(f"{type(value).__name__}.{name} does not fit: {tensor!r}")
