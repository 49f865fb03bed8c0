"""Lighthouse's scores for some pages of the built site: ``nox -s lighthouse -- [pages]``.

Its performance score is noisy and falls on a busy machine, so it is reported and not tested.
"""

from __future__ import annotations

import argparse
import http.server
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import chromium
from conftest import FLAGS, ROOT, Handler, Server

VERSION = "13.5.0"
PAGES = ["index.html", "part1_maths/vanishing.html", "lab.html", "gallery/gates/counter.html"]
CATEGORIES = ["performance", "accessibility", "best-practices", "seo"]


def measure(url: str, browser: str, desktop: bool, categories: list[str]) -> dict[str, float]:
    """One run: each category's score out of 100, the layout shift and the bytes."""
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        command = ["npm", "exec", "--yes", f"lighthouse@{VERSION}", "--", url]
        command += ["--output=json", f"--output-path={report.name}", "--quiet"]
        command += [f"--only-categories={','.join(categories)}"]
        command += ["--preset=desktop"] if desktop else []
        command += [f"--chrome-flags={' '.join(['--headless=new', '--no-sandbox', *FLAGS])}"]
        environment = {**os.environ, "CHROME_PATH": browser}
        subprocess.run(command, env=environment, check=True, stdout=sys.stderr)
        found = json.loads(Path(report.name).read_text())
    scores = {key: 100 * value["score"] for key, value in found["categories"].items()}
    if "performance" in scores:
        audits = found["audits"]
        scores["layout shift"] = audits["cumulative-layout-shift"]["numericValue"]
        scores["kB"] = audits["total-byte-weight"]["numericValue"] / 1000
    faults = [
        f"{audit['id']}: {audit['title']}"
        for category in found["categories"].values()
        if category["id"] != "performance"
        for ref in category["auditRefs"]
        if (audit := found["audits"][ref["id"]])["score"] not in (1, None) and ref["weight"]
    ]
    print(*faults, sep="\n", end="\n" if faults else "")
    return scores


def main() -> int:
    """Measure the pages named on the command line, or the usual ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pages", nargs="*", default=PAGES)
    parser.add_argument("--site", type=Path, default=ROOT / "build" / "html")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--categories", default=",".join(CATEGORIES))
    options = parser.parse_args()
    browser = chromium.find()
    if browser is None:
        raise SystemExit(chromium.ADVICE)

    def handler(*args: object) -> http.server.BaseHTTPRequestHandler:
        return Handler(*args, directory=str(options.site.resolve()))

    server = Server(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for page in options.pages:
        for desktop in (True, False):
            url = f"http://127.0.0.1:{server.server_port}/{page}"
            runs = [
                measure(url, browser, desktop, options.categories.split(","))
                for _ in range(options.runs)
            ]
            medians = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
            told = ", ".join(f"{key} {value:.3g}" for key, value in medians.items())
            print(f"{page} ({'desktop' if desktop else 'mobile'}): {told}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
