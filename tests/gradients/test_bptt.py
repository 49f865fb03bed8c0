"""The backward pass by hand against autograd, scalar arithmetic and central differences."""

import pytest
import reference
import torch
from hypothesis import given
from hypothesis import strategies as st
from support import normal, problem
from torch import nn

from lstm_book.cells import LSTMCell, LSTMState, RNNCell, Weights
from lstm_book.gradients import LSTMGradients, RNNGradients, bptt, rnn_bptt
from lstm_book.layers import unroll

EXACT = {"rtol": 1e-12, "atol": 1e-12}
shapes = {
    "T": st.integers(1, 7),
    "B": st.integers(0, 3),
    "D": st.integers(0, 4),
    "H": st.integers(1, 5),
    "seed": st.integers(0, 2**31),
}


def pulls(mine, count=2, seed=7):
    """Draw the loss's own gradients for h and for c."""
    generator = torch.Generator().manual_seed(seed)
    shape = (*mine.x.shape[:2], mine.weights.U.shape[1])
    return [normal(*shape, generator=generator) for _ in range(count)]


def torch_loop(kind, mine):
    """Run torch's own cell over leaves, keeping the gradient of every state on the way."""
    x, (W, U, b), initial = leaves = mine.leaves()
    cell = {"lstm": nn.LSTMCell, "rnn": nn.RNNCell}[kind](W.shape[1], U.shape[1], dtype=W.dtype)
    named = {"weight_ih": W, "weight_hh": U, "bias_ih": b, "bias_hh": torch.zeros_like(b)}
    hs, cs, state = [], [], tuple(initial)
    for x_t in x:
        hx = state if kind == "lstm" else state[0]
        out = torch.func.functional_call(cell, named, (x_t, hx))
        state = out if kind == "lstm" else (out,)
        for tensor, kept in zip(state, (hs, cs), strict=False):
            tensor.retain_grad()
            kept.append(tensor)
    return leaves, hs, cs


def total(pull, tensors):
    return sum((weight * tensor).sum() for weight, tensor in zip(pull, tensors, strict=True))


@given(with_c=st.booleans(), **shapes)
def test_bptt_against_autograd_of_torchs_cell(with_c, T, B, D, H, seed):
    mine = problem(T=T, B=B, D=D, H=H, seed=seed)
    grad_h, grad_c = pulls(mine, seed=seed)
    grads = bptt(mine.run(), mine.x, mine.weights, grad_h, grad_c if with_c else None)

    leaves, hs, cs = torch_loop("lstm", mine)
    loss = total(grad_h, hs) + (total(grad_c, cs) if with_c else 0)
    loss.backward()
    torch.testing.assert_close(grads.x, leaves.x.grad, **EXACT)
    torch.testing.assert_close(grads.h, torch.stack([h.grad for h in hs]), **EXACT)
    torch.testing.assert_close(grads.c, torch.stack([c.grad for c in cs]), **EXACT)
    for got, leaf in zip(
        (*grads.initial, grads.W, grads.U, grads.b), (*leaves.initial, *leaves.weights), strict=True
    ):
        torch.testing.assert_close(got, leaf.grad, **EXACT)


@given(**shapes)
def test_rnn_bptt_against_autograd_of_torchs_cell(T, B, D, H, seed):
    mine = problem("rnn", T=T, B=B, D=D, H=H, seed=seed)
    (grad_h,) = pulls(mine, 1, seed=seed)
    grads = rnn_bptt(mine.run("rnn"), mine.x, mine.weights, grad_h)

    leaves, hs, _ = torch_loop("rnn", mine)
    total(grad_h, hs).backward()
    torch.testing.assert_close(grads.x, leaves.x.grad, **EXACT)
    torch.testing.assert_close(grads.h, torch.stack([h.grad for h in hs]), **EXACT)
    for got, leaf in zip(
        (grads.initial, grads.W, grads.U, grads.b),
        (leaves.initial.h, *leaves.weights),
        strict=True,
    ):
        torch.testing.assert_close(got, leaf.grad, **EXACT)


def test_bptt_against_a_long_layer_of_torch(generator):
    T, B, D, H = 100, 2, 3, 8
    layer = nn.LSTM(D, H, dtype=torch.float64)
    cell = LSTMCell(D, H, dtype=torch.float64)
    cell.load_state_dict({name[:-3]: value for name, value in layer.state_dict().items()})
    x, grad_h = (normal(T, B, size, generator=generator) for size in (D, H))
    grads = bptt(unroll(cell.step, x, cell.zero_state(x[0])), x, cell.weights, grad_h)
    leaf = x.clone().requires_grad_()
    layer(leaf)[0].backward(grad_h)
    torch.testing.assert_close(grads.x, leaf.grad, **EXACT)
    torch.testing.assert_close(grads.W, layer.weight_ih_l0.grad, **EXACT)
    torch.testing.assert_close(grads.U, layer.weight_hh_l0.grad, **EXACT)
    for bias in (layer.bias_ih_l0, layer.bias_hh_l0):  # each has the whole gradient
        torch.testing.assert_close(grads.b, bias.grad, **EXACT)


def test_bptt_against_scalar_gradients():
    mine = problem(T=4, B=2, D=2, H=2, seed=11)
    grad_h, grad_c = pulls(mine)
    grads = bptt(mine.run(), mine.x, mine.weights, grad_h, grad_c)
    leaves = reference.nested(
        reference.Scalar,
        [tensor.tolist() for tensor in (mine.x, *mine.initial, *mine.weights)],
    )
    x, h_0, c_0, W, U, b = leaves
    loss = 0.0
    for row in range(2):
        hs, cs = reference.lstm_run([x_t[row] for x_t in x], h_0[row], c_0[row], W, U, b)
        loss = reference.dot(hs, grad_h[:, row].tolist()) + loss
        loss = reference.dot(cs, grad_c[:, row].tolist()) + loss
    wanted = reference.gradients(loss, leaves)
    got = (grads.x, *grads.initial, grads.W, grads.U, grads.b)
    for ours, want in zip(got, wanted, strict=True):
        torch.testing.assert_close(ours, torch.tensor(want, dtype=torch.float64), **EXACT)


def test_rnn_bptt_against_scalar_gradients():
    mine = problem("rnn", T=4, B=2, D=2, H=2, seed=11)
    (grad_h,) = pulls(mine, 1)
    grads = rnn_bptt(mine.run("rnn"), mine.x, mine.weights, grad_h)
    leaves = reference.nested(
        reference.Scalar, [t.tolist() for t in (mine.x, mine.initial.h, *mine.weights)]
    )
    x, h_0, W, U, b = leaves
    loss = 0.0
    for row in range(2):
        hs = reference.rnn_run([x_t[row] for x_t in x], h_0[row], W, U, b)
        loss = reference.dot(hs, grad_h[:, row].tolist()) + loss
    wanted = reference.gradients(loss, leaves)
    got = (grads.x, grads.initial, grads.W, grads.U, grads.b)
    for ours, want in zip(got, wanted, strict=True):
        torch.testing.assert_close(ours, torch.tensor(want, dtype=torch.float64), **EXACT)


class ByHand(torch.autograd.Function):
    """An unrolled LSTM whose backward pass is ours, for gradcheck's central differences."""

    @staticmethod
    def forward(ctx, x, h, c, W, U, b):
        ctx.run = mine_run(x, h, c, W, U, b)
        ctx.save_for_backward(x, W, U, b)
        return ctx.run.states.h.clone(), ctx.run.states.c.clone()

    @staticmethod
    def backward(ctx, grad_h, grad_c):
        x, *weights = ctx.saved_tensors
        grads = bptt(ctx.run, x, Weights(*weights), grad_h, grad_c)
        return (grads.x, *grads.initial, grads.W, grads.U, grads.b)


def mine_run(x, h, c, W, U, b):
    return problem()._replace(x=x, weights=Weights(W, U, b), initial=LSTMState(h, c)).run()


def test_bptt_against_central_differences():
    leaves = problem(T=4, B=2, D=2, H=2).leaves()
    inputs = (leaves.x, *leaves.initial, *leaves.weights)
    assert torch.autograd.gradcheck(ByHand.apply, inputs, eps=1e-6, atol=1e-8, rtol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_records_shapes_and_dtypes(dtype):
    T, B, D, H = 6, 3, 2, 4
    mine = problem(dtype=dtype).leaves()
    grads = bptt(mine.run(), mine.x, mine.weights, torch.ones(T, B, H, dtype=dtype))
    assert isinstance(grads, LSTMGradients)
    assert isinstance(grads.initial, LSTMState)
    assert {name: tuple(getattr(grads, name).shape) for name in "xhcWUb"} == {
        "x": (T, B, D),
        "h": (T, B, H),
        "c": (T, B, H),
        "W": (4 * H, D),
        "U": (4 * H, H),
        "b": (4 * H,),
    }
    mine = problem("rnn", dtype=dtype).leaves()
    rnn_grads = rnn_bptt(mine.run("rnn"), mine.x, mine.weights, torch.ones(T, B, H, dtype=dtype))
    assert isinstance(rnn_grads, RNNGradients)
    assert rnn_grads.U.shape == (H, H)
    for part in (*grads[:3], *grads.initial, *grads[4:7], *rnn_grads):
        assert part.dtype == dtype
        assert not part.requires_grad


@pytest.mark.parametrize("kind", [LSTMCell, RNNCell])
def test_cells_without_bias(kind, generator):
    cell = kind(2, 3, bias=False, dtype=torch.float64)
    x, grad_h = (normal(5, 2, size, generator=generator) for size in (2, 3))
    run = unroll(cell.step, x, cell.zero_state(x[0]))
    by_hand = bptt if kind is LSTMCell else rnn_bptt
    grads = by_hand(run, x, cell.weights, grad_h)
    h = run.states.h if kind is LSTMCell else run.states
    wanted = torch.autograd.grad(h, [cell.weight_ih, cell.weight_hh], grad_h)
    torch.testing.assert_close((grads.W, grads.U), wanted, **EXACT)


def test_inputs_are_left_as_they_were():
    mine = problem()
    grad_h, grad_c = pulls(mine)
    run = mine.run()
    kept = [t.clone() for t in (*run.states, *run.gates, mine.x, *mine.weights, grad_h, grad_c)]
    bptt(run, mine.x, mine.weights, grad_h, grad_c)
    now = (*run.states, *run.gates, mine.x, *mine.weights, grad_h, grad_c)
    for before, after in zip(kept, now, strict=True):
        assert torch.equal(before, after)
