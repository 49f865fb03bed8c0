"""What a step, a sequence and an update cost four models, against length; run by `nox -s bench`.

An RNN, a GRU, an LSTM and a Transformer with as many parameters answer the same question in this
same process, on one thread. "step" is one more input of a stream after so many, one sequence;
"read" is a whole sequence at once, one of them; "update" is the forward pass, the loss and all
gradients for a batch. They are timed in turns, and each turn gives one ratio to the LSTM.
"""

from typing import Any

import torch
from bench_layers import Call, measure
from harness import prepare, write
from torch import Tensor, nn

from lstm_book.models import (
    LastStepClassifier,
    RecurrentStream,
    TransformerClassifier,
    TransformerStream,
    stream,
)

FEATURES = 10
# Units H of two layers, or the width of a Transformer of two layers, with as many parameters.
SIZES = {
    "small": {"RNN": 258, "GRU": 148, "LSTM": 128, "Transformer": 92},
    "large": {"RNN": 1026, "GRU": 591, "LSTM": 512, "Transformer": 364},
}
RECURRENT = {"RNN": nn.RNN, "GRU": nn.GRU, "LSTM": nn.LSTM}
LENGTHS = [2**k for k in range(4, 13)]
BATCH = 8
MODELS = [*RECURRENT, "Transformer"]
MODES = [("step", "small"), ("step", "large"), ("read", "small"), ("update", "small")]


def make(name: str, size: str) -> nn.Module:
    """Return an untrained model in evaluation mode, with weights from torch's random numbers."""
    units = SIZES[size][name]
    if name == "Transformer":
        return TransformerClassifier(FEATURES, units).eval()
    layer = RECURRENT[name](FEATURES, units, num_layers=2)
    return LastStepClassifier(layer, every_layer=True).eval()


class LayerStream:
    """Reads with the layer itself, called with sequences of one step; keeps its state."""

    def __init__(self, model: LastStepClassifier) -> None:
        self.model, self.state = model, None

    def step(self, x: Tensor) -> Tensor:
        """Take one input (B, D), return the logits (B,)."""
        _, self.state = self.model.layer(x[None], self.state)
        h = self.state[0].transpose(0, 1).flatten(1)
        return self.model.readout(h).squeeze(-1)


def one_step(streamed: RecurrentStream | TransformerStream | LayerStream, x: Tensor) -> Call:
    """The step at the end of a stream, again and again from the same state."""
    with torch.no_grad():
        if isinstance(streamed, LayerStream):
            _, streamed.state = streamed.model.layer(x[:-1])  # the same state, and sooner
        else:
            for x_t in x[:-1]:
                streamed.step(x_t)
    before = dict(vars(streamed))  # the cache's last place is written anew, with the same numbers

    def call() -> Tensor:
        vars(streamed).update(before)
        with torch.no_grad():
            return streamed.step(x[-1])

    return call


def reading(model: nn.Module, x: Tensor) -> Call:
    """All steps at once, without a graph."""

    def call() -> Tensor:
        with torch.no_grad():
            return model(x)

    return call


def update(model: nn.Module, x: Tensor) -> Call:
    """The gradients of all parameters."""
    parameters = list(model.parameters())

    def call() -> Tensor:
        logits = model(x)
        torch.autograd.grad(logits.square().mean(), parameters)
        return logits

    return call


def without_onednn(call: Call) -> Call:
    """The same by the layer with PyTorch's own kernels; the switch counts too."""

    def plain() -> Tensor:
        with torch.backends.mkldnn.flags(enabled=False):
            return call()

    return plain


def calls_of(mode: str, models: dict[str, nn.Module], x: Tensor) -> dict[str, Call]:
    """What is timed: every model, and the LSTM in other ways too."""
    layer = models["LSTM"]
    if mode == "step":
        assert isinstance(layer, LastStepClassifier)
        calls = {name: one_step(stream(model, len(x)), x) for name, model in models.items()}
        by_layer = one_step(LayerStream(layer), x)
        return {**calls, "LSTM, layer": by_layer, "LSTM, no oneDNN": without_onednn(by_layer)}
    work = reading if mode == "read" else update
    calls = {name: work(model, x) for name, model in models.items()}
    return {**calls, "LSTM, no oneDNN": without_onednn(work(layer, x))}


def check_equal(length: int = 100) -> None:
    """Raise unless each model says the same step by step and at once."""
    x = torch.randn(length, 1, FEATURES)
    for size in SIZES:
        models = {name: make(name, size) for name in MODELS}
        for name, call in calls_of("step", models, x).items():
            distance = (call() - reading(models[name.split(",")[0]], x)()).abs().max().item()
            if not distance <= 1e-5:
                raise AssertionError(f"{name}: step by step and at once differ by {distance}")


def main() -> None:
    """Check, measure and store."""
    options, head = prepare("Measure four models against length.", "bench_models.json")
    check_equal()
    rows: list[dict[str, Any]] = []
    for mode, size in MODES:
        models = {name: make(name, size) for name in MODELS}
        for length in LENGTHS:
            B = BATCH if mode == "update" else 1
            x = torch.randn(length, B, FEATURES)
            calls = calls_of(mode, models, x)
            pairs = [("LSTM", name) for name in calls if name != "LSTM"]
            case = (mode, (length, B, FEATURES, SIZES[size]["LSTM"]), calls, pairs)
            found = measure(case, options.turns, options.seconds / 3)
            ratios = [f"{row['peer']} {row['ratio']:.3g}" for row in found]
            print(
                f"{mode}, {size}, {length}: LSTM {found[0]['ours_ms']:.3g} ms, "
                f"times as long: {', '.join(ratios)}",
                flush=True,
            )
            rows += [{**row, "size": size, "length": length} for row in found]
    write({**head, "lengths": LENGTHS, "batch": BATCH, "rows": rows}, options.output)


if __name__ == "__main__":
    main()
