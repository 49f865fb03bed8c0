"""Record the gates of any LSTM, with PyTorch's kernel for all that has to wait its turn."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, overload

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from lstm_book.cells import LSTMState, RecurrentDropoutLSTMCell, Weights, ZoneoutLSTMCell
from lstm_book.cells.weights import Direction, read_tensor
from lstm_book.checks import cast_dtype, check_like, check_tensor, check_type
from lstm_book.gradients._check import full_precision
from lstm_book.layers import Recurrent
from lstm_book.layers.lengths import check_lengths, is_batched, valid_steps
from lstm_book.layers.plain import check_plain
from lstm_book.modes import evaluation_twin
from lstm_book.recording.trace import CellTrace, GateTrace, Recording

SQUASH = (torch.sigmoid_, torch.sigmoid_, torch.tanh_, torch.sigmoid_)  # of i, f, g and o
DIRECTIONS: tuple[Direction, ...] = ("forward", "backward")
LARGE_STEP = 4096  # from so many numbers B·H on, a step of our own costs less than all gates twice
SMALL_STEP = 1024  # up to so many, the call costs more than the numbers
BLOCK = 8  # then so many steps are one piece
IN_CACHE = 131072  # so many numbers of a gate are worked on at a time


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
    Weights are what a call would use: reparametrised, normed and pruned ones as they come out.
    Everything has the dtype of the layer's output: under autocast, and with half-precision weights,
    gates and cell states are computed in float32 from what the kernel showed, and then rounded.
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
        TypeError: If the module is neither, or has hooks or a `forward` of its own, which would be
            left out; or x or hx are no tensors, or lengths no whole numbers.
        ValueError: If x has a wrong number of dimensions or dtype, or lengths come with a packed
            or unbatched x.
        RuntimeError: If a size does not fit, T = 0, a length is out of range, or an LSTM is
            recorded inside :func:`torch.vmap`, which PyTorch's kernel refuses as well.

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
    check_layer("record", lstm)
    x, state, lengths = arranged(lstm, x, hx, lengths)
    warn_of_dropout(lstm, "record", stacklevel=4)
    still = without_a_mode(lstm)
    traces: dict[tuple[int, Direction], GateTrace] = {}
    h_n, c_n = [], []
    for layer in range(lstm.num_layers):
        outputs = []
        for direction in DIRECTIONS[: 1 + lstm.bidirectional]:
            row = len(traces)
            initial = LSTMState(state.h[row], state.c[row])
            weights = kernel_weights(still, layer, direction)
            if direction == "forward":
                trace, last = trace_steps(weights, x, initial, lengths)
            else:  # forwards on the reversed sequence
                trace, last = trace_steps(weights, reverse_steps(x, lengths), initial, lengths)
                trace = replace(trace, direction=direction)
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
    check_plain("record", layer)
    if isinstance(x, PackedSequence):
        if lengths is not None:
            raise ValueError("expected a padded x with lengths, got a PackedSequence")
        x, lengths = pad_packed_sequence(x, layer.batch_first)
    run = evaluation_twin(layer).run(x, hx, lengths=lengths)
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


def check_layer(who: str, lstm: nn.LSTM) -> None:
    """Raise TypeError unless it is an LSTM whose call does what its weights say."""
    wanted = "a torch.nn.LSTM or a Recurrent" if who == "record" else "a torch.nn.LSTM"
    check_type("the layer", lstm, nn.LSTM, wanted)
    check_plain(who, lstm)


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


def without_a_mode(lstm: nn.LSTM) -> nn.LSTM:
    """Return the layer, or its twin where reading a weight in training mode would change it."""
    return evaluation_twin(lstm) if parametrize.is_parametrized(lstm) else lstm


def trace_steps(
    weights: list[Tensor], x: Tensor, initial: LSTMState, lengths: Tensor | None
) -> tuple[GateTrace, LSTMState]:
    """Return what one direction of one layer did and its last state, in the order of x.

    Beyond a length the values mean nothing.
    """
    low = cast_dtype(x)
    U = weights[1]
    large = x.shape[1] * U.shape[-1] >= LARGE_STEP and x.device.type == "cpu"
    if large and low == x.dtype and x.element_size() >= 4 and not has_projection(weights):
        i, f, g, o, c, h = _step_by_step(x, initial, summed(weights))
        ends = torch.full((x.shape[1],), len(x)) if lengths is None else lengths
        last = LSTMState(*(states[ends - 1, torch.arange(x.shape[1])] for states in (h, c)))
    else:
        h, last = run_direction(weights, x, initial, lengths)
        with full_precision(x):
            i, f, g, o, c = _all_at_once(x, h, initial, summed(weights), low)
    return GateTrace(i, f, g, o, c, h, lengths, "forward"), last


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


def kernel_weights(lstm: nn.LSTM, layer: int, direction: Direction) -> list[Tensor]:
    """Return the weights of one direction of one layer as the kernel takes them.

    They are W, U, b_ih and b_hh if there are biases, and those of the projection if there is one.
    """
    names = ["weight_ih", "weight_hh"] + (["bias_ih", "bias_hh"] if lstm.bias else [])
    names += ["weight_hr"] if lstm.proj_size else []
    stem = f"_l{layer}{'_reverse' if direction == 'backward' else ''}"
    return [check_tensor(name + stem, read_tensor(lstm, name + stem)) for name in names]


def has_projection(weights: list[Tensor]) -> bool:
    """Whether the last of the kernel's weights are those of a projection."""
    return len(weights) % 2 == 1


def summed(weights: list[Tensor]) -> Weights:
    """Return the kernel's weights as the equations have them, with one bias."""
    W, U, *biases = weights[: len(weights) // 2 * 2]
    return Weights(W, U, biases[0] + biases[1] if biases else None)


def run_direction(
    weights: list[Tensor], x: Tensor, initial: LSTMState, lengths: Tensor | None
) -> tuple[Tensor, LSTMState]:
    """Return the hidden states of one direction of one layer and its last state, by the kernel.

    The steps are those of x, in this order, whatever the direction. Autograd may follow.
    """
    biases = len(weights) >= 4
    # Without dropout, training mode changes nothing but that cuDNN can go backward.
    train = torch.is_grad_enabled()
    if lengths is None or len(lengths) == 0:  # an empty batch cannot be packed
        state = (initial.h[None], initial.c[None])
        h, h_n, c_n = torch.lstm(x, state, weights, biases, 1, 0.0, train, False, False)
        return h, LSTMState(h_n[0], c_n[0])
    packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
    order, back = packed.sorted_indices, packed.unsorted_indices
    state = (initial.h[None, order], initial.c[None, order])
    data, h_n, c_n = torch.lstm(
        packed.data, packed.batch_sizes, state, weights, biases, 1, 0.0, train, False
    )
    h = pad_packed_sequence(packed._replace(data=data), total_length=len(x))[0]
    return h, LSTMState(h_n[0, back], c_n[0, back])


def _all_at_once(
    x: Tensor, h: Tensor, initial: LSTMState, weights: Weights, low: torch.dtype
) -> list[Tensor]:
    """Return i, f, g, o and c of all steps from x_t and h_{t-1}, whose products the kernel has low.

    Some steps at a time: what is between a product and its gate stays in the cache.
    """
    T, B = x.shape[:2]
    H = len(weights.U) // 4
    exact = torch.promote_types(low, torch.float32)  # halves are too coarse to add up in
    columns = [*weights[:2]] + ([] if weights.b is None else [weights.b[:, None]])
    stacked = torch.cat(columns, dim=1).to(low).to(exact)
    stacked[2 * H : 3 * H] *= 2  # see _tanh_of_half_
    of_gates = stacked.T.chunk(4, dim=1)
    steps = max(1, min(T, IN_CACHE // max(1, B * H)))
    ones = torch.ones(
        steps, B, len(columns) - 2, dtype=low, device=x.device
    )  # bias is their weight
    kept = [torch.empty(T * B, H, dtype=exact, device=x.device) for _ in range(5)]
    c_before = initial.c.to(exact)
    for begin in range(0, T, steps):
        end = min(T, begin + steps)
        before = h[begin - 1 : end - 1] if begin else torch.cat([initial.h[None], h[: end - 1]])
        seen = (x[begin:end].to(low), before.to(low), ones[: end - begin])
        inputs = torch.cat(seen, dim=-1).to(exact).flatten(0, 1)
        *gates, c = (tensor[begin * B : end * B] for tensor in kept)
        i, f, g, o = (
            torch.mm(inputs, weight, out=gate) for gate, weight in zip(gates, of_gates, strict=True)
        )
        for a in (i, f, o):
            a.sigmoid_()
        torch.mul(i, _tanh_of_half_(g), out=c)
        f, c = (tensor.view(end - begin, B, H) for tensor in (f, c))
        c_before = cell_states(f, c, c_before)[-1]
    return [tensor.view(T, B, H).to(h.dtype) for tensor in kept]


def _tanh_of_half_(a: Tensor) -> Tensor:
    """Put tanh(a/2) = 2 σ(a) - 1 in the place of a: to 2e-7, four times as fast as `tanh`."""
    return a.sigmoid_().mul_(2).sub_(1)


def cell_states(f: Tensor, written: Tensor, c: Tensor) -> Tensor:
    """Return c_t = f_t c_{t-1} + written_t of all steps; `written` is overwritten with it.

    Where a step is too little work for a call of its own, blocks of steps are done side by side,
    each as if it began empty. What the blocks end with is a recurrence like this one; from it each
    block is given what it began with.
    """
    T = len(f)
    whole = T // BLOCK * BLOCK if c.numel() <= SMALL_STEP and T >= 2 * BLOCK else 0
    if whole:
        blocks = (whole // BLOCK, BLOCK, *c.shape)
        f_blocks, c_blocks = f[:whole].view(blocks), written[:whole].view(blocks)
        kept_blocks = f_blocks.clone()  # how much of what a block began with is left
        fs, cs, kept = (v.unbind(1) for v in (f_blocks, c_blocks, kept_blocks))
        for t in range(1, BLOCK):
            cs[t].addcmul_(fs[t], cs[t - 1])
            kept[t].mul_(kept[t - 1])
        ends = cell_states(kept[-1], cs[-1].clone(), c)
        c_blocks.addcmul_(kept_blocks, torch.cat([c[None], ends[:-1]])[:, None])
        c = ends[-1]
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
        if check_tensor("x", x).dim() not in (2, 3):
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
        h_0, c_0 = _checked_states(hx, 2 + batched)
        h_0, c_0 = (h_0, c_0) if batched else (h_0[:, None], c_0[:, None])
    # torch's own checks, so that every mistake has torch's error class.
    given = x.transpose(0, 1) if lstm.batch_first else x
    lstm.check_forward_args(given, (h_0, c_0), None)
    check_like("h_0", h_0, "x", x)
    check_like("c_0", c_0, "x", x)
    for tensor in (x, h_0, c_0):
        if is_batched(tensor):
            raise RuntimeError(
                "expected an LSTM to be recorded outside torch.func and torch.vmap, got a tensor "
                "that stands for many; give them as one batch"
            )
    checked = None if lengths is None else check_lengths(lengths, *x.shape[:2])
    return x, LSTMState(h_0, c_0), checked


def _checked_states(hx: Any, dims: int) -> tuple[Tensor, Tensor]:
    """Check that hx is (h_0, c_0) of so many dimensions."""
    check_type("hx", hx, (tuple, list), "a tuple (h_0, c_0)")
    if len(hx) != 2:
        raise RuntimeError(f"expected hx to be (h_0, c_0), got {len(hx)} states")
    for name, state in zip(("h_0", "c_0"), hx, strict=True):
        if check_tensor(name, state).dim() != dims:
            raise RuntimeError(
                f"expected {name} of {dims} dimensions, as x, got {state.dim()} "
                f"(shape {tuple(state.shape)})"
            )
    return hx[0], hx[1]
