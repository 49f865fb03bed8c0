"""Numbers are written as people write them, and stay on one line."""

import pytest
from docutils import nodes
from numerals import in_groups, kept_together, written_out
from sphinx_project import build


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
        ("3e-02, 4.9e+00 and -1.20e+03", "0.03, 4.9 and -1200"),
        ("0.58", "0.58"),
        ("default", "default"),
        ("sha256 12e4f, v1.2e3x", "sha256 12e4f, v1.2e3x"),
    ],
)
def test_written_out(text, expected):
    assert flat(written_out(text)).replace("\N{NO-BREAK SPACE}", " ") == expected


def test_a_power_of_ten_stays_on_one_line():
    assert " " not in flat(written_out("4e-14"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("28000", "28_000"),
        ("1234567 of 12345", "1_234_567 of 12_345"),
        ("1,234,567 of 2,064; 1,2", "1_234_567 of 2_064; 1,2"),
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


def test_a_spread_stays_with_its_mean():
    assert kept_together("93.0 ± 3.2 (5)") == "93.0_±_3.2 (5)".replace("_", "\N{NO-BREAK SPACE}")


@pytest.mark.parametrize("unit", ["%", "ms", "µs", "kB", "MB"])
def test_a_unit_stays_with_its_number(unit):
    assert kept_together(f"of 5 {unit}, and") == f"of 5\N{NO-BREAK SPACE}{unit}, and"
    assert kept_together(f"of 5 {unit}x and a {unit}") == f"of 5 {unit}x and a {unit}"


def test_numbers_of_tables_are_rewritten_and_those_of_code_are_not(tmp_path):
    page = "# Page\n\n| a | b |\n|---|---|\n| 2.2e-08 | `3e-09` |\n"
    built = build(tmp_path, page=page)
    assert built.warnings == []
    cells = [cell.text_content() for cell in built.page("page").xpath("//td")]
    assert cells == ["2.2\xa0×\xa010−8", "3e-09"]
