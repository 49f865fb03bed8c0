"""The markup of every page keeps to the standard, by html-validate's rules for it."""

import json
import subprocess

from conftest import ROOT, pages

PROGRAM = ROOT / "docs" / "node_modules" / "html-validate" / "bin" / "html-validate.mjs"
RULES = {"root": True, "extends": ["html-validate:standard"]}
# What the validator finds and the site leaves: (rule, part of its message) and the reason.
FALSE_ALARMS: dict[tuple[str, str], str] = {}


def validate(files, folder):
    """Each fault of these files: file, line, rule, message."""
    rules = folder / "rules.json"
    rules.write_text(json.dumps(RULES))
    command = [
        "node",
        str(PROGRAM),
        "--config",
        str(rules),
        "--formatter",
        "json",
        *map(str, files),
    ]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode in (0, 1), result.stderr
    return [
        (file["filePath"], fault["line"], fault["ruleId"], fault["message"])
        for file in json.loads(result.stdout)
        for fault in file["messages"]
    ]


def test_every_page_is_valid(site, tmp_path):
    faults = [
        (name, line, rule, message)
        for name, line, rule, message in validate(
            [site.folder / name for name in pages(site.folder)], tmp_path
        )
        if not any(rule == known and part in message for known, part in FALSE_ALARMS)
    ]
    assert faults == []


def test_a_fault_is_found(tmp_path):
    page = tmp_path / "page.html"
    head = '<!DOCTYPE html><html lang="en"><head><title>x</title></head>'
    page.write_text(f"{head}<body><ul><p>x</p></ul><b id='a'></b><i id='a'></i></body></html>\n")
    rules = {rule for _, _, rule, _ in validate([page], tmp_path)}
    assert rules == {"element-permitted-content", "no-dup-id"}
