"""What training did to the gates, unit by unit."""

from typing import NamedTuple

import torch
from torch import Tensor

from lstm_book.checks import check_type
from lstm_book.recording.trace import Trace


class Change(NamedTuple):
    """One number per unit, before and after; each (H,)."""

    before: Tensor
    after: Tensor


class Comparison(NamedTuple):
    """How the gates of the same units differ between two recordings; prints as a table.

    Attributes:
        mean: The mean of each gate over all steps of all sequences, by the gate's name.
        spread: The standard deviation of each gate over these steps: 0 for a gate that ignores its
            input.
        half_life: Steps, as `Trace.half_life` counts them; None for a cell without gate f.
    """

    mean: dict[str, Change]
    spread: dict[str, Change]
    half_life: Change | None

    def __str__(self) -> str:
        """Median over the units, and the range in which 80 % of them lie; NaN if one is NaN."""
        rows = [(f"{name} mean", change) for name, change in self.mean.items()]
        rows += [(f"{name} spread", change) for name, change in self.spread.items()]
        rows += [("half-life", self.half_life)] if self.half_life is not None else []
        lines = [f"{'':10}{'before':28}after"]
        lines += [f"{name:10}{_units(c.before):28}{_units(c.after)}" for name, c in rows]
        return "\n".join(lines)


def compare(before: Trace, after: Trace) -> Comparison:
    """Put the gates of the same units before and after training side by side.

    Record the same sequences twice: with a copy of the layer from before training, and with the
    trained one. An open gate says little by itself: it may have been open at initialisation.

    Args:
        before: The trace of a layer and direction.
        after: The trace of the same layer and direction later.

    Returns:
        Mean, spread and half-life of each unit.

    Raises:
        TypeError: If one is no trace.
        ValueError: If the traces have different gates or numbers of units.

    >>> import copy
    >>> from torch import nn
    >>> from lstm_book.recording import record
    >>> layer = nn.LSTM(input_size=2, hidden_size=8)
    >>> untrained = copy.deepcopy(layer)
    >>> x = torch.zeros(5, 3, 2)  # ... train ...
    >>> change = compare(record(untrained, x).trace(), record(layer, x).trace())
    >>> change.mean["f"].after.shape
    torch.Size([8])
    """
    for name, trace in (("before", before), ("after", after)):
        check_type(name, trace, Trace, "a trace")
    gates = before.gate_values(), after.gate_values()
    sizes = [{name: gate.shape[-1] for name, gate in side.items()} for side in gates]
    if sizes[0] != sizes[1]:
        raise ValueError(f"expected gates of the same names and sizes, got {sizes[0]}, {sizes[1]}")
    own = {
        name: (before.own_steps(gates[0][name]), after.own_steps(gates[1][name]))
        for name in gates[0]
    }
    return Comparison(
        mean={name: Change(*(side.mean(0) for side in pair)) for name, pair in own.items()},
        spread={name: Change(*map(_spread, pair)) for name, pair in own.items()},
        half_life=Change(before.half_life(), after.half_life()) if "f" in own else None,
    )


def _spread(values: Tensor) -> Tensor:
    """Return the standard deviation over all steps, (H,); of no step, NaN as the mean is."""
    return values.std(0, correction=0) if len(values) else values.mean(0)


def _units(values: Tensor) -> str:
    """Print the median over the units and their range from the 10th to the 90th percentile."""
    lost = int(values.isnan().sum())
    if lost:
        return f"nan in {lost} of {len(values)} units"
    finite = values.double().nan_to_num(posinf=torch.finfo(torch.float64).max)
    quantiles = torch.quantile(
        finite, finite.new_tensor([0.1, 0.5, 0.9]), interpolation="nearest"
    ).tolist()
    low, middle, high = ("inf" if value > 1e300 else f"{value:.3g}" for value in quantiles)
    return f"{middle} ({low} to {high})"
