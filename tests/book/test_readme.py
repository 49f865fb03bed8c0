"""README says what works: its commands are those that CI runs, its example runs."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"python -m pip install nox && python -m nox -s (\w+)", README)


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_readme_gives_exactly_two_commands():
    assert COMMANDS == ["docs", "tests"]


@pytest.mark.parametrize("session", COMMANDS)
def test_ci_runs_the_commands_of_readme(session):
    line = f"python -m pip install nox && python -m nox -s {session}"
    assert line in (ROOT / ".ci" / "run").read_text().splitlines()


def test_every_session_that_readme_names_exists():
    noxfile = (ROOT / "noxfile.py").read_text()
    for session in {*COMMANDS, *re.findall(r"`nox -s (\w+)", README)}:
        assert f"def {session}(session: nox.Session)" in noxfile


@pytest.mark.parametrize("file", [".github/workflows/pages.yml", ".readthedocs.yaml"])
def test_what_publishes_runs_the_same_session(file):
    assert "python -m nox -s docs" in (ROOT / file).read_text()


def test_every_action_is_pinned_by_its_commit():
    for workflow in ROOT.glob(".github/workflows/*.yml"):
        for action in re.findall(r"uses: (\S+)", workflow.read_text()):
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action)


def test_the_example_runs(capsys):
    (example,) = blocks("python")
    exec(compile(example, "README.md", "exec"), {})
    assert "tensor" in capsys.readouterr().out
