"""``{gate-lab}``: trained networks that the reader's own browser runs, gates to be dragged.

The directive puts the weights of two stored runs, the presets and the tour into the page as JSON.
``_static/lab`` holds the arithmetic, the element and its look; only pages with a lab load them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import OptionSpec
from sphinx.writers.html5 import HTML5Translator

RUNS = {"lstm": "gate-lab-lstm", "rnn": "gate-lab-rnn"}
TOUR = Path(__file__).parents[1] / "_static" / "lab" / "tour.json"
TEMPLATE = Path(__file__).with_name("gate_lab.html.jinja")
FILES = ("lab/lstm.js", "lab/lab.js")


class gate_lab(nodes.General, nodes.Element):  # noqa: N801 (docutils names nodes so)
    """The place of a lab; its HTML is made when the page is read."""


def numbers(model: Any) -> dict[str, Any]:
    """A one-layer model with one input as plain numbers, as lstm.js takes them."""
    from lstm_book.cells import weights_of

    if model.layer.input_size != 1 or model.layer.num_layers != 1:
        raise ValueError(f"expected one layer with one input, got {model.layer}")
    W, U, b = weights_of(model.layer)
    found = {"W": W, "U": U, "b": b, "w": model.readout.weight}
    listed = {name: rounded(value) for name, value in found.items()}
    return {**listed, "r": rounded(model.readout.bias)[0]}


def rounded(values: Any) -> list[float]:
    """All entries in one list, with the nine digits that tell single-precision numbers apart."""
    return [float(f"{value:.9g}") for value in values.detach().double().flatten().tolist()]


def data() -> dict[str, Any]:
    """All that the element needs: weights of both networks, presets and tour."""
    from lstm_book.experiments import load_experiment

    told = json.loads(TOUR.read_text(encoding="utf-8"))
    models = {name: numbers(load_experiment(run).model) for name, run in RUNS.items()}
    return {"models": models, **told}


def still(x: list[float]) -> str:
    """A figure for readers without JavaScript: how the answer's gradient reaches each step."""
    import torch

    from lstm_book.experiments import load_experiment
    from lstm_book.plotting import show, subplots
    from lstm_book.recording import gradient_paths

    lstm, rnn = (load_experiment(run).model.double() for run in RUNS.values())
    inputs = torch.tensor(x, dtype=torch.float64)[:, None, None]
    paths = gradient_paths(lstm.layer, inputs, lambda out, state: lstm.readout(out[-1]).sum())
    states = [torch.zeros(1, 1, rnn.layer.hidden_size, dtype=torch.float64)]
    for step in inputs:
        states.append(rnn.layer(step[None], states[-1])[1])
    back = torch.autograd.grad(rnn.readout(states[-1]).sum(), states[1:])
    curves = {
        "LSTM": (paths.c[:, 0].norm(dim=-1), "C0"),
        "LSTM, forget gates only": (paths.direct[:, 0].norm(dim=-1), "C3"),
        "RNN": (torch.stack(back)[:, 0, 0].norm(dim=-1), "C1"),
    }
    fig, ax = subplots(height=2.6)
    for label, (curve, colour) in curves.items():
        ax.semilogy(range(1, len(x) + 1), curve.numpy(), color=colour, label=label)
    ax.set(xlabel="step", ylabel="gradient of the answer")
    ax.legend()
    words = ", ".join(f"{float(curve[0]):.1g} for {label}" for label, (curve, _) in curves.items())
    return str(
        show(fig, alt=f"The gradient that reaches the first of {len(x)} steps: {words}.").svg
    )


class GateLab(SphinxDirective):
    """The lab. ``:state:`` is what it opens with, as its links say it after ``#lab?``; ``:wide:``
    gives it the room of a whole page.
    """

    option_spec: ClassVar[OptionSpec] = {
        "state": directives.unchanged_required,
        "wide": directives.flag,
    }

    def run(self) -> list[nodes.Node]:
        """Embed the networks in the page."""
        from lstm_book.experiments.store import STORED

        if self.env.temp_data.get("gate_lab"):
            raise self.error("gate-lab: there is one on this page already")
        self.env.temp_data["gate_lab"] = True
        for run in RUNS.values():
            for path in STORED.glob(f"{run}.*"):
                self.env.note_dependency(str(path))
        for path in (TOUR, TEMPLATE, Path(__file__)):
            self.env.note_dependency(str(path))
        content = data()
        template = Environment(
            loader=FileSystemLoader(TEMPLATE.parent), undefined=StrictUndefined, autoescape=True
        ).from_string(TEMPLATE.read_text(encoding="utf-8"))
        packed = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
        page = template.render(
            state=self.options.get("state", content["start"]),
            wide="wide" in self.options,
            data=Markup(packed.replace("</", "<\\/")),
            tour=content["tour"],
            presets=content["presets"],
            units=len(content["models"]["lstm"]["w"]),
            still=Markup(still([float(number) for number in content["presets"][0]["x"]])),
        )
        node = gate_lab(html=page)
        self.set_source_info(node)
        return [node]


def visit(self: HTML5Translator, node: gate_lab) -> None:
    """Write the lab as it is."""
    self.body.append(node["html"])
    raise nodes.SkipNode


def load_on_its_pages(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Have the browser load the lab's files on pages that have a lab."""
    if doctree is not None and next(iter(doctree.findall(gate_lab)), None) is not None:
        for name in FILES:
            app.add_js_file(name, loading_method="defer")
        app.add_css_file("lab/lab.css")


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx."""
    app.add_node(gate_lab, html=(visit, None))
    app.add_directive("gate-lab", GateLab)
    app.connect("html-page-context", load_on_its_pages)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
