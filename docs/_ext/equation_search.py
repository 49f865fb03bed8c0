"""Let the search find equations by their names, which are their labels, beside the API's names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from docutils.nodes import make_id
from sphinx.application import Sphinx
from sphinx.domains import ObjType
from sphinx.domains.math import MathDomain


class NamedEquations(MathDomain):
    """Sphinx's own domain of mathematics, telling what equations it has."""

    object_types: ClassVar[dict[str, ObjType]] = {"equation": ObjType("equation", "eq", "numref")}

    def get_objects(self) -> Iterator[tuple[str, str, str, str, str, int]]:
        """Each labelled equation: name, name shown, type, page, anchor, priority."""
        for label, (page, _) in sorted(self.equations.items()):
            yield label, label, "equation", page, make_id(f"equation-{label}"), 1


def setup(app: Sphinx) -> dict[str, Any]:
    """Take the place of Sphinx's domain."""
    app.add_domain(NamedEquations, override=True)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
