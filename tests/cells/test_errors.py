"""Every mistake raises torch's error class; the message says what was expected and what came."""

import inspect
import math
import re
import sys

import numpy as np
import pytest
import torch
from torch import nn
from variants_cases import CASES

import lstm_book.cells
from lstm_book.cells import (
    GreffLSTMCell,
    GRUCell,
    JANETCell,
    LayerNormLSTMCell,
    LSTMCell,
    LSTMState,
    MinLSTMCell,
    RecurrentDropoutLSTMCell,
    RNNCell,
    SLSTMCell,
    SLSTMState,
    ZoneoutLSTMCell,
    init_chrono_,
    init_forget_bias_,
    init_orthogonal_,
    init_xavier_,
    linear_scan,
)

z = torch.zeros
f64, meta = {"dtype": torch.float64}, {"device": "meta"}

# name: input, state shape and options (None: no state), what the message must hold
CALLS = {
    "input 0-D": (z(()), None, ["(B, 3) or (3,)", "0-D"]),
    "input 3-D": (z(2, 2, 3), None, ["(B, 3) or (3,)", "3-D", "(2, 2, 3)"]),
    "features": (z(2, 4), None, ["input_size=3", "4", "(2, 4)"]),
    "features unbatched": (z(4), None, ["input_size=3", "(4,)"]),
    "integers": (z(2, 3).long(), None, ["float32", "int64"]),
    "input float64": (z(2, 3, **f64), None, ["float32", "float64"]),
    "input on meta": (z(2, 3, **meta), None, ["cpu", "meta"]),
    "state 0-D": (z(2, 3), z(()), ["(2, 5)", "0-D"]),
    "state 3-D": (z(2, 3), z(1, 2, 5), ["(2, 5)", "3-D", "(1, 2, 5)"]),
    "state units": (z(2, 3), z(2, 4), ["(2, 5)", "(2, 4)"]),
    "state batch of one": (z(2, 3), z(1, 5), ["(2, 5)", "(1, 5)"]),
    "state batch": (z(2, 3), z(3, 5), ["(2, 5)", "(3, 5)"]),
    "state unbatched": (z(2, 3), z(5), ["(2, 5)", "(5,)"]),
    "state batched": (z(3), z(1, 5), ["(5,)", "(1, 5)"]),
    "state float64": (z(2, 3), z(2, 5, **f64), ["float32", "float64"]),
    "state on meta": (z(2, 3), z(2, 5, **meta), ["cpu", "meta"]),
}
CELLS = [
    pytest.param(LSTMCell, nn.LSTMCell, id="LSTM"),
    pytest.param(RNNCell, nn.RNNCell, id="RNN"),
]
cells = pytest.mark.parametrize(("ours", "torchs"), CELLS)


def same_error(ours, torchs):
    """Return our error after checking that torch raises the same class."""
    with pytest.raises(Exception) as wanted:  # noqa: PT011
        torchs()
    with pytest.raises(wanted.type) as got:
        ours()
    assert got.type is wanted.type
    return str(got.value)


@pytest.mark.parametrize("mistake", CALLS)
@cells
def test_call_raises_torchs_class(ours, torchs, mistake):
    x, state, words = CALLS[mistake]
    hx = state if state is None or ours is RNNCell else (state, state)
    message = same_error(lambda: ours(3, 5)(x, hx), lambda: torchs(3, 5)(x, hx))
    assert ours.__name__ in message
    assert "expected" in message
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("h", "c", "words"),
    [
        (z(2, 5), z(2, 4), ["hx[1]", "(2, 5)", "(2, 4)"]),
        (z(2, 5), z(1, 5), ["hx[1]", "(2, 5)", "(1, 5)"]),
        (z(2, 5), z(1, 2, 5), ["hx[1]", "(2, 5)", "3-D"]),
        (z(2, 4), z(2, 5), ["hx[0]", "(2, 5)", "(2, 4)"]),
    ],
)
def test_lstm_cell_names_the_state_at_fault(h, c, words):
    x = z(2, 3)
    message = same_error(lambda: LSTMCell(3, 5)(x, (h, c)), lambda: nn.LSTMCell(3, 5)(x, (h, c)))
    for word in words:
        assert word in message


def test_lstm_cell_rejects_a_cell_state_of_another_dtype():
    # torch lets this one pass and returns a float32 cell; mixed dtypes are a mistake all the same.
    with pytest.raises(RuntimeError, match=r"hx\[1\] of dtype torch.float32.*float64"):
        LSTMCell(3, 5)(z(2, 3), (z(2, 5), z(2, 5, **f64)))


@pytest.mark.parametrize("count", [1, 3])
def test_lstm_cell_needs_two_states(count):
    x, hx = z(2, 3), (z(2, 5),) * count
    message = same_error(lambda: LSTMCell(3, 5)(x, hx), lambda: nn.LSTMCell(3, 5)(x, hx))
    assert "(h, c)" in message
    assert f"{count} state" in message


@pytest.mark.parametrize("hx", [z(2, 5), z(2, 2, 5), 5], ids=["(B, H)", "(2, B, H)", "number"])
def test_lstm_cell_wants_a_tuple_of_states(hx):
    message = same_error(
        lambda: LSTMCell(3, 5)(z(2, 3), hx), lambda: nn.LSTMCell(3, 5)(z(2, 3), hx)
    )
    assert "tuple (h, c)" in message
    assert type(hx).__name__ in message


@pytest.mark.parametrize(
    "call",
    [
        lambda: LSTMCell(3, 5)([1.0, 2.0, 3.0]),
        lambda: RNNCell(3, 5)([1.0, 2.0, 3.0]),
        lambda: RNNCell(3, 5)(z(2, 3), [1.0]),
        lambda: LSTMCell(3, 5)(z(2, 3), ([1.0], [2.0])),
    ],
)
def test_what_is_no_tensor_is_a_type_error(call):
    with pytest.raises(TypeError, match=r"expected .* to be a torch.Tensor, got list"):
        call()


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ((-1, 5), ["input_size", "-1"]),
        ((3, -5), ["hidden_size", "-5"]),
        (("3", 5), ["input_size", "whole number", "str"]),
        ((3.0, 5), ["input_size", "whole number", "float"]),
        ((3, 5.0), ["hidden_size", "whole number", "float"]),
        ((None, 5), ["input_size", "whole number", "None"]),
    ],
)
@cells
def test_constructor_raises_torchs_class(ours, torchs, sizes, words):
    message = same_error(lambda: ours(*sizes), lambda: torchs(*sizes))
    for word in words:
        assert word in message


@pytest.mark.parametrize("nonlinearity", ["gelu", "Tanh", None])
def test_unknown_nonlinearity_raises_the_class_of_nn_rnn(nonlinearity):
    # nn.RNNCell only notices when it is called; nn.RNN notices here.
    message = same_error(
        lambda: RNNCell(3, 5, nonlinearity=nonlinearity),
        lambda: nn.RNN(3, 5, nonlinearity=nonlinearity),
    )
    assert "'tanh', 'relu'" in message
    assert repr(nonlinearity) in message


@cells
def test_empty_batch_is_no_error(ours, torchs):
    got, want = ours(3, 5)(z(0, 3)), torchs(3, 5)(z(0, 3))
    torch.testing.assert_close(tuple(got) if ours is LSTMCell else got, want, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("x", "h", "words"),
    [
        (z(2, 3, **f64), z(1, 2, 5), "3-D"),  # rank of the state before dtype of the input
        (z(2, 4), z(1, 2, 5), "3-D"),  # and before the size of the input
        (z(2, 3, **f64), z(2, 4), r"\(2, 5\).*\(2, 4\)"),  # size of the state before its dtype
        (z(2, 4, **f64), z(2, 5), "input_size=3"),
        (z(2, 3), z(3, 5, **f64), r"\(3, 5\)"),
    ],
)
@pytest.mark.parametrize("ours", [LSTMCell, RNNCell, GRUCell])
def test_shapes_are_checked_before_dtypes_as_torch_does(ours, x, h, words):
    torchs = getattr(nn, ours.__name__)
    hx = (h, h) if ours is LSTMCell else h
    message = same_error(lambda: ours(3, 5)(x, hx), lambda: torchs(3, 5)(x, hx))
    assert re.search(words, message)


# Steps, which would broadcast ---------------------------------------------------------------------

STEPS = {"rnn_step": 1, "lstm_step": 4, "lstm_1997_step": 3}


@pytest.fixture
def worded(monkeypatch):
    """Take the checks of annotations off, which only the tests put on; return the steps."""
    step = sys.modules["lstm_book.cells.step"]
    functions = {n: inspect.unwrap(f) for n, f in vars(step).items() if inspect.isfunction(f)}
    for module in [m for name, m in sys.modules.items() if name.startswith("lstm_book.cells")]:
        for name in functions.keys() & vars(module).keys():
            monkeypatch.setattr(module, name, functions[name])
    return lstm_book.cells


# Shapes of x_t, h, c, W, U, b for D = 3, H = 8, G gates: which one, and what it is instead.
MISFITS = {
    "one row of x": ("x", (1, 3), RuntimeError),
    "one row of h": ("h", (1, 8), RuntimeError),
    "no batch in h": ("h", (8,), ValueError),
    "one row of c": ("c", (1, 8), RuntimeError),
    "one unit of c": ("c", (2, 1), RuntimeError),
    "0-D c": ("c", (), ValueError),
    "one row of W": ("W", (1, 3), RuntimeError),
    "a row of W for each gate": ("W", ("G", 3), RuntimeError),
    "one column of W": ("W", ("GH", 1), RuntimeError),
    "1-D W": ("W", (3,), ValueError),
    "one row of U": ("U", (1, 8), RuntimeError),
    "one column of U": ("U", ("GH", 1), RuntimeError),
    "one b": ("b", (1,), RuntimeError),
    "0-D b": ("b", (), ValueError),
    "a b for each row": ("b", (2, "GH"), ValueError),
    "0-D x": ("x", (), ValueError),
    "0-D h": ("h", (), ValueError),
}


def step_arguments(gates, **instead):
    sizes = {"G": gates, "GH": 8 * gates}
    shapes = {"x": (2, 3), "h": (2, 8), "c": (2, 8), "W": ("GH", 3), "U": ("GH", 8), "b": ("GH",)}
    x, h, c, W, U, b = (
        z(tuple(sizes.get(n, n) for n in shape)) for shape in (shapes | instead).values()
    )
    return x, h if gates == 1 else LSTMState(h, c), W, U, b


@pytest.mark.parametrize("misfit", MISFITS)
@pytest.mark.parametrize("name", STEPS)
def test_a_step_refuses_what_would_broadcast(worded, name, misfit):
    step, gates = getattr(worded, name), STEPS[name]
    step(*step_arguments(gates))
    which, shape, error = MISFITS[misfit]
    if which == "c" and gates == 1:
        return
    with pytest.raises(error, match=r"expected (x_t|h|c|a|W|U|b) of .*, got "):
        step(*step_arguments(gates, **{which: shape}))


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("which", range(4))
@pytest.mark.parametrize("odd", [None, "a", 2.0, [z(2, 3)]], ids=repr)
def test_a_step_wants_tensors(worded, name, which, odd):
    arguments = list(step_arguments(STEPS[name]))
    arguments[which] = odd
    with pytest.raises(TypeError, match=r"expected (x_t|h|state|W|U) to be an? .*got "):
        getattr(worded, name)(*arguments)


def test_the_state_of_a_step_has_its_type(worded):
    x, state, *weights = step_arguments(4)
    for other in (tuple(state), state.h, SLSTMState(*state, *state)):
        with pytest.raises(TypeError, match=r"state to be an LSTMState"):
            worded.lstm_step(x, other, *weights)
    x, h, *weights = step_arguments(1)
    with pytest.raises(TypeError, match=r"h to be a torch.Tensor, got LSTMState"):
        worded.rnn_step(x, LSTMState(h, h), *weights)


@pytest.mark.parametrize(
    ("a", "c", "error"),
    [
        ((2, 4), (2, 8), RuntimeError),
        ((1, 32), (2, 8), RuntimeError),
        ((2, 32), (1, 8), RuntimeError),
        ((2, 7), (2, 2), RuntimeError),
        ((32,), (2, 8), ValueError),
        ((2, 32), (8,), ValueError),
        ((2, 32), (), ValueError),
        ((), (8,), ValueError),
    ],
)
def test_an_update_refuses_what_would_broadcast(worded, a, c, error):
    with pytest.raises(error, match=r"expected (a|c) of"):
        worded.lstm_update(z(a), z(c))


@pytest.mark.parametrize("arguments", [(None, z(2)), (z(8), None), ("a", "b")])
def test_an_update_wants_tensors(worded, arguments):
    with pytest.raises(TypeError, match=r"expected (a|c) to be a torch.Tensor"):
        worded.lstm_update(*arguments)


ALL_CELLS = {
    "rnn": lambda: RNNCell(3, 5),
    "lstm": lambda: LSTMCell(3, 5),
    **{name: lambda case=case: case.cls(3, 5, **case.options) for name, case in CASES.items()},
}


@pytest.mark.parametrize("name", ALL_CELLS)
def test_a_cells_step_refuses_what_would_broadcast(worded, name):
    cell = ALL_CELLS[name]()
    kind, x = type(cell).__name__, z(2, 3)
    state = cell.zero_state(x)
    tensors = (state,) if isinstance(state, torch.Tensor) else state
    for position in range(len(tensors)):
        for shape in ((1, 5), (2, 1), (5,), (2, 4), (1, 2, 5), ()):
            parts = list(tensors)
            parts[position] = z(shape)
            odd = parts[0] if len(parts) == 1 else type(state)(*parts)
            with pytest.raises((ValueError, RuntimeError), match=r"expected .*, got "):
                cell.step(x, odd)
        parts[position] = None
        with pytest.raises(TypeError, match=r"expected .*, got "):
            cell.step(x, parts[0] if len(parts) == 1 else type(state)(*parts))
    for odd_x in (z(1, 3), z(2, 1), z(2, 4), z(3), z(5, 2, 3), z(())):
        with pytest.raises((ValueError, RuntimeError), match=r"expected .*, got "):
            cell.step(odd_x, state)
    for odd in (None, "a", (z(2, 5),) * 7):
        with pytest.raises(TypeError, match=r"expected .*, got "):
            cell.step(odd, state)
        with pytest.raises(TypeError, match=r"expected .*, got "):
            cell.step(x, odd)
    cell.step(z(7, 2, 3), cell.zero_state(z(7, 2, 3)))  # any number of batch dimensions
    cell.step(z(0, 3), cell.zero_state(z(0, 3)))
    if kind in ("GRUCell", "SLSTMCell"):
        with pytest.raises(RuntimeError, match=rf"{kind}: (h|state) of shape \(B=2, H=5\)"):
            cell.step(x, cell.zero_state(z(1, 3)))


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
@pytest.mark.parametrize("name", ALL_CELLS)
def test_a_cell_refuses_to_be_scripted_and_says_what_to_do(name):
    cell = ALL_CELLS[name]()
    words = r"torch\.export"
    if type(cell) in (RNNCell, LSTMCell, GRUCell):
        words = (
            rf"script torch\.nn\.{type(cell).__name__}, which takes this cell's state_dict.*{words}"
        )
    with pytest.raises(TypeError, match=f"{type(cell).__name__} cannot be scripted; .*{words}"):
        torch.jit.script(nn.ModuleDict({"cell": cell}))


@pytest.mark.parametrize(
    ("build", "error", "words"),
    [
        (lambda: LSTMCell(True, 5), TypeError, "input_size to be a whole number, got bool True"),
        (lambda: RNNCell(3, True), TypeError, "hidden_size to be a whole number"),
        (lambda: LSTMCell(3, 5, torch.float64), TypeError, "bias to be True or False, got dtype"),
        (lambda: LSTMCell(3, 5, bias="no"), TypeError, "bias to be True or False, got str"),
        (lambda: GRUCell(3, None), TypeError, "hidden_size to be a whole number, got NoneType"),
        (lambda: SLSTMCell(3, -1), RuntimeError, "hidden_size not to be negative, got -1"),
        (lambda: SLSTMCell(3, 5, forget=None), ValueError, "forget to be one of"),
        (lambda: JANETCell(3, 5, beta=math.nan), ValueError, "beta to be a finite number, got nan"),
        (lambda: JANETCell(3, 5, beta="1"), TypeError, "beta to be a number, got str"),
        (lambda: LayerNormLSTMCell(3, 5, eps=math.nan), ValueError, "eps .*above 0, got nan"),
        (lambda: LayerNormLSTMCell(3, 5, eps=math.inf), ValueError, "eps .*finite"),
        (lambda: RecurrentDropoutLSTMCell(3, 5, p=math.nan), ValueError, "p, a prob.*got nan"),
        (lambda: RecurrentDropoutLSTMCell(3, 5, p=None), TypeError, "p, a prob.*NoneType"),
        (lambda: ZoneoutLSTMCell(3, 5, zoneout_h=math.nan), ValueError, "zoneout_h.*got nan"),
        (lambda: ZoneoutLSTMCell(3, 5, zoneout_c="a"), TypeError, "zoneout_c.*got str"),
        (lambda: MinLSTMCell(3, 5, positive=1), TypeError, "positive to be True or False"),
        (lambda: GreffLSTMCell(3, 5, variant=["V"]), ValueError, "variant to be one of"),
    ],
)
def test_odd_arguments_of_a_constructor(build, error, words):
    with pytest.raises(error, match=words):
        build()


def test_sizes_may_be_numpys():
    cell = LSTMCell(np.int64(3), np.int32(5))
    assert (type(cell.input_size), type(cell.hidden_size)) == (int, int)
    assert cell(z(2, 3)).h.shape == (2, 5)


@pytest.mark.parametrize("name", ALL_CELLS)
def test_zero_state_wants_a_floating_point_tensor(name):
    cell = ALL_CELLS[name]()
    with pytest.raises(TypeError, match=r"input to be a torch.Tensor, got NoneType"):
        cell.zero_state(None)
    with pytest.raises(ValueError, match="0-D"):
        cell.zero_state(z(()))
    with pytest.raises(RuntimeError, match=r"floating-point dtype, got torch.int64"):
        cell.zero_state(z(2, 3).long())


@pytest.mark.parametrize(
    ("f", "v", "h_0", "error", "words"),
    [
        (z(()), z(()), z(()), ValueError, "f of shape"),
        (z(4, 3), z(4, 1), z(3), RuntimeError, "v of shape"),
        (z(4, 1), z(4, 3), z(3), RuntimeError, "v of shape"),
        (z(4, 3), z(1, 3), z(3), RuntimeError, "v of shape"),
        (z(4, 3), z(4, 3), z(1), RuntimeError, "h_0 of shape"),
        (z(4, 3), z(4, 3), z(()), ValueError, "h_0 of shape"),
        (z(4, 3), z(4, 3), z(4, 3), ValueError, "h_0 of shape"),
        (z(4, 2, 3), z(4, 2, 3), z(1, 3), RuntimeError, "h_0 of shape"),
        ("a", z(4), z(()), TypeError, "f to be a torch.Tensor, got str"),
        (z(4), None, z(()), TypeError, "v to be a torch.Tensor"),
        (z(4), z(4), 0.0, TypeError, "h_0 to be a torch.Tensor"),
    ],
)
def test_linear_scan_refuses_what_would_broadcast(f, v, h_0, error, words):
    with pytest.raises(error, match=words):
        linear_scan(f, v, h_0)


@pytest.mark.parametrize("odd", [None, "a", [1.0]])
def test_a_scan_wants_tensors(odd):
    cell = MinLSTMCell(3, 5)
    with pytest.raises(TypeError, match=r"x to be a torch.Tensor"):
        cell.scan(odd)
    if odd is not None:
        with pytest.raises(TypeError, match=r"hx to be a torch.Tensor"):
            cell.scan(z(4, 2, 3), odd)
    for shape in ((1, 5), (5,), (2, 1)):
        with pytest.raises((RuntimeError, ValueError), match="expected shape"):
            cell.scan(z(4, 2, 3), z(shape))


@pytest.mark.parametrize("initialise", [init_forget_bias_, init_orthogonal_, init_xavier_,
                                        lambda m: init_chrono_(m, 10)])  # fmt: skip
@pytest.mark.parametrize("odd", [None, "a", z(2), LSTMCell])
def test_initialisers_want_a_module(initialise, odd):
    with pytest.raises(TypeError, match=r"module to be a torch.nn.Module, got "):
        initialise(odd)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda m: init_forget_bias_(m, None), TypeError, "forget bias to be a number"),
        (lambda m: init_forget_bias_(m, "1"), TypeError, "forget bias to be a number"),
        (lambda m: init_forget_bias_(m, True), TypeError, "forget bias to be a number"),
        (lambda m: init_forget_bias_(m, z(5).bool()), TypeError, "real numbers, got torch.bool"),
        (lambda m: init_forget_bias_(m, z(5) * 1j), TypeError, "real numbers, got torch.complex"),
        (lambda m: init_chrono_(m, "10"), TypeError, "t_max, in steps, to be a number"),
        (lambda m: init_chrono_(m, None), TypeError, "t_max, in steps, to be a number"),
        (lambda m: init_orthogonal_(m, gain=math.nan), ValueError, "gain .*got nan"),
        (lambda m: init_orthogonal_(m, gain=-1), ValueError, "gain .*at least 0, got -1"),
        (lambda m: init_orthogonal_(m, gain="1"), TypeError, "gain to be a number"),
        (lambda m: init_xavier_(m, gain=math.inf), ValueError, "gain .*got inf"),
        (lambda m: init_xavier_(m, gain=None), TypeError, "gain to be a number"),
    ],
)
def test_odd_arguments_of_initialisers(call, error, words):
    cell = LSTMCell(3, 5)
    before = [p.detach().clone() for p in cell.parameters()]
    with pytest.raises(error, match=words):
        call(cell)
    assert all(torch.equal(p, q) for p, q in zip(cell.parameters(), before, strict=True))


@pytest.mark.parametrize("cell", [LSTMCell(3, 0), LSTMCell(0, 0), nn.GRUCell(3, 0)], ids=str)
def test_a_cell_without_units_is_no_error(cell):
    init_orthogonal_(cell)
    init_xavier_(cell)
    if isinstance(cell, LSTMCell):
        init_forget_bias_(cell)
        init_chrono_(cell, 10)
        assert cell(z(2, cell.input_size)).h.shape == (2, 0)


def test_a_step_with_several_batch_dimensions_names_the_weight_that_is_wrong():
    x, state = torch.zeros(2, 3, 4), LSTMState(torch.zeros(2, 3, 5), torch.zeros(2, 3, 5))
    W, U = torch.zeros(20, 4), torch.zeros(20, 6)
    with pytest.raises(RuntimeError, match="expected U of shape"):
        inspect.unwrap(lstm_book.cells.lstm_step)(x, state, W, U, torch.zeros(20))


@pytest.mark.parametrize("cell", [LSTMCell, RNNCell, GRUCell])
def test_an_input_of_many_features_fits_and_a_narrower_one_does_not(cell):
    assert cell(300, 2)(torch.zeros(1, int("300")))[0].shape[-1] == 2
    with pytest.raises(RuntimeError, match="input_size=300 features, got 299"):
        cell(300, 2)(torch.zeros(1, 299))
