"""Initialisers: every gate of every layer and direction, and nothing else."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lstm_book.cells import (
    LSTMCell,
    RNNCell,
    init_chrono_,
    init_forget_bias_,
    init_orthogonal_,
    init_xavier_,
)

H = 5
LSTMS = {
    "ours": lambda **o: LSTMCell(3, H, **o),
    "torch-cell": lambda **o: nn.LSTMCell(3, H, **o),
    "one-layer": lambda **o: nn.LSTM(3, H, **o),
    "stacked-bidirectional": lambda **o: nn.LSTM(3, H, num_layers=2, bidirectional=True, **o),
    "projected": lambda **o: nn.LSTM(3, H, num_layers=2, proj_size=2, **o),
    "inside": lambda **o: nn.Sequential(nn.Linear(3, 3), nn.ModuleDict({"a": LSTMCell(3, H, **o)})),
    "several": lambda **o: nn.ModuleList([nn.LSTM(3, H, **o), nn.RNN(3, H), LSTMCell(3, H, **o)]),
}
every_lstm = pytest.mark.parametrize("build", LSTMS.values(), ids=LSTMS.keys())
COUNTS = {"stacked-bidirectional": 4, "projected": 2, "several": 2}


def parameters(module):
    return {name: value.detach().clone() for name, value in module.named_parameters()}


def lstm_biases(module):
    """Return [(b_ih, b_hh)] of all LSTMs; an RNN's have H rows and are left out."""
    named = dict(module.named_parameters())
    pairs = [
        (value, named[name.replace("bias_ih", "bias_hh")])
        for name, value in named.items()
        if "bias_ih" in name
    ]
    return [(b_ih.detach(), b_hh.detach()) for b_ih, b_hh in pairs if len(b_ih) == 4 * H]


def rows(gate):
    return slice("ifgo".index(gate) * H, ("ifgo".index(gate) + 1) * H)


def assert_rest_untouched(module, before, gates):
    """Check that every row of every parameter but the biases of these gates is as it was."""
    for name, value in parameters(module).items():
        kept = torch.ones(len(value), dtype=torch.bool)
        if "bias_" in name and len(value) == 4 * H:
            for gate in gates:
                kept[rows(gate)] = False
        assert torch.equal(value[kept], before[name][kept]), name


@pytest.mark.parametrize("name", LSTMS)
@pytest.mark.parametrize("value", [1.0, -2, 0.0, torch.tensor(3.0), torch.arange(5.0)], ids=str)
def test_forget_bias_is_the_total_everywhere_and_nothing_else_moves(name, value):
    module = LSTMS[name]()
    before = parameters(module)
    init_forget_bias_(module, value)
    pairs = lstm_biases(module)
    assert len(pairs) == COUNTS.get(name, 1)
    for b_ih, b_hh in pairs:
        assert torch.equal(b_ih[rows("f")], torch.as_tensor(value).float().expand(H))
        assert (b_hh[rows("f")] == 0).all()
    assert_rest_untouched(module, before, "f")


def test_forget_bias_is_one_unless_told_otherwise():
    cell = LSTMCell(3, H)
    init_forget_bias_(cell)
    assert (cell.weights.b[rows("f")] == 1).all()


def test_forget_bias_opens_the_forget_gate_of_torchs_cell():
    cell = nn.LSTMCell(3, H)
    init_forget_bias_(cell, 2.0)
    c_0 = torch.ones(1, H)
    for parameter in (cell.weight_ih, cell.weight_hh):
        nn.init.zeros_(parameter)
    with torch.no_grad():  # i g = 0, so that c_1 is the forget gate
        cell.bias_ih[rows("g")] = cell.bias_hh[rows("g")] = 0
    _, c_1 = cell(torch.zeros(1, 3), (torch.zeros(1, H), c_0))
    torch.testing.assert_close(c_1, torch.full((1, H), 2.0).sigmoid())


def test_forget_bias_leaves_a_parameter_that_trains():
    cell = LSTMCell(3, H)
    init_forget_bias_(cell, torch.ones(H, requires_grad=True))
    cell(torch.ones(2, 3), (torch.ones(2, H), torch.ones(2, H))).c.sum().backward()
    assert cell.bias_ih.is_leaf
    assert (cell.bias_ih.grad[rows("f")] > 0).all()


@pytest.mark.parametrize(
    "value", [math.inf, -math.inf, math.nan, torch.tensor([0.0, 1.0, math.nan, 0.0, 0.0])], ids=str
)
@every_lstm
def test_forget_bias_must_be_finite(build, value):
    module = build()
    before = parameters(module)
    with pytest.raises(ValueError, match=r"forget bias to be .*finite.*, got .*(inf|nan)"):
        init_forget_bias_(module, value)
    assert_rest_untouched(module, before, "")


@pytest.mark.parametrize("shape", [(1,), (4,), (4 * H,), (1, H)])
@every_lstm
def test_forget_bias_must_fit_the_units(build, shape):
    module = build()
    before = parameters(module)
    with pytest.raises(ValueError, match=r"\(5,\).*one per unit") as error:
        init_forget_bias_(module, torch.zeros(shape))
    assert str(shape) in str(error.value)
    assert_rest_untouched(module, before, "")


def test_forget_bias_that_fits_one_lstm_only_writes_to_none():
    module = nn.ModuleList([nn.LSTM(3, H), nn.LSTM(3, H + 1)])
    before = parameters(module)
    with pytest.raises(ValueError, match=r"\(6,\)"):
        init_forget_bias_(module, torch.zeros(H))
    assert_rest_untouched(module, before, "")


INITIALISERS = {
    "forget": lambda module: init_forget_bias_(module, 1.0),
    "chrono": lambda module: init_chrono_(module, 10),
}


@pytest.mark.parametrize("initialise", INITIALISERS.values(), ids=INITIALISERS.keys())
def test_lstm_without_biases_is_an_error_and_nothing_is_half_written(initialise):
    module = nn.ModuleList([nn.LSTM(3, H), nn.LSTM(3, H, bias=False)])
    before = parameters(module)
    with pytest.raises(ValueError, match="bias=False"):
        initialise(module)
    assert_rest_untouched(module, before, "")


@pytest.mark.parametrize("initialise", INITIALISERS.values(), ids=INITIALISERS.keys())
@pytest.mark.parametrize("module", [nn.Linear(2, 2), nn.GRU(2, 2), nn.RNN(2, 2), RNNCell(2, 2)])
def test_module_without_lstm_is_an_error(initialise, module):
    with pytest.raises(TypeError, match=f"contains one, got {type(module).__name__}"):
        initialise(module)


@pytest.mark.parametrize("initialise", [init_orthogonal_, init_xavier_])
def test_module_without_recurrence_is_an_error(initialise):
    with pytest.raises(TypeError, match=r"recurrent layer .*got Linear"):
        initialise(nn.Linear(2, 2))


@pytest.mark.parametrize("name", LSTMS)
def test_chrono_draws_each_layer_and_direction_on_its_own(name, generator):
    module = LSTMS[name]()
    before = parameters(module)
    init_chrono_(module, 100, generator=generator)
    pairs = lstm_biases(module)
    assert len(pairs) == COUNTS.get(name, 1)
    for b_ih, b_hh in pairs:
        b_f = b_ih[rows("f")]
        assert ((b_f >= 0) & (b_f <= math.log(99))).all()
        assert torch.equal(b_ih[rows("i")], -b_f)
        assert (b_hh[rows("f")] == 0).all()
        assert (b_hh[rows("i")] == 0).all()
    assert len({value.item() for b_ih, _ in pairs for value in b_ih[rows("f")]}) == H * len(pairs)
    assert_rest_untouched(module, before, "if")


@pytest.mark.parametrize("t_max", [2.5, 20, 1000])
def test_chrono_forgetting_times_are_uniform_by_kolmogorov(t_max, generator):
    cells = nn.ModuleList(LSTMCell(1, 100, dtype=torch.float64) for _ in range(40))
    init_chrono_(cells, t_max, generator=generator)
    n = 4000
    times = torch.cat([cell.weights.b.detach()[100:200] for cell in cells]).exp().sort().values
    distribution = (times - 1) / (t_max - 2)  # of U[1, t_max - 1]
    steps = torch.arange(n + 1, dtype=torch.float64) / n
    distance = torch.maximum(steps[1:] - distribution, distribution - steps[:-1]).max()
    assert distance < 1.95 / math.sqrt(n)  # exceeded by chance once in a thousand seeds


def test_chrono_repeats_with_its_generator():
    cells = [LSTMCell(3, H) for _ in range(3)]
    for cell, seed in zip(cells, (1, 1, 2), strict=True):
        init_chrono_(cell, 50, generator=torch.Generator().manual_seed(seed))
    first, second, other = (cell.weights.b.detach()[rows("f")] for cell in cells)
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("t_max", [2, 1, 0, -5, math.inf, math.nan])
def test_chrono_needs_a_finite_t_max_above_two(t_max):
    cell = LSTMCell(3, H)
    before = parameters(cell)
    with pytest.raises(ValueError, match=f"t_max, in steps, to be .*above 2, got {float(t_max)}"):
        init_chrono_(cell, t_max)
    assert_rest_untouched(cell, before, "")


RECURRENT = {
    **LSTMS,
    "rnn": lambda **o: nn.RNN(3, H, num_layers=2, bidirectional=True, **o),
    "gru": lambda **o: nn.GRU(3, H, **o),
    "rnn-cell": lambda **o: RNNCell(3, H, **o),
    "torch-gru-cell": lambda **o: nn.GRUCell(3, H, **o),
}
every_recurrent = pytest.mark.parametrize("build", RECURRENT.values(), ids=RECURRENT.keys())


def blocks(module, stem):
    """Return every gate's H rows of every weight whose name begins with the stem."""
    return [
        block
        for name, value in parameters(module).items()
        if name.rpartition(".")[2].startswith(stem)
        for block in value.split(H)
    ]


@pytest.mark.parametrize("gain", [1.0, 0.3])
@every_recurrent
def test_orthogonal_gives_every_gate_one_singular_value(build, gain, generator):
    module = build(dtype=torch.float64) if build is not RECURRENT["several"] else build()
    before = parameters(module)
    init_orthogonal_(module, gain=gain, generator=generator)
    drawn = blocks(module, "weight_hh")
    assert drawn
    for U in drawn:
        values = torch.linalg.svdvals(U)
        torch.testing.assert_close(values, torch.full_like(values, gain))
    for name, value in parameters(module).items():
        if "weight_hh" not in name:
            assert torch.equal(value, before[name]), name


def test_orthogonal_gates_differ_and_repeat_with_their_generator():
    cells = [LSTMCell(3, H) for _ in range(3)]
    for cell, seed in zip(cells, (1, 1, 2), strict=True):
        init_orthogonal_(cell, generator=torch.Generator().manual_seed(seed))
    first, second, other = (cell.weight_hh.detach() for cell in cells)
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    U_i, U_f, U_g, U_o = first.chunk(4)
    assert min((U_i - U).abs().max() for U in (U_f, U_g, U_o)) > 0.1


@pytest.mark.parametrize("gain", [1.0, 2.0])
@every_recurrent
def test_xavier_bounds_count_one_gates_outputs(build, gain, generator):
    module = build()
    before = parameters(module)
    init_xavier_(module, gain=gain, generator=generator)
    for stem in ("weight_ih", "weight_hh"):
        for block in blocks(module, stem):
            bound = gain * math.sqrt(6 / sum(block.shape))
            assert block.abs().max() <= bound
    for name, value in parameters(module).items():
        if "weight_ih" not in name and "weight_hh" not in name:
            assert torch.equal(value, before[name]), name
        else:
            assert not torch.equal(value, before[name]), name


def test_xavier_spread_against_glorots_formula(generator):
    D, units = 40, 60
    cell = LSTMCell(D, units, dtype=torch.float64)
    init_xavier_(cell, generator=generator)
    for weight, fan_in in ((cell.weight_ih, D), (cell.weight_hh, units)):
        for block in weight.detach().chunk(4):
            std, n = math.sqrt(2 / (fan_in + units)), block.numel()
            # A sample's standard deviation of a uniform law: relative error sqrt(0.2 / n).
            assert block.std().item() == pytest.approx(std, rel=4 * math.sqrt(0.2 / n))
            assert abs(block.mean().item()) < 4 * std / math.sqrt(n)
            assert block.abs().max() > 0.99 * math.sqrt(3) * std


@given(t_max=st.floats(2.01, 1e6), seed=st.integers(0, 2**31))
def test_chrono_bounds_over_all_time_scales(t_max, seed):
    lstm = nn.LSTM(2, 3, dtype=torch.float64)
    init_chrono_(lstm, t_max, generator=torch.Generator().manual_seed(seed))
    b = (lstm.bias_ih_l0 + lstm.bias_hh_l0).detach()
    assert (b[3:6] >= 0).all()
    assert (b[3:6] <= math.log(t_max - 1) + 1e-12).all()
    assert torch.equal(b[:3], -b[3:6])
