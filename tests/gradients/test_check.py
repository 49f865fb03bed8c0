"""Every public entry of `gradients` says what it expected and what came."""

import pytest
import torch
from support import problem
from torch import nn

from lstm_book.cells import LSTMCell, RNNCell, Weights
from lstm_book.gradients import (
    bptt,
    cell_jacobian,
    cumulative,
    gradient_flow,
    lag_norms,
    rnn_bptt,
    rnn_jacobians,
    state_jacobians,
)
from lstm_book.gradients._check import pre_activations
from lstm_book.layers import run_module, unroll

T, B, D, H = 6, 3, 2, 4
f32 = torch.float32


def zeros(*shape, **options):
    return torch.zeros(*shape, **{"dtype": torch.float64, **options})


def call_bptt(kind, **changes):
    """Call bptt or rnn_bptt with one argument replaced."""
    mine = problem(kind)
    arguments = {
        "run": mine.run(kind),
        "x": mine.x,
        "weights": mine.weights,
        "grad_h": torch.ones_like(mine.x[..., :1]).expand(T, B, H),
    }
    for name in ("W", "U"):
        if name in changes:
            arguments["weights"] = arguments["weights"]._replace(**{name: changes.pop(name)})
    return {"lstm": bptt, "rnn": rnn_bptt}[kind](**{**arguments, **changes})


BPTT_MISTAKES = [
    ({"x": zeros(B, D)}, ValueError, ["x", "T=6, B=3, D", "2-D", "(3, 2)"]),
    ({"x": zeros(T + 1, B, D)}, RuntimeError, ["x", "T=6, B=3, D", "(7, 3, 2)"]),
    ({"x": zeros(T, B + 1, D)}, RuntimeError, ["x", "T=6, B=3, D", "(6, 4, 2)"]),
    ({"x": zeros(T, B, D + 1)}, RuntimeError, ["W", "D=3", "2)"]),
    ({"x": zeros(T, B, D, dtype=f32)}, RuntimeError, ["x", "float64", "float32"]),
    ({"x": zeros(T, B, D, device="meta")}, RuntimeError, ["x", "cpu", "meta"]),
    ({"x": [[[0.0]]]}, TypeError, ["x", "torch.Tensor", "list"]),
    ({"grad_h": zeros(B, H)}, ValueError, ["grad_h", "T=6, B=3, H=4", "(3, 4)"]),
    ({"grad_h": zeros(T - 1, B, H)}, RuntimeError, ["grad_h", "T=6, B=3, H=4", "(5, 3, 4)"]),
    ({"grad_h": zeros(T, 1, H)}, RuntimeError, ["grad_h", "T=6, B=3, H=4", "(6, 1, 4)"]),
    ({"grad_h": zeros(T, B, 1)}, RuntimeError, ["grad_h", "T=6, B=3, H=4", "(6, 3, 1)"]),
    ({"grad_h": zeros(T, B, H, dtype=f32)}, RuntimeError, ["grad_h", "float64", "float32"]),
    ({"grad_h": zeros(T, B, H).long()}, RuntimeError, ["grad_h", "float64", "int64"]),
    ({"grad_h": 1.0}, TypeError, ["grad_h", "torch.Tensor", "float"]),
    ({"W": zeros(7, D)}, RuntimeError, ["W", "D=2", "(7, 2)"]),
    ({"W": zeros(D)}, ValueError, ["W", "2-D", "(2,)"]),
    ({"U": zeros(5, H)}, RuntimeError, ["U", "H=4", "(5, 4)"]),
    ({"U": zeros(H)}, ValueError, ["U", "2-D", "(4,)"]),
]


def check(error, words):
    assert "expected" in str(error.value)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize("kind", ["lstm", "rnn"])
@pytest.mark.parametrize(("changes", "kind_of_error", "words"), BPTT_MISTAKES)
def test_bptt_mistakes(kind, changes, kind_of_error, words):
    with pytest.raises(kind_of_error) as error:
        call_bptt(kind, **changes)
    check(error, words)


@pytest.mark.parametrize("kind", ["lstm", "rnn"])
def test_bptt_weights_of_another_dtype(kind):
    weights = problem(kind).weights
    for name in ("W", "U"):
        with pytest.raises(RuntimeError, match=f"expected {name} of dtype torch.float64.*float32"):
            call_bptt(kind, **{name: getattr(weights, name).float()})


@pytest.mark.parametrize(
    ("grad_c", "kind_of_error", "words"),
    [
        (zeros(B, H), ValueError, ["grad_c", "T=6, B=3, H=4", "(3, 4)"]),
        (zeros(1, B, H), RuntimeError, ["grad_c", "T=6, B=3, H=4", "(1, 3, 4)"]),
        (zeros(T, B, H, dtype=f32), RuntimeError, ["grad_c", "float64", "float32"]),
        (0.0, TypeError, ["grad_c", "torch.Tensor", "float"]),
    ],
)
def test_bptt_grad_c_mistakes(grad_c, kind_of_error, words):
    with pytest.raises(kind_of_error) as error:
        call_bptt("lstm", grad_c=grad_c)
    check(error, words)


WRONG_RUNS = {
    "an RNN's": ("rnn", "lstm"),
    "a 1997 LSTM's": ("lstm_1997", "lstm"),
    "an LSTM's": ("lstm", "rnn"),
}


@pytest.mark.parametrize("which", WRONG_RUNS)
def test_run_of_another_cell_is_a_type_error(which):
    came, wanted = WRONG_RUNS[which]
    run, U = problem(came).run(came), problem(wanted).weights.U
    word = {"lstm": "LSTM with forget gate", "rnn": "simple RNN"}[wanted]
    calls = [lambda: call_bptt(wanted, run=run)]
    if wanted == "lstm":
        calls += [lambda: state_jacobians(run, U), lambda: cell_jacobian(run, U)]
    else:
        calls += [lambda: rnn_jacobians(run, U)]
    for call in calls:
        with pytest.raises(TypeError, match=f"expected the run of .*{word}, got"):
            call()


@pytest.mark.parametrize("entry", [state_jacobians, cell_jacobian, rnn_jacobians])
@pytest.mark.parametrize(
    ("change", "kind_of_error", "words"),
    [
        (lambda U: U[0], ValueError, ["U", "2-D", "(4,)"]),
        (lambda U: U[:, :-1], RuntimeError, ["U", "H=4", "3)"]),
        (lambda U: U[:-1], RuntimeError, ["U", "H=4", "4)"]),
        (lambda U: U.float(), RuntimeError, ["U", "float64", "float32"]),
        (lambda U: U.to("meta"), RuntimeError, ["U", "cpu", "meta"]),
        (lambda U: U.tolist(), TypeError, ["U", "torch.Tensor", "list"]),
    ],
)
def test_jacobian_weight_mistakes(entry, change, kind_of_error, words):
    kind = "rnn" if entry is rnn_jacobians else "lstm"
    mine = problem(kind)
    with pytest.raises(kind_of_error) as error:
        entry(mine.run(kind), change(mine.weights.U))
    check(error, words)


@pytest.mark.parametrize("entry", [state_jacobians, cell_jacobian, rnn_jacobians])
def test_jacobians_want_a_batch(entry):
    kind = "rnn" if entry is rnn_jacobians else "lstm"
    cell = {"rnn": RNNCell, "lstm": LSTMCell}[kind](D, H)
    single = problem(kind, dtype=f32)
    x = single.x[:, 0]
    run = unroll(cell.step, x, cell.zero_state(x[0]))
    with pytest.raises(ValueError, match=r"states of shape \(T, B, H\), 3-D, got 2-D"):
        entry(run, cell.weights.U)


def test_cell_jacobian_needs_the_step_before():
    mine = problem(T=1)
    with pytest.raises(RuntimeError, match="at least two steps, got one"):
        cell_jacobian(mine.run(), mine.weights.U)


@pytest.mark.parametrize(
    ("jacobians", "kind_of_error", "words"),
    [
        (zeros(3, 2, 4), ValueError, ["T, B, N, N", "3-D", "(3, 2, 4)"]),
        (zeros(()), ValueError, ["T, B, N, N", "0-D"]),
        (zeros(3, 2, 4, 5), RuntimeError, ["(3, 2, 4, 5)"]),
        ([1.0], TypeError, ["torch.Tensor", "list"]),
    ],
)
def test_cumulative_mistakes(jacobians, kind_of_error, words):
    with pytest.raises(kind_of_error) as error:
        cumulative(jacobians)
    check(error, ["jacobians", *words])


ENTRIES = {
    "run_module": run_module,
    "lag_norms": lag_norms,
    "gradient_flow": lambda module, x, hx=None: gradient_flow(module, x, zeros(T, B, H), hx),
}
entries = pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES.keys())
f64 = {"dtype": torch.float64}


@entries
@pytest.mark.parametrize(
    "module", [nn.GRU(D, H), nn.GRUCell(D, H), nn.Linear(D, H), nn.Sequential(nn.LSTM(D, H))]
)
def test_modules_that_are_no_lstm_or_rnn(entry, module):
    with pytest.raises(TypeError, match=f"expected an LSTM, an RNN .*got {type(module).__name__}"):
        entry(module, zeros(T, B, D, dtype=f32))


@entries
@pytest.mark.parametrize(
    "module",
    [
        nn.LSTM(D, H, num_layers=2),
        nn.LSTM(D, H, bidirectional=True),
        nn.RNN(D, H, num_layers=2),
    ],
    ids=str,
)
def test_layers_that_are_more_than_one_recurrence(entry, module):
    with pytest.raises(ValueError, match=r"one layer and one direction, got .*LSTM\.run"):
        entry(module, zeros(T, B, D, dtype=f32))


@entries
@pytest.mark.parametrize("kind", [nn.LSTM, nn.RNN, LSTMCell, RNNCell])
@pytest.mark.parametrize(
    ("x", "kind_of_error", "words"),
    [
        (zeros(T, D), ValueError, ["(T, B, D=2)", "2-D", "(6, 2)"]),
        (zeros(T, B, D + 1), RuntimeError, ["D=2", "(6, 3, 3)"]),
        (zeros(T, B, D, dtype=f32), RuntimeError, ["float64", "float32"]),
        (zeros(T, B, D).long(), RuntimeError, ["float64", "int64"]),
        (zeros(0, B, D), RuntimeError, ["at least one time step", "(0, 3, 2)"]),
        ([[0.0]], TypeError, ["torch.Tensor", "list"]),
    ],
)
def test_input_mistakes(entry, kind, x, kind_of_error, words):
    with pytest.raises(kind_of_error) as error:
        entry(kind(D, H, **f64), x)
    check(error, words)


@entries
@pytest.mark.parametrize("kind", [nn.LSTM, LSTMCell])
@pytest.mark.parametrize(
    ("hx", "kind_of_error", "words"),
    [
        ((zeros(B, H),), RuntimeError, ["(h, c)", "1 state"]),
        ((zeros(B, H),) * 3, RuntimeError, ["(h, c)", "3 states"]),
        (zeros(2, B, H), TypeError, ["(h, c)", "Tensor"]),
        (5, TypeError, ["(h, c)", "int"]),
        ((zeros(B, H), None), TypeError, ["hx[1]", "torch.Tensor", "NoneType"]),
        ((zeros(1, B, H),) * 2, ValueError, ["hx[0]", "B=3, H=4", "(1, 3, 4)"]),
        ((zeros(1, H),) * 2, RuntimeError, ["hx[0]", "B=3, H=4", "(1, 4)"]),
        ((zeros(B, H), zeros(B, H + 1)), RuntimeError, ["hx[1]", "B=3, H=4", "(3, 5)"]),
        ((zeros(B, H), zeros(B, H, dtype=f32)), RuntimeError, ["hx[1]", "float64", "float32"]),
    ],
)
def test_lstm_state_mistakes(entry, kind, hx, kind_of_error, words):
    with pytest.raises(kind_of_error) as error:
        entry(kind(D, H, **f64), zeros(T, B, D), hx)
    check(error, words)


@entries
@pytest.mark.parametrize("kind", [nn.RNN, RNNCell])
@pytest.mark.parametrize(
    ("hx", "kind_of_error", "words"),
    [
        ((zeros(B, H),), TypeError, ["hx", "torch.Tensor", "tuple"]),
        (zeros(1, B, H), ValueError, ["hx", "B=3, H=4", "(1, 3, 4)"]),
        (zeros(1, H), RuntimeError, ["hx", "B=3, H=4", "(1, 4)"]),
        (zeros(B, H, dtype=f32), RuntimeError, ["hx", "float64", "float32"]),
    ],
)
def test_rnn_state_mistakes(entry, kind, hx, kind_of_error, words):
    with pytest.raises(kind_of_error) as error:
        entry(kind(D, H, **f64), zeros(T, B, D), hx)
    check(error, words)


def test_gradient_flow_wants_the_losss_gradient_at_every_step():
    with pytest.raises(RuntimeError, match=r"expected grad_h of shape \(T=6, B=3, H=4\), got"):
        gradient_flow(nn.LSTM(D, H, **f64), zeros(T, B, D), zeros(1, B, H))


def test_what_was_added_up_is_at_most_its_bound():
    torch.manual_seed(0)
    h, x = torch.randn(T, B, H), torch.randn(T, B, D)
    for b in (None, torch.full((4 * H,), 50.0)):
        weights = Weights(torch.randn(4 * H, D), torch.randn(4 * H, H), b)
        a, size = pre_activations(h, x, weights)
        assert (a.abs() <= size).all()
