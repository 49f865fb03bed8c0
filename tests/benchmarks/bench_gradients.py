"""How our gradients compare with torch's ways to the same numbers; run by `nox -s bench`.

Every row gives ours and a peer the same work in this same process, on one thread: results are
compared first, then both are timed in turns, and each turn gives one ratio.
"""

import statistics
from collections.abc import Callable
from typing import Any

import torch
from harness import prepare, write
from torch import Tensor, nn
from torch.func import jacrev, vmap
from torch.utils.benchmark import Timer

from lstm_book import LSTMCell, LSTMState, bptt, lstm_step, unroll
from lstm_book.cells import Weights
from lstm_book.gradients import state_jacobians

EQUAL = {torch.float64: 1e-10, torch.float32: 1e-5}

# A case: name, shape, peer's name, ours, peer's; calls return tensors in the same order.
Case = tuple[str, str, str, Callable[[], Any], Callable[[], Any]]


def jacobian_cases() -> list[Case]:
    """All four blocks of every step Jacobian of one sequence."""
    T, D, H = 200, 64, 64
    cell = LSTMCell(D, H, dtype=torch.float64).requires_grad_(False)
    W, U, b = cell.weights
    x = torch.randn(T, 1, D, dtype=torch.float64)
    zero = cell.zero_state(x[0])
    run = unroll(cell.step, x, zero)
    h, c = (state[:, 0] for state in run.previous)

    def step(h: Tensor, c: Tensor, x_t: Tensor) -> tuple[LSTMState, LSTMState]:
        state, _ = lstm_step(x_t, LSTMState(h, c), W, U, b)
        return state, state  # the second one comes out as it is

    by_step = jacrev(step, argnums=(0, 1), has_aux=True)
    at_once = vmap(by_step)

    def blocks(nested: Any) -> list[Tensor]:
        return [block for row in nested for block in row]

    def ours() -> list[Tensor]:
        return [block[:, 0] for block in state_jacobians(run, U)]

    def ours_from_inputs() -> list[Tensor]:
        return [block[:, 0] for block in state_jacobians(unroll(cell.step, x, zero), U)]

    def stepwise() -> list[Tensor]:
        # The state comes out beside its Jacobian, so that no forward pass is needed before.
        state, every = (zero.h[0], zero.c[0]), []
        for x_t in x[:, 0]:
            jacobian, state = by_step(*state, x_t)
            every.append(blocks(jacobian))
        return [torch.stack(parts) for parts in zip(*every, strict=True)]

    def vmapped() -> list[Tensor]:
        return blocks(at_once(h, c, x[:, 0])[0])

    def vmapped_from_inputs() -> list[Tensor]:
        previous = unroll(cell.step, x, zero).previous
        return blocks(at_once(previous.h[:, 0], previous.c[:, 0], x[:, 0])[0])

    shape = f"T={T}, B=1, D={D}, H={H}"
    given, whole = "all step Jacobians of a run", "all step Jacobians, forward pass included"
    return [
        (given, shape, "torch.func.jacrev, step by step", ours, stepwise),
        (given, shape, "vmap(jacrev)", ours, vmapped),
        (whole, shape, "torch.func.jacrev, step by step", ours_from_inputs, stepwise),
        (whole, shape, "vmap(jacrev)", ours_from_inputs, vmapped_from_inputs),
    ]


def bptt_cases() -> list[Case]:
    """The backward pass alone; the forward pass has been taken by each in its own way."""
    T, B, D, H = 200, 16, 32, 64
    layer = nn.LSTM(D, H, dtype=torch.float64)
    x = torch.randn(T, B, D, dtype=torch.float64, requires_grad=True)
    h_0, c_0 = (torch.randn(B, H, dtype=torch.float64, requires_grad=True) for _ in range(2))
    grad_h = torch.randn(T, B, H, dtype=torch.float64)
    W, U, b_ih, b_hh = (p.detach() for p in layer.parameters())
    leaves = [tensor.requires_grad_() for tensor in (W, U, b_ih + b_hh)]
    weights = Weights(*leaves)

    def step(x_t: Tensor, state: LSTMState) -> Any:
        return lstm_step(x_t, state, *weights)

    graph = unroll(step, x, LSTMState(h_0, c_0))
    with torch.no_grad():
        run = unroll(step, x, LSTMState(h_0, c_0))
    output, _ = layer(x, (h_0[None], c_0[None]))
    parameters = list(layer.parameters())[:3]  # each bias has the whole gradient: take one

    def ours() -> list[Tensor]:
        grads = bptt(run, x, weights, grad_h)
        return [grads.x, *grads.initial, grads.W, grads.U, grads.b]

    def autograd() -> Any:
        wanted = [x, h_0, c_0, *leaves]
        return torch.autograd.grad(graph.states.h, wanted, grad_h, retain_graph=True)

    def fused() -> Any:
        return torch.autograd.grad(output, [x, h_0, c_0, *parameters], grad_h, retain_graph=True)

    name, shape = "backward through time", f"T={T}, B={B}, D={D}, H={H}"
    return [
        (name, shape, "autograd of the same loop", ours, autograd),
        (name, shape, "autograd of torch.nn.LSTM", ours, fused),
    ]


def cell_cases() -> list[Case]:
    """One step forward."""
    cases: list[Case] = []
    for B, D, H in ((1, 64, 64), (32, 64, 64), (32, 256, 256)):
        theirs = nn.LSTMCell(D, H)
        cell = LSTMCell(D, H)
        cell.load_state_dict(theirs.state_dict())
        x, h, c = (torch.randn(B, size) for size in (D, H, H))

        def ours(cell: Any = cell, args: Any = (x, (h, c))) -> Any:
            with torch.no_grad():
                return cell(*args)

        def peer(cell: Any = theirs, args: Any = (x, (h, c))) -> Any:
            with torch.no_grad():
                return cell(*args)

        shape = f"B={B}, D={D}, H={H}, float32"
        cases.append(("one step of LSTMCell", shape, "torch.nn.LSTMCell", ours, peer))
    return cases


def check_equal(case: Case) -> None:
    """Raise unless ours and the peer's results are the same numbers."""
    name, shape, peer, ours, peers = case
    got, want = list(ours()), list(peers())
    if [t.shape for t in got] != [t.shape for t in want]:
        raise AssertionError(f"{name}, {shape}: shapes differ from those of {peer}")
    for a, b in zip(got, want, strict=True):
        distance = (a - b).abs().max().item()
        if not distance <= EQUAL[a.dtype] * max(1.0, b.abs().max().item()):
            raise AssertionError(f"{name}, {shape}: differs from {peer} by {distance}")


def measure(case: Case, turns: int, seconds: float) -> dict[str, Any]:
    """Time ours and the peer in turns; a turn runs each for about so many seconds."""
    name, shape, peer, ours, peers = case
    timers = [Timer("call()", globals={"call": call}, num_threads=1) for call in (ours, peers)]
    numbers = [max(1, int(seconds / timer.timeit(1).mean)) for timer in timers]  # and warm up
    milliseconds = [
        [1e3 * timer.timeit(n).mean for timer, n in zip(timers, numbers, strict=True)]
        for _ in range(turns)
    ]
    ratios = [theirs / mine for mine, theirs in milliseconds]
    mine, theirs = (statistics.median(column) for column in zip(*milliseconds, strict=True))
    return {
        "name": name,
        "shape": shape,
        "ours_ms": mine,
        "peer": peer,
        "peer_ms": theirs,
        "ratio": statistics.median(ratios),
        "ratio_min": min(ratios),
        "ratio_max": max(ratios),
    }


def main() -> None:
    """Check, measure and store."""
    options, head = prepare("Measure gradients against peers.", "bench_gradients.json")
    rows = []
    for case in (*jacobian_cases(), *bptt_cases(), *cell_cases()):
        check_equal(case)
        rows.append(row := measure(case, options.turns, options.seconds))
        print(
            f"{row['name']}, {row['shape']}: {row['ours_ms']:.3g} ms, {row['peer']} "
            f"{row['peer_ms']:.3g} ms, ratio {row['ratio']:.3g} "
            f"({row['ratio_min']:.3g} to {row['ratio_max']:.3g})",
            flush=True,
        )
    result = {
        **head,
        "rows": rows,
    }
    write(result, options.output)


if __name__ == "__main__":
    main()
