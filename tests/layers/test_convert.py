"""Converted weights against Keras and ONNX Runtime."""

import importlib

import numpy as np
import pytest
import torch
from torch import nn

from lstm_book.layers import LSTM
from lstm_book.layers.convert import (
    GATE_ORDERS,
    from_flax,
    from_keras,
    from_onnx,
    from_tensorflow1,
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
    ours = from_keras(theirs)
    assert ours.num_layers == 1
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
        (lambda: from_keras([], bidirectional=False), ValueError, "got shapes none"),
        (lambda: from_keras([np.zeros((D, 4 * H))]), TypeError, "do not say in how many"),
        (
            lambda: from_keras(
                [np.zeros((D, 4 * H)), np.zeros((H, 4 * H)), np.zeros(4 * H)], bidirectional=True
            ),
            ValueError,
            "for each layer and direction",
        ),
        (lambda: from_keras("weights"), TypeError, "a Keras layer or arrays, got str"),
        (lambda: from_keras(["a", "b"], bidirectional=True), TypeError, "an array, got str"),
        (lambda: reorder(torch.zeros(()), "torch", "onnx"), ValueError, "a single number"),
        (lambda: reorder(torch.zeros(8), "torch", "onnx", 1), ValueError, "from -1 to 0, got 1"),
        (lambda: reorder(torch.zeros(8), None, "onnx"), TypeError, "to be text, got NoneType"),
        (lambda: reorder([1.0], "torch", "onnx"), TypeError, "torch.Tensor, got list"),
        (lambda: from_tensorflow1(np.zeros((9, 18)), np.zeros(18)), ValueError, "kernel"),
        (lambda: from_tensorflow1(np.zeros((5, 20)), np.zeros(20)), ValueError, "kernel"),
        (
            lambda: from_tensorflow1(np.zeros((9, 20)), np.zeros(20), forget_bias=np.nan),
            ValueError,
            "finite",
        ),
        (lambda: from_flax([]), TypeError, "a mapping, got list"),
        (lambda: from_flax({}), ValueError, "ii, if, ig, io, hi, hf, hg, ho"),
        (
            lambda: from_onnx(np.zeros((1, 20, 4), "c8"), np.zeros((1, 20, 5))),
            TypeError,
            "floating-point numbers, got torch.complex64",
        ),
        (
            lambda: from_keras([np.zeros((D, 4 * H)), np.zeros((H, 3 * H))], bidirectional=False),
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


# What Keras layers and models may be, and what no torch LSTM computes.


def keras_of(keras, theirs):
    """Give a Keras layer or model random weights, biases too, and return what it puts out."""
    keras.utils.set_random_seed(0)
    theirs.set_weights(
        [np.random.default_rng(0).normal(size=w.shape) / 2 for w in theirs.get_weights()]
    )
    return torch.as_tensor(keras.ops.convert_to_numpy(theirs(sequence().numpy())))


def stack(keras, both=False, layers=2, **options):
    def one():
        layer = keras.layers.LSTM(H, return_sequences=True, **options)
        return keras.layers.Bidirectional(layer) if both else layer

    return [one() for _ in range(layers)]


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_stacks_against_keras(keras, both, bias):
    model = keras.Sequential([keras.Input((T, D)), *stack(keras, both, use_bias=bias)])
    result = keras_of(keras, model)
    for ours in (from_keras(model), from_keras(model.get_weights(), bidirectional=both)):
        assert ours.num_layers == 2
        torch.testing.assert_close(ours(sequence())[0].detach(), result, rtol=1e-5, atol=1e-5)


def test_a_functional_model_against_keras(keras):
    given = keras.Input((T, D))
    first, second = stack(keras)
    model = keras.Model(given, second(first(given)))
    result = keras_of(keras, model)
    torch.testing.assert_close(
        from_keras(model)(sequence())[0].detach(), result, rtol=1e-5, atol=1e-5
    )


def test_arrays_that_fit_a_stack_and_two_directions_alike_go_by_what_is_said(keras):
    """With D = H six arrays may be two layers or two directions."""
    layer = keras.layers.LSTM(D, return_sequences=True)
    model = keras.Sequential([keras.Input((T, D)), layer, keras.layers.LSTM(D)])
    keras_of(keras, model)
    weights = model.get_weights()
    assert from_keras(weights, bidirectional=False).num_layers == 2
    assert from_keras(weights, bidirectional=True).bidirectional
    with pytest.raises(TypeError, match="bidirectional=True or False"):
        from_keras(weights)


def branching(keras):
    given = keras.Input((T, D))
    a, b = stack(keras)
    return keras.Model(given, keras.layers.Add()([a(given), b(given)]))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda k: k.layers.LSTM(H, activation="relu"), ValueError, "activation='tanh'"),
        (
            lambda k: k.layers.LSTM(H, recurrent_activation="hard_sigmoid"),
            ValueError,
            "recurrent_activation='sigmoid'.*got 'hard_sigmoid'",
        ),
        (lambda k: k.layers.LSTM(H, go_backwards=True), ValueError, "to read forwards"),
        (lambda k: k.layers.GRU(H), TypeError, "LSTM or Bidirectional, got GRU"),
        (
            lambda k: k.layers.Bidirectional(k.layers.LSTM(H), merge_mode="sum"),
            ValueError,
            "merge_mode='concat'",
        ),
        (
            lambda k: k.layers.Bidirectional(k.layers.LSTM(H, recurrent_activation="relu")),
            ValueError,
            "recurrent_activation='sigmoid'",
        ),
        (
            lambda k: k.Sequential([k.Input((T, D)), *stack(k), k.layers.Dense(2)]),
            TypeError,
            "got Dense",
        ),
        (
            lambda k: k.Sequential([k.Input((T, D)), k.layers.LSTM(H), k.layers.RepeatVector(T)]),
            ValueError,
            "return_sequences=True",
        ),
        (
            lambda k: k.Sequential([k.Input((T, D)), *stack(k), *stack(k, both=True)]),
            ValueError,
            "as many directions",
        ),
        (
            lambda k: k.Sequential(
                [k.Input((T, D)), k.layers.LSTM(3, return_sequences=True), *stack(k)]
            ),
            ValueError,
            "of one size",
        ),
        (branching, ValueError, "branches"),
    ],
)
def test_what_no_torch_lstm_computes_is_refused(keras, make, error, message):
    theirs = make(keras)
    if not theirs.built:
        theirs.build((B, T, D))
    with pytest.raises(error, match=message):
        from_keras(theirs)


def test_an_unbuilt_keras_layer_is_refused(keras):
    with pytest.raises(ValueError, match="to be built"):
        from_keras(keras.layers.LSTM(H))


# ONNX nodes, run by ONNX Runtime or refused.


def lstm_node(names="XWRB", **attributes):
    from onnx import helper

    return helper.make_node("LSTM", list(names), ["Y"], hidden_size=H, **attributes)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"direction": "reverse"}, "direction forward, got reverse"),
        ({"direction": "bidirectional"}, "direction forward, got bidirectional"),
        ({"clip": 3.0}, "clip none, got 3.0"),
        ({"input_forget": 1}, "input_forget 0, got 1"),
        ({"activations": ["HardSigmoid", "Tanh", "Tanh"]}, "activations"),
        ({"names": "XWR"}, "a bias True, got False"),
        ({"names": ["X", "W", "R", "B", "", "", "", "P"]}, "peepholes False, got True"),
    ],
)
def test_a_node_that_no_torch_lstm_is_gets_refused(attributes, message):
    with pytest.raises(ValueError, match=message):
        from_onnx(*to_onnx(LSTM(D, H)), node=lstm_node(**attributes))


def test_a_node_with_the_defaults_spelt_out_is_taken_and_its_layout_obeyed():
    ours = LSTM(D, H)
    acts = ["Sigmoid", "Tanh", "tanh"]
    for layout in (0, 1):
        node = lstm_node(activations=acts, direction="forward", layout=layout, input_forget=0)
        back = from_onnx(*to_onnx(ours), node=node)
        assert back.batch_first == bool(layout)
    assert not from_onnx(*to_onnx(ours), node=node, batch_first=False).batch_first
    with pytest.raises(TypeError, match="an ONNX LSTM node, got LSTM"):
        from_onnx(*to_onnx(ours), node=ours)


def test_a_bidirectional_node_is_taken():
    node = lstm_node(direction="bidirectional", activations=["Sigmoid", "Tanh", "Tanh"] * 2)
    both = LSTM(D, H, bidirectional=True)
    x = sequence()
    again = from_onnx(*to_onnx(both), node=node, batch_first=True)
    torch.testing.assert_close(again(x)[0], both(x.transpose(0, 1))[0].transpose(0, 1))


# Formats whose frameworks are not installed: their published formulas, step by step in NumPy.


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def drawn(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(size=shape)


@pytest.mark.parametrize("forget_bias", [1.0, 0.0, -0.5])
def test_from_tensorflow1_against_its_formula(forget_bias):
    """BasicLSTMCell: i, j, f, o = split([x, h] K + b); c = σ(f + forget_bias) c + σ(i) tanh(j)."""
    K, b, x = drawn(D + H, 4 * H), drawn(4 * H), drawn(T, D)
    h = c = np.zeros(H)
    states = []
    for x_t in x:
        i, j, f, o = np.split(np.concatenate([x_t, h]) @ K + b, 4)
        c = sigmoid(f + forget_bias) * c + sigmoid(i) * np.tanh(j)
        h = sigmoid(o) * np.tanh(c)
        states.append(h)
    ours = from_tensorflow1(K, b, forget_bias=forget_bias)
    result = ours(torch.tensor(x))[0].detach().numpy()
    np.testing.assert_allclose(result, np.stack(states), rtol=1e-9)


def test_from_tensorflow1_adds_the_run_time_bias_by_default():
    K, b = drawn(D + H, 4 * H), drawn(4 * H)
    plain = from_tensorflow1(K, b, forget_bias=0.0).bias_ih_l0
    gap = (from_tensorflow1(K, b).bias_ih_l0 - plain).chunk(4)
    assert [bool((part == 0).all()) for part in gap] == [True, False, True, True]
    torch.testing.assert_close(gap[1], torch.ones(H, dtype=torch.float64))


def test_cudnn_weights_against_cudnn_s_formula():
    """cuDNN: a = W x + b_W + R h + b_R, W being each gate's memory read as (H, D)."""
    kernel, recurrent, bias, x = drawn(D, 4 * H), drawn(H, 4 * H), drawn(8 * H), drawn(T, D)
    W = [gate.ravel().reshape(H, D) for gate in np.split(kernel, 4, axis=1)]
    R = [gate.ravel().reshape(H, H) for gate in np.split(recurrent, 4, axis=1)]
    b_W, b_R = (np.split(part, 4) for part in np.split(bias, 2))
    h = c = np.zeros(H)
    states = []
    for x_t in x:
        i, f, g, o = (W[k] @ x_t + b_W[k] + R[k] @ h + b_R[k] for k in range(4))
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        states.append(h)
    ours = from_keras([kernel, recurrent, bias], bidirectional=False, batch_first=False)
    result = ours(torch.tensor(x))[0].detach().numpy()
    np.testing.assert_allclose(result, np.stack(states), rtol=1e-9)


def flax_params():
    kernels = {f"i{gate}": {"kernel": drawn(D, H, seed=k)} for k, gate in enumerate("ifgo")}
    for k, gate in enumerate("ifgo", 4):
        kernels[f"h{gate}"] = {"kernel": drawn(H, H, seed=k), "bias": drawn(H, seed=k)}
    return kernels


@pytest.mark.parametrize("levels", [0, 1, 2])
def test_from_flax_against_its_formula(levels):
    """OptimizedLSTMCell: gate = act(x W_i* + h W_h* + b_h*)."""
    p, x = flax_params(), drawn(T, D)
    h = c = np.zeros(H)
    states = []
    for x_t in x:
        i, f, g, o = (
            x_t @ p[f"i{k}"]["kernel"] + h @ p[f"h{k}"]["kernel"] + p[f"h{k}"]["bias"]
            for k in "ifgo"
        )
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        states.append(h)
    for name in ("cell", "params")[:levels]:
        p = {name: p}
    result = from_flax(p, batch_first=False)(torch.tensor(x))[0].detach().numpy()
    np.testing.assert_allclose(result, np.stack(states), rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "part", "message"),
    [
        ("hf", {"kernel": drawn(H, H)}, "a bias in params"),
        ("ii", {"kernel": drawn(D, H + 1)}, "four gates of one shape"),
        ("ii", 3, "a kernel in params"),
    ],
)
def test_flax_parameters_that_do_not_fit(name, part, message):
    with pytest.raises(ValueError, match=message):
        from_flax({**flax_params(), name: part})


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


@pytest.mark.parametrize(
    "shapes",
    [
        ((1, 20, 4), (1, 20, 6), None),
        ((1, 24, 4), (1, 20, 5), None),
        ((2, 20, 4), (1, 20, 5), None),
        ((3, 20, 4), (3, 20, 5), None),
        ((20, 4), (1, 20, 5), None),
        ((1, 20, 4), (1, 16, 5), None),
        ((1, 20, 4), (20, 5), None),
        ((1, 20, 4), (1, 20, 5), (1, 20)),
        ((1, 20, 4), (1, 20, 5), (2, 40)),
        ((1, 20, 4), (), None),
    ],
    ids=str,
)
def test_onnx_weights_that_do_not_fit(shapes):
    with pytest.raises(ValueError, match=r"expected W \(directions, 4H, D\)"):
        from_onnx(*(None if shape is None else np.zeros(shape) for shape in shapes))
