"""A small form of tests/faults/fuzz.py: no public callable meets odd arguments unprepared."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "faults"))

from fuzz import cases, fuzz, uncovered

SMALL = 8  # calls a case; `nox -s faults` makes many more


def test_every_public_callable_has_a_case():
    assert uncovered(cases()) == []


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", [11, 12])
def test_odd_arguments_give_an_answer_or_a_worded_error(seed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = fuzz(SMALL // 2 * len(cases()), seed=seed)
    assert found.faults == {}
    assert found.answers > found.calls / 20
