"""Every cell under every reparametrisation: the run, the step and the initialisers.

The oracle is a plain cell whose parameters are the weights that take effect.
"""

import copy

import pytest
import torch
from reparametrisations import REPARAMETRISATIONS
from support import replica
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune
from variants_cases import CASES, fields

from lstm_book.cells import (
    LSTMCell,
    RNNCell,
    init_chrono_,
    init_forget_bias_,
    init_orthogonal_,
    init_xavier_,
)
from lstm_book.layers import LSTM, unroll

CELLS = {
    "rnn": lambda: RNNCell(2, 3, dtype=torch.float64),
    "lstm": lambda: LSTMCell(2, 3, dtype=torch.float64),
    **{name: case.build for name, case in CASES.items()},
}
every_cell = pytest.mark.parametrize("name", CELLS)
every_way = pytest.mark.parametrize("way", REPARAMETRISATIONS)
OWN = ("weight_ih", "weight_hh", "weight_ch", "weight_gg", "bias_ih", "bias_hh")


def weights(cell):
    """Return the parameters of a cell's own, by name."""
    return {n: getattr(cell, n) for n in OWN if getattr(cell, n, None) is not None}


def plain_twin(cell, like):
    """Return a plain cell with the effective weights of another one."""
    twin = copy.deepcopy(like)
    with torch.no_grad():
        for name, weight in weights(cell).items():
            getattr(twin, name).copy_(weight)
    return twin


def assert_runs_alike(cell, twin):
    x = torch.randn(4, 2, 2, dtype=torch.float64)

    def results(of):
        torch.manual_seed(0)  # masks
        run = unroll(of.step, x, of.zero_state(x[0]))
        return [*fields(of(x[0])), *fields(run.states), *fields(run.gates)]

    torch.testing.assert_close(results(cell), results(twin))


@every_way
@every_cell
def test_a_reparametrised_cell_runs_with_its_effective_weights(name, way):
    plain = CELLS[name]()
    cell = copy.deepcopy(plain)
    act, kinds = REPARAMETRISATIONS[way]
    for own, weight in weights(plain).items():
        if own.startswith(tuple(kinds.split())) and (weight.dim() > 1 or "norm" not in way):
            act(cell, own)
    cell.eval()  # a spectral norm iterates at each access while training
    cell(torch.zeros(2, 2, dtype=torch.float64))  # the older norms act on the attribute here
    twin = plain_twin(cell, plain).eval()
    assert_runs_alike(cell, twin)
    cell.step(torch.ones(2, 2, dtype=torch.float64), cell.zero_state(torch.ones(2, 2).double()))
    sum(f.sum() for f in fields(cell(torch.ones(2, 2, dtype=torch.float64)))).backward()
    moved = [p.grad for n, p in cell.named_parameters() if "weight_ih" in n]
    assert any(grad is not None and grad.abs().sum() > 0 for grad in moved)


@every_cell
def test_a_replica_runs_as_its_cell(name):
    cell = CELLS[name]()
    copied = replica(cell)
    assert not list(copied.parameters())
    assert_runs_alike(copied, cell)


@pytest.mark.parametrize("way", [parametrizations.weight_norm, parametrizations.spectral_norm])
@pytest.mark.parametrize(("ours", "torchs"), [(LSTMCell, nn.LSTMCell), (RNNCell, nn.RNNCell)])
def test_a_normed_cell_trains_as_torchs(ours, torchs, way):
    a, b = ours(2, 3), torchs(2, 3)
    b.load_state_dict(a.state_dict())
    for cell in (a, b):
        torch.manual_seed(0)  # a spectral norm's first vectors
        way(cell, "weight_hh")
    x, h = torch.randn(2, 2), torch.randn(2, 3)
    hx = h if ours is RNNCell else (h, h)
    for _ in range(3):  # a spectral norm iterates once a pass, in both
        got, want = fields(a(x, hx)), fields(b(x, hx))
        torch.testing.assert_close(got, want)
        for cell, out in ((a, got), (b, want)):
            cell.zero_grad()
            out[0].sum().backward()
        for p, q in zip(a.parameters(), b.parameters(), strict=True):
            torch.testing.assert_close(p.grad, q.grad)
            with torch.no_grad():
                p -= 0.1 * p.grad
                q -= 0.1 * q.grad


# Initialisers -------------------------------------------------------------------------------------

LSTMS = {
    "torch": lambda: nn.LSTM(2, 3, num_layers=2, bidirectional=True, dtype=torch.float64),
    "ours": lambda: LSTM(2, 3, num_layers=2, bidirectional=True, dtype=torch.float64),
    "torch-cell": lambda: nn.LSTMCell(2, 3, dtype=torch.float64),
    "cell": CELLS["lstm"],
    "peephole": CELLS["peephole"],
    "slstm": CELLS["slstm"],
    "janet": CELLS["janet"],
    "minlstm": CELLS["minlstm"],
}
RECURRENT = {**LSTMS, "gru": CELLS["gru"], "rnn": CELLS["rnn"], "torch-gru": lambda: nn.GRU(2, 3)}


def named(module, kind):
    """Return the names of a module's own weights of this kind."""
    names = getattr(module, "_flat_weights_names", OWN)
    return [n for n in names if n.startswith(kind) and getattr(module, n, None) is not None]


def reparametrise(module, way, *kinds):
    act, on = REPARAMETRISATIONS[way]
    for kind in kinds:
        if kind.split("_")[0] in on.split():
            for name in named(module, kind):
                act(module, name)
    return module


def gate_totals(module, gate):
    """Return b_ih + b_hh of one gate, effective, for each layer and direction."""
    rows = getattr(module, "rows", "ifgo")
    totals = []
    for name in named(module, "bias_ih"):
        b = getattr(module, name).detach().clone()
        other = getattr(module, name.replace("bias_ih", "bias_hh"), None)
        totals.append((b if other is None else b + other).chunk(len(rows))[rows.index(gate)])
    return totals


@pytest.mark.parametrize("way", ["parametrised", "kept", "scaled"])
@pytest.mark.parametrize("which", [["bias_ih"], ["bias_hh"], ["bias_ih", "bias_hh"]], ids=str)
@pytest.mark.parametrize("name", LSTMS)
def test_biases_are_set_as_they_take_effect(name, which, way):
    module = reparametrise(LSTMS[name](), way, *which)
    init_forget_bias_(module, 2.0)
    init_forget_bias_(module, 1.5)
    for total in gate_totals(module, "f"):
        torch.testing.assert_close(total, torch.full_like(total, 1.5))
    if not hasattr(module, "rows") or "i" in module.rows:
        before = gate_totals(module, "g")
        init_chrono_(module, 100.0)
        for i, f, g, was in zip(
            gate_totals(module, "i"),
            gate_totals(module, "f"),
            gate_totals(module, "g"),
            before,
            strict=True,
        ):
            torch.testing.assert_close(i, -f)
            assert (f > 0).all()
            assert (f != 1.5).all()
            torch.testing.assert_close(g, was)
    module(torch.zeros(4, 2, dtype=torch.float64))
    f = torch.cat(gate_totals(module, "f"))
    init_forget_bias_(module, 0.0)
    assert not torch.equal(torch.cat(gate_totals(module, "f")), f)


@pytest.mark.parametrize("name", ["torch", "cell", "slstm"])
def test_what_a_mask_holds_back_goes_to_the_other_bias(name):
    module = reparametrise(LSTMS[name](), "pruned", "bias_ih")
    init_forget_bias_(module, 1.5)
    for total in gate_totals(module, "f"):
        torch.testing.assert_close(total, torch.full_like(total, 1.5))
    masks = [getattr(module, f"{n}_mask") for n in named(module, "bias_ih")]
    assert any((mask == 0).any() for mask in masks)


def snapshot(module):
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


def assert_refused(initialise, module, name, way):
    before, shown = snapshot(module), getattr(module, name).detach().clone()
    with pytest.raises(RuntimeError, match=f"initialise {name} of .*{way}.* does not let"):
        initialise(module)
    after = snapshot(module)
    assert before.keys() == after.keys()
    for key, value in after.items():
        torch.testing.assert_close(value, before[key], rtol=0, atol=0)
    torch.testing.assert_close(getattr(module, name).detach(), shown)


@pytest.mark.parametrize("initialise", [init_forget_bias_, lambda m: init_chrono_(m, 100.0)])
def test_biases_that_are_pruned_away_are_refused(initialise):
    cell = LSTMCell(2, 3)
    for name in ("bias_ih", "bias_hh"):
        prune.l1_unstructured(cell, name, amount=11)
    assert_refused(initialise, cell, "bias_hh", "L1Unstructured")


def test_a_lone_bias_that_is_pruned_away_is_refused():
    cell = CASES["minlstm"].cls(2, 3)
    prune.l1_unstructured(cell, "bias_ih", amount=8)
    assert_refused(init_forget_bias_, cell, "bias_ih", "L1Unstructured")


@pytest.mark.parametrize("way", ["parametrised", "weight norm", "older weight norm", "kept"])
@pytest.mark.parametrize("name", RECURRENT)
def test_recurrent_matrices_are_orthogonal_as_they_take_effect(name, way):
    module = reparametrise(RECURRENT[name](), way, "weight_hh")
    init_orthogonal_(module, gain=0.5, generator=torch.Generator().manual_seed(0))
    plain = RECURRENT[name]()
    init_orthogonal_(plain, gain=0.5, generator=torch.Generator().manual_seed(0))
    module(torch.zeros(4, 2, dtype=getattr(module, named(module, "weight_ih")[0]).dtype))
    for weight in named(module, "weight_hh"):
        torch.testing.assert_close(getattr(module, weight), getattr(plain, weight))
        for U in getattr(module, weight).split(3):
            values = torch.linalg.svdvals(U)
            torch.testing.assert_close(values, torch.full_like(values, 0.5))


@pytest.mark.parametrize(
    ("way", "words"),
    [("spectral norm", "_SpectralNorm"), ("older spectral norm", "SpectralNorm"),
     ("pruned", "RandomUnstructured"), ("pruned twice", "PruningContainer")],
)  # fmt: skip
@pytest.mark.parametrize("name", ["torch-cell", "cell", "peephole"])
def test_matrices_that_cannot_be_orthogonal_are_refused(name, way, words):
    module = reparametrise(RECURRENT[name](), way, "weight_hh").eval()
    module(torch.zeros(4, 2, dtype=torch.float64))
    assert_refused(init_orthogonal_, module, "weight_hh", words)


def test_nothing_is_half_written_when_a_later_part_refuses():
    first, second = LSTMCell(2, 3), LSTMCell(2, 3)
    prune.random_unstructured(second, "weight_hh", amount=0.5)
    both = nn.ModuleList([first, second])
    before = snapshot(both)
    with pytest.raises(RuntimeError, match="weight_hh"):
        init_orthogonal_(both)
    for key, value in snapshot(both).items():
        assert torch.equal(value, before[key]), key


@pytest.mark.parametrize("way", ["parametrised", "weight norm", "older weight norm", "kept"])
def test_xavier_draws_what_takes_effect(way):
    module, plain = reparametrise(nn.LSTM(2, 3), way, "weight"), nn.LSTM(2, 3)
    for lstm in (module, plain):
        init_xavier_(lstm, generator=torch.Generator().manual_seed(0))
    for name in named(module, "weight"):
        torch.testing.assert_close(getattr(module, name), getattr(plain, name))


def test_xavier_leaves_a_mask_on():
    module, plain = reparametrise(nn.LSTM(2, 3), "pruned", "weight"), nn.LSTM(2, 3)
    for lstm in (module, plain):
        init_xavier_(lstm, generator=torch.Generator().manual_seed(0))
    for name in named(module, "weight"):
        mask = getattr(module, f"{name}_mask")
        torch.testing.assert_close(getattr(module, name), getattr(plain, name) * mask)


def test_a_weight_that_something_unknown_computes_is_refused():
    with pytest.raises(RuntimeError, match="cannot write weight_hh of LSTMCell"):
        init_orthogonal_(replica(LSTMCell(2, 3)))


def test_an_initialised_cell_trains_on():
    cell = LSTMCell(2, 3)
    parametrizations.weight_norm(cell, "weight_hh")
    parameters = [id(p) for p in cell.parameters()]
    init_orthogonal_(cell)
    assert parameters == [id(p) for p in cell.parameters()]  # which an optimiser holds
    cell(torch.ones(2, 2), (torch.ones(2, 3), torch.ones(2, 3))).h.sum().backward()
    assert all(p.grad is not None for p in cell.parameters())
    assert parametrize.is_parametrized(cell, "weight_hh")


def test_copies_of_reparametrised_cells_are_their_own():
    cell = LSTMCell(2, 3)
    parametrizations.weight_norm(cell, "weight_hh")
    twin = copy.deepcopy(cell)
    with torch.no_grad():
        cell.parametrizations.weight_hh.original0.zero_()
    assert twin(torch.ones(1, 2), (torch.ones(1, 3), torch.ones(1, 3))).h.isfinite().all()
    assert not torch.equal(twin.weights.U, cell.weights.U)
