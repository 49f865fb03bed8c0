"""Numbers in scientific notation are written as powers of ten."""

import pytest
from docutils import nodes
from powers_of_ten import written_out


def flat(parts):
    return "".join(
        f"^{part.astext()}" if isinstance(part, nodes.superscript) else part.astext()
        for part in parts
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4e-14", "4 × 10^−14"),
        ("1.5e+06", "1.5 × 10^6"),
        ("-2e-05", "-2 × 10^−5"),
        ("1e-08 (2e-09 to 3e-08)", "1 × 10^−8 (2 × 10^−9 to 3 × 10^−8)"),
        ("0.58", "0.58"),
        ("default", "default"),
    ],
)
def test_written_out(text, expected):
    assert flat(written_out(text)) == expected
