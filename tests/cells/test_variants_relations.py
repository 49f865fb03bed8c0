"""What each variant is beside the plain LSTM, beside torch, and by its own promise."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional
from variants_cases import CASES, every_case, fields, run
from variants_reference import slstm_plain

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
    SLSTMCell,
    VariantCell,
    ZoneoutLSTMCell,
    init_chrono_,
    init_forget_bias_,
    init_orthogonal_,
    init_xavier_,
    linear_scan,
    lstm_1997_step,
)
from lstm_book.layers import LSTM, Recurrent, unroll

EXACT = {"rtol": 0, "atol": 1e-12}


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(2018)


def sequence(T=6, B=3, D=2):
    return torch.randn(T, B, D, dtype=torch.float64)


def plain():
    return CASES["greff-NP"].build()


def with_weights_of(cell, other, **own):
    """Give a cell another one's parameters of the same names, and some of its own."""
    lacking = cell.load_state_dict(other.state_dict() | own, strict=False)
    assert not lacking.unexpected_keys
    return cell


def lstm_like(cell):
    return with_weights_of(LSTMCell(2, 3, dtype=torch.float64), cell)


def assert_same_run(ours, theirs, x):
    """Compare h and c of every step, and the gates that both have."""
    left, right = run(ours, x), run(theirs, x)
    for name in ("h", "c"):
        torch.testing.assert_close(getattr(left.states, name), getattr(right.states, name), **EXACT)
    for name in ("i", "f", "g", "o"):
        torch.testing.assert_close(getattr(left.gates, name), getattr(right.gates, name), **EXACT)


# Beside the plain LSTM ----------------------------------------------------------------------------


def test_greffs_np_is_the_plain_lstm():
    """Oracle: LSTMCell, which is tested against torch. The state_dict fits strictly."""
    cell = plain()
    lstm = LSTMCell(2, 3, dtype=torch.float64)
    lstm.load_state_dict(cell.state_dict(), strict=True)
    assert_same_run(cell, lstm, sequence())


def test_greffs_v_is_the_peephole_lstm():
    cell = CASES["greff-V"].build()
    peephole = PeepholeLSTMCell(2, 3, dtype=torch.float64)
    peephole.load_state_dict(cell.state_dict(), strict=True)
    assert_same_run(cell, peephole, sequence())


def test_peepholes_at_zero_are_the_plain_lstm():
    cell = CASES["peephole"].build()
    nn.init.zeros_(cell.weight_ch)
    assert_same_run(cell, lstm_like_without(cell, "weight_ch"), sequence())


def lstm_like_without(cell, *names):
    kept = {name: p for name, p in cell.state_dict().items() if name not in names}
    lstm = LSTMCell(2, 3, dtype=torch.float64)
    lstm.load_state_dict(kept, strict=True)
    return lstm


def test_the_output_gates_peephole_sees_the_new_cell_state():
    """Hand-set: only p_o is not zero, so o_t = σ(p_o c_t) with c_t = 1/2 tanh(b_g)."""
    cell = PeepholeLSTMCell(1, 1, dtype=torch.float64)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
        cell.bias_ih[2] = 1.0
        cell.weight_ch[2] = 3.0
    x_t = torch.zeros(1, 1, dtype=torch.float64)
    state, gates = cell.step(x_t, cell.zero_state(x_t))
    c = 0.5 * torch.tanh(torch.tensor(1.0, dtype=torch.float64))
    torch.testing.assert_close(state.c.squeeze(), c, **EXACT)
    torch.testing.assert_close(gates.o.squeeze(), torch.sigmoid(3 * c), **EXACT)


@pytest.mark.parametrize("peepholes", [False, True], ids=["coupled", "greff-CIFG-without-p"])
def test_cifg_is_an_lstm_whose_forget_rows_are_minus_the_input_rows(peepholes):
    """Since 1 - σ(a) = σ(-a). Oracle: LSTMCell."""
    cell = CASES["greff-CIFG" if peepholes else "coupled"].build()
    if peepholes:
        nn.init.zeros_(cell.weight_ch)
    rows = {}
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        i, g, o = getattr(cell, name).detach().chunk(3)
        rows[name] = torch.cat([i, -i, g, o])
    lstm = LSTMCell(2, 3, dtype=torch.float64)
    lstm.load_state_dict(rows, strict=True)
    assert_same_run(cell, lstm, sequence())


@pytest.mark.parametrize(("variant", "gate"), [("NIG", 0), ("NFG", 1), ("NOG", 3)])
def test_a_missing_gate_is_a_gate_biased_wide_open(variant, gate):
    """σ(50) is 1 in float64. Oracle: LSTMCell."""
    cell = CASES[f"greff-{variant}"].build()
    nn.init.zeros_(cell.weight_ch)
    rows = {}
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        blocks = list(getattr(cell, name).detach().chunk(3))
        blocks.insert(gate, torch.full_like(blocks[0], 50.0 if name == "bias_ih" else 0.0))
        rows[name] = torch.cat(blocks)
    lstm = LSTMCell(2, 3, dtype=torch.float64)
    lstm.load_state_dict(rows, strict=True)
    assert_same_run(cell, lstm, sequence())


def test_full_gate_recurrence_without_weights_is_the_vanilla_lstm():
    cell = CASES["greff-FGR"].build()
    nn.init.zeros_(cell.weight_gg)
    vanilla = GreffLSTMCell(2, 3, dtype=torch.float64)
    kept = {name: p for name, p in cell.state_dict().items() if name != "weight_gg"}
    vanilla.load_state_dict(kept, strict=True)
    assert_same_run(cell, vanilla, sequence())


def test_full_gate_recurrence_carries_the_gates():
    done = run(CASES["greff-FGR"].build(), sequence())
    for name in ("i", "f", "o"):
        assert torch.equal(getattr(done.states, name), getattr(done.gates, name))


def test_parameter_counts_of_greffs_variants():
    """Oracle: arithmetic. A gate has H (D + H + 2) parameters with PyTorch's two biases, and H for
    its peephole; full gate recurrence adds nine H by H matrices."""
    D, H = 5, 7
    gate = H * (D + H + 2)
    vanilla = 4 * gate + 3 * H
    wanted = {
        **dict.fromkeys(("V", "NIAF", "NOAF"), vanilla),
        **dict.fromkeys(("NIG", "NFG", "NOG", "CIFG"), vanilla - gate - H),
        "NP": vanilla - 3 * H,
        "FGR": vanilla + 9 * H * H,
    }
    for variant, count in wanted.items():
        cell = GreffLSTMCell(D, H, variant=variant)
        assert sum(parameter.numel() for parameter in cell.parameters()) == count, variant


def test_layer_norm_with_the_norms_taken_out_is_the_plain_lstm():
    cell = CASES["layer-norm"].build()
    lstm = lstm_like_without(cell, *(name for name in cell.state_dict() if "norm" in name))
    cell.norm_ih = cell.norm_hh = cell.norm_c = nn.Identity()
    assert_same_run(cell, lstm, sequence())


def test_layer_norm_forgets_the_scale_of_the_weights():
    """What the normalisation is for: W and U may grow tenfold, the gates stay."""
    cell = LayerNormLSTMCell(2, 3, dtype=torch.float64, eps=1e-14)
    x = sequence()
    before = run(cell, x).states.h
    with torch.no_grad():
        cell.weight_ih.mul_(10)
    torch.testing.assert_close(run(cell, x).states.h[0], before[0], rtol=0, atol=1e-10)
    assert not torch.allclose(
        run(
            lstm_like_without(cell, *(name for name in cell.state_dict() if "norm" in name)), x
        ).states.h[0],
        before[0],
    )


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "noisy",
    [
        ZoneoutLSTMCell(2, 3, dtype=torch.float64, zoneout_h=0.0, zoneout_c=0.0),
        RecurrentDropoutLSTMCell(2, 3, dtype=torch.float64, p=0.0),
        RecurrentDropoutLSTMCell(2, 3, dtype=torch.float64, p=0.0, on="candidate"),
        RecurrentDropoutLSTMCell(2, 3, dtype=torch.float64, p=0.0, resample="step"),
    ],
    ids=["zoneout", "dropout-h", "dropout-g", "dropout-step"],
)
def test_noise_at_rate_zero_is_the_plain_lstm(noisy, training):
    assert_same_run(noisy.train(training), lstm_like(noisy), sequence())


@pytest.mark.parametrize("on", ["hidden", "candidate"])
def test_dropout_in_evaluation_is_the_plain_lstm(on):
    cell = RecurrentDropoutLSTMCell(2, 3, dtype=torch.float64, p=0.5, on=on)
    x = sequence()
    drawn = cell.train().zero_state(x[0])
    assert drawn.mask.eq(0).any()
    with_mask = run(cell.eval(), x, drawn)  # a mask from training is not applied
    torch.testing.assert_close(with_mask.states.h, run(lstm_like(cell), x).states.h, **EXACT)


def test_1997_adds_and_never_forgets():
    cell = LSTM1997Cell(2, 3, dtype=torch.float64)
    done = run(cell, sequence())
    torch.testing.assert_close(done.states.c, (done.gates.i * done.gates.g).cumsum(0), **EXACT)


def test_1997_is_the_pure_step_with_the_cells_weights():
    cell = LSTM1997Cell(2, 3, dtype=torch.float64)
    x = sequence()
    initial = cell.zero_state(x[0])
    pure = unroll(lambda x_t, state: lstm_1997_step(x_t, state, *cell.weights), x, initial)
    torch.testing.assert_close(run(cell, x).states, pure.states, **EXACT)


def test_the_coupled_cell_state_stays_a_mean_of_candidates():
    cell = CoupledLSTMCell(2, 3, dtype=torch.float64)
    init_forget = cell.bias_ih.detach()
    init_forget[:3] = 3.0  # writes almost everything
    done = run(cell, 20 * sequence(T=50))
    assert done.states.c.abs().max() < 1
    torch.testing.assert_close(done.gates.f, 1 - done.gates.i, **EXACT)


def test_janet_without_beta_is_a_coupled_cell_without_output():
    """f h + (1 - f) tanh(a_g): the cell state of CIFG where h_{t-1} is c_{t-1}."""
    cell = JANETCell(2, 3, dtype=torch.float64, beta=0.0)
    done = run(cell, sequence())
    previous = done.previous
    torch.testing.assert_close(done.gates.i, 1 - done.gates.f, **EXACT)
    torch.testing.assert_close(
        done.states, previous + done.gates.i * (done.gates.g - previous), **EXACT
    )


# Beside torch -------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_state", [True, False])
@pytest.mark.parametrize("batch", [(), (0,), (4,)], ids=["unbatched", "B=0", "B=4"])
@pytest.mark.parametrize("bias", [True, False])
def test_gru_against_torch_forward_and_backward(bias, batch, with_state):
    torch.manual_seed(4)
    cell = GRUCell(3, 5, bias, dtype=torch.float64)
    torch.manual_seed(4)
    theirs = nn.GRUCell(3, 5, bias, dtype=torch.float64)
    for name, parameter in theirs.named_parameters():
        assert torch.equal(dict(cell.named_parameters())[name], parameter)  # the same draws
    cell.load_state_dict(theirs.state_dict(), strict=True)
    theirs.load_state_dict(cell.state_dict(), strict=True)
    x = torch.randn(*batch, 3, dtype=torch.float64, requires_grad=True)
    h = torch.randn(*batch, 5, dtype=torch.float64, requires_grad=True)
    pull = torch.randn(*batch, 5, dtype=torch.float64)
    results = []
    for module in (cell, theirs):
        out = module(x, h if with_state else None)
        leaves = [x, *([h] if with_state else []), *module.parameters()]
        results.append((out, torch.autograd.grad((out * pull).sum(), leaves)))
    torch.testing.assert_close(*results, **EXACT)


def peephole_timer(N, dtype=torch.float64):
    """One unit that counts in steps of 1/N, fires at 1 and starts again."""
    cell = PeepholeLSTMCell(1, 1, dtype=dtype)
    sharp, threshold = 60.0 * N, 1 - 0.5 / N
    step = torch.atanh(torch.tensor(1 / N, dtype=dtype)).item()
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
        cell.bias_ih.copy_(torch.tensor([40.0, sharp * threshold, step, -sharp * threshold]))
        cell.weight_ch.copy_(torch.tensor([0.0, -sharp, sharp]))
    return cell


@pytest.mark.parametrize("N", [2, 7, 50])
def test_a_timer_of_one_unit_needs_each_of_its_two_peepholes(N):
    """Without input, it fires at N, 2N, 3N, …; blind at the output never, at the forget gate on."""
    x = torch.zeros(4 * N, 1, 1, dtype=torch.float64)
    every = torch.arange(1, 4 * N + 1)

    def fires(cell):
        return every[run(cell, x).states.h.flatten() > 0.1].tolist()

    assert fires(peephole_timer(N)) == [N, 2 * N, 3 * N, 4 * N]
    for place, wanted in ((2, []), (1, list(range(N, 4 * N + 1)))):
        blind = peephole_timer(N)
        with torch.no_grad():
            blind.weight_ch[place] = 0.0
        assert fires(blind) == wanted


@pytest.mark.parametrize("beta", [0.0, 1.0, 2.0])
def test_janets_state_comes_near_e_to_the_beta_and_stays_below(beta):
    """i / (1 - f) = (1 + e^a) / (1 + e^(a - β)) grows with a, up to e^β."""
    cell = JANETCell(1, 1, dtype=torch.float64, beta=beta)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
        cell.bias_ih.copy_(torch.tensor([6.0, 20.0]))
    h = run(cell, torch.zeros(5000, 1, 1, dtype=torch.float64)).states
    assert 0.98 * math.exp(beta) < h.max() < math.exp(beta)


# Noise --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("on", ["hidden", "candidate"])
def test_a_mask_is_constant_within_a_sequence_and_fresh_for_the_next(on):
    cell = RecurrentDropoutLSTMCell(2, 64, p=0.4, on=on)
    x = torch.randn(5, 3, 2)
    first, second = run(cell, x), run(cell, x)
    for done in (first, second):
        masks = done.states.mask
        assert torch.equal(masks, done.initial.mask.expand_as(masks))
        assert masks.unique().tolist() == pytest.approx([0, 1 / 0.6])
    carried = run(cell, x, cell.state_type(*(tensor[-1] for tensor in first.states)))
    assert torch.equal(carried.states.mask[0], first.initial.mask)
    assert not torch.equal(first.initial.mask, second.initial.mask)
    rows = first.initial.mask
    assert not torch.equal(rows[0], rows[1])  # each sequence of a batch has its own


def test_a_mask_per_step_changes_at_each_step():
    cell = RecurrentDropoutLSTMCell(2, 64, p=0.4, resample="step")
    masks = run(cell, torch.randn(5, 3, 2)).states.mask
    assert all(not torch.equal(a, b) for a, b in pairwise(masks))


def test_masks_drop_the_share_that_p_says():
    """10^5 draws: the standard error of the share is about 0.0015."""
    cell = RecurrentDropoutLSTMCell(1, 100, p=0.3)
    mask = cell.zero_state(torch.zeros(1000, 1)).mask
    assert abs(mask.eq(0).float().mean().item() - 0.3) < 0.01
    assert abs(mask.mean().item() - 1) < 0.02


def test_a_dropped_hidden_unit_reaches_no_gate():
    cell = RecurrentDropoutLSTMCell(2, 3, dtype=torch.float64, p=0.5)
    x_t = torch.randn(2, dtype=torch.float64)
    state = cell.zero_state(x_t)._replace(mask=torch.tensor([0.0, 2.0, 2.0]).double())
    h = torch.randn(3, dtype=torch.float64, requires_grad=True)
    after = cell.step(x_t, state._replace(h=h))[0]
    (grad,) = torch.autograd.grad(after.h.sum() + after.c.sum(), h)
    assert grad[0] == 0
    assert (grad[1:] != 0).all()


def test_dropout_on_the_candidate_loses_nothing_from_memory():
    """c_t = f c_{t-1} exactly where the candidate is dropped."""
    cell = RecurrentDropoutLSTMCell(2, 64, dtype=torch.float64, p=0.5, on="candidate")
    x = sequence(D=2)
    done = run(cell, x)
    c_before, dropped = done.previous.c, done.states.mask == 0
    torch.testing.assert_close(done.states.c[dropped], (done.gates.f * c_before)[dropped], **EXACT)
    assert dropped.any()
    assert not dropped.all()


def test_a_zoned_out_unit_stays_exactly_as_it_was():
    cell = ZoneoutLSTMCell(2, 64, zoneout_h=0.3, zoneout_c=0.6)
    done = run(cell, torch.randn(5, 3, 2))
    for name in ("h", "c"):
        keep = getattr(done.gates, f"keep_{name}") == 1
        after, before = getattr(done.states, name), getattr(done.previous, name)
        assert torch.equal(after[keep], before[keep])
        assert (after[~keep] != before[~keep]).all()
        assert abs(keep.float().mean().item() - {"h": 0.3, "c": 0.6}[name]) < 0.06


def test_zoneout_in_evaluation_is_the_mean_of_training():
    """One step of 40 000 sequences with one state; standard errors are below 0.003."""
    cell = ZoneoutLSTMCell(2, 3, zoneout_h=0.3, zoneout_c=0.6)
    x_t, h, c = torch.randn(2), torch.randn(3), torch.randn(3)
    many = [tensor.expand(40_000, -1) for tensor in (x_t, h, c)]
    drawn = cell.train()(many[0], (many[1], many[2]))
    expected = cell.eval()(x_t, (h, c))
    for ours, mean in zip(drawn, expected, strict=True):
        torch.testing.assert_close(ours.mean(0), mean, rtol=0, atol=0.015)


@pytest.mark.parametrize(("zoneout_h", "zoneout_c"), [(1.0, 0.0), (0.0, 1.0)])
def test_the_two_rates_act_on_their_own_state(zoneout_h, zoneout_c):
    cell = ZoneoutLSTMCell(2, 3, zoneout_h=zoneout_h, zoneout_c=zoneout_c)
    state = (torch.randn(1, 3), torch.randn(1, 3))
    h, c = cell(torch.randn(1, 2), state)
    assert torch.equal(h, state[0]) is (zoneout_h == 1)
    assert torch.equal(c, state[1]) is (zoneout_c == 1)


# minLSTM ------------------------------------------------------------------------------------------


@given(
    T=st.integers(1, 17),
    B=st.one_of(st.none(), st.integers(1, 3)),
    positive=st.booleans(),
    bias=st.booleans(),
    carried=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_scan_equals_the_steps_forward_and_backward(T, B, positive, bias, carried, seed):
    torch.manual_seed(seed)
    batch = () if B is None else (B,)
    cell = MinLSTMCell(2, 3, bias, dtype=torch.float64, positive=positive)
    x = torch.randn(T, *batch, 2, dtype=torch.float64, requires_grad=True)
    h_0 = torch.randn(*batch, 3, dtype=torch.float64, requires_grad=True)
    pull = torch.randn(T, *batch, 3, dtype=torch.float64)
    steps = run(cell, x, h_0 if carried else None)
    scanned, gates = cell.scan(x, h_0 if carried else None)
    torch.testing.assert_close(scanned, steps.states, **EXACT)
    torch.testing.assert_close(tuple(gates), tuple(steps.gates), **EXACT)
    leaves = [x, *([h_0] if carried else []), *cell.parameters()]
    ours = torch.autograd.grad((scanned * pull).sum(), leaves)
    theirs = torch.autograd.grad((steps.states * pull).sum(), leaves)
    torch.testing.assert_close(ours, theirs, **EXACT)


@pytest.mark.parametrize("cut", range(1, 7))
@pytest.mark.parametrize("positive", [False, True])
def test_two_scans_with_carried_state_equal_one(cut, positive):
    cell = MinLSTMCell(2, 3, dtype=torch.float64, positive=positive)
    x, h_0 = sequence(T=7), torch.randn(3, 3, dtype=torch.float64)
    whole, _ = cell.scan(x, h_0)
    left, _ = cell.scan(x[:cut], h_0)
    right, _ = cell.scan(x[cut:], left[-1])
    torch.testing.assert_close(torch.cat([left, right]), whole, **EXACT)


def test_scan_against_the_log_space_form_of_the_appendix():
    """Oracle: h_t = exp(a*_t + logcumsumexp(log v - a*)_t), a* = cumsum log f, with
    log f' = -softplus(k), log i' = -softplus(-k), k = softplus(-a_f) - softplus(-a_i)."""
    cell = MinLSTMCell(2, 3, dtype=torch.float64, positive=True)
    x = sequence(T=40)
    a_i, a_f, a_g = functional.linear(x, cell.weight_ih, cell.bias_ih).chunk(3, dim=-1)
    k = functional.softplus(-a_f) - functional.softplus(-a_i)
    log_g = torch.where(a_g >= 0, (a_g.relu() + 0.5).log(), -functional.softplus(-a_g))
    log_v = -functional.softplus(-k) + log_g
    a_star = (-functional.softplus(k)).cumsum(0)
    log_space = (a_star + (log_v - a_star).logcumsumexp(0)).exp()
    torch.testing.assert_close(cell.scan(x)[0], log_space, rtol=1e-10, atol=1e-12)


def test_scan_gradgradcheck_through_time():
    cell = MinLSTMCell(2, 2, dtype=torch.float64)
    x = sequence(T=5, B=1).requires_grad_()
    h_0 = torch.randn(1, 2, dtype=torch.float64, requires_grad=True)
    call = lambda x, h_0: cell.scan(x, h_0)[0]  # noqa: E731
    assert torch.autograd.gradcheck(call, (x, h_0))
    assert torch.autograd.gradgradcheck(call, (x, h_0))


@pytest.mark.parametrize("scale", [1.0, 300.0])
def test_scan_is_stable_over_long_sequences_and_wild_inputs(scale):
    """float32 against the steps in float64; at 300 both σ underflow, which must not give 0/0."""
    cell = MinLSTMCell(2, 8)
    x = (scale * torch.randn(3000, 2, 2)).requires_grad_()
    h, gates = cell.scan(x)
    exact = MinLSTMCell(2, 8, dtype=torch.float64)
    exact.load_state_dict(cell.state_dict())
    wanted = run(exact, x.detach().double()).states
    torch.testing.assert_close(h.double(), wanted, rtol=1e-4, atol=1e-4 * scale)
    (grad,) = torch.autograd.grad(h.sum(), x)
    assert grad.isfinite().all()
    torch.testing.assert_close(gates.i + gates.f, torch.ones_like(gates.i))


@given(T=st.integers(1, 33), seed=st.integers(0, 2**31))
def test_linear_scan_against_a_loop(T, seed):
    generator = torch.Generator().manual_seed(seed)
    f, v = (torch.randn(T, 2, generator=generator, dtype=torch.float64) for _ in range(2))
    h = torch.randn(2, generator=generator, dtype=torch.float64)
    ours, wanted = linear_scan(f, v, h), []
    for t in range(T):
        h = f[t] * h + v[t]
        wanted.append(h)
    torch.testing.assert_close(ours, torch.stack(wanted), rtol=1e-10, atol=1e-10)


def test_positive_candidates_keep_the_state_positive():
    cell = MinLSTMCell(2, 3, positive=True)
    assert (cell.scan(20 * torch.randn(30, 4, 2))[0] > 0).all()


@pytest.mark.parametrize(
    ("x", "state", "error", "message"),
    [
        (torch.zeros(4, 2, 3, 2), None, ValueError, r"\(T, B, 2\) or \(T, 2\), got 4-D"),
        (torch.zeros(0, 3, 2), None, RuntimeError, "at least one time step"),
        (torch.zeros(4, 3, 5), None, RuntimeError, "input_size=2 features, got 5"),
        (torch.zeros(4, 3, 2), torch.zeros(2, 3), RuntimeError, r"expected shape \(3, 3\)"),
        (torch.zeros(4, 3, 2).double(), None, RuntimeError, "dtype torch.float32"),
        ([0.0], None, TypeError, "torch.Tensor, got list"),
    ],
    ids=["4-D", "T=0", "features", "state", "dtype", "list"],
)
def test_scan_says_what_is_wrong(x, state, error, message):
    with pytest.raises(error, match=message):
        MinLSTMCell(2, 3).scan(x, state)


# sLSTM --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("forget", ["sigmoid", "exp"])
def test_the_stabiliser_changes_no_output(forget):
    """Oracle: the paper's equations without m, in float64, where they do not overflow."""
    cell = CASES["slstm"].build(forget=forget)
    x = sequence(T=30)
    parameters = {name: p.detach().numpy() for name, p in cell.named_parameters()}
    h = run(cell, x).states.h
    for row in range(3):
        wanted = torch.from_numpy(slstm_plain(parameters, x[:, row].numpy(), forget))
        torch.testing.assert_close(h[:, row], wanted, rtol=1e-10, atol=1e-12)


def test_the_stabiliser_is_needed_and_helps():
    """Pre-activations of ±1000: exp overflows, the sLSTM does not, and stays a weighted mean."""
    cell = SLSTMCell(2, 8)
    x = (3000 * torch.randn(20, 4, 2)).requires_grad_()
    assert torch.nn.functional.linear(x, cell.weight_ih).exp().isinf().any()
    done = run(cell, x)
    assert all(tensor.isfinite().all() for tensor in done.states)
    assert (done.states.n >= 1).all()
    assert (done.states.c.abs() <= done.states.n).all()
    assert torch.maximum(done.gates.i, done.gates.f).eq(1).all()
    gradients = torch.autograd.grad(done.states.h.sum(), [x, *cell.parameters()])
    assert all(gradient.isfinite().all() for gradient in gradients)


def test_very_closed_input_gates_still_store_the_first_input():
    """With m_0 = 0 instead of -∞, exp(-2000) would be 0 and h = 0/0."""
    cell = SLSTMCell(1, 1)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
        cell.bias_ih.copy_(torch.tensor([-2000.0, 0.0, 1.0, 0.0]))
    h, c, n, m = cell(torch.zeros(1, 1))
    assert (c / n).item() == pytest.approx(torch.tensor(1.0).tanh().item())
    assert h.item() == pytest.approx(0.5 * torch.tensor(1.0).tanh().item())
    assert (n.item(), m.item()) == (1.0, -2000.0)


# Options and initialisers -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cls", "options", "message"),
    [
        (GreffLSTMCell, {"variant": "NGF"}, "variant to be one of 'V', 'NIG'.*got 'NGF'"),
        (RecurrentDropoutLSTMCell, {"p": 1.0}, "p, a probab.* at least 0 and below 1, got 1.0"),
        (RecurrentDropoutLSTMCell, {"p": -0.1}, "at least 0 and below 1, got -0.1"),
        (RecurrentDropoutLSTMCell, {"on": "cell"}, "on to be .*'hidden', 'candidate', got 'cell'"),
        (
            RecurrentDropoutLSTMCell,
            {"resample": "never"},
            "resample to be .*'sequence', 'step', got",
        ),
        (ZoneoutLSTMCell, {"zoneout_h": 1.5}, "zoneout_h.*at least 0 and at most 1, got 1.5"),
        (ZoneoutLSTMCell, {"zoneout_c": -1}, "zoneout_c.*at least 0 and at most 1, got -1"),
        (LayerNormLSTMCell, {"eps": 0.0}, "eps to be .*above 0, got 0.0"),
        (SLSTMCell, {"forget": "tanh"}, "forget to be .*'sigmoid', 'exp', got 'tanh'"),
    ],
)
def test_an_option_that_does_not_exist(cls, options, message):
    with pytest.raises(ValueError, match=message):
        cls(2, 3, **options)


@every_case
def test_the_printed_cell_shows_its_options(case):
    shown = repr(case.cls(2, 3, **case.options))
    assert shown.startswith(f"{case.cls.__name__}(")
    assert "2, 3" in shown
    for name, value in case.options.items():
        assert f"{name}={value}" in shown


@every_case
def test_forget_bias_finds_the_forget_rows(case):
    cell = case.cls(2, 3, **case.options)
    before = {name: parameter.clone() for name, parameter in cell.named_parameters()}
    if "f" not in cell.rows:
        with pytest.raises(TypeError, match="an LSTM with a forget gate"):
            init_forget_bias_(cell, 2.5)
        return
    init_forget_bias_(cell, 2.5)
    start = 3 * cell.rows.index("f")
    forget = torch.zeros(3 * len(cell.rows), dtype=torch.bool)
    forget[start : start + 3] = True
    for name, parameter in cell.named_parameters():
        wanted = before[name]
        if name in ("bias_ih", "bias_hh"):
            wanted = torch.where(forget, 2.5 if name == "bias_ih" else 0.0, wanted)
        assert torch.equal(parameter, wanted), name


def test_chrono_sets_the_forget_gate_of_janet_and_both_of_peephole():
    janet, peephole = JANETCell(2, 500), PeepholeLSTMCell(2, 500)
    for cell in (janet, peephole):
        init_chrono_(cell, 100, generator=torch.Generator().manual_seed(1))
    b_f = janet.bias_ih[:500]
    u = b_f.detach().exp()
    assert 1 <= u.min() < 3
    assert 95 < u.max() <= 99
    assert torch.equal(janet.bias_hh[:500], torch.zeros(500))
    assert torch.equal(peephole.bias_ih[500:1000], b_f)
    assert torch.equal(peephole.bias_ih[:500], -b_f)


@every_case
def test_matrix_initialisers_treat_each_gate_alone(case):
    cell = case.cls(5, 4, dtype=torch.float64, **case.options)
    init_xavier_(cell)
    bound = (6 / (5 + 4)) ** 0.5
    for block in cell.weight_ih.chunk(len(cell.rows)):
        assert bound / 2 < block.abs().max() <= bound
    init_orthogonal_(cell)
    if cell.recurrent:
        for block in cell.weight_hh.chunk(len(cell.rows)):
            torch.testing.assert_close(block @ block.T, torch.eye(4).double())


class PlainCell(VariantCell):
    """A variant of one's own, as the chapter writes it: the plain LSTM, by its equations."""

    def step(self, x_t, state):
        a_i, a_f, a_g, a_o = self.pre_activations(x_t, state.h)
        i, f, g, o = a_i.sigmoid(), a_f.sigmoid(), a_g.tanh(), a_o.sigmoid()
        c = f * state.c + i * g
        return LSTMState(o * c.tanh(), c), Gates(i, f, g, o)


def test_a_variant_of_ones_own_runs_as_every_layer_does():
    """Stacked, in two directions, with lengths and a forget bias. Oracle: LSTM, fused."""
    layer = Recurrent(PlainCell(2, 3, dtype=torch.float64), num_layers=2, bidirectional=True)
    init_forget_bias_(layer, 2.5)
    lstm = LSTM(2, 3, num_layers=2, bidirectional=True, dtype=torch.float64)
    suffixes = ("_l0", "_l0_reverse", "_l1", "_l1_reverse")
    lstm.load_state_dict(
        {
            f"{name}{suffix}": parameter
            for cell, suffix in zip(layer.cells, suffixes, strict=True)
            for name, parameter in cell.state_dict().items()
        }
    )
    x, lengths = sequence(), [6, 2, 4]
    output, (h, c) = layer(x, lengths=lengths)
    wanted, (h_n, c_n) = lstm(x, lengths=lengths)
    for ours, theirs in ((output, wanted), (h, h_n), (c, c_n)):
        torch.testing.assert_close(ours, theirs, **EXACT)
    assert all((cell.bias_ih[3:6] + cell.bias_hh[3:6]).eq(2.5).all() for cell in layer.cells)


def test_state_fields_are_what_the_docstrings_say():
    x_t = torch.zeros(1, 2, dtype=torch.float64)
    named = {
        name: getattr(CASES[name].build().zero_state(x_t), "_fields", ("h",))
        for name in ("greff-FGR", "dropout-h", "slstm", "gru", "zoneout")
    }
    assert named == {
        "greff-FGR": ("h", "c", "i", "f", "o"),
        "dropout-h": ("h", "c", "mask"),
        "slstm": ("h", "c", "n", "m"),
        "gru": ("h",),
        "zoneout": ("h", "c"),
    }
    assert all(tensor.shape == (1, 3) for tensor in fields(CASES["slstm"].build().zero_state(x_t)))
