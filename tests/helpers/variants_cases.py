"""Every variant with its options and its slow reference; problems to try them on."""

from functools import partial
from typing import Any, NamedTuple

import pytest
import torch
import variants_reference as reference

from lstm_book.cells import (
    CoupledLSTMCell,
    GreffLSTMCell,
    GRUCell,
    JANETCell,
    LayerNormLSTMCell,
    LSTM1997Cell,
    MinLSTMCell,
    PeepholeLSTMCell,
    RecurrentDropoutLSTMCell,
    SLSTMCell,
    ZoneoutLSTMCell,
)
from lstm_book.layers import unroll

GREFF = ("V", "NIG", "NFG", "NOG", "NIAF", "NOAF", "NP", "CIFG", "FGR")


class Case(NamedTuple):
    cls: Any
    options: dict
    reference: Any

    def build(self, D=2, H=3, dtype=torch.float64, **options):
        """Build a cell with weights large enough for its gates to move."""
        cell = self.cls(D, H, dtype=dtype, **(self.options | options))
        with torch.no_grad():
            for name, parameter in cell.named_parameters():
                if not name.startswith("norm"):
                    parameter.mul_(2)
                else:
                    parameter.add_(torch.randn_like(parameter) / 4)
        return cell


CASES = {
    "1997": Case(LSTM1997Cell, {}, reference.lstm_1997),
    "peephole": Case(PeepholeLSTMCell, {}, reference.peephole),
    "coupled": Case(CoupledLSTMCell, {}, reference.coupled),
    **{
        f"greff-{name}": Case(GreffLSTMCell, {"variant": name}, reference.greff(name))
        for name in GREFF
    },
    "layer-norm": Case(LayerNormLSTMCell, {}, reference.layer_norm),
    "dropout-h": Case(RecurrentDropoutLSTMCell, {"p": 0.4}, reference.dropout("hidden")),
    "dropout-g": Case(
        RecurrentDropoutLSTMCell, {"p": 0.4, "on": "candidate"}, reference.dropout("candidate")
    ),
    "dropout-step": Case(
        RecurrentDropoutLSTMCell, {"p": 0.4, "resample": "step"}, reference.dropout("hidden")
    ),
    "zoneout": Case(ZoneoutLSTMCell, {"zoneout_h": 0.3, "zoneout_c": 0.6}, reference.zoneout),
    "gru": Case(GRUCell, {}, reference.gru),
    "janet": Case(JANETCell, {}, reference.janet),
    "janet-beta": Case(JANETCell, {"beta": 0.3}, partial(reference.janet, beta=0.3)),
    "minlstm": Case(MinLSTMCell, {}, reference.min_lstm(False)),
    "minlstm-positive": Case(MinLSTMCell, {"positive": True}, reference.min_lstm(True)),
    "slstm": Case(SLSTMCell, {}, reference.slstm("sigmoid")),
    "slstm-exp": Case(SLSTMCell, {"forget": "exp"}, reference.slstm("exp")),
}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def fields(state):
    """Return the tensors of a state."""
    return (state,) if isinstance(state, torch.Tensor) else tuple(state)


def as_state(cell, tensors):
    """Return tensors as the cell's state."""
    return tensors[0] if cell.state_type is torch.Tensor else cell.state_type(*tensors)


def drawn_state(cell, x_t):
    """Draw a state somewhere on the way: finite, positive where it has to be; masks as drawn."""
    zero = cell.zero_state(x_t)
    if isinstance(zero, torch.Tensor):
        return torch.rand_like(zero)
    drawn = {name: torch.randn_like(tensor) for name, tensor in zero._asdict().items()}
    for name in ("i", "f", "o", "n"):
        if name in drawn:
            drawn[name] = torch.rand_like(drawn[name]) + (name == "n")
    if "mask" in drawn:
        drawn["mask"] = zero.mask
    return type(zero)(**drawn)


def run(cell, x, state=None, seed=None):
    """Unroll a cell; with a seed, the same masks every time."""
    if seed is not None:
        torch.manual_seed(seed)
    return unroll(cell.step, x, cell.zero_state(x[0]) if state is None else state)
