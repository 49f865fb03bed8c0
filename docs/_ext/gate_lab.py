"""``{gate-lab}``: trained networks that the reader's own browser runs, gates to be dragged; it is
this book's alone.

The directive puts the weights of two stored runs, the presets and the tour into the page as JSON.
``_static/lab`` holds the arithmetic, the element and its look; only pages with a lab load them.
"""

import json
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

RUNS = {"lstm": "gate-lab-lstm", "rnn": "gate-lab-rnn"}
DOCS = Path(__file__).parents[1]
TOUR = DOCS / "_static" / "lab" / "tour.json"
TEMPLATE = DOCS / "_templates" / "gate_lab.html"
DRAWN = "gallery/gradients/edge"  # what readers without JavaScript can look at


class gate_lab(nodes.General, nodes.Element):  # noqa: N801 (docutils names nodes so)
    """The place of a lab, with what its template is filled with."""


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


class GateLab(SphinxDirective):
    """The lab. ``:state:`` is what it opens with, as its links say it after ``#lab?``; ``:wide:``
    gives it the room of a whole page.
    """

    option_spec: ClassVar[dict[str, Any]] = {
        "state": directives.unchanged_required,
        "wide": directives.flag,
    }

    def run(self) -> list[nodes.Node]:
        """Embed the networks in the page."""
        from lstm_book.experiments.store import STORED

        if self.env.temp_data.get("gate_lab"):
            raise self.error("gate-lab: there is one on this page already")
        self.env.temp_data["gate_lab"] = True
        stored = [path for run in RUNS.values() for path in STORED.glob(f"{run}.*")]
        for path in (*stored, TOUR, TEMPLATE, Path(__file__)):
            self.env.note_dependency(str(path))
        content = data()
        packed = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
        node = gate_lab(
            state=self.options.get("state", content["start"]),
            wide="wide" in self.options,
            data=Markup(packed.replace("</", "<\\/")),
            tour=content["tour"],
            presets=content["presets"],
            units=len(content["models"]["lstm"]["w"]),
        )
        self.set_source_info(node)
        return [node]


def visit(self: HTML5Translator, node: gate_lab) -> None:
    """Write the lab."""
    page = self.builder.get_relative_uri(self.builder.current_docname, DRAWN)
    jinja = Environment(undefined=StrictUndefined, autoescape=True)
    lab = jinja.from_string(TEMPLATE.read_text(encoding="utf-8"))
    self.body.append(lab.render(node.attributes, drawn=page))
    raise nodes.SkipNode


def load_on_its_pages(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Have the browser load the lab's files on pages that have a lab."""
    if doctree is not None and next(iter(doctree.findall(gate_lab)), None) is not None:
        for name in ("lab/lstm.js", "lab/lab.js"):
            app.add_js_file(name, loading_method="defer")
        app.add_css_file("lab/lab.css")


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_node(gate_lab, html=(visit, None))
    app.add_directive("gate-lab", GateLab)
    app.connect("html-page-context", load_on_its_pages)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
