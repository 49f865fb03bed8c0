"""Call every public callable with odd arguments, and list what no user should see.

Each call takes arguments that work and puts odd values in the place of one or two of them. What
comes back must be an answer without NaN, or an error that says what is wrong. Run by
``nox -s faults``; ``python tests/faults/fuzz.py 36000`` alone.
"""

import argparse
import collections
import dataclasses
import importlib
import inspect
import io
import math
import os
import random
import signal
import tempfile
import traceback
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

os.environ.setdefault("MPLBACKEND", "agg")

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import Tensor, nn

from lstm_book import (
    cells,
    data,
    dynamics,
    experiments,
    gradients,
    layers,
    models,
    plotting,
    recording,
    tasks,
    training,
)
from lstm_book.cells import Gates, LSTMState

ROOMS = (
    cells,
    layers,
    gradients,
    dynamics,
    recording,
    training,
    tasks,
    models,
    data,
    experiments,
    plotting,
)
REFUSED = (
    AttributeError,
    IndexError,
    ZeroDivisionError,
    StopIteration,
    OverflowError,
    AssertionError,
    NotImplementedError,
    NameError,
    RecursionError,
    MemoryError,
)
T, B, D, H = 5, 2, 3, 4
SECONDS = 10  # a call that takes longer, asked for much, is left


class TooLong(BaseException):
    """A call was asked for so much that it is not waited for."""


# Arguments that work.


def x() -> Tensor:
    return torch.randn(T, B, D)


def state(*size: int) -> LSTMState:
    return LSTMState(torch.randn(*size).tanh(), torch.randn(*size))


def lstm_weights(gates: int = 4) -> dict[str, Tensor]:
    return {
        "W": torch.randn(gates * H, D),
        "U": torch.randn(gates * H, H),
        "b": torch.randn(gates * H),
    }


def lstm_run() -> tuple[Any, Any, Tensor]:
    cell, given = cells.LSTMCell(D, H), x()
    return layers.unroll(cell.step, given, cell.zero_state(given[0])), cell.weights, given


def rnn_run() -> tuple[Any, Any, Tensor]:
    cell, given = cells.RNNCell(D, H), x()
    return layers.unroll(cell.step, given, cell.zero_state(given[0])), cell.weights, given


def trace() -> Any:
    return recording.record(nn.LSTM(D, H), x()).trace()


def axes() -> Any:
    plt.close("all")
    return plt.subplots()[1]


def values(*size: int) -> Tensor:
    return torch.rand(*size)


def classifier() -> nn.Module:
    return models.LastStepClassifier(nn.LSTM(2, H))


def vocabulary() -> Any:
    return models.Vocabulary("abc ")


def fit_ngram() -> Any:
    return models.NGram(vocabulary(), 2).fit("abc abc cab")


def log_probabilities(tokens: Tensor, carried: Any) -> tuple[Tensor, Any]:
    return torch.tensor([[0.1, 0.2, 0.3]]).log_softmax(-1).expand(len(tokens), 3), carried


def dataset() -> Any:
    part = sequences()
    names = ("name", "split", "source", "licence", "sha256")
    return data.SequenceDataset(
        **dict.fromkeys(names, "a"), train=part, test=part, classes=("a", "b"), features=("p", "q")
    )


def sequences() -> Any:
    return data.Sequences(torch.randn(T, 4, 2), torch.tensor([5, 3, 4, 1]), torch.arange(4) % 2)


def text() -> Any:
    names = ("name", "source", "changes", "licence", "licence_text", "sha256")
    return data.Text(**dict.fromkeys(names, "a"), text="some text to split " * 20)


def sources() -> Any:
    names = ("name", "source", "changes", "licence", "licence_text", "sha256")
    files = tuple(data.SourceFile(f"{k}.py", "x = 1\n") for k in range(10))
    return data.Sources(**dict.fromkeys(names, "a"), files=files)


def descent() -> dict[str, Any]:
    model = nn.Linear(2, 1)
    loss = model(torch.randn(3, 2)).square().mean()
    return {
        "loss": loss,
        "model": model,
        "optimiser": torch.optim.Adam(model.parameters()),
        "clip": 1.0,
    }


def checkpointed() -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp())
    return {
        "model": classifier(),
        "task": tasks.Adding(6),
        "steps": 2,
        "batch": 3,
        "checkpoint": training.Checkpoint(folder / "run.pt", every=1),
        "generator": torch.Generator(),
    }


def loss_of(output: Tensor, state: Any) -> Tensor:
    return output.square().sum()


def cases() -> dict[str, Callable[[], tuple[Callable[..., Any], dict[str, Any]]]]:
    """Return every case by its name: a function that gives a callable and arguments that work."""
    found: dict[str, Callable[[], tuple[Callable[..., Any], dict[str, Any]]]] = {}

    def add(name: str, callable_: Any, arguments: Callable[[], dict[str, Any]]) -> None:
        found[name] = lambda: (callable_, arguments())

    def method(name: str, make: Callable[[], Any], method: str, arguments: Any) -> None:
        found[f"{name}.{method}"] = lambda: (getattr(make(), method), arguments())

    for name in cells.__all__:
        kind = getattr(cells, name)
        if not inspect.isclass(kind) or inspect.isabstract(kind) or not issubclass(kind, nn.Module):
            continue
        options = {
            "GreffLSTMCell": {"variant": "FGR"},
            "JANETCell": {"beta": 1.0},
            "LayerNormLSTMCell": {"eps": 1e-5},
            "MinLSTMCell": {"positive": True},
            "RNNCell": {"nonlinearity": "tanh"},
            "RecurrentDropoutLSTMCell": {"p": 0.5, "on": "hidden", "resample": "step"},
            "SLSTMCell": {"forget": "exp"},
            "ZoneoutLSTMCell": {"zoneout_h": 0.1, "zoneout_c": 0.1},
        }.get(name, {})
        sizes = {"input_size": D, "hidden_size": H, "bias": True, "device": None, "dtype": None}
        add(name, kind, lambda sizes=sizes, options=options: {**sizes, **options})

        def make(kind: Any = kind) -> Any:
            return kind(D, H)

        def own_state(make: Any = make) -> Any:
            return make().zero_state(torch.randn(B, D))

        hx = own_state
        method(name, make, "forward", lambda hx=hx: {"input": torch.randn(B, D), "hx": hx()})
        method(name, make, "step", lambda hx=hx: {"x_t": torch.randn(B, D), "state": hx()})
        method(name, make, "zero_state", lambda: {"input": torch.randn(B, D)})
    method(
        "MinLSTMCell", lambda: cells.MinLSTMCell(D, H), "scan", lambda: {"x": x(), "state": None}
    )
    add(
        "linear_scan",
        cells.linear_scan,
        lambda: {"f": values(T, B, H), "v": values(T, B, H), "h_0": values(B, H)},
    )
    add(
        "rnn_step",
        cells.rnn_step,
        lambda: {"x_t": torch.randn(B, D), "h": torch.randn(B, H), **lstm_weights(1)},
    )
    add(
        "lstm_step",
        cells.lstm_step,
        lambda: {"x_t": torch.randn(B, D), "state": state(B, H), **lstm_weights()},
    )
    add(
        "lstm_1997_step",
        cells.lstm_1997_step,
        lambda: {"x_t": torch.randn(B, D), "state": state(B, H), **lstm_weights(3)},
    )
    add(
        "lstm_update",
        cells.lstm_update,
        lambda: {"a": torch.randn(B, 4 * H), "c": torch.randn(B, H)},
    )
    add(
        "weights_of",
        cells.weights_of,
        lambda: {"module": nn.LSTM(D, H), "layer": 0, "direction": "forward"},
    )
    for name, options in (
        ("init_forget_bias_", {"value": 1.0}),
        ("init_chrono_", {"t_max": 20.0, "generator": None}),
        ("init_orthogonal_", {"gain": 1.0, "generator": None}),
        ("init_xavier_", {"gain": 1.0, "generator": None}),
    ):
        initialise = getattr(cells, name)
        add(name, initialise, lambda options=options: {"module": nn.LSTM(D, H), **options})

    for name, kind in (("LSTM", layers.LSTM), ("LSTM unrolled", layers.LSTM)):
        engine = "unrolled" if "unrolled" in name else "fused"
        add(
            name,
            kind,
            lambda engine=engine: {
                "input_size": D,
                "hidden_size": H,
                "num_layers": 2,
                "bias": True,
                "batch_first": False,
                "dropout": 0.1,
                "bidirectional": True,
                "proj_size": 2,
                "engine": engine,
            },
        )
        for which in ("forward", "run"):
            method(
                name,
                lambda engine=engine: layers.LSTM(D, H, 2, bidirectional=True, engine=engine),
                which,
                lambda: {"input": x(), "hx": state(4, B, H), "lengths": [5, 3]},
            )
    method("LSTM", lambda: layers.LSTM(D, H), "to_torch", dict)
    add(
        "Recurrent",
        layers.Recurrent,
        lambda: {
            "cell": cells.GRUCell(D, H),
            "num_layers": 2,
            "bidirectional": True,
            "batch_first": False,
            "dropout": 0.1,
        },
    )
    for which in ("forward", "run"):
        method(
            "Recurrent(peephole)",
            lambda: layers.Recurrent(cells.PeepholeLSTMCell(D, H), num_layers=2),
            which,
            lambda: {"input": x(), "hx": state(2, B, H), "lengths": [5, 3]},
        )
        method(
            "Recurrent(gru)",
            lambda: layers.Recurrent(cells.GRUCell(D, H), batch_first=True),
            which,
            lambda: {"input": x(), "hx": torch.randn(1, T, H), "lengths": None},
        )
    add(
        "directions",
        layers.directions,
        lambda: {"output": torch.randn(T, B, 2 * H), "h_n": torch.randn(2, B, H)},
    )
    add(
        "read_in_chunks",
        layers.read_in_chunks,
        lambda: {"layer": nn.LSTM(D, H), "x": x(), "chunk": 2},
    )
    add(
        "read",
        layers.read,
        lambda: {"layer": nn.GRU(D, H), "x": x(), "lengths": [T] * B, "state": None},
    )
    add(
        "unroll",
        layers.unroll,
        lambda: {
            "step": cells.LSTMCell(D, H).step,
            "x": x(),
            "initial": state(B, H),
            "valid": torch.tensor([[True, False]] * T),
            "reverse": True,
            "trace": True,
        },
    )
    add(
        "reorder",
        layers.reorder,
        lambda: {"stacked": torch.randn(4 * H, D), "source": "torch", "target": "onnx", "dim": 0},
    )
    add("to_keras", layers.to_keras, lambda: {"lstm": nn.LSTM(D, H)})
    add("to_onnx", layers.to_onnx, lambda: {"lstm": nn.LSTM(D, H)})
    add(
        "from_keras",
        layers.from_keras,
        lambda: {
            "source": [np.ones((D, 4 * H), "f"), np.ones((H, 4 * H), "f"), np.ones(4 * H, "f")],
            "bidirectional": False,
            "batch_first": True,
        },
    )
    add(
        "from_tensorflow1",
        layers.from_tensorflow1,
        lambda: {
            "kernel": np.ones((D + H, 4 * H), "f"),
            "bias": np.ones(4 * H, "f"),
            "forget_bias": 1.0,
            "batch_first": False,
        },
    )
    add(
        "from_flax",
        layers.from_flax,
        lambda: {
            "params": {f"i{k}": {"kernel": np.ones((D, H), "f")} for k in "ifgo"}
            | {f"h{k}": {"kernel": np.ones((H, H), "f"), "bias": np.ones(H, "f")} for k in "ifgo"},
            "batch_first": True,
        },
    )
    add(
        "from_onnx",
        layers.from_onnx,
        lambda: {
            "W": np.ones((1, 4 * H, D), "f"),
            "R": np.ones((1, 4 * H, H), "f"),
            "B": np.ones((1, 8 * H), "f"),
            "batch_first": False,
        },
    )

    def bptt_arguments() -> dict[str, Any]:
        run, weights, given = lstm_run()
        grads = {"grad_h": torch.randn(T, B, H), "grad_c": torch.randn(T, B, H)}
        return {"run": run, "x": given, "weights": weights, **grads}

    def rnn_bptt_arguments() -> dict[str, Any]:
        run, weights, given = rnn_run()
        return {"run": run, "x": given, "weights": weights, "grad_h": torch.randn(T, B, H)}

    add("bptt", gradients.bptt, bptt_arguments)
    add("rnn_bptt", gradients.rnn_bptt, rnn_bptt_arguments)
    for name in ("state_jacobians", "cell_jacobian", "rnn_jacobians"):
        run_of = rnn_run if name.startswith("rnn") else lstm_run

        def jacobian_arguments(run_of: Any = run_of) -> dict[str, Any]:
            run, weights, _ = run_of()
            return {"run": run, "U": weights.U}

        add(name, getattr(gradients, name), jacobian_arguments)
    add("cumulative", gradients.cumulative, lambda: {"jacobians": torch.randn(T, B, H, H)})
    for name in ("run_module", "lag_norms", "gradient_flow"):
        more = {"grad_h": torch.zeros(T, B, H)} if name == "gradient_flow" else {}
        add(
            name,
            getattr(layers if name == "run_module" else gradients, name),
            lambda more=more: {"module": nn.LSTM(D, H), "x": x(), "hx": state(B, H), **more},
        )

    for name in ("linearise", "lyapunov_exponents"):
        more = {"k": 3, "skip": 1} if name == "lyapunov_exponents" else {}
        add(
            name,
            getattr(dynamics, name),
            lambda more=more: {"layer": nn.LSTM(D, H), "x": x(), "state": state(B, H), **more},
        )
    add(
        "fixed_points",
        dynamics.fixed_points,
        lambda: {
            "layer": nn.GRU(D, H),
            "x": torch.randn(D),
            "starts": torch.randn(B, H),
            "steps": 20,
            "tolerance": 1e-20,
            "slow": 1e-6,
            "apart": 1e-4,
        },
    )

    add(
        "record",
        recording.record,
        lambda: {
            "lstm": nn.LSTM(D, H, 2, bidirectional=True),
            "x": x(),
            "hx": state(4, B, H),
            "lengths": [5, 3],
        },
    )
    add(
        "record(cell)",
        recording.record,
        lambda: {"lstm": layers.Recurrent(cells.GRUCell(D, H)), "x": x(), "lengths": [5, 3]},
    )
    add(
        "record(model)",
        recording.record,
        lambda: {
            "lstm": models.SequenceClassifier(nn.LSTM(D, H), 3),
            "x": x(),
            "lengths": [5, 3],
        },
    )
    add(
        "gradient_paths",
        recording.gradient_paths,
        lambda: {
            "lstm": nn.LSTM(D, H),
            "x": x(),
            "loss": loss_of,
            "hx": state(1, B, H),
            "lengths": [5, 3],
            "layer": 0,
            "direction": "forward",
        },
    )
    add(
        "linear_probe",
        recording.linear_probe,
        lambda: {"states": torch.randn(8, H), "target": torch.randn(8), "ridge": 1e-6},
    )
    add("compare", recording.compare, lambda: {"before": trace(), "after": trace()})
    method("trace", trace, "half_life", lambda: {"gate": "f"})
    method("trace", trace, "saturation", lambda: {"low": 0.1, "high": 0.9})
    method("trace", trace, "around", lambda: {"events": [(1, 0), (2, 1)], "before": 1, "after": 1})
    method(
        "recording",
        lambda: recording.record(nn.LSTM(D, H), x()),
        "trace",
        lambda: {"layer": 0, "direction": "forward"},
    )

    add("Checkpoint", training.Checkpoint, lambda: {"path": "run.pt", "every": 3})
    add("fit with checkpoint", training.fit, checkpointed)
    add(
        "fit",
        training.fit,
        lambda: {
            "model": classifier(),
            "task": tasks.Adding(6),
            "steps": 2,
            "batch": 3,
            "lr": 1e-3,
            "clip": 1.0,
            "generator": None,
            "schedule": lambda made: 1.0,
            "stop": lambda model, made: False,
            "chunk": 2,
        },
    )
    add("descend", training.descend, descent)
    add(
        "evaluate",
        training.evaluate,
        lambda: {
            "model": classifier(),
            "task": tasks.Adding(6),
            "sequences": 5,
            "generator": None,
            "chunk": 3,
        },
    )
    add(
        "evaluate_by_length",
        training.evaluate_by_length,
        lambda: {
            "model": classifier(),
            "task": tasks.Adding(6),
            "lengths": [4, 6],
            "sequences": 5,
            "generator": None,
        },
    )
    memory = lambda before: training.PeakMemory(before)  # noqa: E731
    add("PeakMemory", memory, lambda: {"before": torch.randn(3)})
    add(
        "fit on a data set",
        training.fit,
        lambda: {
            "model": models.SequenceClassifier(nn.GRU(2, H), 2),
            "task": sequences(),
            "epochs": 2,
            "batch": 3,
            "weight_decay": 0.1,
            "schedule": training.OneCycle(),
            "report": lambda words: None,
        },
    )
    add("OneCycle", training.OneCycle, lambda: {"rise": 0.2})
    add("Best", training.Best, lambda: {"score": lambda model: 1.0, "every": 2, "patience": 3})
    add(
        "Best(called)",
        lambda **given: training.Best(lambda model: 1.0, every=2)(**given),
        lambda: {"model": classifier(), "updates": 2},
    )
    add(
        "Solved",
        training.Solved,
        lambda: {
            "task": tasks.Adding(6),
            "x": torch.randn(6, 3, 2),
            "y": torch.randn(3),
            "loss": 0.1,
            "accuracy": 0.9,
            "every": 3,
            "chunk": 2,
        },
    )

    for name in tasks.__all__:
        kind = getattr(tasks, name)
        if name in ("Sums", "WrittenDate"):
            continue
        if name == "Questions":
            of = {"task": tasks.Addition(), "pairs": [(1, 22), (3, 4)]}
            add(name, kind, lambda of=of: dict(of))
            places = {"places": torch.tensor([1, 0])}
            method(name, lambda kind=kind, of=of: kind(**of), "batch", lambda p=places: dict(p))
            continue
        fields = {field.name: field.default for field in dataclasses.fields(kind) if field.init}
        add(name, kind, lambda fields=fields: dict(fields))
        if name == "Addition":
            encoded = lambda kind=kind: kind().encode([(1, 22), (3, 4)])  # noqa: E731
            method(name, kind, "baselines", lambda encoded=encoded: {"sums": encoded()})
            method(name, lambda kind=kind: kind(1), "split", lambda: {"train": 10, "test": 5})
            method(name, kind, "encode", lambda: {"pairs": [(1, 22), (3, 4)]})
            method(
                name,
                kind,
                "accuracy",
                lambda kind=kind: {
                    "tokens": torch.zeros(3, 2, dtype=torch.int64),
                    "sums": kind().encode([(1, 22), (3, 4)]),
                },
            )
            method(name, kind, "decode", lambda: {"tokens": torch.zeros(3, 2, dtype=torch.int64)})
            continue
        method(name, kind, "baselines", dict)
        method(name, kind, "sample", lambda: {"batch": 3, "generator": None})
        if name == "Dates":
            method(name, kind, "draw", lambda: {"count": 3, "generator": None})
            method(name, kind, "encode", lambda: {"texts": ["3. Sept. 1974", "03.09.74"]})
            method(name, kind, "decode", lambda: {"tokens": torch.zeros(3, 2, dtype=torch.int64)})
            said = models.Predicted(torch.randn(4, 2, 12), None, None)
            y = (torch.ones(4, 2, dtype=torch.int64), torch.tensor([4, 3]))
            for which in ("loss", "accuracy"):
                method(name, kind, which, lambda s=said, y=y: {"predicted": s, "y": y})
            continue

        def scored(kind: Any = kind, first: str = "logits") -> dict[str, Any]:
            _, y = kind().sample(3)
            classes = {"Copy": 9}.get(kind.__name__, getattr(kind(), "classes", 2))
            numbers = y.is_floating_point()
            return {first: torch.randn(y.shape if numbers else (*y.shape, classes)), "y": y}

        for which in ("loss", "accuracy"):
            parameters = list(inspect.signature(getattr(kind(), which)).parameters)
            method(name, kind, which, lambda s=scored, p=parameters: s(first=p[0]))

    for name, options in (
        ("LastStepClassifier", {"outputs": 3, "every_layer": False}),
        ("SequenceClassifier", {"classes": 3, "readout": "last", "dropout": 0.1}),
        ("Tagger", {"tags": 3, "tokens": None, "dropout": 0.1}),
    ):
        kind = getattr(models, name)
        add(name, kind, lambda options=options: {"layer": layers.LSTM(D, H), **options})
        count = "outputs" if "outputs" in options else "classes" if "classes" in options else "tags"

        def model_of(kind: Any = kind, count: str = count) -> Any:
            return kind(layers.LSTM(D, H), **{count: 3})

        more = {"chunk": 2} if name == "LastStepClassifier" else {"lengths": [5, 3]}
        method(name, model_of, "forward", lambda more=more: {"x": x(), **more})
    method(
        "Tagger(tokens)",
        lambda: models.Tagger(layers.LSTM(D, H), 2, tokens=7),
        "forward",
        lambda: {"x": torch.randint(7, (T, B)), "lengths": [5, 3]},
    )
    add(
        "TransformerClassifier",
        models.TransformerClassifier,
        lambda: {"input_size": D, "width": 8, "heads": 2, "num_layers": 1, "dropout": 0.0},
    )
    method(
        "TransformerClassifier",
        lambda: models.TransformerClassifier(D, 8, 2, 1),
        "forward",
        lambda: {"x": x()},
    )
    streams: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
        "RecurrentStream": (lambda: models.LastStepClassifier(nn.LSTM(D, H)), {}),
        "TransformerStream": (lambda: models.TransformerClassifier(D, 8, 2, 1), {"room": 2}),
    }
    for name, (model_of_stream, room) in streams.items():
        kind = getattr(models, name)

        def arguments(make: Any = model_of_stream, room: Any = room) -> dict[str, Any]:
            return {"model": make(), **room, "B": B}

        def reader(kind: Any = kind, arguments: Any = arguments) -> Any:
            return kind(**arguments())

        add(name, kind, arguments)
        method(name, reader, "step", lambda: {"x": torch.zeros(B, D)})
    add("stream", models.stream, lambda: {"model": classifier(), "room": 2})
    add("Vocabulary", models.Vocabulary, lambda: {"characters": "abc"})
    method("Vocabulary", vocabulary, "encode", lambda: {"text": "ab c"})
    method("Vocabulary", vocabulary, "decode", lambda: {"numbers": torch.tensor([0, 1])})
    add(
        "CharLM",
        models.CharLM,
        lambda: {
            "vocabulary": vocabulary(),
            "hidden_size": H,
            "num_layers": 2,
            "embedding": 3,
            "dropout": 0.1,
            "layer": nn.GRU,
        },
    )
    char_lm = lambda: models.CharLM(vocabulary(), H)  # noqa: E731
    method(
        "CharLM", char_lm, "forward", lambda: {"tokens": torch.randint(4, (T, B)), "state": None}
    )
    method(
        "CharLM",
        char_lm,
        "sample",
        lambda: {"prompt": "a", "n": 5, "temperature": 1.0, "top_k": 2, "generator": None},
    )
    method("CharLM", char_lm, "bits_per_character", lambda: {"text": "abc abc abc"})
    add(
        "NGram",
        models.NGram,
        lambda: {"vocabulary": vocabulary(), "order": 2, "smoothing": "kneser-ney"},
    )
    method("NGram", lambda: models.NGram(vocabulary(), 2), "fit", lambda: {"text": "abc abc"})
    for which, arguments in (
        ("probabilities", {"context": "ab"}),
        ("bits", {"text": "abc"}),
        ("bits_per_character", {"text": "abc abc"}),
        ("sample", {"prompt": "a", "n": 5, "temperature": 1.0, "generator": None}),
    ):
        method("NGram", fit_ngram, which, lambda arguments=arguments: dict(arguments))
    add(
        "best_ngram",
        models.best_ngram,
        lambda: {
            "train": "abc abc",
            "validation": "abc",
            "vocabulary": vocabulary(),
            "orders": [1, 2],
            "smoothing": "witten-bell",
        },
    )
    add(
        "beam_search",
        models.beam_search,
        lambda: {
            "step": log_probabilities,
            "state": None,
            "start": 0,
            "stop": 1,
            "width": 2,
            "max_length": 3,
            "length_norm": 1.0,
            "select": lambda carried, rows: carried,
        },
    )
    add(
        "Seq2Seq",
        models.Seq2Seq,
        lambda: {
            "source_tokens": 5,
            "target_tokens": 6,
            "hidden_size": H,
            "stop": 0,
            "num_layers": 1,
            "attention": "dot",
            "embedding": 3,
            "dropout": 0.1,
            "layer": nn.GRU,
        },
    )
    seq2seq = lambda: models.Seq2Seq(5, 6, H, stop=0, attention="additive")  # noqa: E731
    source = lambda: torch.randint(5, (T, B))  # noqa: E731
    method(
        "Seq2Seq",
        seq2seq,
        "forward",
        lambda: {
            "source": source(),
            "target_in": torch.randint(6, (3, B)),
            "source_lengths": [5, 3],
            "target_lengths": [3, 1],
        },
    )
    method("Seq2Seq", seq2seq, "encode", lambda: {"source": source(), "lengths": [5, 3]})

    def decoding() -> tuple[Callable[..., Any], dict[str, Any]]:
        model = seq2seq()
        return model.decode, {
            "target_in": torch.randint(6, (3, B)),
            "encoded": model.encode(source()),
        }

    found["Seq2Seq.decode"] = decoding
    method(
        "Seq2Seq",
        seq2seq,
        "greedy",
        lambda: {"source": source(), "max_length": 4, "lengths": [5, 3]},
    )
    method(
        "Seq2Seq",
        seq2seq,
        "beam",
        lambda: {
            "source": source(),
            "width": 2,
            "max_length": 4,
            "lengths": [5, 3],
            "length_norm": 0.5,
        },
    )
    add(
        "sequence_cross_entropy",
        models.sequence_cross_entropy,
        lambda: {
            "logits": torch.randn(T, B, 4),
            "targets": torch.randint(4, (T, B)),
            "lengths": [5, 3],
        },
    )
    add("SpeechDetector", models.SpeechDetector, dict)
    for name, given in (
        ("frames", lambda: {"audio": torch.randn(B, 1200)}),
        ("forward", lambda: {"audio": torch.randn(B, 1200)}),
        ("answers", lambda: {"h": torch.randn(T, B, 128)}),
    ):
        method("SpeechDetector", models.SpeechDetector, name, given)
    add("series_init_", models.series_init_, lambda: {"model": classifier(), "generator": None})

    method("Sequences", sequences, "take", lambda: {"places": torch.tensor([0, 2])})
    method("Sequences", sequences, "batch", lambda: {"places": torch.tensor([0, 2])})
    method("SequenceDataset", dataset, "standardised", dict)
    method("Text", text, "split", lambda: {})
    method("Sources", sources, "split", lambda: {})
    add(
        "contiguous_batches",
        lambda **kwargs: list(data.contiguous_batches(**kwargs)),
        lambda: {"tokens": torch.arange(50), "batch": 2, "length": 5},
    )
    add(
        "load_digits",
        data.load_digits,
        lambda: {"order": "rows", "split": "stratified", "seed": 0},
    )
    phrases = [(0.2, 0.1)]
    add(
        "synthetic_speech",
        data.synthetic_speech,
        lambda: {"clips": 1, "phrases": phrases, "generator": None},
    )
    method(
        "Speech",
        lambda: data.synthetic_speech(1, phrases=phrases),
        "with_noise",
        lambda: {"snr": 10.0, "generator": None},
    )
    add("tag_characters", data.tag_characters, lambda: {"source": "x = 1\n"})
    add("load_experiment", experiments.load_experiment, lambda: {"name": "adding-50-default"})
    add(
        "run_experiment",
        experiments.run_experiment,
        lambda: {"name": "no such run", "folder": tempfile.mkdtemp(), "seeds": [0]},
    )
    method(
        "StoredRun",
        lambda: experiments.load_experiment("adding-50-default"),
        "values",
        lambda: {"metric": "accuracy"},
    )
    method(
        "StoredRun",
        lambda: experiments.load_experiment("first-and-last"),
        "model_of",
        lambda: {"seed": 0},
    )

    drawn: dict[str, Callable[[], dict[str, Any]]] = {
        "draw_bars": lambda: {
            "names": ["a", "b"],
            "values": values(2),
            "colours": "neutral",
            "reference": 0.5,
            "reference_label": "r",
            "fmt": "{:.3g}",
        },
        "draw_cell": lambda: {"highlight": "f", "values": {"f": 0.5}, "fmt": "{:.2f}"},
        "draw_dots": lambda: {"rows": {"a": values(2)}, "colours": "neutral", "medians": True},
        "draw_gates": lambda: {"gates": Gates(*values(4, T)), "only": ["i", "f"]},
        "draw_half_life": lambda: {
            "biases": torch.arange(4.0),
            "half_life": 1 + torch.arange(4.0),
            "label": "a",
            "colour": "f",
            "targets": (100.0,),
        },
        "draw_heatmap": lambda: {
            "values": values(T, H),
            "vmin": 0.0,
            "vmax": 1.0,
            "label": "a",
            "colourbar": True,
        },
        "draw_history": lambda: {
            "values": values(T),
            "label": "a",
            "colour": "lstm",
            "x": None,
            "baselines": {"chance": 0.5},
        },
        "draw_jacobian": lambda: {"J": values(H, H), "vmax": 1.0},
        "draw_lag": lambda: {
            "norms": values(T),
            "label": "a",
            "colour": "neutral",
            "bound": values(T),
            "x": None,
        },
        "draw_gru_cell": dict,
        "draw_rnn_cell": dict,
        "draw_text": lambda: {
            "text": "abcde",
            "values": values(T),
            "vmin": -1.0,
            "vmax": 1.0,
            "width": 3,
            "marks": None,
            "positive": "c",
            "negative": "f",
        },
        "draw_threshold": lambda: {"value": 0.5, "axis": "y"},
        "draw_unrolled": lambda: {"steps": 3, "kind": "lstm"},
        "label_end": lambda: {"x": 0.0, "y": 0.0, "text": "a", "colour": "f"},
    }
    for name, arguments in drawn.items():
        if hasattr(plotting, name):
            add(
                name,
                getattr(plotting, name),
                lambda arguments=arguments: {"ax": axes(), **arguments()},
            )
    add("colour_of", plotting.colour_of, lambda: {"colour": "f"})
    add("text_height", plotting.text_height, lambda: {"text": "abc", "width": 3})
    add("figure", plotting.figure, lambda: {"height": 2.0})
    add("subplots", plotting.subplots, lambda: {"rows": 1, "cols": 2, "height": 2.0})
    return found


# NaN beyond a length, or beyond a sequence's ends, is what they promise.
PADDED = ("record", "record(cell)", "gradient_paths", "trace.around")

RECORDS = {  # plain records without a check of their own, and what has no argument or is abstract
    "Cell", "VariantCell", "Trace", "Experiment", "use_style", "stylesheet", "show",
    "slide", "SlidingFigure", "ThemedFigure",
    "python_text", "python_sources", "load_japanese_vowels", "load_speech_detector",
    "original_speech_detector", "confirm_experiment", "StoredRun",
    "History", "Recording", "SequenceDataset", "Sequences", "Sources",
    "Text",
}  # fmt: skip


def uncovered(found: dict[str, Any]) -> list[str]:
    """Name the public callables for which there is no case."""
    names = {name.split(".")[0].split("(")[0].split(" ")[0] for name in found}
    public = {
        name
        for room in ROOMS
        for name in room.__all__
        if callable(getattr(room, name)) and not issubclass_of_tuple(getattr(room, name))
    }
    return sorted(public - names - RECORDS)


def issubclass_of_tuple(value: Any) -> bool:
    return inspect.isclass(value) and issubclass(value, tuple)


# Odd values.


class Odd:
    """What a confused caller may pass."""


def odd_values(rng: random.Random) -> Any:
    """Return a value that has nothing to do with what is asked for."""
    return rng.choice(
        (
            None, True, False, "a", "", b"x", 0, -1, 1, 3, 2**70, 0.5, -2.5, math.nan, math.inf,
            -math.inf, 1e308, 1j, [], [1, "a"], [None], (), (1, 2), {}, {"a": None}, set(), Odd(),
            Odd, len, lambda *_: None, Path("x"), np.float64(2.5), np.int64(-3), np.nan,
            np.ones((2, 3)), np.array("a"), torch.float16, torch.Generator(), nn.Linear(2, 2),
            nn.LSTM(D, H), nn.GRU(D, H), nn.Identity(), torch.randn(()), torch.randn(0),
            torch.randn(3), torch.randn(1, 1), torch.randn(2, 3), torch.randn(5, 2, 3),
            torch.randn(5, 0, 3), torch.randn(0, 2, 3), torch.randn(5, 2, 3, 1),
            torch.arange(3), torch.ones(2, 3, dtype=torch.bool), torch.randn(2, 3).bfloat16(),
            torch.randn(5, 2, 3, dtype=torch.complex64), torch.full((5, 2, 3), math.nan),
            LSTMState(torch.randn(2, 4), torch.randn(2, 4)), Gates(*torch.rand(4, 5, 2, 4)),
            (torch.randn(2, 4),), (torch.randn(2, 4), None), ("h", "c"), range(3),
        )
    )  # fmt: skip


def bent(value: Any, rng: random.Random) -> Any:
    """Return a value like the one that works, but wrong in one respect, where that is possible."""
    if isinstance(value, Tensor):
        return bent_tensor(value, rng)
    if isinstance(value, tuple) and hasattr(value, "_fields") and len(value):
        place = rng.randrange(len(value))
        parts = list(value)
        parts[place] = bent(parts[place], rng) if rng.random() < 0.8 else odd_values(rng)
        return type(value)(*parts) if rng.random() < 0.8 else tuple(parts)
    if isinstance(value, bool) or value is None:
        return odd_values(rng)
    if isinstance(value, int):
        return rng.choice((-value, 0, value + 1, float(value), str(value), 10**13, math.nan, None))
    if isinstance(value, float):
        return rng.choice((-value, 0.0, value * 1e300, str(value), math.nan, math.inf, None))
    if isinstance(value, str):
        return rng.choice((value.upper(), value + "x", value * 2, value[:-1], "\x00", "é", None))
    if isinstance(value, list) and value:
        return rng.choice((value[:-1], value * 2, value[::-1], [None, *value], [value], []))
    if isinstance(value, np.ndarray):
        other = bent_tensor(torch.as_tensor(value), rng)
        return (other.half() if other.dtype == torch.bfloat16 else other).numpy()  # NumPy's half
    return odd_values(rng)


def bent_tensor(value: Tensor, rng: random.Random) -> Tensor:
    """Return a tensor of another shape, dtype or content."""
    dim = rng.randrange(value.dim()) if value.dim() else 0
    kinds = ["unsqueeze", "double", "int", "bool", "half", "complex", "inf", "nan"]
    if value.dim():
        kinds += ["one", "short", "none", "longer", "select", "flat", "transposed"] * 2
    kind = rng.choice(kinds)
    match kind:
        case "unsqueeze":
            return value.unsqueeze(dim)
        case "one":
            return value.narrow(dim, 0, min(1, value.shape[dim]))
        case "short":
            return value.narrow(dim, 0, max(value.shape[dim] - 1, 0))
        case "none":
            return value.narrow(dim, 0, 0)
        case "longer":
            return torch.cat([value, value], dim)
        case "select":
            return value.select(dim, 0) if value.shape[dim] else value
        case "flat":
            return value.flatten()
        case "transposed":
            return value.transpose(0, -1)
        case "int":
            return value.nan_to_num().long()
        case "bool":
            return value.bool()
        case "half":
            return value.bfloat16()
        case "complex":
            return value.to(torch.complex64)
        case "double":
            return value.double() if value.dtype == torch.float32 else value.float()
        case _:
            broken = value.detach().clone().float()
            if broken.numel():
                broken.view(-1)[rng.randrange(broken.numel())] = float(kind)
            return broken


# Judging what came.


def tensors(value: Any, depth: int = 0) -> list[Tensor]:
    """Return every tensor in a result or an argument; those of modules are not looked at."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return [torch.as_tensor(value)]
    if isinstance(value, float):
        return [torch.tensor(value)]
    if depth > 5 or isinstance(value, nn.Module | str):
        return []
    if isinstance(value, dict):
        return [t for inner in value.values() for t in tensors(inner, depth + 1)]
    if isinstance(value, list | tuple):
        return [t for inner in value for t in tensors(inner, depth + 1)]
    if dataclasses.is_dataclass(value) and not inspect.isclass(value):
        return tensors(dict(vars(value)), depth + 1)
    return []


def has_nan(value: Any) -> bool:
    return any(t.is_floating_point() and bool(t.isnan().any()) for t in tensors(value))


def tame(value: Any) -> bool:
    """Whether every number in the arguments is finite and of ordinary size."""
    return all(
        bool(t.isfinite().all()) and (t.numel() == 0 or bool(t.double().abs().max() < 1e6))
        for t in tensors(value)
        if not t.is_complex()
    )


def shapes(value: Any) -> list[tuple[int, ...]]:
    return [tuple(t.shape) for t in tensors(value)]


@dataclasses.dataclass
class Found:
    """What was found: faults by kind, and wrongly shaped arguments that were taken."""

    calls: int = 0
    answers: int = 0
    long: int = 0
    faults: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    taken: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)


def judge_error(error: BaseException) -> str | None:
    """Say what is wrong with an error, if anything is."""
    words = str(error)
    kind = type(error).__name__
    if isinstance(error, REFUSED) and not words.startswith("expected"):
        return kind
    if isinstance(error, KeyError) and " " not in words:
        return "KeyError without a sentence"
    if not words.strip():
        return f"{kind} without text"
    return None


def fuzz(calls: int, seed: int = 0, only: str = "") -> Found:
    """Make so many calls, each case as often as the others."""
    found, rng = Found(), random.Random(seed)
    by_name = {name: case for name, case in cases().items() if only in name}
    names = sorted(by_name)

    def stop(number: int, frame: Any) -> None:
        raise TooLong

    signal.signal(signal.SIGALRM, stop)
    for call in range(calls):
        name = names[call % len(names)]
        torch.manual_seed(rng.randrange(2**31))
        function, arguments = by_name[name]()
        words = []
        bent_shapes = False
        for argument in rng.sample(sorted(arguments), min(len(arguments), rng.choice((1, 1, 2)))):
            before = arguments[argument]
            odd = bent(before, rng) if rng.random() < 0.6 else odd_values(rng)
            bent_shapes |= bool(shapes(before)) and shapes(before) != shapes(odd)
            arguments[argument] = odd
            words.append(f"{argument}={brief(odd)}")
        label = f"{name}({', '.join(words)})"
        found.calls += 1
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        try:
            with redirect_stderr(io.StringIO()), redirect_stdout(io.StringIO()):
                result = function(**arguments)
        except TooLong:
            found.long += 1
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            signal.setitimer(signal.ITIMER_REAL, 0)
            fault = judge_error(error)
            if fault:
                place = traceback.extract_tb(error.__traceback__)[-1]
                where = f"{Path(place.filename).name}:{place.lineno}"
                found.faults.setdefault(fault, []).append(f"{label}: {error} [{where}]")
        else:
            signal.setitimer(signal.ITIMER_REAL, 0)
            found.answers += 1
            padded = name in PADDED and arguments.get("lengths", "ends") is not None
            if has_nan(result) and tame(arguments) and not padded:
                found.faults.setdefault("NaN", []).append(label)
            if bent_shapes:
                found.taken[label] += 1
    return found


def brief(value: Any) -> str:
    """Say an argument in a few words."""
    if isinstance(value, Tensor):
        odd = "" if value.is_complex() or bool(value.isfinite().all()) else ", not finite"
        return f"{str(value.dtype).removeprefix('torch.')}{list(value.shape)}{odd}"
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return f"{type(value).__name__}({', '.join(map(brief, value))})"
    words = repr(value).split("\n")[0]
    return words if len(words) < 60 else words[:57] + "..."


def main() -> int:
    """Fuzz and print what was found; 1 if there is a fault."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("calls", type=int, nargs="?", default=36_000)
    parser.add_argument("--only", default="", help="cases whose name holds this")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--taken", action="store_true", help="list wrong shapes that were taken")
    asked = parser.parse_args()
    os.chdir(tempfile.mkdtemp())
    missing = uncovered(cases())
    found = fuzz(asked.calls, asked.seed, asked.only)
    print(f"{found.calls} calls: {found.answers} answers, {found.long} not waited for")
    for kind, labels in sorted(found.faults.items()):
        print(f"\n{kind}: {len(labels)}")
        for label in sorted(set(labels)):
            print("  ", label)
    if asked.taken:
        print("\nwrongly shaped, and taken:")
        for label in sorted(found.taken):
            print("  ", label)
    if missing:
        print("\nno case for:", ", ".join(missing))
    return int(bool(found.faults or missing))


if __name__ == "__main__":
    importlib.import_module("lstm_book")
    raise SystemExit(main())
