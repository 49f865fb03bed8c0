"""Set-up of every test: shapes checked, one thread, seeded draws."""

import importlib
import os
import signal

import hypothesis
import pytest
import shapes
import torch
from jaxtyping import install_import_hook

# Before the package is imported: the modules that hold nothing but equations are checked whole.
install_import_hook(["lstm_book.cells.step", "lstm_book.gradients._step"], "shapes.check")

# Public entries raise their own worded errors, so beside them only the private helpers are checked.
jacobians = importlib.import_module("lstm_book.gradients.jacobians")
for name in ("_rows", "_cell_from_hidden", "_spectral"):
    setattr(jacobians, name, shapes.checked(getattr(jacobians, name)))

torch.set_num_threads(1)
# A shell that puts the tests into the background lets them ignore it, and their children too.
signal.signal(signal.SIGINT, signal.default_int_handler)

hypothesis.settings.register_profile("here", deadline=None, max_examples=50)
hypothesis.settings.register_profile("ci", deadline=None, max_examples=50, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "here")

collect_ignore = ["benchmarks", "browser"]  # for `nox -s bench` and `nox -s browser`


@pytest.fixture(autouse=True)
def _seed():
    """Modules draw their first weights from torch's global generator."""
    torch.manual_seed(1997)


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(2000)
