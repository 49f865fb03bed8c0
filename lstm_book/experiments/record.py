"""What the file of a stored run says: read, checked, and written as JSON with its digest."""

import hashlib
import json
import platform
import re
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lstm_book.experiments.experiment import Experiment


def fresh_record(experiment: Experiment) -> dict[str, Any]:
    """Return a record without results."""
    return {
        "name": experiment.name,
        "command": f"lstm-book run {experiment.name}",
        "configuration": experiment.configuration,
        "versions": {"Python": platform.python_version(), "torch": version("torch")},
        "machine": f"{platform.machine()}, {platform.system()}, one thread",
        "date": date.today().isoformat(),
        "results": [],
        "weights": None,
    }


def has_seed(record: dict[str, Any], seed: int) -> bool:
    """Return whether a record holds a seed."""
    return any(result["seed"] == seed for result in record["results"])


def record_to_extend(path: Path, fresh: dict[str, Any]) -> dict[str, Any]:
    """Return the record that a new seed may be added to: what the file holds, or a fresh one."""
    if not path.exists():
        return dict(fresh)
    record = read_record(path, fresh["name"])
    versions = [
        f"{name} is {record['versions'].get(name)} there and {number} here"
        for name, number in fresh["versions"].items()
        if record["versions"].get(name) != number
    ]
    settings = other_settings(record, fresh["configuration"])
    refuse(path, [*settings.values(), *versions])
    return record


def other_settings(record: dict[str, Any], now: dict[str, Any]) -> dict[str, str]:
    """Return the settings that differ, by name, and say how."""
    then = record["configuration"]
    return {
        name: f"setting {name} is {then.get(name)!r} there and {now.get(name)!r} here"
        for name in sorted(now.keys() | then.keys())
        if now.get(name) != then.get(name)
    }


def refuse(path: Path, differences: list[str]) -> None:
    """Raise ValueError if there are differences."""
    if differences:
        raise ValueError(
            f"expected {path} to be of the same run, but {', '.join(differences)}; "
            "choose another folder"
        )


def read_record(path: Path, name: str) -> dict[str, Any]:
    """Return what a file holds, if it is what a run of that experiment wrote.

    Raises:
        ValueError: If it is not.
    """
    content = path.read_bytes()
    try:
        record = json.loads(content)
        if not isinstance(record, dict):
            raise ValueError(f"it holds a {type(record).__name__}")
        digest = record.pop("sha256", None)
        check_record(record)
        if record["name"] != name:
            raise ValueError(f"it is of {record['name']!r}")
        if digest != _digest(record):
            raise ValueError("its content is not that of its sha256")
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"expected {path} to be what `lstm-book run {name}` wrote, "
            f"got {len(content)} bytes that are not: {error}"
        ) from None
    return record


def check_record(record: dict[str, Any]) -> None:
    """Raise ValueError unless all that is read of a record later is there, with its type."""
    wanted = {
        **dict.fromkeys(("name", "command", "machine", "date"), str),
        **{"configuration": dict, "versions": dict, "results": list},
    }
    for key, kind in wanted.items():
        if not isinstance(record.get(key), kind):
            raise ValueError(f"expected a {kind.__name__} as {key!r}, got {record.get(key)!r:.40}")
    for result in record["results"] or [None]:
        if not _is(result, {"seed": int, "seconds": int | float}):
            raise ValueError(f"expected results with seed and seconds, got {result!r:.40}")
        for losses in _list(result, "first_losses"):
            _check_numbers("first losses", losses)
    for weights in all_weights(record):
        if not _is(weights, {"file": str, "seed": int, "sha256": str}):
            raise ValueError(f"expected weights with file, seed and sha256, got {weights!r:.40}")
        # Whatever the system: / on all, \\ and : on some.
        if weights["file"] in ("", ".", "..") or set(weights["file"]) & set("/\\:\0"):
            raise ValueError(f"expected the bare name of a file, got {weights['file']!r}")
        _check_numbers("a probe", _list(weights, "probe"))


def _is(value: Any, kinds: dict[str, Any]) -> bool:
    """Return whether a value is a dictionary that has these keys, with these types."""
    return isinstance(value, dict) and all(isinstance(value.get(k), t) for k, t in kinds.items())


def all_weights(record: dict[str, Any]) -> list[Any]:
    """Return what a record says about files of weights."""
    every = (record.get("weights"), *_list(record, "more_weights"))
    return [weights for weights in every if weights is not None]


def _list(holder: dict[str, Any], key: str) -> list[Any]:
    """Return a list, empty if there is none."""
    found = holder.get(key, [])
    if not isinstance(found, list):
        raise ValueError(f"expected a list as {key!r}, got {found!r:.40}")
    return found


def _check_numbers(name: str, values: Any) -> None:
    """Raise ValueError if these are not numbers."""
    if not isinstance(values, list) or not all(isinstance(v, int | float) for v in values):
        raise ValueError(f"expected {name} to be numbers, got {values!r:.40}")


def _digest(record: dict[str, Any]) -> str:
    """Return a hash of what a record says; how it is laid out does not count."""
    content = json.dumps(record, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()


def as_json(record: dict[str, Any]) -> bytes:
    """Return a record and its digest as readable JSON, with a list of numbers on one line."""
    text = json.dumps({**record, "sha256": _digest(record)}, indent=1)
    numbers = re.compile(r"\[\s+(-?[\d.][^\[\]\"{}]*?)\s+\]")
    return (numbers.sub(lambda found: f"[{' '.join(found[1].split())}]", text) + "\n").encode()
