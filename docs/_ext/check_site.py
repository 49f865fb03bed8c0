"""Walk the built site: links, anchors, ids, third parties, figures without words, raw markup."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

from lxml import html

# Attributes that make a browser fetch something as soon as the page opens.
FETCHED = {
    "script": ("src",),
    "img": ("src", "srcset"),
    "source": ("src", "srcset"),
    "iframe": ("src",),
    "video": ("src", "poster"),
    "audio": ("src",),
    "embed": ("src",),
    "object": ("data",),
    "image": ("href", "{http://www.w3.org/1999/xlink}href"),
}
FETCHING_RELS = {
    "stylesheet",
    "preload",
    "modulepreload",
    "prefetch",
    "icon",
    "preconnect",
    "dns-prefetch",
    "manifest",
}
CSS_ADDRESS = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")
# A thumbnail stands beside the title that it illustrates, inside the same link.
THUMBNAIL = "contains(@class, 'sphx-glr-thumbcontainer')"
RAW_MARKUP = re.compile(
    r"(?<![\w`]):(?:eq|ref|doc|func|class|meth|mod|cite|cite:\w|math|numref|py:\w+):`|\{(?:eq|ref|doc|glue:text|claim|verdict|numref|cite:\w)\}`"
)


def is_foreign(address: str) -> bool:
    """Whether an address lies on another host."""
    parts = urlsplit(address.strip())
    return bool(parts.netloc) or parts.scheme in {"http", "https", "ws", "wss"}


@cache
def parse(path: Path) -> html.HtmlElement:
    """The parsed page."""
    return html.document_fromstring(path.read_bytes(), parser=html.HTMLParser(encoding="utf-8"))


@cache
def anchors(path: Path) -> frozenset[str]:
    """What a link into the page may name."""
    tree = parse(path)
    return frozenset([*tree.xpath("//@id"), *tree.xpath("//a/@name"), "", "top"])


@cache
def prefix(site: Path) -> str:
    """The folder of the host under which the site is published, as its home page says."""
    home = site / "index.html"
    canonical = parse(home).xpath("//link[@rel='canonical']/@href") if home.exists() else []
    return urlsplit(canonical[0]).path.removesuffix("index.html") if canonical else ""


def place(page: Path, site: Path, path: str) -> Path:
    """The file that a link names; one that starts from the host's root is a 404 page's."""
    root = prefix(site)
    if path.startswith("/") and root and path.startswith(root) and page.name == "404.html":
        return (site / path.removeprefix(root)).resolve()
    return (page.parent / path).resolve()


def check_links(page: Path, site: Path) -> Iterator[str]:
    """Links within the site whose file or anchor is missing."""
    for element in parse(page).iter("a", "link", "script", "img", "iframe", "source"):
        for name in ("href", "src"):
            address = element.get(name)
            if not address or is_foreign(address) or urlsplit(address).scheme:
                continue
            path, anchor = urldefrag(address)
            path = unquote(urlsplit(path).path)
            target = page if not path else place(page, site, path)
            if target.is_dir():
                target /= "index.html"
            if not target.is_file():
                yield f"dead link {address}"
            elif site not in target.parents:
                yield f"link out of the site {address}"
            elif anchor and target.suffix == ".html" and unquote(anchor) not in anchors(target):
                yield f"dead anchor {address}"


def check_ids(page: Path) -> Iterator[str]:
    """Ids that stand on more than one element."""
    for name, count in Counter(parse(page).xpath("//@id")).items():
        if count > 1:
            yield f"id {name!r} stands {count} times"


def check_third_parties(page: Path) -> Iterator[str]:
    """Anything that the browser would fetch from another host."""
    tree = parse(page)
    for element in tree.iter(*FETCHED):
        for name in FETCHED[element.tag]:
            for part in (element.get(name) or "").split(","):
                if part.strip() and is_foreign(part.split()[0]):
                    yield f"fetches {part.strip()}"
    for element in tree.iter("link"):
        if FETCHING_RELS & set((element.get("rel") or "").split()) and is_foreign(
            element.get("href") or ""
        ):
            yield f"fetches {element.get('href')}"
    for css in [*tree.xpath("//style/text()"), *tree.xpath("//@style")]:
        yield from css_fetches(css)


def css_fetches(css: str) -> Iterator[str]:
    """Addresses on other hosts in a style sheet."""
    for match in CSS_ADDRESS.finditer(css):
        address = match[1] or match[2]
        if is_foreign(address):
            yield f"fetches {address}"


def check_figures(page: Path) -> Iterator[str]:
    """Figures that say nothing to those who cannot see them."""
    tree = parse(page)
    for image in tree.iter("img"):
        alt = image.get("alt")
        source = Path(image.get("src") or "").name
        if alt is None or (source and source in alt):
            yield f"image without alternative text: {source}"
        elif not alt.strip() and not image.xpath(f"ancestor::*[{THUMBNAIL}]"):
            yield f"image with an empty alternative text: {source}"
    for svg in tree.iter("svg"):
        # The theme's icons and KaTeX's stretchy signs are hidden and stand beside their own text.
        if svg.xpath("ancestor-or-self::*[@aria-hidden='true']"):
            continue
        if svg.get("role") != "img" or not (svg.get("aria-label") or "").strip():
            yield f"drawing without role='img' and an alternative text: {svg.get('class')}"


def check_raw_markup(page: Path) -> Iterator[str]:
    """Roles that were never resolved and stand in the page as text."""
    for text in parse(page).xpath("//body//text()[not(ancestor::script or ancestor::style)]"):
        if RAW_MARKUP.search(text):
            yield f"raw markup: {text.strip()[:80]!r}"


def check_page(page: Path, site: Path) -> list[str]:
    """All faults of one page."""
    return [
        *check_links(page, site),
        *check_ids(page),
        *check_third_parties(page),
        *check_figures(page),
        *check_raw_markup(page),
    ]


def check_site(site: Path) -> list[str]:
    """All faults of a site, each with its file."""
    site = site.resolve()
    faults = []
    # The theme leaves a template among its static files.
    pages = sorted(page for page in site.glob("**/*.html") if "_static" not in page.parts)
    if not pages:
        return [f"{site.name}: no page found"]
    for page in pages:
        faults += [
            f"{page.relative_to(site)}: {fault}" for fault in dict.fromkeys(check_page(page, site))
        ]
    for sheet in sorted(site.glob("**/*.css")):
        css = sheet.read_text(encoding="utf-8", errors="replace")
        faults += [f"{sheet.relative_to(site)}: {fault}" for fault in css_fetches(css)]
    return faults


def main() -> int:
    """Check the site in the folder named on the command line."""
    site = Path(sys.argv[1])
    faults = check_site(site)
    print("\n".join(faults) if faults else "", end="\n" if faults else "")
    pages = len(list(site.glob("**/*.html")))
    print(f"Site check: {pages} pages, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
