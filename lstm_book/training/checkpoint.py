"""Write a training run to a file, and take it up again where it was."""

import io
import os
import pickle
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

FORMAT = 1
"""The version of what the files hold."""


@dataclass(frozen=True)
class Checkpoint:
    """Where and how often `fit` writes a run down.

    A run that is stopped and started again with the same arguments goes on from its last file, and
    ends with the same bits as one that was never stopped. The file holds the model, the optimiser,
    the schedule, the history, and the state of every source of random numbers. It is replaced as a
    whole: whenever the process dies, a complete file is there.

    Args:
        path: The file.
        every: Updates between two writes, at least 1.

    Raises:
        ValueError: If `every` is below 1.
    """

    path: Path
    every: int = 100

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"expected a checkpoint every 1 update or more, got {self.every}")

    def updates(self) -> int:
        """Return how many updates the file's run has made; 0 if there is no file.

        Raises:
            ValueError: If the file is not a whole checkpoint of this version.
        """
        return len(self._read()["history"]["loss"]) if self.path.exists() else 0

    def save(self, run: dict[str, Any], generator: torch.Generator | None) -> None:
        """Write a run; each part has a `state_dict` or is a plain value.

        Raises:
            OSError: If the file cannot be written, as on a full disk; the one before stays.
        """
        content = {
            "format": FORMAT,
            **{name: _state(part) for name, part in run.items()},
            "random": torch.get_rng_state(),
            "generator": None if generator is None else generator.get_state(),
        }
        written = io.BytesIO()
        torch.save(content, written)
        folder = self.path.parent
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, prefix=f".{self.path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(written.getbuffer())
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, self.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def load(self, run: dict[str, Any], generator: torch.Generator | None) -> dict[str, Any] | None:
        """Put what the file holds into a run's parts, in place, and return its plain values.

        Returns:
            The plain values; None if there is no file.

        Raises:
            ValueError: If the file is not a whole checkpoint of this version, is of a run with
                other settings, or does not fit the model.
        """
        if not self.path.exists():
            return None
        content = self._read()
        wanted = run["settings"]
        if content.get("settings") != wanted:
            raise ValueError(
                f"expected {self.path} to be of a run with {wanted}, got {content.get('settings')}"
            )
        if (content["generator"] is None) != (generator is None):
            raise ValueError(f"expected {self.path} to be of a run with a generator as this one")
        plain = {}
        for name, part in run.items():
            if hasattr(part, "load_state_dict"):
                try:
                    part.load_state_dict(content[name])
                except (RuntimeError, KeyError) as error:
                    raise ValueError(f"{self.path} does not fit the {name}: {error}") from error
            else:
                plain[name] = content[name]
        torch.set_rng_state(content["random"])
        if generator is not None:
            generator.set_state(content["generator"])
        return plain

    def _read(self) -> dict[str, Any]:
        """Return what the file holds."""
        held = io.BytesIO(self.path.read_bytes())
        try:
            content: dict[str, Any] = torch.load(held, weights_only=True)
            found = content.get("format")
        except (
            RuntimeError,
            ValueError,
            EOFError,
            AttributeError,
            pickle.UnpicklingError,
        ) as error:
            raise ValueError(
                f"expected a whole checkpoint, got {self.path} of {len(held.getbuffer())} bytes "
                f"({type(error).__name__}); delete it to begin anew"
            ) from error
        if found != FORMAT:
            raise ValueError(f"expected {self.path} in format {FORMAT}, got format {found}")
        return content


def _state(part: Any) -> Any:
    """Return a part's state, or the part itself."""
    if isinstance(part, nn.Module) or hasattr(part, "state_dict"):
        return part.state_dict()
    return part
