"""Every notebook of the built site runs outside the repository, after its own line has installed.

``nox -s notebooks`` runs this with an interpreter that has of the book but the site's wheel.
"""

import json
import os
import shutil
import subprocess

import pytest
from page_cells import ROOT

SITE = ROOT / "build" / "html"
NOTEBOOKS = sorted(
    path.relative_to(SITE)
    for folder in ("_notebooks", "_downloads")
    for path in (SITE / folder).rglob("*.ipynb")
)
INTERPRETER = os.environ["NOTEBOOK_PYTHON"]
assert NOTEBOOKS, "There is no site in build/html. Build it first: python -m nox -s docs"


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_elsewhere(notebook, tmp_path):
    path = tmp_path / notebook  # as far from the wheel as in the site
    path.parent.mkdir(parents=True)
    shutil.copy(SITE / notebook, path)
    for wheel in SITE.glob("*.whl"):
        os.link(wheel, tmp_path / wheel.name)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"MPLBACKEND": "agg", "IPYTHONDIR": str(tmp_path / "ipython")}
    cells = [c for c in json.loads(path.read_text())["cells"] if c["cell_type"] == "code"]
    assert "%pip install" in "".join(cells[0]["source"])
    ran = subprocess.run(
        [INTERPRETER, "-m", "jupyter", "execute", "--timeout=600", path.name],
        cwd=path.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
