"""Initialisers that know which rows belong to which gate.

PyTorch keeps two bias vectors, b_ih and b_hh, and adds them. Setting both to 1 makes a forget bias
of 2. Here the *total* goes to b_ih and the same rows of b_hh become zero, in every layer and
direction. What counts is what takes effect: reparametrised weights are set so that the layer uses
the drawn values, a pruning mask goes on, and what cannot be had is refused and nothing is changed.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from lstm_book.cells.modules import _Cell
from lstm_book.cells.weights import read_tensor, refresh, reparametrisation_of, write_tensor
from lstm_book.checks import check_number, check_type

_LSTMS = (nn.LSTM, nn.LSTMCell)
_RECURRENT = (nn.RNNBase, nn.RNNCellBase, _Cell)


def init_forget_bias_(module: nn.Module, value: float | Tensor = 1.0) -> None:
    """Set the total forget bias of every LSTM in a module; in place.

    Args:
        module: A torch LSTM or LSTMCell, ours, a variant with a forget gate, or a module that
            contains some.
        value: The bias b_f = b_ih + b_hh of the forget gate: a number, or a tensor (H,).

    Raises:
        TypeError: If the module contains no LSTM, or the value is no number.
        ValueError: If the LSTM has no biases, or the value is not finite or not (H,).
        RuntimeError: If a reparametrisation does not let the bias have this value.

    >>> lstm = nn.LSTM(input_size=2, hidden_size=1)
    >>> init_forget_bias_(lstm, 1.0)
    >>> (lstm.bias_ih_l0 + lstm.bias_hh_l0)[1].item()
    1.0
    """
    if not isinstance(value, Tensor):
        value = torch.tensor(check_number("the forget bias", value), dtype=torch.float64)
    if value.dtype == torch.bool or value.is_complex():
        raise TypeError(f"expected the forget bias to be of real numbers, got {value.dtype}")
    bias = value.detach()
    if not bool(torch.isfinite(bias).all()):
        raise ValueError(f"expected the forget bias to be finite, got {bias}")
    found = _biases(module)
    for units in {lstm.hidden_size for lstm, _ in found}:
        if bias.ndim and bias.shape != (units,):
            raise ValueError(
                f"expected one bias or a tensor of shape ({units},), one per unit, "
                f"got shape {tuple(bias.shape)}"
            )
    with _all_or_nothing(lstm for lstm, _ in found):
        for lstm, stem in found:
            _set_gates(lstm, stem, {"f": bias})


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
        TypeError: If the module contains no LSTM, or t_max is no number.
        ValueError: If the LSTM has no biases, or t_max is not finite and above 2.
        RuntimeError: If a reparametrisation does not let the biases have these values.
    """
    t_max = check_number("t_max, in steps,", t_max, above=2)
    found = _biases(module)
    with _all_or_nothing(lstm for lstm, _ in found):
        for lstm, stem in found:
            u = torch.rand(lstm.hidden_size, generator=generator, dtype=torch.float64)
            b_f = (1 + u * (t_max - 2)).log()
            _set_gates(lstm, stem, {"f": b_f, "i": -b_f} if "i" in _rows(lstm) else {"f": b_f})


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
        TypeError: If the module contains no recurrent layer, or gain is no number.
        ValueError: If gain is negative or not finite.
        RuntimeError: If a reparametrisation or a pruning mask does not let a matrix be orthogonal.
    """
    gain = check_number("gain", gain, 0)

    def draw(block: Tensor) -> None:
        nn.init.orthogonal_(block, gain=gain, generator=generator)

    _draw(module, ["weight_hh"], draw, masked=False)


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
        TypeError: If the module contains no recurrent layer, or gain is no number.
        ValueError: If gain is negative or not finite.
        RuntimeError: If a reparametrisation does not let a matrix be the drawn one.
    """
    gain = check_number("gain", gain, 0)

    def draw(block: Tensor) -> None:
        nn.init.xavier_uniform_(block, gain=gain, generator=generator)

    _draw(module, ["weight_ih", "weight_hh"], draw, masked=True)


def _rows(part: nn.Module) -> str:
    """Name the gates whose rows a module's parameters hold, if a forget gate is among them."""
    rows = part.rows if isinstance(part, _Cell) else "ifgo" if isinstance(part, _LSTMS) else ""
    return rows if "f" in rows else ""


def _biases(module: nn.Module) -> list[tuple[Any, str]]:
    """Return every LSTM in the module, with each of its layers and directions."""
    check_type("module", module, nn.Module, "a torch.nn.Module")
    lstms = [part for part in module.modules() if _rows(part)]
    if not lstms:
        raise TypeError(
            f"expected an LSTM with a forget gate or a module that contains one, got {module}"
        )
    if any(not lstm.bias for lstm in lstms):
        raise ValueError("expected an LSTM with biases, got one built with bias=False")
    return [(lstm, stem) for lstm in lstms for stem in _stems(lstm)]


def _stems(part: nn.Module) -> list[str]:
    """Return how the names of a module's weights end, one for each layer and direction."""
    if not isinstance(part, nn.RNNBase):
        return [""]
    ends = ("", "_reverse")[: 1 + part.bidirectional]
    return [f"_l{layer}{end}" for layer in range(part.num_layers) for end in ends]


@torch.no_grad()
def _set_gates(lstm: nn.Module, stem: str, totals: dict[str, Tensor]) -> None:
    """Write the total biases of gates: all of it on b_ih, zero on b_hh."""
    rows, b_ih, b_hh = _rows(lstm), *(_copy(lstm, f"bias_{which}{stem}") for which in ("ih", "hh"))
    assert b_ih is not None
    for gate, total in totals.items():
        b_ih.chunk(len(rows))[rows.index(gate)].copy_(total)
        if b_hh is not None:
            b_hh.chunk(len(rows))[rows.index(gate)].zero_()
    if b_hh is None:
        _write(lstm, f"bias_ih{stem}", b_ih)
        return
    write_tensor(lstm, f"bias_ih{stem}", b_ih)
    got = _copy(lstm, f"bias_ih{stem}")
    assert got is not None
    missing = b_ih - got  # what a mask holds back goes to b_hh
    _write(lstm, f"bias_hh{stem}", b_hh + missing)


def _draw(
    module: nn.Module, names: Sequence[str], draw: Callable[[Tensor], object], *, masked: bool
) -> None:
    """Draw the H rows of each gate, of every weight of these names in the module.

    With `masked`, a weight that a mask holds at zero may stay there.
    """
    check_type("module", module, nn.Module, "a torch.nn.Module")
    parts = [part for part in module.modules() if isinstance(part, _RECURRENT)]
    if not parts:
        raise TypeError(f"expected a recurrent layer or a module that contains one, got {module}")
    with _all_or_nothing(parts):
        for part, name in ((p, f"{n}{stem}") for p in parts for stem in _stems(p) for n in names):
            weight = _copy(part, name)
            if weight is not None and weight.numel():
                for block in weight.chunk(len(weight) // part.hidden_size):
                    draw(block)
                _write(part, name, weight, masked=masked)


def _copy(module: nn.Module, name: str) -> Tensor | None:
    """Return a copy of a weight as it takes effect, or None if there is none."""
    tensor = read_tensor(module, name)
    return None if tensor is None else tensor.detach().clone()


def _write(module: nn.Module, name: str, value: Tensor, *, masked: bool = False) -> None:
    """Write a weight, and see that it takes effect as it was written."""
    wanted = value.clone()
    write_tensor(module, name, value)
    got = _copy(module, name)
    assert got is not None
    slack = 100 * torch.finfo(wanted.dtype).eps
    fits = (got - wanted).abs() <= slack * wanted.abs().clamp(min=1)
    if masked:
        fits |= got == 0
    if not bool(fits.all()):
        raise RuntimeError(
            f"cannot initialise {name} of {type(module).__name__}: "
            f"{reparametrisation_of(module, name)} does not let it have the values that it needs"
        )


@contextmanager
def _all_or_nothing(parts: Iterable[nn.Module]) -> Iterator[None]:
    """Put everything back as it was if something is refused half-way."""
    parts = list(parts)
    before = [
        (t, t.detach().clone()) for part in parts for t in (*part.parameters(), *part.buffers())
    ]
    try:
        yield
    except Exception:
        with torch.no_grad():
            for tensor, value in before:
                tensor.copy_(value)
        for part in parts:
            refresh(part)
        raise
