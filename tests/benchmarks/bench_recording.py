"""What recording every gate costs; run by `nox -s bench`.

The same work in this same process, on one thread: the gates are compared first, then all are timed
in turns, and each turn gives one ratio of each pair: how many times as long the second takes as the
first.
The peers are one inference of the bare layer, which shows no gate, and the loop over a cell of four
linear layers that people write to see their gates.
"""

import statistics
from collections.abc import Iterator
from typing import Any

import torch
from bench_layers import SHAPES, Call, CellLoop, measure
from harness import prepare, write
from torch import Tensor, nn

from lstm_book import record

BARE, LOOP, OURS = "torch.nn.LSTM", "cell loop that keeps its gates", "record"
PAIRS = [(BARE, OURS), (LOOP, OURS), (BARE, LOOP)]
KEPT = ("i", "f", "g", "o", "c", "h")


class TracingLoop(CellLoop):
    """The loop over the cell of four linear layers, with everything kept."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        cell, kept = self.cell, {name: [] for name in KEPT}
        h = c = x.new_zeros(x.shape[1], self.H)
        for x_t in x:
            both = torch.cat([x_t, h], dim=-1)
            i, f = torch.sigmoid(cell.i(both)), torch.sigmoid(cell.f(both))
            g, o = torch.tanh(cell.g(both)), torch.sigmoid(cell.o(both))
            c = f * c + i * g
            h = o * torch.tanh(c)
            for name, value in zip(KEPT, (i, f, g, o, c, h), strict=True):
                kept[name].append(value)
        return {name: torch.stack(values) for name, values in kept.items()}


def cases() -> Iterator[tuple[tuple[int, int, int, int], dict[str, Call]]]:
    """Every shape, with everybody ready to be called."""
    for shape in SHAPES:
        T, B, D, H = shape
        x, lstm = torch.randn(T, B, D), nn.LSTM(D, H)
        loop = TracingLoop(D, H).load(lstm)
        calls = {BARE: inference(lstm, x), LOOP: inference(loop, x)}
        yield shape, {**calls, OURS: lambda lstm=lstm, x=x: record(lstm, x)}


def inference(model: Any, x: Tensor) -> Call:
    """Forward, without a graph."""

    def call() -> Any:
        with torch.no_grad():
            return model(x)

    return call


def check_equal(shape: tuple[int, ...], calls: dict[str, Call]) -> None:
    """Raise unless both show the same gates and states, and these are the layer's."""
    trace, kept = calls[OURS]().trace(), calls[LOOP]()
    pairs = {name: (getattr(trace, name), kept[name]) for name in KEPT}
    pairs["output"] = (trace.h, calls[BARE]()[0])
    for name, (got, want) in pairs.items():
        distance = (got - want).abs().max().item()
        if got.shape != want.shape or not distance <= 1e-5:
            raise AssertionError(f"{shape}: {name} differs by {distance}")


def main() -> None:
    """Check, measure and store."""
    options, head = prepare("Measure what recording costs.", "bench_recording.json")
    rows: list[dict[str, Any]] = []
    for shape, calls in cases():
        check_equal(shape, calls)
        found = measure(("inference", shape, calls, PAIRS), options.turns, options.seconds)
        for row in found:
            print(f"{shape}: {row['peer']} takes {row['ratio']:.3g} times as long as {row['ours']}")
        rows += found
    medians = {
        f"{peer} against {first}": statistics.median(
            row["ratio"] for row in rows if (row["ours"], row["peer"]) == (first, peer)
        )
        for first, peer in PAIRS
    }
    print(medians)
    write({**head, "medians": medians, "rows": rows}, options.output)


if __name__ == "__main__":
    main()
