"""The API reference: entries under public names, found from wherever an object is defined."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from freshness import source_map
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

# Names under which libraries define what they document elsewhere, and what shapes are written in.
ALIASES = {
    "Tensor": "torch.Tensor",
    "torch._tensor.Tensor": "torch.Tensor",
    "torch._C.Generator": "torch.Generator",
    "torch.nn.modules.module.Module": "torch.nn.Module",
    "torch.nn.modules.rnn.LSTM": "torch.nn.LSTM",
    "torch.nn.modules.rnn.RNNBase": "torch.nn.RNNBase",
    "matplotlib.axes._axes.Axes": "matplotlib.axes.Axes",
    "np.ndarray": "numpy.ndarray",
}


def resolve(
    app: Sphinx, env: BuildEnvironment, node: addnodes.pending_xref, contnode: nodes.Element
) -> nodes.Node | None:
    """Try the public name of a package object, or the documented name of another's."""
    if node.get("refdomain") != "py":
        return None
    target = node["reftarget"]
    sources = source_map(env)
    definition = sources.find(target) if target.startswith(sources.package + ".") else None
    public = (
        sources.public_name(definition.module, definition.qualname)
        if definition
        else ALIASES.get(target, target)
    )
    if public == target:
        return None
    node = node.deepcopy()
    node["reftarget"] = public
    node["reftype"] = "obj"
    if definition:
        domain = env.domains.python_domain
        return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", public, node, contnode)
    from sphinx.ext.intersphinx import resolve_reference_detect_inventory

    return resolve_reference_detect_inventory(env, node, contnode)


def leave_out(
    app: Sphinx, what: str, name: str, obj: object, skip: bool, options: object
) -> bool | None:
    """Leave out what a docstring says already: tuple fields, and torch's hook for ``repr``."""
    field = str(getattr(obj, "__doc__", "")).startswith("Alias for field number")
    return True if field or name == "extra_repr" else None


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx, before intersphinx."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-skip-member", leave_out)
    app.connect("missing-reference", resolve, priority=400)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
