"""Print glued numbers as people write them: 4e-14 becomes 4 × 10 to the −14."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

SCIENTIFIC = re.compile(r"(?P<mantissa>[-+]?\d+(?:\.\d+)?)e(?P<exponent>[-+]?\d+)")


def written_out(text: str) -> list[nodes.Node]:
    """The text with every number in scientific notation written as a power of ten."""
    found: list[nodes.Node] = []
    end = 0
    for number in SCIENTIFIC.finditer(text):
        exponent = str(int(number["exponent"])).replace("-", "−")
        found += [
            nodes.Text(f"{text[end : number.start()]}{number['mantissa']} × 10"),
            nodes.superscript(exponent, exponent),
        ]
        end = number.end()
    return [*found, nodes.Text(text[end:])] if text[end:] or not found else found


class PowersOfTen(SphinxPostTransform):
    """Rewrite glued numbers once all of them have been filled in, own and from other pages."""

    default_priority = 950

    def run(self, **kwargs: Any) -> None:
        """Rewrite the numbers of one page."""
        for node in list(self.document.findall(nodes.inline)):
            if "pasted-text" in node["classes"] and SCIENTIFIC.search(node.astext()):
                text = node.astext()
                node.clear()
                node += written_out(text)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx."""
    app.add_post_transform(PowersOfTen)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
