"""Runs, modules and inputs that the closed forms do not cover are refused, not computed with."""

import pytest
import torch
from support import normal, problem, replica
from torch import nn
from torch.nn.utils import parametrize, prune, spectral_norm

from lstm_book.cells import (
    CoupledLSTMCell,
    Gates,
    GreffLSTMCell,
    GRUCell,
    JANETCell,
    LayerNormLSTMCell,
    LSTM1997Cell,
    LSTMCell,
    LSTMState,
    MinLSTMCell,
    PeepholeLSTMCell,
    RecurrentDropoutLSTMCell,
    RNNCell,
    SLSTMCell,
    VariantCell,
    Weights,
    ZoneoutLSTMCell,
    rnn_step,
    weights_of,
)
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
from lstm_book.layers import LSTM, Recurrent, run_module, unroll

T, B, D, H = 6, 3, 2, 4
f64 = {"dtype": torch.float64}


class ScaledLSTMCell(LSTMCell):
    """The plain cell on a hidden state of half the size."""

    def step(self, x_t, state):
        return super().step(x_t, LSTMState(state.h / 2, state.c))


class LeakyLSTMCell(LSTMCell):
    """The plain cell, but what it keeps leaks."""

    def step(self, x_t, state):
        (h, c), gates = super().step(x_t, state)
        return LSTMState(h, 0.9 * c), gates


class OpenLSTMCell(VariantCell):
    """The example of `VariantCell`, without its output gate."""

    def step(self, x_t, state):
        a_i, a_f, a_g, _ = self.pre_activations(x_t, state.h)
        i, f, g = a_i.sigmoid(), a_f.sigmoid(), a_g.tanh()
        c = f * state.c + i * g
        return LSTMState(c.tanh(), c), Gates(i, f, g, torch.ones_like(i))


OTHERS = {
    "peephole": PeepholeLSTMCell,
    "layer norm": LayerNormLSTMCell,
    "1997": LSTM1997Cell,
    "coupled": CoupledLSTMCell,
    "zoneout": ZoneoutLSTMCell,
    "dropout on h": RecurrentDropoutLSTMCell,
    "dropout on g": lambda *sizes, **o: RecurrentDropoutLSTMCell(*sizes, on="candidate", **o),
    "sLSTM": SLSTMCell,
    "GRU": GRUCell,
    "JANET": JANETCell,
    "minLSTM": MinLSTMCell,
    "step of a subclass": ScaledLSTMCell,
    "leak of a subclass": LeakyLSTMCell,
    "own variant": OpenLSTMCell,
} | {
    f"Greff {name}": lambda *sizes, name=name, **o: GreffLSTMCell(*sizes, variant=name, **o)
    for name in ("V", "NIG", "NFG", "NOG", "NIAF", "NOAF", "NP", "CIFG", "FGR")
}
others = pytest.mark.parametrize("name", OTHERS)


def run_of(cell, x, how):
    """Run a cell by its bound step, within a function, without a trace, or in a layer."""
    if how == "layer":
        return Recurrent(cell).run(x).layers[0][0]
    step = cell.step if how in ("step", "untraced") else lambda x_t, state: cell.step(x_t, state)
    return unroll(step, x, cell.zero_state(x[0]), trace="untraced" not in how)


def closed_forms(run, x, weights):
    """Return a call of every closed form that takes a run."""
    h = run.states if isinstance(run.states, torch.Tensor) else run.states.h
    ones = torch.ones_like(h)
    return {
        "bptt": lambda: bptt(run, x, weights, ones),
        "state_jacobians": lambda: state_jacobians(run, weights.U),
        "cell_jacobian": lambda: cell_jacobian(run, weights.U),
        "rnn_bptt": lambda: rnn_bptt(run, x, weights, ones),
        "rnn_jacobians": lambda: rnn_jacobians(run, weights.U),
    }


@others
@pytest.mark.parametrize("how", ["step", "layer", "untraced"])
def test_runs_of_other_cells_are_type_errors_everywhere(name, how, generator):
    cell = OTHERS[name](D, H, **f64)
    x = normal(T, B, D, generator=generator)
    weights = Weights(*problem().weights) if name == "minLSTM" else cell.weights
    run = run_of(cell, x, how)
    for call in closed_forms(run, x, weights).values():
        with pytest.raises(TypeError, match=r"expected the run of .*, got one with .* by"):
            call()


@others
@pytest.mark.parametrize("how", ["function", "function, untraced"])
def test_nor_do_they_pass_within_a_function(name, how, generator):
    # Nothing but gates and states tells then: that of ours says it by its records or equations.
    cell = OTHERS[name](D, H, **f64)
    x = normal(T, B, D, generator=generator)
    weights = Weights(*problem().weights) if name == "minLSTM" else cell.weights
    calls = closed_forms(run_of(cell, x, how), x, weights)
    if name in ("step of a subclass", "own variant") and how == "function":
        # Their gates are declared to be the plain ones: only x and the weights can tell.
        calls = {"bptt": calls["bptt"]}
    for call in calls.values():
        with pytest.raises((TypeError, ValueError, RuntimeError), match="expected"):
            call()


@pytest.mark.parametrize("cell", [LSTMCell, RNNCell])
def test_a_run_that_kept_hidden_states_alone_is_refused(cell, generator):
    cell = cell(D, H, **f64)
    x = normal(T, B, D, generator=generator)
    run = unroll(cell.step, x, cell.zero_state(x[0]), trace=False)
    if isinstance(cell, RNNCell):  # it has no more than these
        torch.testing.assert_close(
            rnn_jacobians(run, cell.weights.U), rnn_jacobians(run_module(cell, x), cell.weights.U)
        )
        return
    for call in closed_forms(run, x, cell.weights).values():
        with pytest.raises(TypeError, match="expected the run of"):
            call()
    with pytest.raises(RuntimeError, match="expected a run that kept all states"):
        _ = run.previous


SLIPS = {
    "another x": lambda x, w: (x + 0.01, w),
    "reversed x": lambda x, w: (x.flip(0), w),
    "rows of a batch swapped": lambda x, w: (x.flip(1), w),
    "another W": lambda x, w: (x, w._replace(W=w.W * 1.001)),
    "another U": lambda x, w: (x, w._replace(U=w.U * 1.001)),
    "another b": lambda x, w: (x, w._replace(b=w.b + 0.001)),
    "one bias of two": lambda x, w: (x, w._replace(b=None)),
    "gates in another order": lambda x, w: (x, Weights(*(v.flip(0) for v in w))),
}


@pytest.mark.parametrize("slip", SLIPS)
@pytest.mark.parametrize("kind", ["lstm", "rnn"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_x_and_weights_of_another_run_are_refused(slip, kind, dtype):
    mine = problem(kind, dtype=dtype)
    run = mine.run(kind)
    x, weights = SLIPS[slip](mine.x, mine.weights)
    back, h = (rnn_bptt, run.states) if kind == "rnn" else (bptt, run.states[0])
    with pytest.raises(ValueError, match=r"expected the x and weights of the run, got .* follow"):
        back(run, x, weights, torch.ones_like(h))


@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0, 1e4])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("make", [LSTMCell, RNNCell, nn.LSTM])
def test_rounding_is_no_reason_to_refuse(make, dtype, scale, generator):
    cell = make(16, 32).to(dtype)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.mul_(scale)
    x = (normal(20, 4, 16, generator=generator) * scale).to(dtype)
    if isinstance(cell, nn.LSTM):
        ours = LSTM(16, 32, dtype=dtype)
        ours.load_state_dict(cell.state_dict())
        with torch.no_grad():
            run = ours.run(x).layers[0][0]  # the input's share computed apart
    else:
        run = unroll(cell.step, x, cell.zero_state(x[0]))
    weights = weights_of(cell)
    if isinstance(run.states, LSTMState):
        bptt(run, x, weights, torch.ones_like(run.states.h))
        state_jacobians(run, weights.U)
    else:
        rnn_bptt(run, x, weights, torch.ones_like(run.states))


def test_nan_and_infinity_show_in_the_result(generator):
    cell = LSTMCell(D, H, **f64)
    x = normal(T, B, D, generator=generator)
    x[2, 0, 0], x[3, 1, 1] = torch.nan, torch.inf
    run = unroll(cell.step, x, cell.zero_state(x[0]))
    grads = bptt(run, x, cell.weights, torch.ones(T, B, H, **f64))
    assert grads.x[:, 0].isnan().any()
    assert not grads.x[:, 2].isnan().any()


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_the_nonlinearity_of_a_function_is_seen_from_x_and_weights(nonlinearity):
    mine = problem("rnn").leaves()
    activation = getattr(torch, nonlinearity)
    run = unroll(
        lambda x_t, h: (rnn_step(x_t, h, *mine.weights, activation), ()), mine.x, mine.initial.h
    )
    grads = rnn_bptt(run, mine.x, mine.weights, torch.ones(T, B, H, **f64))
    (want,) = torch.autograd.grad(run.states.sum(), mine.x)
    torch.testing.assert_close(grads.x, want)


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_where_both_fit_the_closer_one_is_taken_and_held_steps_do_not_count(nonlinearity):
    W, U = torch.ones(1, 1, **f64), torch.full((1, 1), -5.0, **f64)
    x = torch.full((3, 1, 1), 1e-3, **f64)
    activation = getattr(torch, nonlinearity)
    run = unroll(
        lambda x_t, h: (rnn_step(x_t, h, W, U, None, activation), ()),
        x,
        torch.zeros(1, 1, **f64),
        valid=torch.tensor([[True], [False], [False]]),
    )
    slope = rnn_bptt(run, x, Weights(W, U, None), torch.ones_like(x)).x[0].item() / 3
    want = 1 - run.states[0].item() ** 2 if nonlinearity == "tanh" else 1.0
    assert slope == pytest.approx(want, rel=1e-9)


def function_run(values):
    """Return the run of a function whose states are these numbers, for one unit."""
    values = torch.tensor(values, **f64)
    return unroll(lambda x_t, h: (x_t, ()), values[:, None, None], torch.zeros(1, 1, **f64))


@pytest.mark.parametrize(
    ("values", "told", "slopes"),
    [
        ([0.5, -0.5], None, [0.75, 0.75]),
        ([0.5, 2.0], None, [1.0, 1.0]),
        ([0.0, 2.0], "relu", [0.0, 1.0]),
        ([0.5, 0.0], "tanh", [0.75, 1.0]),
        ([0.5, 0.0], "relu", [1.0, 0.0]),
    ],
)
def test_rnn_jacobians_of_a_function_take_what_the_states_show_or_what_is_told(
    values, told, slopes
):
    J = rnn_jacobians(function_run(values), torch.ones(1, 1, **f64), nonlinearity=told)
    assert J.flatten().tolist() == slopes


@pytest.mark.parametrize(
    ("values", "told", "error", "words"),
    [
        ([0.5, 0.0], None, ValueError, "expected nonlinearity, 'tanh' or 'relu', .* got None"),
        ([0.5, -0.5], "relu", ValueError, "expected nonlinearity to be that of the run, .*'relu'"),
        ([0.5, 2.0], "tanh", ValueError, "expected nonlinearity to be that of the run, .*'tanh'"),
        ([-0.5, 2.0], None, TypeError, "expected the run of a simple RNN, got states below 0 and"),
        ([0.5, 0.0], "sine", ValueError, "expected nonlinearity to be one of"),
    ],
)
def test_rnn_jacobians_of_a_function_that_cannot_be_told(values, told, error, words):
    with pytest.raises(error, match=words):
        rnn_jacobians(function_run(values), torch.ones(1, 1, **f64), nonlinearity=told)


def test_rnn_jacobians_of_a_cell_refuse_another_nonlinearity(generator):
    cell = RNNCell(D, H, nonlinearity="relu", **f64)
    run = run_module(cell, normal(T, B, D, generator=generator))
    with pytest.raises(ValueError, match="expected nonlinearity to be that of the run"):
        rnn_jacobians(run, cell.weights.U, nonlinearity="tanh")


# Modules


ENTRIES = {
    "run_module": run_module,
    "lag_norms": lag_norms,
    "gradient_flow": lambda module, x: gradient_flow(module, x, torch.ones(T, B, H, **f64)),
}
entries = pytest.mark.parametrize("entry", ENTRIES)
MODULES = {
    "nn.LSTM": nn.LSTM,
    "nn.RNN": nn.RNN,
    "nn.LSTMCell": nn.LSTMCell,
    "nn.RNNCell": nn.RNNCell,
    "LSTM": LSTM,
    "LSTMCell": LSTMCell,
    "RNNCell": RNNCell,
}
modules = pytest.mark.parametrize("name", MODULES)


@entries
@modules
def test_an_overridden_forward_and_a_hook_are_refused_by_name(name, entry, generator):
    x, kind = normal(T, B, D, generator=generator), MODULES[name]

    class Doubled(kind):
        def forward(self, *args, **kwargs):
            return super().forward(2 * args[0], *args[1:], **kwargs)

    with pytest.raises(
        TypeError, match=f"expected {entry} of a .* as it is, got Doubled with anoth"
    ):
        ENTRIES[entry](Doubled(D, H, **f64), x)
    module = kind(D, H, **f64)
    module.register_forward_pre_hook(lambda module, args: (2 * args[0], *args[1:]))
    with pytest.raises(TypeError, match=f"expected {entry} of a .* without forward hooks"):
        ENTRIES[entry](module, x)


@entries
@pytest.mark.parametrize("cell", [ScaledLSTMCell, LeakyLSTMCell])
def test_a_cell_with_another_step_is_refused(cell, entry, generator):
    with pytest.raises(TypeError, match=f"expected {entry} of a LSTMCell as it is, got .* step"):
        ENTRIES[entry](cell(D, H, **f64), normal(T, B, D, generator=generator))


@entries
def test_other_cells_and_layers_of_them_are_no_modules_to_run(entry, generator):
    x = normal(T, B, D, generator=generator)
    for make in OTHERS.values():
        cell = make(D, H, **f64)
        if not isinstance(cell, LSTMCell):
            with pytest.raises(TypeError, match="expected an LSTM, an RNN or one of their cells"):
                ENTRIES[entry](cell, x)
    for module in (Recurrent(LSTMCell(D, H)), nn.DataParallel(nn.LSTM(D, H)), nn.GRU(D, H)):
        with pytest.raises(TypeError, match="expected an LSTM, an RNN or one of their cells"):
            ENTRIES[entry](module, x)


def changed(layer, how):
    """Bring a layer under one of torch's reparametrisations."""
    if how == "pruned":
        return prune.l1_unstructured(layer, "weight_hh_l0", 0.5)
    if how == "pruned bias":
        return prune.random_unstructured(layer, "bias_ih_l0", 0.5)
    if how == "spectral norm":
        return spectral_norm(layer, "weight_hh_l0").eval()
    if how == "weight norm":
        return nn.utils.parametrizations.weight_norm(layer, "weight_hh_l0")
    if how == "weight norm of old":
        with pytest.warns(FutureWarning, match="weight_norm"):
            return nn.utils.weight_norm(layer, "weight_hh_l0")
    if how == "parametrised projection":
        parametrize.register_parametrization(layer, "weight_hr_l0", nn.Tanh())
        return layer
    return replica(layer)


@pytest.mark.parametrize(
    "how",
    [
        "pruned",
        "pruned bias",
        "spectral norm",
        "weight norm",
        "weight norm of old",
        "parametrised projection",
        "replica",
    ],
)
def test_reparametrised_layers_are_measured_with_what_they_compute_with(how, generator):
    proj_size = 3 if how == "parametrised projection" else 0
    layer = changed(nn.LSTM(D, H, proj_size=proj_size, **f64), how)
    x = normal(T, B, D, generator=generator)
    grad_h = normal(T, B, proj_size or H, generator=generator)
    with torch.no_grad():
        output = layer(x)[0]  # renews the weights
    twin = nn.LSTM(D, H, proj_size=proj_size, **f64)
    with torch.no_grad():
        for name in list(dict(twin.named_parameters())):
            getattr(twin, name).copy_(getattr(layer, name))
    torch.testing.assert_close(run_module(layer, x).states.h, output)
    torch.testing.assert_close(gradient_flow(layer, x, grad_h), gradient_flow(twin, x, grad_h))
    torch.testing.assert_close(lag_norms(layer, x), lag_norms(twin, x))


# Arguments


def test_wrong_kinds_of_arguments_are_type_errors(generator):
    mine, rnn = problem(), problem("rnn")
    run, run_rnn = mine.run(), rnn.run("rnn")
    ones = torch.ones(T, B, H, **f64)
    lstm = nn.LSTM(D, H, **f64)
    for wrong in (None, "a", 3, [1.0], (1, 2), {}, object()):
        calls = [
            lambda w=wrong: bptt(w, mine.x, mine.weights, ones),
            lambda w=wrong: bptt(run, w, mine.weights, ones),
            lambda w=wrong: bptt(run, mine.x, w, ones),
            lambda w=wrong: bptt(run, mine.x, (w, w, w), ones),
            lambda w=wrong: bptt(run, mine.x, mine.weights, w),
            lambda w=wrong: rnn_bptt(w, rnn.x, rnn.weights, ones),
            lambda w=wrong: rnn_bptt(run_rnn, w, rnn.weights, ones),
            lambda w=wrong: rnn_bptt(run_rnn, rnn.x, w, ones),
            lambda w=wrong: state_jacobians(w, mine.weights.U),
            lambda w=wrong: cell_jacobian(w, mine.weights.U),
            lambda w=wrong: rnn_jacobians(w, rnn.weights.U),
            lambda w=wrong: rnn_jacobians(run_rnn, w),
            lambda w=wrong: run_module(w, mine.x),
            lambda w=wrong: run_module(lstm, w),
            lambda w=wrong: gradient_flow(lstm, mine.x, w),
            lambda w=wrong: lag_norms(lstm, w),
        ]
        if wrong is not None:
            calls += [
                lambda w=wrong: bptt(run, mine.x, mine.weights, ones, w),
                lambda w=wrong: bptt(run, mine.x, mine.weights, ones, projection=w),
                lambda w=wrong: bptt(run, mine.x, mine.weights._replace(b=w), ones),
                lambda w=wrong: state_jacobians(run, mine.weights.U, projection=w),
            ]
        for call in calls:
            with pytest.raises(TypeError, match="expected"):
                call()
    with pytest.raises(TypeError, match="expected reverse to be a bool"):
        cumulative(torch.eye(2)[None, None], reverse="yes")


def test_a_projection_that_is_missing_or_of_another_size_is_refused(generator):
    layer = nn.LSTM(D, H, proj_size=3, **f64)
    x = normal(T, B, D, generator=generator)
    run, weights, W_hr = run_module(layer, x), weights_of(layer), layer.weight_hr_l0
    ones = torch.ones(T, B, 3, **f64)
    for given, words in ((None, "or the weights of the projection as well"), (W_hr.T, "H=4")):
        for call in (
            lambda p=given: bptt(run, x, weights, ones, projection=p),
            lambda p=given: state_jacobians(run, weights.U, projection=p),
            lambda p=given: cell_jacobian(run, weights.U, projection=p),
        ):
            with pytest.raises(RuntimeError, match=words):
                call()
    with pytest.raises(TypeError, match="h does not follow from its gates"):
        bptt(run, x, weights, ones, projection=W_hr + 0.01)


def spoilt(run, **changes):
    """Return a run with some of its parts changed."""
    for name, change in changes.items():
        part = getattr(run, name)
        run = run._replace(**{name: type(part)(*map(change, part))})
    return run


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"gates": lambda v: v[:1]}, RuntimeError),
        ({"gates": lambda v: v[..., :1]}, RuntimeError),
        ({"gates": lambda v: v.float()}, RuntimeError),
        ({"gates": lambda v: v[0]}, ValueError),
        ({"gates": lambda v: v.tolist()}, TypeError),
        ({"states": lambda v: v[:-1]}, RuntimeError),
        ({"states": lambda v: v[:0]}, RuntimeError),
        ({"states": lambda v: v.long()}, RuntimeError),
        ({"initial": lambda v: v[:1]}, RuntimeError),
        ({"initial": lambda v: v[:, :1]}, RuntimeError),
    ],
)
def test_a_run_that_does_not_fit_together_is_refused(changes, error):
    mine = problem()
    run = spoilt(mine.run(), **changes)
    with pytest.raises(error, match="expected"):
        state_jacobians(run, mine.weights.U)
    with pytest.raises(error, match="expected"):
        bptt(run, mine.x, mine.weights, torch.ones(T, B, H, **f64))


@pytest.mark.parametrize(
    ("valid", "error"),
    [
        (torch.ones(T, B), RuntimeError),
        (torch.ones(T, 1, dtype=torch.bool), RuntimeError),
        (torch.ones(T, dtype=torch.bool), ValueError),
        ("all", TypeError),
    ],
)
def test_a_mask_that_does_not_fit_the_run_is_refused(valid, error):
    mine = problem()
    with pytest.raises(error, match="expected the run's valid"):
        state_jacobians(mine.run()._replace(valid=valid), mine.weights.U)
