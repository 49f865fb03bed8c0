"""A few of the faults of ``nox -s faults``, which has many more."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "faults" / "disturb_fit.py"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks processes")
def test_nothing_is_lost_by_kills_signals_flipped_bits_and_full_disks():
    few = ["10", "40", "3"]  # kills, bits, signals of each kind
    result = subprocess.run([sys.executable, SCRIPT, *few], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    for words in ("10 SIGKILLs", "40 single bits", "3 SIGINTs", "3 SIGTERMs", "refused writes"):
        assert words in result.stdout
