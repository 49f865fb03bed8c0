"""Initialisers that know which rows belong to which gate.

PyTorch keeps two bias vectors, b_ih and b_hh, and adds them. Setting both to 1 makes a forget bias
of 2. Here the *total* goes to b_ih and the same rows of b_hh become zero, in every layer and
direction.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from lstm_book.cells.modules import LSTMCell, _Cell
from lstm_book.cells.variants._base import VariantCell

_LSTMS = (nn.LSTM, nn.LSTMCell, LSTMCell)
_RECURRENT = (nn.RNNBase, nn.RNNCellBase, _Cell)


def init_forget_bias_(module: nn.Module, value: float | Tensor = 1.0) -> None:
    """Set the total forget bias of every LSTM in a module; in place.

    Args:
        module: A torch LSTM or LSTMCell, ours, a variant with a forget gate, or a module that
            contains some.
        value: The bias b_f = b_ih + b_hh of the forget gate: a number, or a tensor (H,).

    Raises:
        TypeError: If the module contains no LSTM.
        ValueError: If the LSTM has no biases, or the value is not finite or not (H,).

    >>> lstm = nn.LSTM(input_size=2, hidden_size=1)
    >>> init_forget_bias_(lstm, 1.0)
    >>> (lstm.bias_ih_l0 + lstm.bias_hh_l0)[1].item()
    1.0
    """
    bias = torch.as_tensor(value)
    if not bool(torch.isfinite(bias).all()):
        raise ValueError(f"expected a finite forget bias, got {value}")
    found = list(_biases(module))
    for units in {len(b_ih) // len(rows) for rows, b_ih, _ in found}:
        if bias.ndim and bias.shape != (units,):
            raise ValueError(
                f"expected one bias or a tensor of shape ({units},), one per unit, "
                f"got shape {tuple(bias.shape)}"
            )
    for rows, b_ih, b_hh in found:
        _set_gate(rows, b_ih, b_hh, "f", bias)


def init_chrono_(
    module: nn.Module, t_max: float, *, generator: torch.Generator | None = None
) -> None:
    """Spread the units' memories over all time scales up to t_max :cite:p:`tallec2018`; in place.

    Each unit of each layer draws b_f = log u with u ~ U[1, t_max - 1], and b_i = -b_f: a forgetting
    time of about u steps. As totals, with b_hh zero in these rows.

    Args:
        module: A torch LSTM or LSTMCell, ours, a variant with a forget gate, or a module that
            contains some. Without an input gate only b_f is set.
        t_max: The longest dependency that is expected, in steps; above 2.
        generator: Source of the draws.

    Raises:
        TypeError: If the module contains no LSTM.
        ValueError: If the LSTM has no biases, or t_max is not finite and above 2.
    """
    if not (math.isfinite(t_max) and t_max > 2):
        raise ValueError(f"expected a finite t_max above 2 steps, got {t_max}")
    for rows, b_ih, b_hh in _biases(module):
        u = torch.rand(len(b_ih) // len(rows), generator=generator, dtype=torch.float64)
        b_f = (1 + u * (t_max - 2)).log()
        _set_gate(rows, b_ih, b_hh, "f", b_f)
        if "i" in rows:
            _set_gate(rows, b_ih, b_hh, "i", -b_f)


def init_orthogonal_(
    module: nn.Module, *, gain: float = 1.0, generator: torch.Generator | None = None
) -> None:
    """Make each gate's recurrent matrix orthogonal :cite:p:`saxe2014`; in place.

    Every H rows of ``weight_hh`` are drawn on their own, so each U_i, U_f, U_g, U_o has all its
    singular values equal to `gain`. Input weights and biases stay.

    Args:
        module: A torch RNN, GRU or LSTM, a cell, ours, or a module that contains some.
        gain: The singular values.
        generator: Source of the draws.

    Raises:
        TypeError: If the module contains no recurrent layer.
    """
    for name, block in _gate_blocks(module):
        if name.startswith("weight_hh"):
            nn.init.orthogonal_(block, gain=gain, generator=generator)


def init_xavier_(
    module: nn.Module, *, gain: float = 1.0, generator: torch.Generator | None = None
) -> None:
    """Draw each gate's matrices as Glorot and Bengio do :cite:p:`glorot2010`; in place.

    The bound √(6 / (fan_in + fan_out)) counts one gate's H outputs, not the 4H rows that PyTorch
    stores together, for both ``weight_ih`` and ``weight_hh``. Biases stay.

    Args:
        module: A torch RNN, GRU or LSTM, a cell, ours, or a module that contains some.
        gain: Factor on the bound.
        generator: Source of the draws.

    Raises:
        TypeError: If the module contains no recurrent layer.
    """
    for _, block in _gate_blocks(module):
        nn.init.xavier_uniform_(block, gain=gain, generator=generator)


def _rows(part: nn.Module) -> str:
    """Name the gates whose rows a module's parameters hold, if a forget gate is among them."""
    rows = "ifgo" if isinstance(part, _LSTMS) else getattr(part, "rows", "")
    return rows if isinstance(part, (*_LSTMS, VariantCell)) and "f" in rows else ""


def _biases(module: nn.Module) -> Iterator[tuple[str, Tensor, Tensor | None]]:
    """Yield (rows, b_ih, b_hh) of every layer and direction of every LSTM in the module."""
    lstms = [part for part in module.modules() if _rows(part)]
    if not lstms:
        raise TypeError(
            f"expected an LSTM with a forget gate or a module that contains one, got {module}"
        )
    if any(not lstm.bias for lstm in lstms):
        raise ValueError("expected an LSTM with biases, got one built with bias=False")
    for lstm in lstms:
        parameters = dict(lstm.named_parameters(recurse=False))
        for name, b_ih in parameters.items():
            if name.startswith("bias_ih"):
                yield _rows(lstm), b_ih, parameters.get(name.replace("bias_ih", "bias_hh"))


@torch.no_grad()
def _set_gate(rows: str, b_ih: Tensor, b_hh: Tensor | None, gate: str, total: Tensor) -> None:
    """Write the total bias of one gate: all of it on b_ih, zero on b_hh."""
    b_ih.chunk(len(rows))[rows.index(gate)].copy_(total)
    if b_hh is not None:
        b_hh.chunk(len(rows))[rows.index(gate)].zero_()


def _gate_blocks(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield (parameter name, the H rows of one gate) for every recurrent layer in the module."""
    found = False
    for part in module.modules():
        if not isinstance(part, _RECURRENT):
            continue
        found = True
        for name, weight in part.named_parameters(recurse=False):
            if name.startswith(("weight_ih", "weight_hh")):
                for block in weight.detach().chunk(len(weight) // part.hidden_size):
                    yield name, block
    if not found:
        raise TypeError(f"expected a recurrent layer or a module that contains one, got {module}")
