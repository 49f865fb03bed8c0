"""What all measurements share: a quiet machine, its name, and a table written whole."""

import argparse
import datetime
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

COMMAND = "python -m nox -s bench"
STORED = Path(__file__).parents[2] / "lstm_book" / "figures" / "stored"
IDLE, PATIENCE = 0.7, 18  # the highest load average; how often to look again, every 10 s


def prepare(description: str, stored: str) -> tuple[argparse.Namespace, dict[str, Any]]:
    """Read the options, refuse a busy machine, and return the options and the table's head."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--output", type=Path, default=STORED / stored, help="the table's file")
    parser.add_argument("--turns", type=int, default=9, help="repeats of every row")
    parser.add_argument("--seconds", type=float, default=0.3, help="length of a turn, each side")
    parser.add_argument("--busy", action="store_true", help="measure on a busy machine too")
    options = parser.parse_args()
    load = load_average()
    for _ in range(0 if options.busy else PATIENCE):
        if load <= IDLE:
            break
        time.sleep(10)  # a measurement that ran before this one still counts for a minute
        load = load_average()
    if load > IDLE and not options.busy:
        sys.exit(
            f"The load average is {load:.1f}: something else is running, and timings would mean "
            "little. Please wait until the machine is idle, or pass --busy."
        )
    torch.set_num_threads(1)
    torch.manual_seed(0)
    head = {
        "machine": machine(),
        "versions": {"Python": platform.python_version(), "torch": torch.__version__},
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "command": COMMAND,
        "threads": 1,
        "load_average_before": load,
        "turns": options.turns,
    }
    return options, head


def load_average() -> float:
    """Return how many processes wanted to run in the last minute, where the system counts them."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def machine() -> str:
    """Name the processor and its cores."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
        models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
        model = models[0] if models else model
    return f"{model}, {os.cpu_count()} cores"


def write(result: dict[str, Any], path: Path) -> None:
    """Put the result in place whole: a page may read it at any moment."""
    with tempfile.NamedTemporaryFile(
        "w", dir=path.parent, suffix=".json", delete=False, encoding="utf-8"
    ) as file:
        json.dump(result, file, indent=2, ensure_ascii=False)
        file.write("\n")
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)
