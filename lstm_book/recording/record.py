"""Record the gates of any LSTM, with PyTorch's kernel for all that has to wait its turn."""

import warnings
from collections.abc import Sequence
from functools import partial
from typing import Any, TypeVar, overload

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize
from torch.nn.utils.rnn import PackedSequence

from lstm_book.cells import Gates, LSTMState, RecurrentDropoutLSTMCell, Weights, ZoneoutLSTMCell
from lstm_book.cells.weights import DIRECTIONS, Direction
from lstm_book.checks import cast_dtype, check_type
from lstm_book.layers import Recurrent, RecurrentRun, Unrolled
from lstm_book.layers.arrange import Batch, arrange
from lstm_book.layers.kernel import (
    has_projection,
    kernel_weights,
    reverse_steps,
    run_kernel,
    summed,
)
from lstm_book.layers.lengths import is_batched
from lstm_book.layers.plain import check_plain
from lstm_book.layers.recurrent import run_cells
from lstm_book.layers.stack import run_stack
from lstm_book.layers.unroll import full_precision
from lstm_book.modes import evaluation_twin
from lstm_book.recording.trace import Recording, Trace

L = TypeVar("L", bound=nn.Module)
SQUASH = (torch.sigmoid_, torch.sigmoid_, torch.tanh_, torch.sigmoid_)  # of i, f, g and o
LARGE_STEP = 4096  # from so many numbers B·H on, a step of our own costs less than all gates twice
SMALL_STEP = 1024  # up to so many, the call costs more than the numbers
BLOCK = 8  # then so many steps are one piece
IN_CACHE = 131072  # so many numbers of a gate are worked on at a time


@overload
def record(
    lstm: nn.LSTM | Recurrent,
    x: Tensor | PackedSequence,
    hx: Any = None,
    *,
    lengths: Tensor | Sequence[int] | None = None,
) -> Recording: ...


@overload
def record(
    lstm: nn.Module, x: Any, hx: Any = None, *, lengths: Any = None
) -> dict[str, Recording]: ...


@torch.no_grad()
def record(
    lstm: nn.Module,
    x: Any,
    hx: Any = None,
    *,
    lengths: Tensor | Sequence[int] | None = None,
) -> Recording | dict[str, Recording]:
    """Run an LSTM and keep every gate and cell state, of every layer and direction.

    A model that has LSTMs inside is run as a whole, and what each of them was given is recorded.

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
            :class:`lstm_book.layers.Recurrent`, or a model that calls some of them.
        x: (T, B, D), (B, T, D) if the layer has `batch_first`, (T, D) for a single sequence, or
            packed. For a model, its input.
        hx: (h_0, c_0), or the states of another cell, as for a call; zeros if missing. A model
            is called with it if it is given.
        lengths: How many steps each sequence has, (B,), in any order, from 1 to T. A model is
            called with ``lengths=`` if they are given.

    Returns:
        Traces, outputs and the final state, time first and batched whatever the input is. Of a
        model, these for each of its layers, by the layer's name in the model.

    Raises:
        TypeError: If the module is no such layer and has none, or a layer has hooks or a `forward`
            of its own, which would be left out; or x or hx are no tensors, or lengths no whole
            numbers.
        ValueError: If x has a wrong number of dimensions or dtype, or lengths come with a packed
            or unbatched x.
        RuntimeError: If a size does not fit, T = 0, a length is out of range, or an LSTM is
            recorded inside :func:`torch.vmap`, which PyTorch's kernel refuses as well; or if a
            model calls a layer more than once, or none at all.

    >>> lstm = nn.LSTM(input_size=3, hidden_size=5, num_layers=2, bidirectional=True)
    >>> recording = record(lstm, torch.zeros(7, 2, 3))
    >>> recording.trace(layer=1, direction="backward").f.shape
    torch.Size([7, 2, 5])

    >>> model = nn.ModuleDict({"reader": lstm})
    >>> model.forward = lambda x: lstm(x)[0].mean()
    >>> list(record(model, torch.zeros(7, 2, 3)))
    ['reader']

    >>> from lstm_book.cells import GRUCell
    >>> gru = Recurrent(GRUCell(input_size=3, hidden_size=5))
    >>> record(gru, torch.zeros(7, 2, 3)).trace().z.shape
    torch.Size([7, 2, 5])
    """
    if isinstance(lstm, nn.Module) and not isinstance(lstm, nn.LSTM | Recurrent):
        return _record_inside(lstm, x, hx, lengths)
    check_layer("record", lstm, (nn.LSTM, Recurrent), "a torch.nn.LSTM or a Recurrent")
    still: Any = without_a_mode(lstm)
    batch = arrange(still, x, hx, lengths, name="x")
    warn_of_dropout(lstm, "record", stacklevel=4)
    run = run_cells(still, batch) if isinstance(lstm, Recurrent) else _run(still, batch)
    traces = {
        (layer, name): Trace(done.gates, done.states, batch.lengths, name).masked()
        for layer, runs in enumerate(run.layers)
        for name, done in zip(DIRECTIONS, runs, strict=False)
    }
    last = [trace.h for (layer, _), trace in traces.items() if layer == lstm.num_layers - 1]
    return Recording(torch.cat(last, dim=-1), run.state, traces)


def _record_inside(model: nn.Module, x: Any, hx: Any, lengths: Any) -> dict[str, Recording]:
    """Run a model, see what each of its layers is given, and record each."""
    kinds = nn.LSTM | Recurrent
    layers = {name: part for name, part in model.named_modules() if isinstance(part, kinds)}
    if not layers:
        raise TypeError(
            "expected the layer to be a torch.nn.LSTM or a Recurrent, or a model that has some, "
            f"got {type(model).__name__}"
        )
    calls: dict[str, list[tuple[Any, Any]]] = {name: [] for name in layers}

    def note(name: str, layer: nn.Module, given: Any, named: Any) -> None:
        calls[name].append((given, named))

    twin = evaluation_twin(model)
    hooks = [
        twin.get_submodule(name).register_forward_pre_hook(partial(note, name), with_kwargs=True)
        for name in layers
    ]
    try:
        more = {} if lengths is None else {"lengths": lengths}
        twin(x, *(() if hx is None else (hx,)), **more)
    finally:
        for hook in hooks:
            hook.remove()
    found = {}
    for name, layer in layers.items():
        if len(calls[name]) > 1:
            raise RuntimeError(
                f"expected the model to call {name!r} once, got {len(calls[name])} calls; record "
                "the layer by itself"
            )
        for given, named in calls[name]:
            found[name] = record(layer, *given, **named)
    if not found:
        raise RuntimeError(f"expected the model to call {', '.join(layers)}, got no call")
    return found


def _run(lstm: nn.LSTM, batch: Batch) -> RecurrentRun[LSTMState, Gates]:
    """Run every layer and direction of an LSTM by the kernel, and find what it does not show."""
    layers = [
        [
            partial(run_with_gates, kernel_weights(lstm, layer, name), batch.lengths, name)
            for name in DIRECTIONS[: 1 + lstm.bidirectional]
        ]
        for layer in range(lstm.num_layers)
    ]
    return run_stack(layers, batch)


def check_layer(who: str, layer: Any, kinds: Any, wanted: str) -> None:
    """Raise TypeError unless it is a layer whose call does what its weights say."""
    check_type("the layer", layer, kinds, wanted)
    check_plain(who, layer)


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


def without_a_mode(layer: L) -> L:
    """Return the layer, or its twin where running it in training mode would be something else."""
    is_lstm = isinstance(layer, nn.LSTM)
    return layer if is_lstm and not parametrize.is_parametrized(layer) else evaluation_twin(layer)


def run_with_gates(
    weights: list[Tensor],
    lengths: Tensor | None,
    direction: Direction,
    x: Tensor,
    initial: LSTMState,
    valid: Tensor | None,
) -> Unrolled[LSTMState, Gates]:
    """Return what one direction of one layer did: what `unroll` returns, faster."""
    if any(map(is_batched, (x, *initial))):
        raise RuntimeError(
            "expected an LSTM to be recorded outside torch.func and torch.vmap, got a tensor "
            "that stands for many; give them as one batch"
        )
    low, reverse = cast_dtype(x), direction == "backward"
    given = reverse_steps(x, lengths) if reverse else x
    large = x.shape[1] * initial.c.shape[-1] >= LARGE_STEP and x.device.type == "cpu"
    if large and low == x.dtype and x.element_size() >= 4 and not has_projection(weights):
        kept = _step_by_step(given, initial, summed(weights))
        last = LSTMState(*(states[last_steps(x, lengths)] for states in (kept[-1], kept[-2])))
    else:
        h, last = run_kernel(weights, given, initial, lengths)
        with full_precision(x):
            kept = (*_all_at_once(given, h, initial, summed(weights), low), h)
    if reverse:
        kept = tuple(reverse_steps(steps, lengths) for steps in kept)
    i, f, g, o, c, h = kept
    states = LSTMState(h, c)
    if valid is not None:  # where a sequence has no step, its state stays as it was
        held, own = initial if reverse else last, valid[..., None]
        states = LSTMState(*(s.where(own, stays) for s, stays in zip(states, held, strict=True)))
    return Unrolled(initial, states, Gates(i, f, g, o), reverse, last, valid, "LSTM")


def last_steps(x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return where each sequence of a (T, B, …) has its last step, as an index."""
    T, B = x.shape[:2]
    ends = torch.full((B,), T) if lengths is None else lengths
    return (ends - 1).to(x.device), torch.arange(B, device=x.device)


def _step_by_step(x: Tensor, initial: LSTMState, weights: Weights) -> tuple[Tensor, ...]:
    """Return i, f, g, o, c and h of all steps, each computed where it is to stay.

    The equations once more, in place, as new memory costs more than the numbers; `record` is tested
    against `LSTM.run`, which has them from `lstm_equations`.
    """
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
