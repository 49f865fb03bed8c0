"""Wheel and sdist as a stranger gets them: built, installed where nothing is, imported, typed."""

import json
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

USER = """
import torch
from lstm_book import LSTMCell, fit, unroll
from lstm_book.cells import weights_of
from lstm_book.tasks import FirstAndLast

cell, x = LSTMCell(3, 5), torch.zeros(4, 2, 3)
reveal_type(cell(x[0]))
reveal_type(cell.step(x[0], cell.zero_state(x[0])))
run = unroll(cell.step, x, cell.zero_state(x[0]))
reveal_type(run.gates)
reveal_type(weights_of(cell))
reveal_type(fit(cell, FirstAndLast(), steps=0))
LSTMCell("three", 5)
"""
# Reading all of torch takes mypy half a minute, and torch's types are not in question.
MYPY = """
[mypy-torch.*,jaxtyping.*]
follow_imports = skip
"""


SDIST = ["lstm_book", "docs", "gallery", "tests"]
SDIST += ["CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "LICENSE-TEXT"]
SDIST += ["noxfile.py", "constraints.txt", "pyproject.toml", "README.md", "LICENSE", ".gitignore"]


def python(*arguments, interpreter=sys.executable, **options):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [interpreter, *arguments], capture_output=True, text=True, env=environment, **options
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel, without network, with the back end that the tests group brings."""
    folder = tmp_path_factory.mktemp("wheel")
    return build_wheel(ROOT, folder)


def build_wheel(source, folder):
    options = ["--no-deps", "--no-index", "--no-build-isolation", "--no-cache-dir"]
    result = python("-m", "pip", "wheel", *options, "--wheel-dir", folder, source, cwd=folder)
    assert result.returncode == 0, result.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sdist")
    options = ["--target", "sdist", "--directory", folder]
    result = python("-m", "hatchling", "build", *options, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    (built,) = folder.glob("*.tar.gz")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Install the wheel where nothing of the working tree is; torch comes from this environment."""
    folder = tmp_path_factory.mktemp("stranger")
    venv.create(folder, with_pip=False)
    interpreter = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    options = ["--no-deps", "--no-index", "--no-cache-dir", "--quiet"]
    result = python("-m", "pip", "--python", interpreter, "install", *options, wheel, cwd=folder)
    assert result.returncode == 0, result.stderr
    (site,) = folder.glob("**/site-packages")
    import torch

    (site / "borrowed.pth").write_text(str(Path(torch.__file__).parents[1]))
    return interpreter, site


def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def contents(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {n: archive.read(n) for n in archive.namelist() if not n.endswith("/RECORD")}


def metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        return message_from_bytes(archive.read(name))


def test_wheel_holds_every_module_and_the_type_marker(wheel):
    package = ROOT / "lstm_book"
    wanted = {path.relative_to(ROOT).as_posix() for path in package.rglob("*.py")}
    assert wanted
    assert wanted | {"lstm_book/py.typed"} <= names(wheel)


def test_wheel_holds_nothing_else(wheel):
    tops = {name.split("/")[0] for name in names(wheel)}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"lstm_book"}
    assert any(name.endswith("licenses/LICENSE") for name in names(wheel))
    assert not any(word in name for name in names(wheel) for word in ("__pycache__", "test"))


def test_wheel_holds_the_stored_runs_and_stays_small(wheel):
    folder = "lstm_book/experiments/stored"
    wanted = {f"{folder}/{path.name}" for path in (ROOT / folder).iterdir()}
    assert any(name.endswith(".safetensors") for name in wanted)
    assert wanted <= names(wheel)
    assert wheel.stat().st_size < 10e6


def test_metadata_asks_for_little(wheel):
    requires = metadata(wheel).get_all("Requires-Dist")
    plain = {line.split(">")[0] for line in requires if "extra ==" not in line}
    assert plain == {"torch", "jaxtyping", "safetensors", "filelock"}
    assert metadata(wheel)["Requires-Python"] == ">=3.11"


def test_installed_wheel_imports_without_what_only_the_book_needs(installed, tmp_path):
    interpreter, site = installed
    code = """
import importlib, json, sys
from pathlib import Path
import lstm_book
root = Path(lstm_book.__file__).parent
for file in root.rglob("*.py"):
    parts = file.relative_to(root.parent).with_suffix("").parts
    if not {"plotting", "figures"} & set(parts):  # these need the extra
        importlib.import_module(".".join(parts).removesuffix(".__init__"))
unwanted = {"matplotlib", "beartype", "sphinx", "pytest", "hypothesis"} & set(sys.modules)
print(json.dumps([lstm_book.__file__, lstm_book.__version__, sorted(unwanted)]))
"""
    result = python("-P", "-c", code, interpreter=interpreter, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    file, version, unwanted = json.loads(result.stdout)
    assert Path(file).is_relative_to(site)
    assert unwanted == []
    assert version in next(path.name for path in site.glob("lstm_book-*.dist-info"))


def test_sdist_holds_the_sources_of_package_book_and_tests_and_nothing_else(sdist):
    with tarfile.open(sdist) as archive:
        found = {name.split("/", 1)[1] for name in archive.getnames()}
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *SDIST]
    result = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True)
    if result.returncode:
        pytest.skip("not a clone: there is no list of the sources to compare with")
    wanted = {name for name in result.stdout.splitlines() if (ROOT / name).exists()}
    assert found == wanted | {"PKG-INFO"}


def test_sdist_becomes_the_same_wheel(sdist, wheel, tmp_path):
    assert contents(build_wheel(sdist, tmp_path)) == contents(wheel)


def test_installed_command_runs(installed, tmp_path):
    interpreter, _ = installed
    command = interpreter.with_name("lstm-book")
    result = subprocess.run([command, "list"], cwd=tmp_path, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
    assert len(result.stdout.splitlines()) > 3


def test_a_users_script_sees_the_types_of_the_installed_wheel(installed, tmp_path):
    interpreter, _ = installed
    (tmp_path / "user.py").write_text(USER)
    (tmp_path / "mypy.ini").write_text(MYPY)
    result = python("-m", "mypy", "--python-executable", interpreter, "user.py", cwd=tmp_path)
    lines = result.stdout.splitlines()
    notes = [line.split("Revealed type is ")[1] for line in lines if ": note: Revealed" in line]
    wanted = [
        ["cells.state.LSTMState"],
        ["cells.state.LSTMState", "cells.state.Gates"],
        ["cells.state.Gates"],
        ["cells.weights.Weights"],
        ["training.fit.History"],
    ]
    assert len(notes) == len(wanted), result.stdout + result.stderr
    for note, records in zip(notes, wanted, strict=True):
        assert all(f"lstm_book.{record}" in note for record in records), note
    errors = [line for line in lines if ": error: " in line]
    assert len(errors) == 1, errors
    assert 'Argument 1 to "LSTMCell" has incompatible type "str"; expected "int"' in errors[0]
