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

SQUASH = (torch.sigmoid_, torch.sigmoid_, torch.tanh_, torch.sigmoid_)  # of i, f, g and o
DIRECTIONS: tuple[Direction, ...] = ("forward", "backward")
LARGE_STEP = 4096  # from so many numbers B·H on, a step of our own costs less than all gates twice
SMALL_STEP = 1024  # up to so many, the call costs more than the numbers


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
    gates follow at once, and the cell states from them by c_t = f_t c_{t-1} + i_t g_t. Where a step
    is large, many sequences or units, a loop that keeps everything costs less and takes its place.
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
    large = x.shape[1] * lstm.hidden_size >= LARGE_STEP and x.device.type == "cpu"
    if large and not lstm.proj_size:
        i, f, g, o, c, h = _step_by_step(x, initial, weights)
        ends = torch.full((x.shape[1],), len(x)) if lengths is None else lengths
        last = LSTMState(*(states[ends - 1, torch.arange(x.shape[1])] for states in (h, c)))
    else:
        h, last = run_direction(lstm, layer, direction, x, initial, lengths)
        before = torch.cat([initial.h[None], h[:-1]])
        i, f, g, o = _gates_at_once(torch.cat([x, before], dim=-1), weights)
        c = cell_states(f, i * g, initial.c)
    return GateTrace(i, f, g, o, c, h, lengths, direction), last


def _step_by_step(x: Tensor, initial: LSTMState, weights: Weights) -> tuple[Tensor, ...]:
    """Return i, f, g, o, c and h of all steps, each computed where it is to stay."""
    W, U, b = weights
    # One piece of memory a gate: glibc returns pieces above 32 MB, and to fetch them anew costs.
    i, f, g, o = gates = _one_by_one(x, W, b)
    c, h = torch.empty_like(i), torch.empty_like(i)
    U_T = [U_k.T for U_k in U.chunk(4)]
    h_t, c_t = initial
    for *gates_t, new_c, new_h in zip(*(tensor.unbind() for tensor in (*gates, c, h)), strict=True):
        for a_t, U_k_T, squash in zip(gates_t, U_T, SQUASH, strict=True):
            squash(a_t.addmm_(h_t, U_k_T))
        i_t, f_t, g_t, o_t = gates_t
        c_t = torch.mul(f_t, c_t, out=new_c).addcmul_(i_t, g_t)
        h_t = torch.tanh(c_t, out=new_h).mul_(o_t)
    return i, f, g, o, c, h


def _one_by_one(x: Tensor, W: Tensor, b: Tensor | None) -> list[Tensor]:
    """Return x W^T + b for each of the four gates, every one in its own memory."""
    biases = [None] * 4 if b is None else b.chunk(4)
    return [functional.linear(x, W_k, b_k) for W_k, b_k in zip(W.chunk(4), biases, strict=True)]


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
    names = ["weight_ih", "weight_hh"] + (["bias_ih", "bias_hh"] if lstm.bias else [])
    names += ["weight_hr"] if lstm.proj_size else []
    parameters = [getattr(lstm, name + stem) for name in names]
    # Without dropout, training mode changes nothing but that cuDNN can go backward.
    train = torch.is_grad_enabled()
    if lengths is None:
        state = (initial.h[None], initial.c[None])
        h, h_n, c_n = torch.lstm(x, state, parameters, lstm.bias, 1, 0.0, train, False, False)
        return h, LSTMState(h_n[0], c_n[0])
    packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
    order, back = packed.sorted_indices, packed.unsorted_indices
    state = (initial.h[None, order], initial.c[None, order])
    data, h_n, c_n = torch.lstm(
        packed.data, packed.batch_sizes, state, parameters, lstm.bias, 1, 0.0, train, False
    )
    h = pad_packed_sequence(packed._replace(data=data), total_length=len(x))[0]
    return h, LSTMState(h_n[0, back], c_n[0, back])


def _gates_at_once(both: Tensor, weights: Weights) -> list[Tensor]:
    """Return i, f, g and o of all steps from x_t and h_{t-1} side by side, (T, B, D + H)."""
    a = _one_by_one(both, torch.cat([weights.W, weights.U], dim=1), weights.b)
    return [squash(a_k) for squash, a_k in zip(SQUASH, a, strict=True)]


def cell_states(f: Tensor, written: Tensor, c: Tensor) -> Tensor:
    """Return c_t = f_t c_{t-1} + written_t of all steps; `written` is overwritten with it.

    Where a step is too little work for a call of its own, about √T blocks of about √T steps are
    done side by side, each as if it began empty; then what each block began with is added.
    """
    T, width = len(f), c.numel()
    steps = math.isqrt(T) if width <= SMALL_STEP else 1
    whole = T // steps * steps if steps > 1 else 0
    if whole:
        f_blocks, c_blocks = (v[:whole].view(-1, steps, *v.shape[1:]) for v in (f, written))
        kept = f_blocks.clone()  # how much of what a block began with is left
        for t in range(1, steps):
            c_blocks[:, t].addcmul_(f_blocks[:, t], c_blocks[:, t - 1])
            kept[:, t].mul_(kept[:, t - 1])
        begins = []
        for kept_last, c_last in zip(kept[:, -1], c_blocks[:, -1], strict=True):
            begins.append(c)
            c = torch.addcmul(c_last, kept_last, c)
        c_blocks.addcmul_(kept, torch.stack(begins)[:, None])
    for f_t, c_t in zip(f[whole:].unbind(), written[whole:].unbind(), strict=True):
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
