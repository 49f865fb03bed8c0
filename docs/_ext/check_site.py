"""Walk the built site for what Sphinx does not see: dead links and anchors, and roles left as text.
``nox -s browser`` looks at each page for all else.
"""

import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

from lxml import html

TEXT = "//body//text()[not(ancestor::script or ancestor::style)]"
RAW_MARKUP = re.compile(
    r"(?<![\w`]):(?:eq|ref|doc|func|class|meth|mod|cite|cite:\w|math|numref|py:\w+):`|"
    r"\{(?:eq|ref|doc|glue:text|claim|verdict|numref|cite:\w)\}`"
)


@cache
def parse(path: Path) -> html.HtmlElement:
    """The parsed page."""
    return html.document_fromstring(path.read_bytes(), parser=html.HTMLParser(encoding="utf-8"))


@cache
def anchors(path: Path) -> frozenset[str]:
    """What a link into the page may name."""
    return frozenset([*parse(path).xpath("//@id | //a/@name"), "", "top"])


def check_page(page: Path, site: Path) -> Iterator[str]:
    """All faults of one page. The links of a 404 page start where the site is published."""
    tree = parse(page)
    canonical = parse(site / "index.html").xpath("//link[@rel='canonical']/@href")
    root = urlsplit(canonical[0]).path.removesuffix("index.html") if canonical else ""
    for address in tree.xpath("//@href | //@src"):
        if not address or urlsplit(address).scheme or urlsplit(address).netloc:
            continue
        path, anchor = urldefrag(address)
        path = unquote(urlsplit(path).path)
        if root and path.startswith(root) and page.name == "404.html":
            path = path.removeprefix(root) or "index.html"
        target = (page.parent / path).resolve() if path else page
        target = target / "index.html" if target.is_dir() else target
        if not target.is_file() or site not in target.parents:
            yield f"dead link {address}"
        elif anchor and target.suffix == ".html" and unquote(anchor) not in anchors(target):
            yield f"dead anchor {address}"
    for text in tree.xpath(TEXT):
        if RAW_MARKUP.search(text):
            yield f"raw markup: {text.strip()[:80]!r}"


def check_site(site: Path) -> list[str]:
    """All faults of a site, each with its file."""
    site = site.resolve()
    # The theme leaves a template among its static files.
    pages = [page for page in site.glob("**/*.html") if "_static" not in page.parts]
    faults = {f"{p.relative_to(site)}: {fault}" for p in pages for fault in check_page(p, site)}
    return sorted(faults) if pages else [f"{site.name}: no page found"]


if __name__ == "__main__":
    found = check_site(Path(sys.argv[1]))
    print(*found, f"Site check: {len(found)} faults", sep="\n")
    raise SystemExit(bool(found))
