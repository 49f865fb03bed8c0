"""Every variant alike: against its slow reference, and what must hold of any recurrence."""

import copy
import io
import pickle

import numpy as np
import pytest
import torch
from torch import nn
from torch.autograd import gradcheck, gradgradcheck
from torch.func import functional_call
from variants_cases import CASES, as_state, drawn_state, every_case, fields, run

from lstm_book.cells import LSTMState, weights_of

EXACT = {"rtol": 0, "atol": 1e-12}
NOISY = [name for name in CASES if name.startswith(("dropout", "zoneout"))]
modes = pytest.mark.parametrize(
    ("case", "training"),
    [pytest.param(case, True, id=name) for name, case in CASES.items()]
    + [pytest.param(CASES[name], False, id=f"{name}-eval") for name in NOISY],
)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(2017)


def arrays(cell):
    return {name: parameter.detach().numpy() for name, parameter in cell.named_parameters()}


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no-bias"])
@modes
def test_states_and_gates_against_numpy(case, training, bias):
    cell = case.build(bias=bias).train(training)
    x = torch.randn(5, 3, 2, dtype=torch.float64)
    initial = drawn_state(cell, x[0])
    done = run(cell, x, initial)
    for row in range(3):
        state = [tensor[row].numpy() for tensor in fields(initial)]
        for t in range(5):
            given = ()
            if "keep_h" in done.gates._fields:
                given = (done.gates.keep_h[t, row].numpy(), done.gates.keep_c[t, row].numpy())
            if "mask" in getattr(done.states, "_fields", ()):
                state[2] = done.states.mask[t, row].numpy()
            state, gates = case.reference(arrays(cell), x[t, row].numpy(), *state, *given)
            state = list(state)
            after = [tensor[t, row].detach().numpy() for tensor in fields(done.states)]
            shown = [tensor[t, row].detach().numpy() for tensor in done.gates]
            np.testing.assert_allclose(after, state, **EXACT)
            np.testing.assert_allclose(shown, gates, **EXACT)


@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
@modes
def test_gradients_against_finite_differences(case, training, check):
    cell = case.build(D=2, H=2).train(training)
    x = torch.randn(2, 1, 2, dtype=torch.float64)
    state = fields(drawn_state(cell, x[0]))
    names, parameters = zip(*cell.named_parameters(), strict=True)
    inputs = [x, *state, *(parameter.detach() for parameter in parameters)]

    def call(x, *tensors):
        torch.manual_seed(0)  # the same masks in every evaluation
        state = as_state(cell, tensors[: len(tensors) - len(names)])
        weights = dict(zip(names, tensors[len(tensors) - len(names) :], strict=True))
        out = []
        for x_t in x:
            state = functional_call(
                _Step(cell), {f"cell.{k}": v for k, v in weights.items()}, (x_t, state)
            )
            out += [tensor for tensor in fields(state) if tensor.requires_grad]
        return tuple(out)

    assert check(call, [tensor.clone().requires_grad_() for tensor in inputs])


class _Step(nn.Module):
    def __init__(self, cell):
        super().__init__()
        self.cell = cell

    def forward(self, x_t, state):
        return self.cell.step(x_t, state)[0]


@every_case
def test_gradients_from_the_first_state_are_finite(case):
    """`zero_state` may hold -∞ (sLSTM), which must not turn into NaN going back, even twice."""
    cell = case.build().train()
    x = torch.randn(3, 2, 2, dtype=torch.float64, requires_grad=True)
    h = fields(run(cell, x).states)[0]
    leaves = [x, *cell.parameters()]
    first = torch.autograd.grad((h**2).sum(), leaves, create_graph=True)
    second = torch.autograd.grad(sum((g**2).sum() for g in first), leaves)
    assert all(g.isfinite().all() for g in (*first, *second))
    assert any(g.abs().max() > 0 for g in second)


@every_case
def test_two_halves_with_carried_state_equal_the_whole(case):
    cell = case.build().train()
    x = torch.randn(6, 3, 2, dtype=torch.float64)
    pull = torch.randn(6, 3, 3, dtype=torch.float64)

    def gradients(hs):
        return torch.autograd.grad((torch.cat(hs) * pull).sum(), list(cell.parameters()))

    torch.manual_seed(5)
    whole = run(cell, x)
    torch.manual_seed(5)
    left = run(cell, x[:2])
    carried = as_state(cell, [tensor[-1] for tensor in fields(left.states)])
    right = run(cell, x[2:], carried)
    for ours, first, second in zip(
        *map(fields, (whole.states, left.states, right.states)), strict=True
    ):
        torch.testing.assert_close(torch.cat([first, second]), ours, **EXACT)
    halves = [fields(part.states)[0] for part in (left, right)]
    torch.testing.assert_close(gradients(halves), gradients([fields(whole.states)[0]]), **EXACT)


@every_case
def test_no_step_depends_on_a_later_input(case):
    cell = case.build(D=1, H=2).eval()
    x = torch.randn(4, 1, 1, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda x: fields(run(cell, x).states)[0], x)
    depends = jacobian.abs().amax(dim=(1, 2, 4, 5))  # (t, s)
    assert torch.equal(depends != 0, torch.ones(4, 4).tril().bool())


@every_case
def test_a_single_sequence_equals_its_row_of_the_batch(case):
    cell = case.build().eval()
    x = torch.randn(4, 3, 2, dtype=torch.float64)
    state = drawn_state(cell, x[0])
    batch = run(cell, x, state)
    single = run(cell, x[:, 1], as_state(cell, [tensor[1] for tensor in fields(state)]))
    for one, all_rows in zip(fields(single.states), fields(batch.states), strict=True):
        torch.testing.assert_close(one, all_rows[:, 1], **EXACT)


@every_case
def test_the_call_is_one_step_from_the_zero_state(case):
    cell = case.build().eval()
    x_t = torch.randn(3, 2, dtype=torch.float64)
    called, stepped = cell(x_t), cell.step(x_t, cell.zero_state(x_t))[0]
    assert type(called) is type(stepped)
    torch.testing.assert_close(fields(called), fields(stepped), **EXACT)
    again, stepped = (
        cell(x_t, fields(called) if len(fields(called)) > 1 else called),
        cell.step(x_t, called)[0],
    )
    torch.testing.assert_close(fields(again), fields(stepped), **EXACT)


@every_case
def test_copies_and_saved_cells_give_the_same_numbers(case):
    cell = case.build().eval()
    x = torch.randn(3, 2, 2, dtype=torch.float64)
    wanted = fields(run(cell, x).states)[0]
    file = io.BytesIO()
    torch.save(cell.state_dict(), file)
    file.seek(0)
    fresh = case.build().eval()
    fresh.load_state_dict(torch.load(file), strict=True)
    for other in (fresh, copy.deepcopy(cell), pickle.loads(pickle.dumps(cell))):
        assert torch.equal(fields(run(other, x).states)[0], wanted)


@pytest.mark.parametrize("name", ["peephole", "greff-FGR", "dropout-h", "slstm", "gru"])
def test_an_exported_variant_saves_loads_and_gives_the_same_numbers(name, tmp_path):
    cell = CASES[name].build().eval()
    x_t = torch.randn(3, 2, dtype=torch.float64)
    torch.export.save(torch.export.export(cell, (x_t,)), tmp_path / "cell.pt2")
    loaded = torch.export.load(tmp_path / "cell.pt2").module()(x_t)
    assert type(loaded) is type(cell(x_t))
    torch.testing.assert_close(fields(loaded), fields(cell(x_t)), **EXACT)


@every_case
def test_weights_are_drawn_as_torch_draws_them(case):
    """U(-1/√H, 1/√H), and weight_ih first, so that a seed gives torch's numbers."""
    torch.manual_seed(3)
    cell = case.cls(4, 16, **case.options)
    torch.manual_seed(3)
    wanted = torch.empty_like(cell.weight_ih).uniform_(-0.25, 0.25)
    assert torch.equal(cell.weight_ih, wanted)
    for name, parameter in cell.named_parameters():
        if not name.startswith("norm"):
            assert parameter.abs().max() <= 0.25
            assert parameter.std() > 0.1  # that of the uniform law is 0.144


@every_case
def test_reset_parameters_draws_anew(case):
    cell = case.build()
    before = {name: parameter.clone() for name, parameter in cell.named_parameters()}
    cell.reset_parameters()
    for name, parameter in cell.named_parameters():
        assert not torch.equal(parameter, before[name]), name
        if name.startswith("norm"):
            assert torch.equal(parameter, torch.full_like(parameter, name.endswith("weight")))


@every_case
def test_weights_are_the_cells_own(case):
    cell = case.build()
    if not cell.recurrent:
        with pytest.raises(TypeError, match=r"weight_hh.*got MinLSTMCell"):
            weights_of(cell)
        return
    W, U, _ = weights_of(cell)
    assert W is cell.weight_ih
    assert U is cell.weight_hh
    assert len(W) == len(U) == len(cell.rows) * cell.hidden_size


@every_case
class TestErrors:
    def test_features(self, case):
        with pytest.raises(RuntimeError, match=r"input_size=2 features, got 5"):
            case.build()(torch.zeros(3, 5, dtype=torch.float64))

    def test_dimensions(self, case):
        with pytest.raises(ValueError, match=r"shape \(B, 2\) or \(2,\), got 3-D"):
            case.build()(torch.zeros(1, 3, 2, dtype=torch.float64))

    def test_dtype(self, case):
        with pytest.raises(RuntimeError, match=r"dtype torch.float64"):
            case.build()(torch.zeros(3, 2))

    def test_state_size(self, case):
        cell = case.build()
        x_t = torch.zeros(3, 2, dtype=torch.float64)
        state = as_state(cell, [tensor[:2] for tensor in fields(cell.zero_state(x_t))])
        with pytest.raises(RuntimeError, match=r"expected shape \(3, 3\)"):
            cell(x_t, state)

    def test_state_form(self, case):
        cell = case.build()
        x_t = torch.zeros(3, 2, dtype=torch.float64)
        state = fields(cell.zero_state(x_t))
        if len(state) == 1:
            with pytest.raises(TypeError, match=r"hx to be a torch.Tensor, got tuple"):
                cell(x_t, state)
        else:
            with pytest.raises(TypeError, match=r"hx to be a tuple \(h, c.*got Tensor"):
                cell(x_t, state[0])
            with pytest.raises(RuntimeError, match=r"hx to be \(h, c.*got 1 states"):
                cell(x_t, state[:1])
            with pytest.raises(RuntimeError, match=r"hx to be \(h, c.*got \d states"):
                cell(x_t, (*state, state[0]))

    def test_negative_size(self, case):
        with pytest.raises(RuntimeError, match="hidden_size not to be negative"):
            case.cls(2, -1, **case.options)


def test_states_of_two_are_the_books_lstm_state():
    for name in ("1997", "peephole", "coupled", "greff-V", "layer-norm", "zoneout"):
        cell = CASES[name].build()
        assert isinstance(cell(torch.zeros(1, 2, dtype=torch.float64)), LSTMState)
