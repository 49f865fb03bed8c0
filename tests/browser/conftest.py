"""A browser, the built site on a server of its own, and an eye on what every page does.

``nox -s browser`` runs these tests. Plain pytest leaves this folder out: they need a built site
and a browser.
"""

from __future__ import annotations

import gzip
import http.server
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import chromium
import pytest

ROOT = Path(__file__).parents[2]
FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
COMPRESSED = {".html", ".css", ".js", ".json", ".svg", ".txt", ".xml", ".ipynb"}
LOCAL = ("data:", "blob:", "about:", "file:")
PATIENCE = 120_000  # milliseconds, for a machine that has other work


@dataclass(frozen=True)
class Site:
    """The built site: the folder on disk and the address under which it is served."""

    folder: Path
    url: str

    def address(self, page: str) -> str:
        """The address of a page such as ``part1_maths/gates.html``."""
        return f"{self.url}/{page}"


@cache
def compressed(path: Path) -> bytes:
    """The file as a usual static host sends it."""
    return gzip.compress(path.read_bytes(), 6)


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serve files, the texts among them compressed, without a log."""

    protocol_version = "HTTP/1.1"
    prefix = ""

    def translate_path(self, path: str) -> str:
        """Leave out the folder under which the site is published."""
        return super().translate_path(path.removeprefix(self.prefix) or "/")

    def do_GET(self) -> None:
        """Send a file; unlike the base class, compressed when that is worth it."""
        path = Path(self.translate_path(self.path))
        if path.is_dir():
            path /= "index.html"
        if path.suffix not in COMPRESSED or not path.is_file():
            super().do_GET()
            return
        body = compressed(path)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "max-age=600")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Server(http.server.ThreadingHTTPServer):
    """A server whose visitors may leave in the middle of an answer."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: the browser closes connections as it likes."""


def pages(folder: Path) -> list[str]:
    """Every page of the site; the theme leaves a template among its static files."""
    found = [path.relative_to(folder) for path in folder.glob("**/*.html")]
    return sorted(path.as_posix() for path in found if "_static" not in path.parts)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let another folder than build/html be tested."""
    parser.addoption("--site", default=str(ROOT / "build" / "html"), help="folder of the site")


def pytest_configure(config: pytest.Config) -> None:
    """Let pass a warning about the plugin's own fixtures, which pytest 9 gives."""
    warning = "ignore:Session-scoped fixtures defined as instance methods"
    config.addinivalue_line("filterwarnings", f"{warning}:pytest.PytestRemovedIn10Warning")


def site_folder(config: pytest.Config) -> Path:
    """The folder of the built site.

    Raises:
        pytest.UsageError: If nothing has been built there.
    """
    folder = Path(config.getoption("--site")).resolve()
    if not (folder / "index.html").is_file():
        raise pytest.UsageError(f"no site in {folder}: build it first, with nox -s docs")
    return folder


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test that asks for ``page_name`` each page of the site in turn."""
    if "page_name" in metafunc.fixturenames:
        metafunc.parametrize("page_name", pages(site_folder(metafunc.config)))


def published_under(folder: Path) -> str:
    """The folder of the host that the site was built for: its 404 page links from there."""
    home = (folder / "index.html").read_text(encoding="utf-8")
    canonical = re.search(r'<link rel="canonical" href="([^"]*)index.html"', home)
    return urlsplit(canonical[1]).path.rstrip("/") if canonical else ""


@pytest.fixture(scope="session")
def site(pytestconfig: pytest.Config) -> Iterator[Site]:
    """The built site, served on a free port of this machine."""
    folder = site_folder(pytestconfig)
    prefix = published_under(folder)

    class Here(Handler):
        def __init__(self, *args: object) -> None:
            self.prefix = prefix
            super().__init__(*args, directory=str(folder))

    server = Server(("127.0.0.1", 0), Here)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Site(folder, f"http://127.0.0.1:{server.server_port}{prefix}")
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict) -> dict:
    """Start the Chromium of this machine.

    Raises:
        pytest.UsageError: If there is none.
    """
    executable = chromium.find()
    if executable is None:
        raise pytest.UsageError(chromium.ADVICE)
    return {**browser_type_launch_args, "executable_path": executable, "args": FLAGS}


def refused_preload(told: str) -> bool:
    """Whether this names a font beside a page that was opened as a file.

    To such a page Chromium refuses the preloads of fonts, though not the fonts.
    """
    return "file:" in told and ".woff2" in told


class Watch:
    """What a page did that it should not: console errors, failed and foreign requests."""

    def __init__(self, page: object, site: Site) -> None:
        """Listen to a page from now on."""
        self.faults: list[str] = []
        self._site = site
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"script error: {error}"))
        page.on("request", self._request)
        page.on("requestfailed", self._failed)

    def _console(self, message: object) -> None:
        told = f"{message.text} {message.location['url']}"
        if message.type in {"error", "warning"} and not refused_preload(told):
            self.faults.append(f"console {message.type}: {message.text}")

    def _request(self, request: object) -> None:
        if not request.url.startswith((self._site.url, *LOCAL)):
            self.faults.append(f"request to another host: {request.url}")

    def _failed(self, request: object) -> None:
        if "ERR_ABORTED" not in (request.failure or "") and not refused_preload(request.url):
            self.faults.append(f"request failed: {request.url}")

    def take(self) -> list[str]:
        """The faults since the last call."""
        faults, self.faults = self.faults, []
        return faults


@pytest.fixture
def page(page: object, site: Site) -> Iterator[object]:
    """A fresh page with an empty profile; the test fails if the page does what it should not."""
    page.set_default_timeout(PATIENCE)
    watch = Watch(page, site)
    yield page
    assert watch.take() == []
    assert page.context.cookies() == []
