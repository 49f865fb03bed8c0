"""What flows through time, against autograd on each module's own forward pass."""

import pytest
import torch
from support import copy_of, normal
from torch import nn

from lstm_book.cells import LSTMCell, LSTMState, RNNCell, weights_of
from lstm_book.gradients import gradient_flow, lag_norms, rnn_jacobians
from lstm_book.layers import LSTM, run_module

T, B, D, H = 6, 2, 3, 4
MODULES = {
    "our LSTMCell": lambda: LSTMCell(D, H, dtype=torch.float64),
    "torch LSTMCell": lambda: nn.LSTMCell(D, H, dtype=torch.float64),
    "torch LSTMCell without bias": lambda: nn.LSTMCell(D, H, bias=False, dtype=torch.float64),
    "torch LSTM": lambda: nn.LSTM(D, H, dtype=torch.float64),
    "torch LSTM, batch first": lambda: nn.LSTM(D, H, batch_first=True, dtype=torch.float64),
    "our RNNCell": lambda: RNNCell(D, H, dtype=torch.float64),
    "torch RNNCell": lambda: nn.RNNCell(D, H, dtype=torch.float64),
    "torch RNN": lambda: nn.RNN(D, H, bias=False, dtype=torch.float64),
    "torch RNN, batch first": lambda: nn.RNN(D, H, batch_first=True, dtype=torch.float64),
    "torch RNN, relu": lambda: nn.RNN(D, H, nonlinearity="relu", dtype=torch.float64),
    "torch RNNCell, relu": lambda: nn.RNNCell(D, H, nonlinearity="relu", dtype=torch.float64),
    "our RNNCell, relu": lambda: RNNCell(D, H, nonlinearity="relu", dtype=torch.float64),
    "our LSTM": lambda: LSTM(D, H, batch_first=True, dtype=torch.float64),
}
modules = pytest.mark.parametrize("name", MODULES)
with_state = pytest.mark.parametrize("given_state", [True, False], ids=["state", "no state"])


def is_lstm(module):
    return isinstance(module, LSTMCell | nn.LSTMCell | nn.LSTM)


@pytest.fixture
def x(generator):
    return normal(T, B, D, generator=generator)


@pytest.fixture
def state(generator):
    return [normal(B, H, generator=generator) for _ in range(2)]


def laid_out(module, x):
    """Bring a tensor (T, B, …) to the layout of the module."""
    return x.transpose(0, 1) if getattr(module, "batch_first", False) else x


def forward(module, x, state, row=slice(None), keep=None):
    """Run the module's own forward over x from a list of states; return the last states.

    With `keep`, a list, every state on the way is appended to it and retains its gradient.
    """
    x = x[:, row]
    for x_t in x:
        hx = tuple(state) if is_lstm(module) else state[0]
        if isinstance(module, nn.RNNBase):
            step = x_t[:, None] if module.batch_first else x_t[None]
            stacked = tuple(s[None] for s in state) if is_lstm(module) else state[0][None]
            _, out = module(step, stacked)
            out = tuple(s[0] for s in out) if is_lstm(module) else out[0]
        else:
            out = module(x_t, hx)
        state = list(out) if is_lstm(module) else [out]
        if keep is not None:
            for tensor in state:
                tensor.retain_grad()
            keep.append(state)
    return state


def as_cell(module):
    """Return torch's cell for torch's layer: a layer hands out copies of its c_t, off the path."""
    if not isinstance(module, nn.RNNBase):
        return module
    options = {"bias": module.bias, "dtype": torch.float64}
    if is_lstm(module):
        cell = nn.LSTMCell(D, H, **options)
    else:
        cell = nn.RNNCell(D, H, nonlinearity=module.nonlinearity, **options)
    cell.load_state_dict({name[:-3]: value for name, value in module.state_dict().items()})
    return cell


def hx_of(module, state):
    return LSTMState(*state) if is_lstm(module) else state[0]


def start(module, state, given_state):
    states = state if given_state else [torch.zeros(B, H, dtype=torch.float64)] * 2
    return states[: 1 + is_lstm(module)]


@with_state
@modules
def test_run_module_against_the_modules_own_forward(name, given_state, x, state):
    module = MODULES[name]()
    given = laid_out(module, x)
    run = run_module(module, given, hx_of(module, state) if given_state else None)
    here = start(module, state, given_state)
    for t in range(T):
        here = forward(module, x[t : t + 1], here)
        states = run.states if is_lstm(module) else (run.states,)
        for got, want in zip(states, here, strict=True):
            torch.testing.assert_close(got[t], want, rtol=0, atol=1e-12)


def test_run_module_against_a_layer_run_at_once(x):
    lstm = nn.LSTM(D, H, dtype=torch.float64)
    run = run_module(lstm, x)
    output, (h, c) = lstm(x)
    torch.testing.assert_close(run.states.h, output, rtol=0, atol=1e-12)
    torch.testing.assert_close((run.states.h[-1], run.states.c[-1]), (h[0], c[0]))


def test_run_module_can_be_differentiated(x):
    lstm = nn.LSTM(D, H, dtype=torch.float64)
    grads = [
        torch.autograd.grad(output.square().sum(), tuple(lstm.parameters()))
        for output in (run_module(lstm, x).states.h, lstm(x)[0])
    ]
    torch.testing.assert_close(*grads)


@with_state
@modules
def test_gradient_flow_against_autograd(name, given_state, x, state, generator):
    module = MODULES[name]()
    grad_h = normal(T, B, H, generator=generator)
    flow = gradient_flow(
        module,
        laid_out(module, x),
        laid_out(module, grad_h),
        hx_of(module, state) if given_state else None,
    )
    kept = []
    forward(as_cell(module), x, start(module, state, given_state), keep=kept)
    sum((pull * states[0]).sum() for pull, states in zip(grad_h, kept, strict=True)).backward()
    norms = [
        torch.stack([states[k].grad.norm(dim=-1) for states in kept])
        for k in range(1 + is_lstm(module))
    ]
    torch.testing.assert_close(flow.h, norms[0], rtol=1e-12, atol=1e-14)
    if is_lstm(module):
        torch.testing.assert_close(flow.c, norms[1], rtol=1e-12, atol=1e-14)
    else:
        assert flow.c is None


@pytest.mark.parametrize("kind", [nn.LSTM, nn.RNN])
def test_output_grad_of_torchs_layer_holds_no_recurrent_gradient_and_ours_does(kind, x):
    layer = kind(D, H, dtype=torch.float64)
    output, _ = layer(x)
    output.retain_grad()
    output[-1].sum().backward()
    assert (output.grad[:-1] == 0).all()
    assert (output.grad[-1] == 1).all()
    flow = gradient_flow(layer, x, output.grad)
    assert (flow.h[:-1] > 1e-4).all()
    assert (flow.c is None) or (flow.c > 1e-4).all()


@with_state
@modules
def test_lag_norms_against_autograd(name, given_state, x, state):
    module = MODULES[name]()
    given = laid_out(module, x)
    norms = lag_norms(module, given, hx_of(module, state) if given_state else None)
    assert norms.hidden.shape == norms.state.shape == (T + 1, B)
    here = start(module, state, given_state)
    for t in range(T + 1):
        lag = T - t
        for row in range(B):
            one = slice(row, row + 1)
            jacobian = torch.autograd.functional.jacobian(
                lambda *states, t=t, one=one: forward(module, x[t:], list(states), one)[0][0],
                tuple(tensor[one].detach() for tensor in here),
            )
            blocks = [block[:, 0] for block in jacobian]
            want = [torch.linalg.svdvals(block)[0] for block in (*blocks, torch.cat(blocks, -1))]
            got = [norms.hidden, norms.cell, norms.state] if is_lstm(module) else norms[::2]
            if not is_lstm(module):
                want = [want[0], want[0]]
            for ours, theirs in zip(got, want, strict=True):
                torch.testing.assert_close(ours[lag, row], theirs, rtol=1e-10, atol=1e-13)
        if t < T:
            here = forward(module, x[t : t + 1], here)
    assert is_lstm(module) or norms.cell is None


@pytest.mark.parametrize("scale", [0.5, 3.0])
def test_rnn_norms_stay_below_the_singular_value_bound(scale):
    generator = torch.Generator().manual_seed(0)
    rnn = nn.RNN(D, H, dtype=torch.float64)
    with torch.no_grad():
        rnn.weight_hh_l0.mul_(scale)
    x = normal(40, 3, D, generator=generator)
    norms = lag_norms(rnn, x).hidden
    lags = torch.arange(41, dtype=torch.float64)[:, None]
    sigma = torch.linalg.svdvals(rnn.weight_hh_l0.detach())[0]
    assert (norms <= sigma**lags * (1 + 1e-12)).all()
    assert (norms > 0).all()
    # The finer bound of the text: each step has its own largest slope.
    slopes = torch.linalg.matrix_norm(rnn_jacobians(run_module(rnn, x), weights_of(rnn).U), 2)
    later = slopes.flip(0).cumprod(0)
    assert (norms[1:] <= later * (1 + 1e-12)).all()


@modules
def test_lag_zero_is_the_state_itself(name, x):
    module = MODULES[name]()
    norms = lag_norms(module, laid_out(module, x))
    torch.testing.assert_close(norms.hidden[0], torch.ones(B, dtype=torch.float64))
    torch.testing.assert_close(norms.state[0], torch.ones(B, dtype=torch.float64))
    if is_lstm(module):
        assert (norms.cell[0] == 0).all()


def test_ours_and_torchs_modules_with_equal_weights_agree(x, generator):
    theirs = nn.LSTMCell(D, H, dtype=torch.float64)
    ours = copy_of(LSTMCell(D, H, dtype=torch.float64), like=theirs)
    grad_h = normal(T, B, H, generator=generator)
    for measure in (lambda m: gradient_flow(m, x, grad_h), lambda m: lag_norms(m, x)):
        torch.testing.assert_close(tuple(measure(ours)), tuple(measure(theirs)))


@modules
def test_empty_batch_is_no_error(name):
    module = MODULES[name]()
    x = laid_out(module, torch.zeros(T, 0, D, dtype=torch.float64))
    grad_h = laid_out(module, torch.zeros(T, 0, H, dtype=torch.float64))
    assert gradient_flow(module, x, grad_h).h.shape == (T, 0)
    assert lag_norms(module, x).state.shape == (T + 1, 0)


@modules
def test_measures_carry_no_graph(name, x):
    module = MODULES[name]()
    x, grad_h = (laid_out(module, v) for v in (x, torch.ones(T, B, H, dtype=torch.float64)))
    for measure in (gradient_flow(module, x, grad_h), lag_norms(module, x)):
        assert not any(part.requires_grad for part in measure if part is not None)
