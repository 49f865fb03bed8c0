"""Layers on top of each other, in one direction or two: what `LSTM` and `Recurrent` share."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

import torch
from torch import Tensor
from torch.nn import functional

from lstm_book.layers.arrange import Batch
from lstm_book.layers.unroll import Unrolled, hidden, map_state

S = TypeVar("S", bound=Any)
G = TypeVar("G", bound=Any)

MOST_LAYERS = 10_000  # beyond it a number is a mistake, and building them would not end
RunDirection: TypeAlias = Callable[[Tensor, S, Tensor | None], Unrolled[S, G]]
"""Takes the input (T, B, D), the state to start from and `valid`, as `unroll` does."""


class RecurrentRun(NamedTuple, Generic[S, G]):
    """What every layer and direction did, time first and batched.

    Attributes:
        output: The last layer's hidden states, (T, B, directions · H); zero beyond a length.
        state: The last states, as the cell has them; each tensor (layers · directions, B, H).
        layers: For each layer, the run of each direction: ``layers[0][0].states`` has tensors of
            shape (T, B, H). Step t of the backward direction came after its step t + 1.
    """

    output: Tensor
    state: S
    layers: tuple[tuple[Unrolled[S, G], ...], ...]


def run_stack(
    layers: Sequence[Sequence[RunDirection[S, G]]], batch: Batch, *, dropout: float = 0.0
) -> RecurrentRun[S, G]:
    """Run layers one after the other, each on the hidden states of the one below.

    Args:
        layers: For each layer, how to run it forward and, if wanted, backward.
        batch: What came in by `arrange`.
        dropout: Probability of zeroing a number between two layers.

    Returns:
        The last layer's outputs, the final states, and what every layer and direction did.
    """
    x, valid = batch.x, batch.valid
    if valid is not None:  # padding may hold anything, and NaN times zero is NaN
        x = x.masked_fill(~valid[..., None], 0)
    done: list[tuple[Unrolled[S, G], ...]] = []
    final: list[Any] = []
    for directions in layers:
        if done:
            x = functional.dropout(x, dropout)
        starts = batch.initial[len(final) :]
        runs = tuple(run(x, start, valid) for run, start in zip(directions, starts, strict=False))
        final += [run.last for run in runs]
        outputs = [hidden(run.states) for run in runs]
        x = torch.cat(outputs, dim=-1) if len(outputs) > 1 else outputs[0]
        if valid is not None:
            x = x * valid[..., None]
        done.append(runs)
    state: S = map_state(lambda *tensors: torch.stack(tensors), *final)
    return RecurrentRun(x, state, tuple(done))
