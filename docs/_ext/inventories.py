"""Link to other projects' documentation without asking their sites while building.

``_inventories/<project>.txt`` lists the names that the book refers to, one a line: role, name and
page, in which ``$`` stands for the name. They are packed into the form that intersphinx reads.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

HEADER = (
    "# Sphinx inventory version 2\n# Project: {project}\n# Version: \n"
    "# The remainder of this file is compressed using zlib.\n"
)


def pack(project: str, names: str) -> bytes:
    """Turn the listed names into an inventory.

    Raises:
        ValueError: If a line does not have three parts.
    """
    entries = []
    for number, line in enumerate(names.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match line.split():
            case [role, name, page]:
                entries.append(f"{name} {role} 1 {page.replace('$', name)} -\n")
            case _:
                raise ValueError(f"{project}.txt:{number}: expected 'role name page', got {line!r}")
    return HEADER.format(project=project).encode() + zlib.compress("".join(entries).encode())


def write_inventories(app: Sphinx, config: Config) -> None:
    """Write an inventory for each site and tell intersphinx of it."""
    target = Path(app.confdir, config.inventories_target)
    target.mkdir(parents=True, exist_ok=True)
    for project, site in config.inventories_sites.items():
        names = Path(app.confdir, "_inventories", f"{project}.txt").read_text(encoding="utf-8")
        packed, path = pack(project, names), target / f"{project}.inv"
        if not path.exists() or path.read_bytes() != packed:
            path.write_bytes(packed)
        config.intersphinx_mapping[project] = (site, str(path))


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx, before intersphinx checks its mapping."""
    app.add_config_value("inventories_sites", {}, "env")
    app.add_config_value("inventories_target", "../build/cache/inventories", "env")
    app.connect("config-inited", write_inventories, priority=400)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
