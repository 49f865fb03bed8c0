"""How fast the LSTM layer is, against torch's and against a loop; run by `nox -s bench`.

Everybody does the same work in this same process, on one thread: results are compared first, then
all are timed in turns, and each turn gives one ratio of each pair. A training step is the forward
pass, the mean square of the output, and the gradients of all parameters.
"""

import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from harness import prepare, write
from torch import Tensor, nn
from torch.utils.benchmark import Timer

from lstm_book import LSTM

SHAPES = [
    (100, 32, 2, 64),
    (100, 64, 64, 128),
    (200, 64, 128, 256),
    (1000, 20, 2, 128),
    (5000, 20, 2, 16),
    (500, 1, 32, 64),
    (50, 128, 256, 512),
]
COMPILED = (32, 64, 64, 128)

Call = Callable[[], Any]
# A case: what is done, shape, the calls by name, all with the same result, and the pairs of names
# whose ratio is wanted.
Case = tuple[str, tuple[int, int, int, int], dict[str, Call], list[tuple[str, str]]]


class FourLinears(nn.Module):
    """The cell of many a tutorial: one linear layer for each gate."""

    def __init__(self, D: int, H: int) -> None:
        super().__init__()
        self.i, self.f, self.g, self.o = (nn.Linear(D + H, H) for _ in range(4))

    def forward(self, x_t: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        h, c = state
        both = torch.cat([x_t, h], dim=-1)
        i, f = torch.sigmoid(self.i(both)), torch.sigmoid(self.f(both))
        g, o = torch.tanh(self.g(both)), torch.sigmoid(self.o(both))
        c = f * c + i * g
        return o * torch.tanh(c), c


class CellLoop(nn.Module):
    """A loop over the cell of four linear layers."""

    def __init__(self, D: int, H: int) -> None:
        super().__init__()
        self.H, self.cell = H, FourLinears(D, H)

    def forward(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        h = c = x.new_zeros(x.shape[1], self.H)
        outputs = []
        for t in range(len(x)):
            h, c = self.cell(x[t], (h, c))
            outputs.append(h)
        return torch.stack(outputs), (h, c)

    def load(self, lstm: nn.LSTM) -> "CellLoop":
        """Take the weights of a layer."""
        W, U, b_ih, b_hh = (parameter.detach().chunk(4) for parameter in lstm.parameters())
        for k, linear in enumerate((self.cell.i, self.cell.f, self.cell.g, self.cell.o)):
            linear.weight.data.copy_(torch.cat([W[k], U[k]], dim=1))
            linear.bias.data.copy_(b_ih[k] + b_hh[k])
        return self


def training_step(model: Any, x: Tensor) -> Call:
    """Forward, and back to all parameters; what is returned to be compared is the output."""
    parameters = list(model.parameters())

    def call() -> Tensor:
        output, _ = model(x)
        torch.autograd.grad(output.square().mean(), parameters)
        return output

    return call


def inference(model: Any, x: Tensor) -> Call:
    """Forward, without a graph."""

    def call() -> Tensor:
        with torch.no_grad():
            return model(x)[0]

    return call


MODES = {"training step": training_step, "inference": inference}


def layers(D: int, H: int) -> tuple[nn.LSTM, LSTM, LSTM, CellLoop]:
    """Torch's layer, both engines and the loop, with the same weights."""
    reference = nn.LSTM(D, H)
    fused, unrolled = LSTM(D, H), LSTM(D, H, engine="unrolled")
    for layer in (fused, unrolled):
        layer.load_state_dict(reference.state_dict())
    return reference, fused, unrolled, CellLoop(D, H).load(reference)


def cases() -> Iterator[Case]:
    """Every shape and mode, with everybody in the same turns."""
    pairs = [
        ("fused", "torch.nn.LSTM"),
        ("unrolled", "torch.nn.LSTM"),
        ("unrolled", "cell loop"),
    ]
    names = ("torch.nn.LSTM", "fused", "unrolled", "cell loop")
    for shape in SHAPES:
        T, B, D, H = shape
        x = torch.randn(T, B, D)
        models = dict(zip(names, layers(D, H), strict=True))
        for mode, step in MODES.items():
            yield mode, shape, {name: step(model, x) for name, model in models.items()}, pairs


def compiled_cases(costs: dict[str, float]) -> Iterator[Case]:
    """The unrolled engine compiled against itself; put down what compiling took, in seconds."""
    T, B, D, H = COMPILED
    x = torch.randn(T, B, D)
    _, _, unrolled, _ = layers(D, H)
    compiled = torch.compile(unrolled)
    for mode, step in MODES.items():
        begin = time.perf_counter()
        call = step(compiled, x)
        call()
        costs[mode] = time.perf_counter() - begin
        calls = {"unrolled": step(unrolled, x), "compiled": call}
        yield mode, COMPILED, calls, [("compiled", "unrolled")]


def check_equal(case: Case) -> None:
    """Raise unless all results are the same numbers."""
    mode, shape, calls, _ = case
    (first, want), *others = ((name, call()) for name, call in calls.items())
    for name, got in others:
        distance = (got - want).abs().max().item()
        if got.shape != want.shape or not distance <= 1e-5:
            raise AssertionError(f"{mode}, {shape}: {name} differs from {first} by {distance}")


def measure(case: Case, turns: int, seconds: float) -> list[dict[str, Any]]:
    """Time everybody in turns; a turn runs each for about so many seconds."""
    mode, shape, calls, pairs = case
    timers = {n: Timer("call()", globals={"call": c}, num_threads=1) for n, c in calls.items()}
    numbers = {n: max(1, int(seconds / t.timeit(1).mean)) for n, t in timers.items()}  # warms up
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(turns):
        for name in list(calls)[:: 1 if turn % 2 == 0 else -1]:
            taken[name].append(1e3 * timers[name].timeit(numbers[name]).mean)
    rows = []
    for ours, peer in pairs:
        ratios = [theirs / mine for mine, theirs in zip(taken[ours], taken[peer], strict=True)]
        rows.append(
            {
                "mode": mode,
                "shape": list(shape),
                "ours": ours,
                "peer": peer,
                "ours_ms": statistics.median(taken[ours]),
                "peer_ms": statistics.median(taken[peer]),
                "ratio": statistics.median(ratios),
                "ratio_min": min(ratios),
                "ratio_max": max(ratios),
            }
        )
    return rows


def geometric_means(rows: list[dict[str, Any]]) -> dict[str, float]:
    """The mean ratio of each pair over all shapes and both modes."""
    pairs: dict[str, list[float]] = {}
    for row in rows:
        pairs.setdefault(f"{row['ours']} against {row['peer']}", []).append(row["ratio"])
    return {pair: math.exp(statistics.mean(map(math.log, r))) for pair, r in pairs.items()}


def main() -> None:
    """Check, measure and store."""
    options, head = prepare("Measure the LSTM layer against peers.", "bench_layers.json")
    # Compiled code of an earlier run must not make compiling look cheap.
    scratch = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = scratch.name
    rows: list[dict[str, Any]] = []
    compiling: dict[str, float] = {}
    for case in (*cases(), *compiled_cases(compiling)):
        check_equal(case)
        for row in measure(case, options.turns, options.seconds):
            rows.append(row)
            print(
                f"{row['mode']}, {tuple(row['shape'])}: {row['ours']} {row['ours_ms']:.3g} ms, "
                f"{row['peer']} {row['peer_ms']:.3g} ms, ratio {row['ratio']:.3g} "
                f"({row['ratio_min']:.3g} to {row['ratio_max']:.3g})",
                flush=True,
            )
    result = {
        **head,
        "geometric_means": geometric_means(rows),
        "compile_seconds": compiling,
        "rows": rows,
    }
    print(result["geometric_means"], compiling, flush=True)
    write(result, options.output)


if __name__ == "__main__":
    main()
