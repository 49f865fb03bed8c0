"""Every page of the site in a browser: accessible, light enough, still, within its width, alone."""

import time
from pathlib import Path

import pytest
from conftest import PATIENCE, ROOT, Watch

AXE = ROOT / "docs" / "node_modules" / "axe-core" / "axe.min.js"
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
WEIGHT = 350_000  # bytes on the wire, compressed, on a first visit
SHIFT = 0.01  # layout shift, by the browser's own measure
# Of axe's rules, those whose answer depends on colours, and on the width: asked again where it may
# differ.
COLOUR_RULES = ["color-contrast", "link-in-text-block"]
WIDTH_RULES = ["scrollable-region-focusable"]
# What axe finds and the site leaves: (rule, part of the element's selector) and the reason.
EXCEPTIONS: dict[tuple[str, str], str] = {}

SHIFTS = """
window.bookShifts = [];
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) {
    const at = entry.sources.map(s => s.node && (s.node.id || s.node.className || s.node.nodeName));
    window.bookShifts.push([entry.value, at.join(', ')]);
  }
}).observe({type: 'layout-shift', buffered: true});
"""
# Thousands of lines and signs that axe would take seconds over. A drawing is for it one image with
# its text; a sign of code has the colours of its class, so the first two of each class are enough;
# a formula's looks are hidden behind its MathML.
SPARE_AXE = """
() => {
  document.querySelectorAll('svg[role=img]').forEach(svg => svg.replaceChildren());
  const seen = {};
  for (const sign of document.querySelectorAll('.highlight pre span[class]:not(:has(span))')) {
    seen[sign.className] = (seen[sign.className] ?? 0) + 1;
    if (seen[sign.className] > 2) sign.replaceWith(...sign.childNodes);
  }
}
"""
RUN_AXE = """
async ([theme, options]) => {
  document.documentElement.dataset.theme = theme;
  await Promise.all(document.getAnimations().map(a => a.finished.catch(() => {})));
  const {violations} = await axe.run({exclude: ['.katex-html']},
                                     {resultTypes: ['violations'], ...options});
  return violations.flatMap(v => v.nodes.map(n => [v.id, n.target.flat().join(' '),
                                                   n.failureSummary]));
}
"""
TOO_WIDE = """
() => {
  const root = document.documentElement;
  // On a phone the theme lets the whole text scroll in a box of its own.
  const text = document.querySelector('.bd-article-container') ?? root;
  if ([root, text].every(box => box.scrollWidth <= box.clientWidth)) return [];
  const boxes = [...document.body.querySelectorAll('*')].filter(e => {
    if (e.getBoundingClientRect().right <= root.clientWidth + 0.5) return false;
    let free = getComputedStyle(e).position === 'absolute';  // of boxes that are not positioned
    for (let p = e.parentElement; p && p !== text && p !== document.body; p = p.parentElement) {
      const {overflowX, position} = getComputedStyle(p);
      if (free && position === 'static') continue;
      if (overflowX !== 'visible') return false;
      free = position === 'absolute';
    }
    return true;
  });
  return [`${Math.max(root.scrollWidth, text.scrollWidth)} px`,
          ...boxes.slice(0, 5).map(e => e.outerHTML.slice(0, 120))];
}
"""
# Code of pages and scripts that its box does not show whole, folded or not.
CUT_CODE = """
() => {
  const closed = [...document.querySelectorAll('details:not([open])')];
  closed.forEach(box => box.open = true);
  const cut = [...document.querySelectorAll('.cell_input pre, .highlight-Python pre')]
    .filter(pre => pre.scrollWidth > pre.clientWidth).map(pre => pre.innerText.slice(0, 80));
  closed.forEach(box => box.open = false);
  return cut;
}
"""


class Walker:
    """One page that visits all others, each as if for the first time, and weighs what arrives."""

    def __init__(self, context, site):
        context.add_init_script(SHIFTS)
        self.page = context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.context, self.site, self.watch = context, site, Watch(self.page, site)
        self.weight = 0
        wire = context.new_cdp_session(self.page)
        wire.send("Network.enable")
        wire.send("Network.setCacheDisabled", {"cacheDisabled": True})
        wire.on("Network.loadingFinished", self._weigh)

    def _weigh(self, event):
        self.weight += event["encodedDataLength"]

    def visit(self, name, viewport=WIDE):
        """Open a page at a width and wait until nothing more arrives."""
        self.page.set_viewport_size(viewport)
        self.page.goto("about:blank")
        self.weight = 0
        self.page.goto(self.site.address(name), wait_until="load")
        self.page.evaluate("document.fonts.ready")
        self.page.wait_for_timeout(50)

    def shift(self):
        """How far things have moved by themselves, and what moved."""
        entries = self.page.evaluate("window.bookShifts")
        return sum(value for value, _ in entries), [at for value, at in entries if value > 0.005]

    def violations(self, theme, **options):
        """What axe finds in one theme, without the listed exceptions."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(SPARE_AXE)
            self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = self.page.evaluate(RUN_AXE, [theme, options])
        known = [(r, part) for r, part in EXCEPTIONS]
        return [
            (rule, where, why)
            for rule, where, why in found
            if not any(rule == r and part in where for r, part in known)
        ]


@pytest.fixture(scope="module")
def walker(browser, site):
    context = browser.new_context(reduced_motion="reduce")
    yield Walker(context, site)
    context.close()


@pytest.fixture(scope="module")
def figures():
    """The heaviest page, the least still page and the time of the walk, printed at its end."""
    found, start = {"weight": (0, ""), "shift": (0.0, "")}, time.monotonic()
    yield found
    (weight, heavy), (shift, restless) = found["weight"], found["shift"]
    print(f"\nHeaviest page: {heavy}, {weight / 1000:.0f} kB of {WEIGHT / 1000:.0f}")
    print(f"Largest layout shift: {restless}, {shift:.3f} of {SHIFT}")
    print(f"All pages took {time.monotonic() - start:.0f} s")


def test_page(page_name, walker, figures):
    walker.visit(page_name)
    weight, (shift, moved) = walker.weight, walker.shift()
    figures["weight"] = max(figures["weight"], (weight, page_name))
    figures["shift"] = max(figures["shift"], (shift, page_name))
    faults = {
        "weight": [] if weight < WEIGHT else [weight],
        "shift": [] if shift < SHIFT else [shift, moved],
        "cut code": walker.page.evaluate(CUT_CODE),
    }
    walker.page.set_viewport_size(PHONE)
    faults["wider than a phone"] = walker.page.evaluate(TOO_WIDE)
    faults["axe, phone"] = walker.violations("light", runOnly=WIDTH_RULES)
    walker.page.set_viewport_size(WIDE)
    faults["axe, light"] = walker.violations("light")
    faults["axe, dark"] = walker.violations("dark", runOnly=COLOUR_RULES)
    faults["console and requests"] = walker.watch.take()
    faults["cookies"] = walker.context.cookies()
    assert {kind: found for kind, found in faults.items() if found} == {}


def examples(folder: Path) -> list[str]:
    """The landing page, a chapter, a page of the gallery and one of the reference."""
    kinds = ["index.html", "part1_maths/gates.html", "gallery/*/[!i]*.html", "reference/cells.html"]
    return [min(folder.glob(kind)).relative_to(folder).as_posix() for kind in kinds]


def test_nothing_moves_on_a_phone_while_a_page_loads(walker, site):
    for name in examples(site.folder):
        walker.visit(name, PHONE)
        shift, moved = walker.shift()
        assert shift < SHIFT, (name, moved)


def test_the_checks_can_fail(walker, site):
    """A page with one fault of each kind has them all found."""
    walker.visit("questions.html")
    walker.page.evaluate(
        """() => {
          const main = document.querySelector('article');
          main.insertAdjacentHTML('afterbegin',
            '<p style="color:#bbb;background:#ccc">pale</p><img src="/gone.png">' +
            '<div style="width:1500px">wide</div>' +
            '<details><div class="cell_input"><pre style="overflow-x:auto">cut' +
            'x'.repeat(999) + '</pre></div></details>');
          document.cookie = 'a=1';
          window.dispatchEvent(new Event('resize'));
        }"""
    )
    assert [code[:4] for code in walker.page.evaluate(CUT_CODE)] == ["cutx"]
    walker.page.set_viewport_size(PHONE)
    walker.page.wait_for_timeout(300)
    rules = {rule for rule, _, _ in walker.violations("light")}
    assert {"color-contrast", "image-alt"} <= rules
    assert {r for r, _, _ in walker.violations("dark", runOnly=COLOUR_RULES)} == {"color-contrast"}
    assert "wide</div>" in " ".join(walker.page.evaluate(TOO_WIDE))
    assert any("404" in fault for fault in walker.watch.take())
    assert [cookie["name"] for cookie in walker.context.cookies()] == ["a"]
    assert walker.weight > 0
    walker.context.clear_cookies()
