"""Reversed, masked and projected runs, taken back by hand and by autograd."""

import itertools

import pytest
import torch
from support import normal
from torch import nn
from torch.func import jacrev, vmap

from lstm_book.cells import LSTMCell, LSTMState, RNNCell, Weights, lstm_update, rnn_step, weights_of
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

T, B, D, H, P = 6, 3, 2, 4, 3
EXACT = {"rtol": 1e-11, "atol": 1e-12}
MASKS = {
    "whole": None,
    "lengths": torch.arange(T)[:, None] < torch.tensor([6, 3, 1]),
    "holes": torch.tensor([[1, 0, 1, 1, 0, 1], [0, 0, 1, 0, 1, 0], [0] * 6]).T.bool(),
}
masks = pytest.mark.parametrize("mask", MASKS)
reverses = pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
projections = pytest.mark.parametrize("projected", [False, True], ids=["plain", "projected"])
kinds = pytest.mark.parametrize("kind", ["lstm", "projected", "tanh", "relu"])


class Case:
    """Weights, inputs and the step of one kind of cell; every leaf asks for its gradient."""

    def __init__(self, kind):
        generator = torch.Generator().manual_seed(3)
        self.kind = kind
        self.is_lstm = kind in ("lstm", "projected")
        rows, size = (4 * H if self.is_lstm else H), (P if kind == "projected" else H)
        shapes = {"x": (T, B, D), "W": (rows, D), "U": (rows, size), "b": (rows,), "h": (B, size)}
        shapes |= {"c": (B, H)} if self.is_lstm else {}
        shapes |= {"projection": (P, H)} if kind == "projected" else {}
        self.leaves = {
            name: normal(*shape, generator=generator).requires_grad_()
            for name, shape in shapes.items()
        }
        self.size = size
        self.generator = generator

    def __getattr__(self, name):
        return self.leaves[name] if name in self.__dict__.get("leaves", {}) else None

    @property
    def weights(self):
        return Weights(self.W, self.U, self.b)

    @property
    def initial(self):
        return LSTMState(self.h, self.c) if self.is_lstm else self.h

    @property
    def more(self):
        return {"projection": self.projection} if self.is_lstm else {}

    def shown(self, m):
        return m if self.projection is None else m @ self.projection.T

    def step(self, x_t, state):
        if not self.is_lstm:
            return rnn_step(x_t, state, *self.weights, getattr(torch, self.kind)), ()
        a = x_t @ self.W.T + state.h @ self.U.T + self.b
        (m, c), gates = lstm_update(a, state.c)
        return LSTMState(self.shown(m), c), gates

    def run(self, mask, reverse, *, padding=None):
        x, valid = self.x, MASKS[mask]
        if padding is not None and valid is not None:
            x = x.detach().masked_fill(~valid[..., None], padding)
        return x, unroll(self.step, x, self.initial, valid=valid, reverse=reverse)

    def by_autograd(self, mask, reverse, grad_h, grad_c):
        """Run, hold and go back; return the gradient of every state and leaf.

        h is made from the c that is kept, so that autograd sees h_t as a function of c_t.
        """
        valid = MASKS[mask]
        hs, cs = [None] * T, [None] * T
        state, loss = self.initial, 0.0
        for t in reversed(range(T)) if reverse else range(T):
            own = torch.ones(B, 1, dtype=torch.bool) if valid is None else valid[t][:, None]
            new, gates = self.step(self.x[t], state)
            if self.is_lstm:
                c = torch.where(own, new.c, state.c)
                h = torch.where(own, self.shown(gates.o * c.tanh()), state.h)
                c.retain_grad()
                cs[t], state = c, LSTMState(h, c)
                loss = loss + (grad_c[t] * c).sum()
            else:
                h = state = torch.where(own, new, state)
            h.retain_grad()
            hs[t] = h
            loss = loss + (grad_h[t] * h).sum()
        loss.backward()
        found = {name: leaf.grad for name, leaf in self.leaves.items()}
        states = {"states.h": hs} | ({"states.c": cs} if self.is_lstm else {})
        return found | {name: torch.stack([s.grad for s in kept]) for name, kept in states.items()}


def back(case, run, x, grad_h, grad_c):
    """Go back by hand; name every result as `Case.by_autograd` does."""
    if case.is_lstm:
        grads = bptt(run, x, case.weights, grad_h, grad_c, **case.more)
        found = {"h": grads.initial.h, "c": grads.initial.c, "states.c": grads.c}
        if case.projection is not None:
            found["projection"] = grads.projection
        else:
            assert grads.projection is None
    else:
        grads = rnn_bptt(run, x, case.weights, grad_h)
        found = {"h": grads.initial}
    return found | {"x": grads.x, "W": grads.W, "U": grads.U, "b": grads.b, "states.h": grads.h}


@reverses
@masks
@kinds
def test_every_gradient_of_every_run_is_autograds(kind, mask, reverse):
    case = Case(kind)
    x, run = case.run(mask, reverse, padding=torch.nan)  # padding may hold anything
    grad_h = normal(T, B, case.size, generator=case.generator)
    grad_c = normal(T, B, H, generator=case.generator)
    got = back(case, run, x, grad_h, grad_c)
    want = case.by_autograd(mask, reverse, grad_h, grad_c)
    assert got.keys() == want.keys()
    for name, gradient in want.items():
        torch.testing.assert_close(got[name], gradient, **EXACT, msg=lambda m, n=name: f"{n}: {m}")


@kinds
def test_a_loss_that_reads_held_states_reaches_the_last_step_and_no_input_beyond(kind):
    case = Case(kind)
    x, run = case.run("lengths", False)
    grad_h = torch.zeros(T, B, case.size, dtype=torch.float64)
    grad_h[-1] = 1
    got = back(case, run, x, grad_h, torch.zeros(T, B, H, dtype=torch.float64))
    for row, length in enumerate([6, 3, 1]):
        assert (got["states.h"][length - 1 :, row] == 1).all()
        assert (got["x"][length:, row] == 0).all()
        assert (got["x"][length - 1, row] != 0).any()


def jacobians_of(case, run):
    if case.is_lstm:
        return state_jacobians(run, case.U, **case.more).matrix
    return rnn_jacobians(run, case.U, nonlinearity=case.kind)


def joined(state):
    return torch.cat(tuple(state), -1) if isinstance(state, LSTMState) else state


def apart(case, joint):
    size = case.size
    return LSTMState(joint[..., :size], joint[..., size:]) if case.is_lstm else joint


@reverses
@masks
@kinds
def test_jacobians_and_their_products_of_every_run_are_autograds(kind, mask, reverse):
    case, valid = Case(kind), MASKS[mask]
    _, run = case.run(mask, reverse)
    before, x = joined(run.previous).detach(), case.x.detach()

    def advance(joint, steps, row):
        state = apart(case, joint)
        for t in steps:
            if valid is None or valid[t, row]:
                state, _ = case.step(x[t, row], state)
        return joined(state)

    J = jacobians_of(case, run)
    products = cumulative(J, reverse=reverse)
    assert products.shape == (T + 1, *J.shape[1:])
    for t, row in itertools.product(range(T), range(B)):
        alone = jacrev(advance)(before[t, row], [t], row)
        torch.testing.assert_close(J[t, row], alone, **EXACT)
        rest = list(reversed(range(t + 1))) if reverse else list(range(t, T))
        to_the_end = jacrev(advance)(before[t, row], rest, row)
        place = t + 1 if reverse else t
        torch.testing.assert_close(products[place, row], to_the_end, **EXACT)
    identity = torch.eye(J.shape[-1], dtype=J.dtype).expand(B, -1, -1)
    torch.testing.assert_close(products[0 if reverse else T], identity)


@reverses
@masks
@projections
def test_cell_jacobian_of_every_run_holds_the_last_output_gate(projected, mask, reverse):
    case, valid = Case("projected" if projected else "lstm"), MASKS[mask]
    _, run = case.run(mask, reverse)
    J = cell_jacobian(run, case.U, **case.more)
    x = case.x.detach()
    order = list(range(T))[:: -1 if reverse else 1]
    for row in range(B):
        o, c, h = None, case.c[row].detach(), case.h[row].detach()  # of the last step taken
        for index, t in enumerate(order):
            taken = valid is None or bool(valid[t, row])

            def total(c, o=o, h=h, t=t, row=row, taken=taken):
                h = h if o is None else case.shown(o * c.tanh())
                return case.step(x[t, row], LSTMState(h, c))[0].c if taken else c

            if index:
                place = t if reverse else t - 1
                torch.testing.assert_close(J.total[place, row], jacrev(total)(c), **EXACT)
                straight = run.gates.f[t, row] if taken else torch.ones(H, dtype=torch.float64)
                torch.testing.assert_close(J.direct[place, row], straight, **EXACT)
            if taken:
                o = run.gates.o[t, row].detach()
            c, h = run.states.c[t, row].detach(), run.states.h[t, row].detach()


@pytest.mark.parametrize("proj_size", [0, P])
@pytest.mark.parametrize("lengths", [None, [6, 3, 1]])
def test_bptt_of_each_direction_and_layer_of_our_layer_is_autograds(lengths, proj_size, generator):
    layer = LSTM(D, H, 2, bidirectional=True, proj_size=proj_size, dtype=torch.float64)
    x = normal(T, B, D, generator=generator)
    run = layer.run(x, lengths=lengths)
    inputs = [x, torch.cat([one.states.h for one in run.layers[0]], -1).detach()]
    if lengths is not None:
        inputs[1] = inputs[1] * MASKS["lengths"][..., None]
    for number, direction in itertools.product((0, 1), ("forward", "backward")):
        one = run.layers[number][direction == "backward"]
        grad_h = normal(*one.states.h.shape, generator=generator)
        stem = f"_l{number}{'_reverse' if direction == 'backward' else ''}"
        names = ["weight_ih", "weight_hh", "bias_ih"] + ["weight_hr"] * (proj_size > 0)
        parameters = [getattr(layer, name + stem) for name in names]
        want = torch.autograd.grad((one.states.h * grad_h).sum(), parameters, retain_graph=True)
        projection = parameters[3] if proj_size else None
        weights = weights_of(layer, number, direction)
        grads = bptt(one, inputs[number], weights, grad_h, projection=projection)
        got = [grads.W, grads.U, grads.b] + [grads.projection] * (proj_size > 0)
        torch.testing.assert_close(got, list(want), **EXACT)


@pytest.mark.parametrize("make", [LSTMCell, RNNCell])
def test_bptt_of_a_recurrents_backward_direction_is_autograds(make, generator):
    layer = Recurrent(make(D, H, dtype=torch.float64), bidirectional=True)
    x = normal(T, B, D, generator=generator)
    one = layer.run(x, lengths=[6, 3, 1]).layers[0][1]
    h = one.states.h if make is LSTMCell else one.states
    grad_h = normal(T, B, H, generator=generator)
    cell = layer.cells[1]
    want = torch.autograd.grad((h * grad_h).sum(), [cell.weight_ih, cell.weight_hh])
    grads = (bptt if make is LSTMCell else rnn_bptt)(one, x, cell.weights, grad_h)
    torch.testing.assert_close((grads.W, grads.U), want, **EXACT)


def test_run_module_flow_and_lag_norms_of_a_projected_layer(generator):
    layer = nn.LSTM(D, H, proj_size=P, batch_first=True, dtype=torch.float64)
    x = normal(B, T, D, generator=generator)
    hx = LSTMState(normal(B, P, generator=generator), normal(B, H, generator=generator))
    run = run_module(layer, x, hx)
    output, (h_n, c_n) = layer(x, (hx.h[None], hx.c[None]))
    torch.testing.assert_close(run.states.h, output.transpose(0, 1), **EXACT)
    torch.testing.assert_close(LSTMState(run.last.h[None], run.last.c[None]), LSTMState(h_n, c_n))

    W, U, b = weights_of(layer)
    projection, grad_h = layer.weight_hr_l0, normal(B, T, P, generator=generator)
    grads = bptt(run, x.transpose(0, 1), (W, U, b), grad_h.transpose(0, 1), projection=projection)
    flow = gradient_flow(layer, x, grad_h, hx)
    torch.testing.assert_close(tuple(flow), (grads.h.norm(dim=-1), grads.c.norm(dim=-1)))
    products = cumulative(state_jacobians(run, U, projection=projection).matrix).flip(0)
    blocks = (products[..., :P, :P], products[..., :P, P:], products[..., :P, :])
    want = tuple(torch.linalg.matrix_norm(block, 2) for block in blocks)
    torch.testing.assert_close(tuple(lag_norms(layer, x, hx)), want)


@pytest.mark.filterwarnings("ignore:There is a performance drop")  # torch's, of addcmul_
@pytest.mark.parametrize("make", [nn.LSTM, nn.RNN])
def test_flow_and_lag_norms_under_vmap_are_those_of_each_row(make, generator):
    layer = make(D, H, dtype=torch.float64)
    x = normal(T, 5, B, D, generator=generator)
    grad_h = normal(T, B, H, generator=generator)

    def measures(v):
        measured = [gradient_flow(layer, v, grad_h), lag_norms(layer, v), run_module(layer, v)]
        return measured[0].h, measured[1].state, measured[2].previous

    got = vmap(measures, in_dims=1)(x)
    each = [measures(v) for v in x.unbind(1)]
    torch.testing.assert_close(got[:2], tuple(map(torch.stack, list(zip(*each, strict=True))[:2])))


def test_bptt_and_jacobians_say_that_they_look_at_values_which_vmap_hides(generator):
    cell = LSTMCell(D, H, dtype=torch.float64)
    rnn = RNNCell(D, H, dtype=torch.float64)
    x = normal(T, 5, B, D, generator=generator)
    ones = torch.ones(T, B, H, dtype=torch.float64)
    for call in (
        lambda v: bptt(run_module(cell, v), v, cell.weights, ones).x,
        lambda v: rnn_bptt(run_module(rnn, v), v, rnn.weights, ones).x,
        lambda v: state_jacobians(run_module(cell, v), cell.weights.U).hh,
        lambda v: cell_jacobian(run_module(cell, v), cell.weights.U).direct,
    ):
        with pytest.raises(RuntimeError, match=r"expected tensors with values .*vmap"):
            vmap(call, in_dims=1)(x)


@pytest.mark.parametrize("make", [nn.LSTM, nn.RNN])
def test_autocast_and_inference_mode_change_nothing(make):
    layer = make(D, H)
    x, grad_h = torch.randn(T, B, D), torch.randn(T, B, H)
    back_again = bptt if make is nn.LSTM else rnn_bptt

    def measures():
        run, weights = run_module(layer, x), weights_of(layer)
        J = (
            state_jacobians(run, weights.U).matrix
            if make is nn.LSTM
            else rnn_jacobians(run, weights.U)
        )
        return (
            *back_again(run, x, weights, grad_h)[:2],
            gradient_flow(layer, x, grad_h).h,
            lag_norms(layer, x).state,
            J,
            cumulative(J),
        )

    want = measures()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(measures(), want, rtol=0, atol=0)
    with torch.inference_mode():
        torch.testing.assert_close(measures(), want, rtol=0, atol=0)
