"""Find Chromium, or install it: ``python tests/browser/chromium.py`` prints where it is.

Playwright's own download comes last, because its host may be out of reach where package
registries are not.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
)
ADVICE = (
    "The browser tests need Chromium or Chrome, and none was found, nor could one be installed "
    "with apt or with Playwright. Install one by hand, or name it: CHROMIUM=/path/to/chromium"
)


def runs(program: str) -> bool:
    """Whether a program starts; Ubuntu's chromium-browser may be a stub that asks for snap."""
    try:
        return (
            subprocess.run([program, "--version"], capture_output=True, timeout=60).returncode == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


def playwrights_own() -> str | None:
    """The browser that ``playwright install`` has fetched, if it has."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def find() -> str | None:
    """The browser named by ``CHROMIUM``, else one of the system, else Playwright's own."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named
    found = [path for path in map(shutil.which, NAMES) if path]
    found += [path for path in PLACES if Path(path).exists()]
    return next(filter(runs, found), None) or playwrights_own()


def apt_install() -> None:
    """Install Debian's chromium, as root or with a sudo that asks nothing."""
    if not shutil.which("apt-get"):
        return
    prefix = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
    if prefix and not shutil.which("sudo"):
        return
    for command in (["update"], ["install", "--yes", "--no-install-recommends", "chromium"]):
        subprocess.run([*prefix, "apt-get", "--quiet", *command], check=False, stdout=sys.stderr)


def playwright_install() -> None:
    """Let Playwright fetch its own Chromium."""
    command = [sys.executable, "-m", "playwright", "install", "chromium"]
    subprocess.run(command, check=False, stdout=sys.stderr)


def main() -> int:
    """Print the path of a browser, after installing one if there is none."""
    for attempt in (lambda: None, apt_install, playwright_install):
        attempt()
        browser = find()
        if browser:
            print(f"Chromium: {browser}")
            return 0
    print(ADVICE, file=sys.stderr)
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
