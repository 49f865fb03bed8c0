"""Numbers are written as people write them, and stay on one line."""

import pytest
from docutils import nodes
from numerals import in_groups, kept_together, written_out


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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("28000", "28_000"),
        ("1234567 of 12345", "1_234_567 of 12_345"),
        ("1997, 9999", "1997, 9999"),
        ("0.12345 and 12345.5", "0.12345 and 12345.5"),
    ],
)
def test_in_groups(text, expected):
    assert in_groups(text) == expected.replace("_", "\N{NARROW NO-BREAK SPACE}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from 1 000 to 853 000 steps", "from 1_000 to 853_000 steps"),
        ("over 1\n000 000 steps.", "over 1_000_000 steps."),
        ("in 1997 100 of them", "in 1997 100 of them"),
        ("rows 12 345 6", "rows 12_345 6"),
        ("0.5 100 times", "0.5 100 times"),
    ],
)
def test_kept_together(text, expected):
    assert kept_together(text) == expected.replace("_", "\N{NARROW NO-BREAK SPACE}")
