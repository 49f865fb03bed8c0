"""The state of every source of random numbers that a run may draw from."""

import random
import sys
from importlib import import_module
from typing import Any

import torch


def random_state(generator: torch.Generator | None) -> dict[str, Any]:
    """Return the states of Python's, NumPy's and torch's generators, and of one's own.

    NumPy's is there if it has been imported; torch's are the CPU's and that of each CUDA device.
    """
    numpy = sys.modules.get("numpy.random")
    return {
        "python": random.getstate(),
        "numpy": None if numpy is None else _plain(numpy.get_state(legacy=False)),
        "cpu": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "given": None if generator is None else generator.get_state(),
    }


def set_random_state(state: dict[str, Any], generator: torch.Generator | None) -> None:
    """Put the sources of random numbers into a state that `random_state` returned."""
    random.setstate(state["python"])
    if state["numpy"] is not None:
        import_module("numpy.random").set_state(state["numpy"])
    torch.set_rng_state(state["cpu"])
    if torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])
    if generator is not None:
        generator.set_state(state["given"])


def _plain(value: Any) -> Any:
    """Return NumPy's state without its arrays."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return value.tolist() if hasattr(value, "tolist") else value
