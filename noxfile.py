"""What can be done with the project: ``python -m nox -s docs`` (or tests, live, lint, bench)."""

from pathlib import Path

import nox
from nox.command import CommandFailed

nox.options.default_venv_backend = "virtualenv"  # pip finds torch's CPU build where uv does not
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "docs", "tests"]

PROJECT = nox.project.load_toml("pyproject.toml")
ONE_ENVIRONMENT = {"venv_location": ".nox/book"}
SITE = ["-j", "2", "-d", "build/doctrees", "docs", "build/html"]


def install(session: nox.Session, *groups: str) -> None:
    """Install the package, the dependency groups and, with docs, what the site needs from npm."""
    needs = nox.project.dependency_groups(PROJECT, *groups)
    session.install(
        "-c", "constraints.txt", "--build-constraint", "constraints.txt", "-e", ".[plot]", *needs
    )
    session.env["OMP_NUM_THREADS"] = "1"
    lock, done = Path("docs/package-lock.json"), Path("docs/node_modules/.package-lock.json")
    if "docs" in groups and (not done.exists() or done.stat().st_mtime < lock.stat().st_mtime):
        session.run("npm", "ci", "--prefix=docs", "--ignore-scripts", "--no-audit", "--no-fund")


@nox.session(**ONE_ENVIRONMENT)
def docs(session: nox.Session) -> None:
    """Build the site into build/html, executing every page, and check what was built."""
    install(session, "docs")
    try:
        session.run("sphinx-build", "-W", "--keep-going", *SITE, *session.posargs)
    except CommandFailed:
        # An incremental build does not repeat the warnings of pages that it has read already.
        Path("build/doctrees/environment.pickle").unlink(missing_ok=True)
        raise
    session.run("python", "docs/_ext/check_site.py", "build/html")
    session.log(f"Open {Path('build/html/index.html').resolve().as_uri()}")


@nox.session(**ONE_ENVIRONMENT)
def tests(session: nox.Session) -> None:
    """Run every test; arguments after -- go to pytest."""
    install(session, "docs", "tests")
    session.run("pytest", *session.posargs)


@nox.session(**ONE_ENVIRONMENT)
def live(session: nox.Session) -> None:
    """Serve the site, and build and reload it on every change."""
    install(session, "docs", "live")
    watch = ["--watch", "lstm_book", "--watch", "gallery", "--ignore", "*/docs/gallery/*"]
    session.run("sphinx-autobuild", *watch, *SITE, *session.posargs)


@nox.session(**ONE_ENVIRONMENT)
def lint(session: nox.Session) -> None:
    """Check format, lint, types and spelling."""
    install(session, "docs", "tests", "lint")
    session.run("ruff", "format", "--check")
    session.run("ruff", "check")
    session.run("mypy")
    session.run("typos")
    session.run("sphinx-lint", "--enable=all", "--disable=line-too-long", "docs", "gallery")


@nox.session(**ONE_ENVIRONMENT)
def bench(session: nox.Session) -> None:
    """Measure against peers and store the ratios that pages print; run nothing else meanwhile."""
    install(session, "tests")
    for script in sorted(Path("docs/stored").glob("bench_*.py")):
        session.run("python", str(script), *session.posargs)
