"""What a page shows can be pasted into a fresh interpreter, in order, in a folder elsewhere.

``nox -s pasted`` runs this; plain pytest leaves it out, because pages take their time.
"""

import os
import subprocess
import sys

import pytest
from page_cells import ROOT, cells_of, in_place

PAGES = [
    "part2_pytorch/one_cell",
    "part2_pytorch/the_layer",
    "part2_pytorch/stacking",
    "part2_pytorch/bidirectional",
    "part2_pytorch/recipes",
    "part2_pytorch/shapes",
    "part2_pytorch/padding",
    "part2_pytorch/end_to_end",
    "part1_maths/in_a_minute",
    "part1_maths/history",
    "part1_maths/what_you_need",
    "part1_maths/recurrence",
    "part1_maths/vanishing",
    "part1_maths/additive_memory",
    "part1_maths/gates",
    "part1_maths/cell_update",
    "part1_maths/gradient_flow",
    "part1_maths/lstm_of_1997",
    "part1_maths/side_by_side",
    "part1_maths/bptt",
    "part1_maths/summary",
    "part2_pytorch/seq2seq",
    "part2_pytorch/attention",
    "part2_pytorch/decoding",
    "part2_pytorch/dates",
    "part2_pytorch/initialisation",
    "part2_pytorch/classification",
    "part2_pytorch/classification_peers",
    "part2_pytorch/tagging",
    "part2_pytorch/variants",
    "part2_pytorch/modern_relatives",
    "part2_pytorch/index",
    "part2_pytorch/summary",
    "part2_pytorch/in_your_code",
    "part2_pytorch/character_model",
    "part3_training/the_task",
    "part3_training/series_experiment",
    "part3_training/longer_sequences",
    "part3_training/long_memory",
    "part3_training/initialisation_decides",
    "part3_training/comparison",
    "part3_training/summary",
    "part3_training/where_lstms_fail",
    "part3_training/deployed",
    "part3_training/states_in_motion",
]


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_shows_runs_by_itself(page, tmp_path):
    source = ROOT / "docs" / f"{page}.md"
    pasted = tmp_path / source.name  # the code stands on the page's lines: a traceback names them
    pasted.write_text(in_place(cell for cell in cells_of(source) if not cell.hidden))
    assert "glue" not in pasted.read_text()
    result = subprocess.run(
        [sys.executable, pasted],
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
