"""Tables of the cheat sheet, each computed."""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from lstm_book.figures.page import Table, table
from lstm_book.layers import GATE_ORDERS

_SIZES = {"T": 7, "B": 6, "D": 3, "H": 5, "L": 4}
_NAMES = {
    "torch": "PyTorch",
    "keras": "Keras",
    "onnx": "ONNX",
    "haste": "Haste",
    "tensorflow1": "TensorFlow 1",
    "flax": "Flax",
}


def _letters(tensor: Tensor) -> str:
    """Write a shape in letters; 1 and 2 stand for themselves."""
    H = _SIZES["H"]
    letters = {size: letter for letter, size in _SIZES.items()} | {2 * H: "2H", 4 * H: "4H"}
    names = [str(letters.get(size, size)) for size in tensor.shape]
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})"


def shapes() -> Table:
    """Run `nn.LSTM` with each option, and return the shapes that go in and come out."""
    T, B, D, H, L = _SIZES.values()
    given: dict[str, dict[str, Any]] = {
        "default": {},
        "`num_layers=L`": {"num_layers": L},
        "`batch_first=True`": {"batch_first": True},
        "`bidirectional=True`": {"bidirectional": True},
    }
    rows = []
    for name, options in given.items():
        x = torch.zeros(B, T, D) if options.get("batch_first") else torch.zeros(T, B, D)
        output, (h_n, c_n) = nn.LSTM(D, H, **options)(x)
        assert h_n.shape == c_n.shape
        rows.append((name, _letters(x), _letters(output), _letters(h_n)))
    return table(["`nn.LSTM`", "input", "output", "h_n, c_n"], rows)


def parameters() -> Table:
    """Return the shapes of the parameters of one layer."""
    D, H = _SIZES["D"], _SIZES["H"]
    lstm = nn.LSTM(D, H)
    rows = [(f"`{name}`", _letters(value)) for name, value in lstm.named_parameters()]
    assert sum(p.numel() for p in lstm.parameters()) == 4 * H * (D + H + 2)
    return table(["parameter", "shape"], [*rows, ("all together", "4H (D + H + 2) numbers")])


def gate_orders() -> Table:
    """Return in which order each framework stacks the gates, in the book's letters."""
    rows = [(_NAMES[name], ", ".join(order)) for name, order in GATE_ORDERS.items()]
    return table(["framework", "rows"], rows)


def half_lives(biases: Iterable[float] = (0.0, 1.0, 2.0, 3.0, 5.0)) -> Table:
    """Return the half-life of a memory whose forget gate sees its bias alone."""
    gates = {bias: 1 / (1 + math.exp(-bias)) for bias in biases}
    return table(
        ["forget bias", "f", "half-life in steps"],
        [(f"{b:g}", f"{f:.3f}", f"{math.log(0.5) / math.log(f):.3g}") for b, f in gates.items()],
    )
