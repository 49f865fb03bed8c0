"""Converted weights against Keras and ONNX Runtime."""

import importlib

import numpy as np
import pytest
import torch
from torch import nn

from lstm_book.layers import LSTM
from lstm_book.layers.convert import (
    GATE_ORDERS,
    from_keras,
    from_onnx,
    reorder,
    to_keras,
    to_onnx,
)

T, B, D, H = 7, 3, 4, 5
OPTIONS = [
    {"bidirectional": both, "bias": bias} for both in (False, True) for bias in (True, False)
]


def sequence():
    return torch.randn(B, T, D, generator=torch.Generator().manual_seed(0))


# Keras hands NumPy a tensor whose __array__ NumPy finds old-fashioned.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def keras():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_BACKEND", "torch")
        yield importlib.import_module("keras")


def keras_layer(keras, both, bias):
    layer = keras.layers.LSTM(H, return_sequences=True, use_bias=bias)
    layer = keras.layers.Bidirectional(layer) if both else layer
    layer.build((B, T, D))
    return layer


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_to_keras_against_keras(keras, options):
    torch.manual_seed(0)
    ours = LSTM(D, H, batch_first=True, **options)
    theirs = keras_layer(keras, options["bidirectional"], options["bias"])
    theirs.set_weights(to_keras(ours))
    result = torch.as_tensor(keras.ops.convert_to_numpy(theirs(sequence().numpy())))
    torch.testing.assert_close(ours(sequence())[0].detach(), result, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_from_keras_against_keras(keras, options):
    keras.utils.set_random_seed(0)
    theirs = keras_layer(keras, options["bidirectional"], options["bias"])
    theirs.set_weights(
        [np.random.default_rng(0).normal(size=w.shape) for w in theirs.get_weights()]
    )
    ours = from_keras(theirs.get_weights())
    result = torch.as_tensor(keras.ops.convert_to_numpy(theirs(sequence().numpy())))
    torch.testing.assert_close(ours(sequence())[0].detach(), result, rtol=1e-5, atol=1e-6)
    for back, given in zip(to_keras(ours), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(back, given)


def run_onnx(weights, x, lengths=None, peepholes=None):
    """Run one ONNX LSTM node in ONNX Runtime; x (T, B, D) -> Y (T, B, directions * H), Y_h, Y_c."""
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    directions = len(weights.W)
    constants = {"W": weights.W, "R": weights.R, "B": weights.B}
    names = ["X", "W", "R", "B", "", "", "", ""]
    if lengths is not None:
        constants["L"] = torch.tensor(lengths, dtype=torch.int32)
        names[4] = "L"
    if peepholes is not None:
        constants["P"] = peepholes
        names[7] = "P"
    node = helper.make_node(
        "LSTM",
        names,
        ["Y", "Y_h", "Y_c"],
        hidden_size=H,
        direction="bidirectional" if directions == 2 else "forward",
    )
    graph = helper.make_graph(
        [node],
        "lstm",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, list(x.shape))],
        [
            helper.make_tensor_value_info(
                name, TensorProto.FLOAT, [f"{name}_{k}" for k in range(rank)]
            )
            for name, rank in (("Y", 4), ("Y_h", 3), ("Y_c", 3))
        ],
        [numpy_helper.from_array(v.numpy(), k) for k, v in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    Y, Y_h, Y_c = (torch.as_tensor(v) for v in session.run(None, {"X": x.numpy()}))
    return Y.transpose(1, 2).flatten(2), Y_h, Y_c


@pytest.mark.parametrize("lengths", [None, [4, 7, 1]])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_to_onnx_against_onnx_runtime(options, lengths):
    torch.manual_seed(0)
    ours = LSTM(D, H, **options)
    x = sequence().transpose(0, 1).contiguous()
    with torch.no_grad():
        output, (h_n, c_n) = ours(x, lengths=lengths)
    Y, Y_h, Y_c = run_onnx(to_onnx(ours), x, lengths)
    for mine, theirs in ((output, Y), (h_n, Y_h), (c_n, Y_c)):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_onnx_there_and_back(options):
    ours = LSTM(D, H, **options)
    back = from_onnx(*to_onnx(ours)[: 3 if options["bias"] else 2])
    for name, parameter in ours.state_dict().items():
        torch.testing.assert_close(back.state_dict()[name], parameter, rtol=0, atol=0)


@pytest.mark.parametrize("source", [*GATE_ORDERS, "gofi"])
@pytest.mark.parametrize("target", [*GATE_ORDERS, "gofi"])
def test_reorder_puts_every_gate_where_its_letter_is(source, target):
    letters = {letter: float(ord(letter)) for letter in "ifgo"}
    order = {name: GATE_ORDERS.get(name, name) for name in (source, target)}
    stacked = torch.tensor([[letters[x]] * 2 for x in order[source]]).flatten()
    expected = torch.tensor([[letters[x]] * 2 for x in order[target]]).flatten()
    torch.testing.assert_close(reorder(stacked, source, target), expected)
    torch.testing.assert_close(reorder(stacked[None], source, target, dim=1), expected[None])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: reorder(torch.zeros(8), "torch", "theano"), ValueError, "got 'theano'"),
        (lambda: reorder(torch.zeros(6), "torch", "onnx"), ValueError, r"4H entries .* \(6,\)"),
        (lambda: to_keras(nn.GRU(D, H)), TypeError, "LSTM layer, got GRU"),
        (lambda: to_onnx(nn.LSTM(D, H, num_layers=2)), ValueError, "one layer"),
        (lambda: to_onnx(nn.LSTM(D, H, proj_size=2)), ValueError, "without projection"),
        (lambda: from_keras([]), ValueError, "got shapes none"),
        (
            lambda: from_keras([np.zeros((D, 4 * H)), np.zeros((H, 3 * H))]),
            ValueError,
            r"\(4, 20\), \(5, 15\)",
        ),
        (
            lambda: from_onnx(np.zeros((1, 20, 4)), np.zeros((1, 20, 6))),
            ValueError,
            r"got \[\(1, 20, 4\), \(1, 20, 6\), None\]",
        ),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()


class TwoLayers(torch.nn.Module):
    """A user's model; the batch is the first dimension."""

    def __init__(self, engine):
        super().__init__()
        self.lstm = LSTM(D, H, num_layers=2, batch_first=True, engine=engine)
        self.read = nn.Linear(H, 2)

    def forward(self, x):
        output, (h_n, _) = self.lstm(x)
        return self.read(output), h_n


# The exporter's own, and what torch.export says of nn.LSTM as well.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.filterwarnings("ignore:The tensor attributes self:UserWarning")
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
@pytest.mark.parametrize("engine", ["fused", "unrolled"])
def test_one_exported_file_serves_batches_of_any_size(engine, tmp_path):
    import onnxruntime

    torch.manual_seed(0)
    model = TwoLayers(engine).eval()
    program = torch.onnx.export(
        model,
        (sequence(),),
        dynamo=True,
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        verbose=False,
    )
    program.save(tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(
        tmp_path / "model.onnx", providers=["CPUExecutionProvider"]
    )
    if engine == "fused":
        assert sum(node.op_type == "LSTM" for node in program.model.graph) == 2
    for batch in (1, 9):
        x = torch.randn(batch, T, D, generator=torch.Generator().manual_seed(batch))
        results = session.run(None, {session.get_inputs()[0].name: x.numpy()})
        for got, expected in zip(results, model(x), strict=True):
            torch.testing.assert_close(
                torch.as_tensor(got), expected.detach(), rtol=1e-5, atol=1e-6
            )
