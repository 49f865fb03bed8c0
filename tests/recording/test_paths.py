"""Gradient paths are the derivatives that autograd finds through a loop that shares no code."""

import itertools
import math
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional

from lstm_book.layers import LSTM
from lstm_book.recording import gradient_paths, record

T, B, D, H = 5, 3, 2, 4
LENGTHS = [2, 5, 1]
OPTIONS = [
    dict(zip(("num_layers", "bidirectional", "batch_first", "bias"), values, strict=True))
    for values in itertools.product((1, 2), (False, True), (False, True), (True, False))
] + [{"num_layers": 2, "bidirectional": True, "proj_size": 3}]


def lstm_and_input(**options):
    torch.manual_seed(0)
    lstm = nn.LSTM(D, H, dtype=torch.float64, **options)
    for parameter in lstm.parameters():
        parameter.data.mul_(2)
    rows = lstm.num_layers * (1 + lstm.bidirectional)
    sizes = (lstm.proj_size or H, H)
    hx = tuple(torch.randn(rows, B, size, dtype=torch.float64) for size in sizes)
    x = torch.randn(T, B, D, dtype=torch.float64)
    return lstm, x.transpose(0, 1) if lstm.batch_first else x, hx


def nudged(lstm, x, hx, nudges, layer, direction, lengths=None, frozen=None):
    """Run a plain loop; add nudges (h, c) to the states of one direction after every step.

    With `frozen`, that direction takes its gates from there instead of from its inputs.
    """
    x = x.transpose(0, 1) if lstm.batch_first else x
    lengths = [T] * B if lengths is None else lengths
    h_n, c_n, above = {}, {}, None
    for number, reverse in itertools.product(range(lstm.num_layers), range(1 + lstm.bidirectional)):
        suffix = f"_l{number}" + ("_reverse" if reverse else "")
        W, U = getattr(lstm, "weight_ih" + suffix), getattr(lstm, "weight_hh" + suffix)
        b = (
            getattr(lstm, "bias_ih" + suffix) + getattr(lstm, "bias_hh" + suffix)
            if lstm.bias
            else 0
        )
        R = getattr(lstm, "weight_hr" + suffix) if lstm.proj_size else torch.eye(H, dtype=x.dtype)
        row = number * (1 + lstm.bidirectional) + reverse
        here = (number, reverse) == (layer, int(direction == "backward"))
        below = x if number == 0 else above
        rows = []
        for n in range(B):
            h, c = hx[0][row, n], hx[1][row, n]
            shown = [torch.zeros(len(R), dtype=x.dtype)] * T
            steps = range(lengths[n])
            for t in reversed(steps) if reverse else steps:
                a_i, a_f, a_g, a_o = (W @ below[t, n] + U @ h + b).chunk(4)
                i, f, g, o = a_i.sigmoid(), a_f.sigmoid(), a_g.tanh(), a_o.sigmoid()
                if here and frozen is not None:
                    i, f, g, o = (getattr(frozen, name)[t, n] for name in "ifgo")
                c = f * c + i * g + (nudges[1][t, n] if here else 0)
                h = R @ (o * c.tanh()) + (nudges[0][t, n] if here else 0)
                shown[t] = h
            h_n[row, n], c_n[row, n] = h, c
            rows.append(torch.stack(shown))
        if reverse == 0:
            forward = torch.stack(rows, dim=1)
        if reverse == lstm.bidirectional:
            last = torch.stack(rows, dim=1)
            above = torch.cat([forward, last], dim=-1) if reverse else last
    rows = range(lstm.num_layers * (1 + lstm.bidirectional))
    state = tuple(
        torch.stack([torch.stack([s[row, n] for n in range(B)]) for row in rows])
        for s in (h_n, c_n)
    )
    return above.transpose(0, 1) if lstm.batch_first else above, state


def loss_of(output, state):
    """Reads every output, the last states of all layers, and bends."""
    weights = torch.linspace(-1, 1, output.numel(), dtype=output.dtype).view(output.shape)
    return (output * weights).sin().sum() + (state[0] * 1.3).cos().sum() + (state[1] ** 2).sum()


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("lengths", [None, LENGTHS])
@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
def test_paths_are_the_derivatives_by_autograd(options, lengths):
    lstm, x, hx = lstm_and_input(**options)
    valid = torch.arange(T)[:, None] < torch.tensor(lengths or [T] * B)
    traces = record(lstm, x, hx, lengths=lengths).traces
    for layer, direction in traces:
        paths = gradient_paths(
            lstm, x, loss_of, hx, lengths=lengths, layer=layer, direction=direction
        )

        def answer(frozen, h, c, where=(layer, direction)):
            return loss_of(*nudged(lstm, x, hx, (h, c), *where, lengths, frozen))

        zeros = torch.zeros(T, B, H, dtype=torch.float64)
        none = torch.zeros(T, B, lstm.proj_size or H, dtype=torch.float64)
        want_h, want_c = torch.func.jacrev(partial(answer, None), argnums=(0, 1))(none, zeros)
        frozen = partial(answer, traces[layer, direction], none)
        want_direct = torch.func.jacrev(frozen)(zeros)
        for got, want in zip(paths, (want_c, want_h, want_direct), strict=True):
            torch.testing.assert_close(got[valid], want[valid], rtol=0, atol=1e-12)
            assert got[~valid].isnan().all()


def test_full_path_by_finite_differences():
    lstm, x, hx = lstm_and_input(num_layers=2)
    paths = gradient_paths(lstm, x, loss_of, hx)
    step = torch.zeros(T, B, H, dtype=torch.float64)
    step[1, 2, 3] = 1e-6
    none = torch.zeros_like(step)
    up, down = (
        loss_of(*nudged(lstm, x, hx, (none, sign * step), 0, "forward")) for sign in (1, -1)
    )
    assert ((up - down) / 2e-6).item() == pytest.approx(float(paths.c[1, 2, 3]), abs=1e-8)


def test_the_direct_path_is_the_product_of_forget_gates():
    lstm, x, _ = lstm_and_input()
    f = record(lstm, x).trace().f
    paths = gradient_paths(lstm, x, lambda output, state: state[1][0, :, 1].sum())
    for t in range(T):
        want = torch.zeros(B, H, dtype=torch.float64)
        want[:, 1] = f[t + 1 :, :, 1].prod(0)
        torch.testing.assert_close(paths.direct[t], want, rtol=0, atol=1e-12)
    assert not torch.allclose(paths.c, paths.direct)


def test_each_sequence_has_its_own_gradient():
    lstm, x, hx = lstm_and_input(num_layers=2, bidirectional=True)

    def loss(output, state):
        return output[0].sum() + state[1].sum()

    together = gradient_paths(lstm, x, loss, hx, lengths=LENGTHS, layer=1)
    for n, length in enumerate(LENGTHS):
        alone = gradient_paths(lstm, x[:length, n], loss, tuple(s[:, n] for s in hx), layer=1)
        for got, want in zip(together, alone, strict=True):
            torch.testing.assert_close(got[:length, n], want[:, 0], rtol=0, atol=1e-12)


def test_padding_may_hold_anything():
    lstm, x, hx = lstm_and_input(num_layers=2, bidirectional=True)
    want = gradient_paths(lstm, x, loss_of, hx, lengths=LENGTHS)
    for n, length in enumerate(LENGTHS):
        x[length:, n] = math.nan
    got = gradient_paths(lstm, x, loss_of, hx, lengths=LENGTHS)
    for a, b in zip(got, want, strict=True):
        assert torch.equal(a.nan_to_num(), b.nan_to_num())


@pytest.mark.parametrize("grad", [True, False])
def test_a_trained_model_is_left_as_it_was(grad):
    torch.manual_seed(0)
    lstm, readout = LSTM(D, H, num_layers=2).eval(), nn.Linear(H, 1)
    x = torch.randn(T, B, D, requires_grad=True)
    with torch.set_grad_enabled(grad):
        paths = gradient_paths(
            lstm, x, lambda output, _: functional.mse_loss(readout(output[-1]), torch.ones(B, 1))
        )
    assert not any(path.requires_grad for path in paths)
    assert all(p.grad is None and p.requires_grad for p in (*lstm.parameters(), x))
    assert all(p.grad is None for p in readout.parameters())
    assert not lstm.training
    assert paths.c.abs().sum(dim=(1, 2)).gt(0).all()


def test_dropout_is_off_and_that_is_said():
    lstm = nn.LSTM(D, H, num_layers=2, dropout=0.5)
    x = torch.randn(T, B, D)
    with pytest.warns(UserWarning, match=r"dropout=0.5; gradient_paths leaves") as caught:
        training = gradient_paths(lstm, x, lambda output, _: output.sum())
    assert caught[0].filename == __file__
    evaluated = gradient_paths(lstm.eval(), x, lambda output, _: output.sum())
    assert torch.equal(training.c, evaluated.c)


def test_mistakes_have_clear_errors():
    lstm, x, hx = lstm_and_input()

    def loss(output, _):
        return output.sum()

    with pytest.raises(TypeError, match=r"the layer to be a torch.nn.LSTM, got GRU"):
        gradient_paths(nn.GRU(D, H), x, loss)
    packed = nn.utils.rnn.pack_padded_sequence(x, torch.tensor([5, 2, 1]))
    with pytest.raises(TypeError, match="got PackedSequence; give lengths"):
        gradient_paths(lstm, packed, loss)
    with pytest.raises(KeyError, match="among 0 forward, got 0 'backward'"):
        gradient_paths(lstm, x, loss, direction="backward")
    with pytest.raises(KeyError, match="among 0 forward, got 1 'forward'"):
        gradient_paths(lstm, x, loss, layer=1)
    with pytest.raises(
        RuntimeError, match=r"a scalar that depends on the LSTM, got shape \(3, 4\)"
    ):
        gradient_paths(lstm, x, lambda output, _: output[-1])
    with pytest.raises(RuntimeError, match="a scalar that depends on the LSTM, got float"):
        gradient_paths(lstm, x, lambda output, _: output.detach().sum().item())
    with pytest.raises(RuntimeError, match="depends on the LSTM"):
        gradient_paths(lstm, x, lambda output, _: torch.tensor(1.0))
    with pytest.raises(RuntimeError, match=r"expected h_0 of shape \(1, 3, 4\), 1 layers"):
        gradient_paths(lstm, x, loss, (hx[0][:, :1], hx[1]))


def test_a_single_sequence_gives_the_loss_states_without_a_batch():
    lstm = nn.LSTM(D, H, num_layers=2)
    seen = []

    def loss(output, state):
        seen.append([tuple(part.shape) for part in (output, *state)])
        return output.sum()

    gradient_paths(lstm, torch.randn(T, D), loss)
    output, state = lstm(torch.randn(T, D))
    assert seen == [[tuple(part.shape) for part in (output, *state)]]
