"""Change one thing in the package at a time, and see whether the room's tests notice.

Cosmic Ray makes the mutants: another operator, comparison, constant or condition. A sample of them,
drawn evenly over all that could be made, is tried on a copy. Run by ``nox -s mutants``; alone,
``python tests/faults/mutants.py 150 --seed 0 --jobs 2 --rooms cells layers``.
"""

import argparse
import ast
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
STORE = (
    "tests/experiments/test_store.py",
    "tests/experiments/test_command.py",
    "tests/test_files.py",
)
ROOMS = {  # what is changed, and the tests that shall notice
    "cells": ("lstm_book/cells", "tests/cells"),
    "layers": ("lstm_book/layers", "tests/layers"),
    "gradients": ("lstm_book/gradients", "tests/gradients"),
    "recording": ("lstm_book/recording", "tests/recording"),
    "training": ("lstm_book/training", "tests/training"),
    "decoding": ("lstm_book/models/decoding.py", "tests/models"),
    "store": ("lstm_book/experiments/store.py", *STORE),
    "record": ("lstm_book/experiments/record.py", *STORE),
    "run": ("lstm_book/experiments/run.py", *STORE),
}
OPERATORS = (  # what a slip of the pen may do; no shift for a sum
    "ReplaceBinaryOperator_Add_Sub",
    "ReplaceBinaryOperator_Sub_Add",
    "ReplaceBinaryOperator_Mul_Div",
    "ReplaceBinaryOperator_Mul_Add",
    "ReplaceBinaryOperator_Div_Mul",
    "ReplaceBinaryOperator_FloorDiv_Mul",
    "ReplaceBinaryOperator_Mod_Mul",
    "ReplaceBinaryOperator_Pow_Mul",
    "ReplaceComparisonOperator",
    "ReplaceUnaryOperator",
    "ReplaceAndWithOr",
    "ReplaceOrWithAnd",
    "ReplaceTrueWithFalse",
    "ReplaceFalseWithTrue",
    "NumberReplacer",
    "AddNot",
)


@dataclass
class Mutant:
    """One change, and what became of it."""

    room: str
    file: str
    line: int
    operator: str
    column: int
    job: str
    outcome: str = "?"
    diff: str = ""


def annotations(path: Path) -> list[tuple[int, int, int, int]]:
    """Return where types stand: changing these changes no behaviour."""
    spans = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        for child in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if child is not None:
                spans.append(
                    (child.lineno, child.col_offset, child.end_lineno, child.end_col_offset)
                )
    return spans


def within(row: int, column: int, spans: list[tuple[int, int, int, int]]) -> bool:
    return any((a, b) <= (row, column) <= (c, d) for a, b, c, d in spans)


def candidates(copy: Path, room: str) -> Iterator[Mutant]:
    """Let Cosmic Ray list what can be changed in a room."""
    source, *_ = ROOMS[room]
    settings = copy / f"{room}.toml"
    settings.write_text(
        f'[cosmic-ray]\nmodule-path = ["{source}"]\ntimeout = 600\nexcluded-modules = []\n'
        'test-command = "true"\n[cosmic-ray.distributor]\nname = "local"\n'
    )
    session = copy / f"{room}.sqlite"
    subprocess.run(
        [sys.executable, "-m", "cosmic_ray.cli", "init", settings.name, session.name],
        cwd=copy,
        check=True,
    )
    columns = "module_path, operator_name, start_pos_row, start_pos_col, job_id"
    with sqlite3.connect(session) as connection:
        rows = connection.execute(f"select {columns} from mutation_specs").fetchall()
    spans = {file: annotations(copy / file) for file in {row[0] for row in rows}}
    for file, operator, row, column, job in rows:
        kind = operator.removeprefix("core/")
        if kind.startswith(OPERATORS) and not within(row, column, spans[file]):
            yield Mutant(room, file, row, kind, column, job)


def nearest_first(mutant: Mutant, copy: Path) -> list[str]:
    """Return the file, for its examples, and its room's tests, those named after it first."""
    file = Path(mutant.file)
    tests = [
        path
        for place in ROOMS[mutant.room][1:]
        for path in (sorted((copy / place).glob("test_*.py")) or [copy / place])
    ]
    near = {file.stem.strip("_"), file.parent.name}
    tests.sort(key=lambda path: not any(name in path.stem for name in near))
    return [mutant.file, *(str(path.relative_to(copy)) for path in tests)]


def judge(mutant: Mutant, copies: list[Path]) -> Mutant:
    """Apply a mutant to a copy of the tree, run its room's tests, and put the copy back."""
    copy = copies.pop()
    file = copy / mutant.file
    before = file.read_bytes()
    environment = {**os.environ, "PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1"}
    try:
        with sqlite3.connect(copy / f"{mutant.room}.sqlite") as connection:
            occurrence, arguments = connection.execute(
                "select occurrence, operator_args from mutation_specs where job_id = ?",
                (mutant.job,),
            ).fetchone()
        settings = json.loads(arguments)
        settings = json.loads(settings) if isinstance(settings, str) else settings
        code = (
            "from pathlib import Path\n"
            "from cosmic_ray.mutating import apply_mutation\n"
            "from cosmic_ray.plugins import get_operator\n"
            f"operator = get_operator('core/{mutant.operator}')(**{settings!r})\n"
            f"apply_mutation(Path({mutant.file!r}), operator, {occurrence})\n"
        )
        subprocess.run([sys.executable, "-c", code], cwd=copy, check=True)
        after = file.read_text(encoding="utf-8").splitlines()
        changed = zip(before.decode().splitlines(), after, strict=False)
        old, new = next(((a, b) for a, b in changed if a != b), ("", ""))
        mutant.diff = f"{old.strip()}  ->  {new.strip()}"
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
        try:
            done = subprocess.run(
                [*command, *nearest_first(mutant, copy)],
                cwd=copy,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=900,
            )
            mutant.outcome = "alive" if done.returncode == 0 else "killed"
        except subprocess.TimeoutExpired:
            mutant.outcome = "killed"  # it never ends
    finally:
        file.write_bytes(before)
        copies.append(copy)
    print(f"{mutant.outcome:7}{mutant.file}:{mutant.line}  {mutant.diff}", flush=True)
    return mutant


def main() -> int:
    """Try a sample and print who is alive; 1 if more than one in twenty is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=150)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--rooms", nargs="+", choices=ROOMS, default=list(ROOMS))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        copies = [Path(folder) / str(job) for job in range(asked.jobs)]
        for copy in copies:
            for part in ("lstm_book", "tests", "docs/_ext", "pyproject.toml"):
                source, target = ROOT / part, copy / part
                target.parent.mkdir(parents=True, exist_ok=True)
                if source.is_dir():
                    shutil.copytree(source, target)
                else:
                    shutil.copy(source, target)
        every = [m for room in asked.rooms for m in candidates(copies[0], room)]
        for copy in copies[1:]:
            for session in copies[0].glob("*.sqlite"):
                shutil.copy(session, copy)
        sample = random.Random(asked.seed).sample(sorted(every, key=place), asked.count)
        print(f"{len(sample)} of {len(every)} possible mutants", flush=True)
        with ThreadPoolExecutor(asked.jobs) as pool:
            done = list(pool.map(lambda mutant: judge(mutant, copies), sample))
    alive = [mutant for mutant in done if mutant.outcome == "alive"]
    print(f"\n{len(done) - len(alive)} of {len(done)} killed; alive:")
    for mutant in alive:
        print(f"  {mutant.file}:{mutant.line}  {mutant.diff}")
    return int(len(alive) > 0.05 * len(done))


def place(mutant: Mutant) -> tuple[str, int, int, str]:
    """Where a mutant is: what a sample is drawn by, so that a seed always gives the same one."""
    return mutant.file, mutant.line, mutant.column, mutant.operator


if __name__ == "__main__":
    raise SystemExit(main())
