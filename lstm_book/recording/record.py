"""Record the gates of any LSTM, with PyTorch's kernel for all that has to wait its turn."""

import copy
import math
import warnings
from collections.abc import Sequence
from functools import partial
from typing import Any, overload

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from lstm_book.cells import (
    LSTMState,
    RecurrentDropoutLSTMCell,
    Weights,
    ZoneoutLSTMCell,
    weights_of,
)
from lstm_book.cells.weights import Direction
from lstm_book.layers import Recurrent
from lstm_book.layers.lengths import check_lengths, valid_steps
from lstm_book.recording.trace import CellTrace, GateTrace, Recording

DIRECTIONS: tuple[Direction, ...] = ("forward", "backward")


@overload
def record(
    lstm: nn.LSTM,
    x: Tensor | PackedSequence,
    hx: tuple[Tensor, Tensor] | None = None,
    *,
    lengths: Tensor | Sequence[int] | None = None,
) -> Recording[GateTrace]: ...


@overload
def record(
    lstm: Recurrent,
    x: Tensor | PackedSequence,
    hx: Any = None,
    *,
    lengths: Tensor | Sequence[int] | None = None,
) -> Recording[CellTrace]: ...


@torch.no_grad()
def record(
    lstm: nn.LSTM | Recurrent,
    x: Tensor | PackedSequence,
    hx: Any = None,
    *,
    lengths: Tensor | Sequence[int] | None = None,
) -> Recording[Any]:
    """Run an LSTM and keep every gate and cell state, of every layer and direction.

    Layer by layer, PyTorch's kernel gives the hidden states. With h_{t-1} known at all steps, all
    gates are two matrix products, and the cell states follow from them one step after the other.
    Another cell, in a `Recurrent`, is run step by step, and its trace has the cell's own letters.

    The module's mode, gradients and results stay as they are. Nothing is followed by autograd.
    Dropout is off, between layers and inside a cell, whatever the mode, as if in evaluation mode;
    if that makes a difference a warning says so.

    Args:
        lstm: Any :class:`torch.nn.LSTM`, :class:`lstm_book.layers.LSTM` or
            :class:`lstm_book.layers.Recurrent`.
        x: (T, B, D), (B, T, D) if the layer has `batch_first`, (T, D) for a single sequence, or
            packed.
        hx: (h_0, c_0), or the states of another cell, as for a call; zeros if missing.
        lengths: How many steps each sequence has, (B,), in any order, from 1 to T.

    Returns:
        Traces, outputs and the final state, time first and batched whatever the input is.

    Raises:
        TypeError: If the module is neither, or lengths are no whole numbers.
        ValueError: If x has a wrong number of dimensions or dtype, or lengths come with a packed
            or unbatched x.
        RuntimeError: If a size does not fit, T = 0, or a length is out of range.

    >>> lstm = nn.LSTM(input_size=3, hidden_size=5, num_layers=2, bidirectional=True)
    >>> recording = record(lstm, torch.zeros(7, 2, 3))
    >>> recording.trace(layer=1, direction="backward").f.shape
    torch.Size([7, 2, 5])

    >>> from lstm_book.cells import GRUCell
    >>> gru = Recurrent(GRUCell(input_size=3, hidden_size=5))
    >>> record(gru, torch.zeros(7, 2, 3)).trace().z.shape
    torch.Size([7, 2, 5])
    """
    if isinstance(lstm, Recurrent):
        return _record_cells(lstm, x, hx, lengths)
    if not isinstance(lstm, nn.LSTM):
        raise TypeError(f"expected a torch.nn.LSTM or a Recurrent, got {type(lstm).__name__}")
    x, state, lengths = arranged(lstm, x, hx, lengths)
    warn_of_dropout(lstm, "record", stacklevel=4)
    traces: dict[tuple[int, Direction], GateTrace] = {}
    h_n, c_n = [], []
    for layer in range(lstm.num_layers):
        outputs = []
        for direction in DIRECTIONS[: 1 + lstm.bidirectional]:
            row = len(traces)
            initial = LSTMState(state.h[row], state.c[row])
            if direction == "forward":
                trace, last = trace_steps(lstm, layer, direction, x, initial, lengths)
            else:  # forwards on the reversed sequence
                seen = reverse_steps(x, lengths)
                trace, last = trace_steps(lstm, layer, direction, seen, initial, lengths)
                trace = trace.mapped(partial(reverse_steps, lengths=lengths))
            traces[layer, direction] = trace.masked()
            outputs.append(trace.h)
            h_n.append(last.h)
            c_n.append(last.c)
        x = torch.cat(outputs, dim=-1) if lstm.bidirectional else outputs[0]
    output = torch.cat([t.h for (k, _), t in traces.items() if k == lstm.num_layers - 1], dim=-1)
    return Recording(output, LSTMState(torch.stack(h_n), torch.stack(c_n)), traces)


def _record_cells(
    layer: Recurrent, x: Tensor | PackedSequence, hx: Any, lengths: Any
) -> Recording[CellTrace]:
    """Run a `Recurrent` in evaluation mode and keep what every cell did."""
    # A copy with the same parameters: the layer's own mode is never touched.
    shared = {id(tensor): tensor for tensor in (*layer.parameters(), *layer.buffers())}
    twin = copy.deepcopy(layer, shared).eval()
    if isinstance(x, PackedSequence):
        if lengths is not None:
            raise ValueError("expected a padded x with lengths, got a PackedSequence")
        x, lengths = pad_packed_sequence(x)
        twin.batch_first = False
    run = twin.run(x, hx, lengths=lengths)
    warn_of_dropout(layer, "record", stacklevel=5)
    T, B = run.output.shape[:2]
    checked = None if lengths is None else check_lengths(lengths, T, B)
    traces = {
        (number, direction): CellTrace(done.gates, done.states, checked, direction).masked()
        for number, runs in enumerate(run.layers)
        for direction, done in zip(DIRECTIONS, runs, strict=False)
    }
    output = run.output
    if checked is not None:
        valid = valid_steps(checked.to(output.device), T)[..., None]
        output = torch.where(valid, output, math.nan)
    return Recording(output, run.state, traces)


def warn_of_dropout(layer: nn.LSTM | Recurrent, who: str, stacklevel: int) -> None:
    """Warn if the layer, called as it is, would drop something at random."""
    rates = {"dropout": layer.dropout if layer.num_layers > 1 else 0.0} if layer.training else {}
    for module in layer.modules():
        if module.training and isinstance(module, RecurrentDropoutLSTMCell | nn.Dropout):
            rates["p"] = module.p
        if module.training and isinstance(module, ZoneoutLSTMCell):
            rates |= {"zoneout_h": module.zoneout_h, "zoneout_c": module.zoneout_c}
    said = ", ".join(f"{name}={rate}" for name, rate in rates.items() if rate > 0)
    if said:
        kind = "LSTM" if isinstance(layer, nn.LSTM) else "layer"
        warnings.warn(
            f"the {kind} is in training mode with {said}; "
            f"{who} leaves dropout out, as in evaluation mode",
            stacklevel=stacklevel,
        )


def trace_steps(
    lstm: nn.LSTM,
    layer: int,
    direction: Direction,
    x: Tensor,
    initial: LSTMState,
    lengths: Tensor | None,
) -> tuple[GateTrace, LSTMState]:
    """Return what one direction of one layer did and its last state, in the order of x.

    Beyond a length the values mean nothing.
    """
    weights = weights_of(lstm, layer, direction)
    h, last = run_direction(lstm, layer, direction, x, initial, lengths)
    before = torch.cat([initial.h[None], h[:-1]])
    a = _pre_activations(x, before, weights)
    a_i, a_f, a_g, a_o = a.chunk(4, dim=-1)
    i, f, g, o = a_i.sigmoid_(), a_f.sigmoid_(), a_g.tanh_(), a_o.sigmoid_()
    c = _cell_states(f, i * g, initial.c)
    return GateTrace(i, f, g, o, c, h, lengths, direction), last


def run_direction(
    lstm: nn.LSTM,
    layer: int,
    direction: Direction,
    x: Tensor,
    initial: LSTMState,
    lengths: Tensor | None,
) -> tuple[Tensor, LSTMState]:
    """Return the hidden states of one direction of one layer and its last state, by the kernel.

    The steps are those of x, in this order, whatever the direction. Autograd may follow.
    """
    stem = f"_l{layer}{'_reverse' if direction == 'backward' else ''}"
    names = (
        ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]
        if lstm.bias
        else ["weight_ih", "weight_hh"]
    )
    names += ["weight_hr"] if lstm.proj_size else []
    single = nn.LSTM(
        x.shape[-1], lstm.hidden_size, bias=lstm.bias, proj_size=lstm.proj_size, device="meta"
    )
    parameters = {f"{name}_l0": getattr(lstm, name + stem) for name in names}
    single.load_state_dict(parameters, assign=True)  # the same tensors: nothing is copied
    state = (initial.h[None], initial.c[None])
    if lengths is None:
        h, (h_n, c_n) = single(x, state)
    else:
        packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
        packed, (h_n, c_n) = single(packed, state)
        h = pad_packed_sequence(packed, total_length=len(x))[0]
    return h, LSTMState(h_n[0], c_n[0])


def _pre_activations(x: Tensor, before: Tensor, weights: Weights) -> Tensor:
    """Return x W^T + h U^T + b of all steps, (T, B, 4H)."""
    W, U, b = weights
    a = functional.linear(x.flatten(0, 1), W, b).addmm_(before.flatten(0, 1), U.T)
    return a.view(*x.shape[:2], -1)


def _cell_states(f: Tensor, written: Tensor, c: Tensor) -> Tensor:
    """Return c_t = f_t c_{t-1} + written_t of all steps; `written` is overwritten with it."""
    for f_t, c_t in zip(f.unbind(), written.unbind(), strict=True):
        c = c_t.addcmul_(f_t, c)
    return written


def reverse_steps(x: Tensor, lengths: Tensor | None) -> Tensor:
    """Return each sequence from its last own step to its first; padding stays behind."""
    if lengths is None:
        return x.flip(0)
    T = len(x)
    steps = torch.arange(T, device=x.device)[:, None]
    ends = lengths.to(x.device)
    places = torch.where(steps < ends, ends - 1 - steps, steps)
    return x.gather(0, places[..., None].expand(-1, -1, x.shape[-1]))


def arranged(
    lstm: nn.LSTM,
    x: Tensor | PackedSequence,
    hx: tuple[Tensor, Tensor] | None,
    lengths: Tensor | Sequence[int] | None,
) -> tuple[Tensor, LSTMState, Tensor | None]:
    """Bring input and state to time first and batched, and check them."""
    if isinstance(x, PackedSequence):
        if lengths is not None:
            raise ValueError("expected a padded x with lengths, got a PackedSequence")
        x, lengths = pad_packed_sequence(x)
        batched = True
    else:
        if x.dim() not in (2, 3):
            raise ValueError(
                f"expected x of 2 or 3 dimensions, got {x.dim()} (shape {tuple(x.shape)})"
            )
        batched = x.dim() == 3
        if lengths is not None and not batched:
            raise ValueError(f"expected a batched x with lengths, got shape {tuple(x.shape)}")
        if batched and lstm.batch_first:
            x = x.transpose(0, 1)
        x = x if batched else x[:, None]
    if len(x) == 0:
        raise RuntimeError(f"expected at least one time step, got x of shape {tuple(x.shape)}")
    rows = lstm.num_layers * (1 + lstm.bidirectional)
    if hx is None:
        h_0 = x.new_zeros(rows, x.shape[1], lstm.proj_size or lstm.hidden_size)
        c_0 = x.new_zeros(rows, x.shape[1], lstm.hidden_size)
    else:
        h_0, c_0 = hx if batched else (hx[0][:, None], hx[1][:, None])
    # torch's own checks, so that every mistake has torch's error class.
    given = x.transpose(0, 1) if lstm.batch_first else x
    lstm.check_forward_args(given, (h_0, c_0), None)
    checked = None if lengths is None else check_lengths(lengths, *x.shape[:2])
    return x, LSTMState(h_0, c_0), checked
