"""What can be done: ``python -m nox -s docs`` (or tests, browser, lint, live, ...)."""

import hashlib
import os
import shutil
import sys
from pathlib import Path

import nox
from nox.command import CommandFailed

nox.options.sessions = ["lint", "docs", "tests"]
# All sessions share one environment, which install() makes: torch is there once, not five times.
nox.options.default_venv_backend = "none"
ENVIRONMENT = Path(".nox/book")
PROGRAMS = (ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")).resolve()
CHECK = "docs/_ext/check_site.py"
SITE = ["-j", "2", "-d", "build/doctrees", "docs", "build/html"]
# What makes this processor compute like others: the order of sums differs, so the last digits do.
ARITHMETIC = {
    "avx2": {"ATEN_CPU_CAPABILITY": "avx2", "MKL_CBWR": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    "default": {"ATEN_CPU_CAPABILITY": "default"},
}


def install(session: nox.Session, *groups: str) -> None:
    """Install the package and dependency groups with pip, unless nothing has changed since."""
    session.env["PATH"] = os.pathsep.join([str(PROGRAMS), os.environ["PATH"]])
    session.env["OMP_NUM_THREADS"] = "1"
    if not (PROGRAMS / "pip").exists():
        session.run(sys.executable, "-m", "virtualenv", str(ENVIRONMENT))
    pinned = ["--constraint", "constraints.txt", "--build-constraint", "constraints.txt"]
    for group in groups:
        files = [Path("pyproject.toml"), Path("constraints.txt")]
        digest = hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()
        done = ENVIRONMENT / f"{group}.installed"
        if not done.exists() or done.read_text() != digest:
            wanted = ["--editable", ".[plot]", "--group", group]
            run(session, "python", "-m", "pip", "install", *pinned, *wanted)
            done.write_text(digest)
    lock, done = Path("docs/package-lock.json"), Path("docs/node_modules/.package-lock.json")
    if "docs" in groups and (not done.exists() or done.stat().st_mtime < lock.stat().st_mtime):
        run(session, "npm", "ci", "--prefix=docs", "--ignore-scripts", "--no-audit", "--no-fund")


def run(session: nox.Session, program: str, *args: str) -> None:
    """Run a program of the shared environment."""
    session.run(str(PROGRAMS / program), *args, external=True)


def build_copy(session: nox.Session, copy: Path) -> Path:
    """Build a copy of the book, which takes nothing from the usual caches and leaves them alone."""
    copy = copy.resolve()
    shutil.rmtree(copy, ignore_errors=True)
    for part in ("docs", "gallery", "lstm_book", "tests"):
        generated = shutil.ignore_patterns("__pycache__", "node_modules")
        shutil.copytree(part, copy / part, ignore=generated)
    shutil.rmtree(copy / "docs/gallery", ignore_errors=True)
    (copy / "docs/node_modules").symlink_to(Path("docs/node_modules").resolve())
    for file in Path().glob("[!.]*"):
        if file.is_file():
            shutil.copy2(file, copy)
    session.env["PYTHONPATH"] = str(copy)
    with session.chdir(copy):
        run(session, "sphinx-build", "-W", "--keep-going", *SITE)
    del session.env["PYTHONPATH"]
    return copy / "build/html"


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site into build/html, executing every page, and check what was built."""
    install(session, "docs")
    try:
        run(session, "sphinx-build", "-W", "--keep-going", *SITE, *session.posargs)
    except CommandFailed:
        # An incremental build does not repeat the warnings of pages that it has read already.
        Path("build/doctrees/environment.pickle").unlink(missing_ok=True)
        raise
    run(session, "python", CHECK, "build/html")
    session.log(f"Open {Path('build/html/index.html').resolve().as_uri()}")


@nox.session
def page(session: nox.Session) -> None:
    """Build one page alone, in seconds: ``-- docs/part1_maths/gates.md``; warnings are errors."""
    install(session, "docs")
    if len(session.posargs) != 1:
        session.error("Name one page: python -m nox -s page -- docs/part1_maths/gates.md")
    name = Path(session.posargs[0]).resolve().relative_to(Path("docs").resolve()).with_suffix("")
    only = [f"-Dinclude_patterns={name.as_posix()}.*", f"-Droot_doc={name.as_posix()}"]
    site = ["-d", "build/page/doctrees", "docs", "build/page/html"]
    run(session, "sphinx-build", "-W", "--keep-going", "-q", "-t", "page", *only, *site)
    session.log(f"Open {Path('build/page/html', f'{name}.html').resolve().as_uri()}")


@nox.session
def reproducible(session: nox.Session) -> None:
    """Build the site twice, from nothing and in different folders; name each file that differs."""
    install(session, "docs")
    sites = [build_copy(session, Path("build", "reproducible", name)) for name in ("a", "another")]
    one, other = (
        {str(path.relative_to(site)): hashlib.sha256(path.read_bytes()).digest() for path in files}
        for site in sites
        if (files := [path for path in site.rglob("*") if path.is_file()])
    )
    names = one.keys() | other.keys()
    if differ := sorted(name for name in names if one.get(name) != other.get(name)):
        session.error(f"{len(differ)} of {len(names)} files differ: {differ}")
    session.log(f"All {len(names)} files are the same, byte for byte")


@nox.session
def tests(session: nox.Session) -> None:
    """Run every test, one process a core; arguments after -- go to pytest."""
    install(session, "docs", "tests")
    run(session, "pytest", "-n", "auto", "--dist", "worksteal", *session.posargs)


@nox.session
def elsewhere(session: nox.Session) -> None:
    """Build and test with the arithmetic of other processors; ``-- avx2`` takes one of them."""
    install(session, "docs", "tests")
    unknown = set(session.posargs) - set(ARITHMETIC)
    if unknown:
        session.error(f"expected some of {list(ARITHMETIC)}, got {sorted(unknown)}")
    for name in session.posargs or ARITHMETIC:
        session.log(f"With the arithmetic of {name}")
        session.env.update(ARITHMETIC[name])
        run(session, "pytest", "-n", "auto", "--dist", "worksteal")
        run(session, "python", CHECK, str(build_copy(session, Path("build", "elsewhere", name))))
        for variable in ARITHMETIC[name]:
            del session.env[variable]


@nox.session
def browser(session: nox.Session) -> None:
    """Test the built site in Chromium, installing that if there is none; needs ``docs`` first."""
    if not Path("build/html/index.html").exists():
        session.error("There is no site in build/html. Build it first: python -m nox -s docs")
    install(session, "docs", "browser")
    run(session, "python", "tests/browser/chromium.py")
    # The tests of the package have a conftest that is not for these.
    alone = ["--confcutdir=tests/browser", "--import-mode=prepend"]
    run(session, "pytest", *alone, *(session.posargs or ["tests/browser"]))


@nox.session
def lighthouse(session: nox.Session) -> None:
    """Print Lighthouse's scores for pages of the site, median of five, on desktop and mobile."""
    install(session, "docs", "browser")
    run(session, "python", "tests/browser/lighthouse.py", *session.posargs)


@nox.session
def live(session: nox.Session) -> None:
    """Serve the site, and build and reload it on every change."""
    install(session, "docs", "live")
    watch = ["--watch=lstm_book", "--watch=gallery"]
    ignore = ["--ignore=docs/gallery", "--re-ignore=__pycache__"]  # the build writes there
    run(session, "sphinx-autobuild", *watch, *ignore, *SITE, *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check format, style, types and spelling; ``-- --fix`` formats the code cells of pages."""
    install(session, "docs", "tests", "lint")
    run(session, "python", "tests/pages/lint_pages.py", *session.posargs)
    run(session, "ruff", "format", "--check")
    run(session, "ruff", "check")
    run(session, "mypy")
    run(session, "typos")
    run(
        session,
        "sphinx-lint",
        "gallery",
        "docs/part1_maths",
        "docs/part2_pytorch",
        "docs/part3_training",
        "docs/reference",
    )


@nox.session
def pasted(session: nox.Session) -> None:
    """Paste what pages show into a fresh interpreter elsewhere; arguments after -- go to pytest."""
    install(session, "docs", "tests")
    run(session, "pytest", "tests/pages/pasted.py", *session.posargs)


@nox.session
def notebooks(session: nox.Session) -> None:
    """Install the site's wheel where nothing else of the book is, and run every notebook there."""
    install(session, "docs", "tests")
    elsewhere = Path("build/notebooks").resolve()
    session.run(sys.executable, "-m", "virtualenv", "--clear", str(elsewhere))
    interpreter = elsewhere / PROGRAMS.name / "python"
    session.env["PIP_CONSTRAINT"] = str(Path("constraints.txt").resolve())
    wheel = next(Path("build/html").glob("*.whl"))
    wanted = [f"{wheel}[plot]", "--group", "notebooks"]
    session.run(str(interpreter), "-m", "pip", "install", "--quiet", *wanted, external=True)
    session.env["NOTEBOOK_PYTHON"] = str(interpreter)
    run(session, "pytest", "-n", "auto", "tests/pages/notebooks.py", *session.posargs)


@nox.session
def faults(session: nox.Session) -> None:
    """Kill, interrupt and starve what trains and stores, many times; say what was lost."""
    install(session, "tests")
    for script in sorted(Path("tests/faults").glob("*.py")):
        text = script.read_text(encoding="utf-8")
        if '__name__ == "__main__"' in text and script.stem != "mutants":  # a session of its own
            run(session, "python", str(script))


@nox.session
def bench(session: nox.Session) -> None:
    """Measure against peers and store the ratios that pages print; run nothing else meanwhile."""
    install(session, "tests")
    for script in sorted(Path("tests/benchmarks").glob("bench_*.py")):
        run(session, "python", str(script), *session.posargs)


@nox.session
def mutants(session: nox.Session) -> None:
    """Change one thing in the package at a time, 150 times, and name what no test notices."""
    install(session, "tests", "mutants")
    run(session, "python", "tests/faults/mutants.py", *session.posargs)


@nox.session
def replay(session: nox.Session) -> None:
    """Make the first updates of every stored run again, and tell what differs."""
    install(session, "tests")
    run(session, "lstm-book", "replay", *session.posargs)
