"""The two doors of every layer: a batch comes in as it is, and leaves in the form it came in.

`LSTM`, `Recurrent`, `record` and `gradient_paths` all go through them, so a mistake has the same
error everywhere, of torch's class. Between the doors a batch is time first, batched and padded.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from lstm_book.cells import LSTMState
from lstm_book.checks import cast_dtype, check_like, check_states, check_tensor
from lstm_book.layers.lengths import check_lengths, valid_steps
from lstm_book.layers.unroll import autocast_is_on, map_state

LSTM_STATES = ("h_0", "c_0")


class Batch(NamedTuple):
    """What a layer runs.

    Attributes:
        x: Inputs, (T, B, D).
        initial: The state before the first step of each layer and direction, in this order.
        lengths: Steps of each sequence, (B,), int64, on the CPU; None if all have T.
        valid: True where a sequence has a step, (T, B); None if all have T.
        given: The input as it came.
        batch_first: Whether it came as (B, T, D).
    """

    x: Tensor
    initial: list[Any]
    lengths: Tensor | None
    valid: Tensor | None
    given: Tensor | PackedSequence
    batch_first: bool

    def returned(self, output: Tensor, state: Any) -> tuple[Any, Any]:
        """Bring outputs (T, B, …) and states (rows, B, …) into the form in which the input came."""
        if isinstance(self.given, PackedSequence):
            assert self.lengths is not None
            order = self.given.sorted_indices
            order = torch.arange(len(self.lengths)) if order is None else order
            ordered = output.index_select(1, order.to(output.device))
            packed = pack_padded_sequence(ordered, self.lengths[order.cpu()])
            return self.given._replace(data=packed.data), state
        if self.given.dim() == 2:
            return output.squeeze(1), map_state(lambda tensor: tensor.squeeze(1), state)
        return output.transpose(0, 1) if self.batch_first else output, state


def arrange(layer: Any, x: Any, hx: Any, lengths: Any, *, name: str = "input") -> Batch:
    """Check what a layer was given, and bring it to time first.

    Args:
        layer: A `torch.nn.LSTM` or a `Recurrent`.
        x: (T, B, D), (B, T, D) if the layer has `batch_first`, (T, D) for a single sequence, or
            packed.
        hx: The states before the first step, each (layers · directions, B, H), without B for a
            single sequence; what the layer starts from by itself if None.
        lengths: How many steps each sequence has, (B,); None if all have T.
        name: What the caller knows x as.

    Returns:
        The batch.

    Raises:
        TypeError: If x or a state is no tensor, hx has another form, or lengths are no whole
            numbers.
        ValueError: If x has a wrong number of dimensions or dtype, or lengths come with a packed or
            single sequence.
        RuntimeError: If a size does not fit, T = 0, or lengths are out of range.
    """
    given = x
    if isinstance(x, PackedSequence):
        if lengths is not None:
            raise ValueError(f"expected a padded {name} with lengths, got a PackedSequence")
        x, lengths = pad_packed_sequence(x)
    if hx is not None and isinstance(layer, nn.LSTM):
        hx = check_states("hx", hx, LSTM_STATES)
    # The order is torch's, so that of two mistakes the one with torch's class is told.
    if check_tensor(name, x).dim() not in (2, 3):
        raise ValueError(
            f"expected {name} of 2 or 3 dimensions, got {x.dim()} (shape {tuple(x.shape)})"
        )
    for state in hx if isinstance(hx, tuple | list) else (hx,):
        if isinstance(state, Tensor) and state.dim() != x.dim():
            raise RuntimeError(
                f"expected states of {x.dim()} dimensions, as {name}, got one of shape "
                f"{tuple(state.shape)}"
            )
    _check_features(layer, x, name)
    batched = x.dim() == 3
    batch_first = layer.batch_first and batched and given is x
    x = x.transpose(0, 1) if batch_first else x if batched else x[:, None]
    if len(x) == 0:
        raise RuntimeError(
            f"expected at least one time step, got {name} of shape {tuple(given.shape)}"
        )
    if lengths is not None:
        if not batched:
            raise ValueError(f"expected a batched 3-D {name} with lengths, got 2-D")
        lengths = check_lengths(lengths, *x.shape[:2])
    valid = None if lengths is None else valid_steps(lengths.to(x.device), len(x))
    initial = _initial(layer, x, hx, batched, name)
    return Batch(x, initial, lengths, valid, given, batch_first)


def _check_features(layer: Any, x: Tensor, name: str) -> None:
    """Check dtype and features of the input."""
    weight = any_weight(layer)
    if weight is not None and cast_dtype(x) != cast_dtype(weight):
        kind = RuntimeError if autocast_is_on(x) else ValueError  # as torch has it
        raise kind(f"expected {name} of dtype {weight.dtype}, as the layer, got {x.dtype}")
    if x.shape[-1] != layer.input_size:
        raise RuntimeError(
            f"expected {name} with input_size={layer.input_size} features, "
            f"got {x.shape[-1]} (shape {tuple(x.shape)})"
        )


def any_weight(module: nn.Module) -> Tensor | None:
    """Return one weight, or None where there is none; a replica's are no parameters."""
    for part in module.modules():
        for tensor in (*part._parameters.values(), *vars(part).values()):
            if isinstance(tensor, Tensor) and tensor.is_floating_point():
                return tensor
    return None


def _initial(layer: Any, x: Tensor, hx: Any, batched: bool, name: str) -> list[Any]:
    """Return the state before the first step of each layer and direction."""
    starts = _starts(layer)
    if hx is None:
        return [start(x[0]) for start in starts]
    like = starts[0](x[0])
    single = isinstance(like, Tensor)
    named = LSTM_STATES if isinstance(layer, nn.LSTM) else getattr(like, "_fields", ("hx",))
    states = (hx,) if single else check_states("hx", hx, named)
    rows = []
    for field, state, zeros in zip(named, states, (like,) if single else like, strict=True):
        wanted = (len(starts), *(zeros.shape if batched else zeros.shape[1:]))
        if check_tensor(field, state).shape != wanted:
            raise RuntimeError(
                f"expected {field} of shape {wanted}, {layer.num_layers} layers in "
                f"{1 + layer.bidirectional} directions, got {tuple(state.shape)}"
            )
        check_like(field, state, name, x)
        rows.append(state if batched else state[:, None])
    if single:
        return list(rows[0])
    return [type(like)(*parts) for parts in zip(*rows, strict=True)]


def _starts(layer: Any) -> list[Callable[[Tensor], Any]]:
    """Return for each layer and direction what makes its first state from x_1, (B, D)."""
    if not isinstance(layer, nn.LSTM):
        return [cell.zero_state for cell in layer.cells]
    sizes = layer.proj_size or layer.hidden_size, layer.hidden_size

    def zeros(x_t: Tensor) -> LSTMState:
        return LSTMState(*(x_t.new_zeros(x_t.shape[0], size) for size in sizes))

    return [zeros] * (layer.num_layers * (1 + layer.bidirectional))
