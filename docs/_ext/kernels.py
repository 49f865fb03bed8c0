"""Kernels that parallel readers can start at once: stock ones race for TCP ports and the notebook
cache's database, and read the IPython profile of whoever builds.
"""

import os
import tempfile
import uuid
from pathlib import Path

import jupyter_client
from jupyter_cache import get_cache
from traitlets import CaselessStrEnum, default

# What a cell prints arrives whole: MyST-NB puts a line break where a stream was cut by the clock.
# Kernels elsewhere warn that they talk over TCP; they do so on this machine only.
PROFILE = """
from ipykernel.iostream import OutStream
OutStream.flush_interval = 3600
get_config().IPKernelApp.log_level = 40
"""
_sockets = tempfile.TemporaryDirectory(prefix="kernels-")


class FileKernelManager(jupyter_client.AsyncKernelManager):
    """Talks to a kernel over files: parallel readers may pick the same free TCP port."""

    transport = CaselessStrEnum(["tcp", "ipc"], default_value="ipc")

    @default("ip")
    def _ip_default(self) -> str:  # absolute, as kernels run in other folders
        return f"{_sockets.name}/{uuid.uuid4().hex[:12]}"


def prepare(cache: Path) -> None:
    """Give kernels sockets and a profile of their own, and make the database of the cache."""
    _ = get_cache(cache).db
    profile = cache.with_name("ipython") / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    if os.name == "posix":
        jupyter_client.AsyncKernelManager = FileKernelManager  # where nbclient looks for it
    (profile / "ipython_kernel_config.py").write_text(PROFILE)
    os.environ["IPYTHONDIR"] = str(profile.parent)
