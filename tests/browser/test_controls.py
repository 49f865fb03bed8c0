"""What a reader operates: the theme, the search, the copy buttons, the keyboard's way in."""

import pytest

CHAPTER = "part1_maths/gates.html"


def theme(page):
    return page.evaluate("document.documentElement.dataset.theme")


def background(page):
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


def choose(page, mode):
    page.locator(".theme-switch-button").first.click()
    page.locator(f".theme-change-button[data-mode={mode}]").first.click()


def test_the_theme_follows_the_system_until_the_reader_chooses(page, site):
    page.emulate_media(color_scheme="dark")
    page.goto(site.address("index.html"))
    assert theme(page) == "dark"
    dark = background(page)
    choose(page, "light")
    assert theme(page) == "light"
    assert background(page) != dark
    page.goto(site.address(CHAPTER))
    assert theme(page) == "light"
    choose(page, "auto")
    assert theme(page) == "dark"


@pytest.mark.parametrize(
    ("words", "target"),
    [
        ("lstm-cell", "#equation-lstm-cell"),  # an equation by its name
        ("lstm_step", "#lstm_book.cells.lstm_step"),  # a function of the API
        ("two biases", "part1_maths/gates.html"),  # words of a chapter
    ],
)
def test_the_search_finds(page, site, words, target):
    page.goto(site.address(CHAPTER))
    page.locator(".search-button").first.click()
    page.locator("#pst-search-dialog input[name=q]").fill(words)
    page.keyboard.press("Enter")
    found = page.locator(f"#search-results a[href*='{target}']").first
    found.wait_for()
    found.click()
    assert target in page.url


def test_a_copy_button_copies_the_code_beside_it(page, site):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(site.address(CHAPTER))
    block = page.locator(".highlight:has(pre):has(> button.copybtn):visible").first
    block.hover()
    block.locator("button.copybtn").click()
    page.wait_for_function("navigator.clipboard.readText().then(text => text.length > 0)")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.strip() == block.locator("pre").text_content().strip()


def test_the_first_tab_leads_to_the_text(page, site):
    page.goto(site.address(CHAPTER))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to main content"
    page.keyboard.press("Enter")
    page.wait_for_url("**/*#main-content")  # the browser may need a moment


def test_the_icons_are_drawn(page, site):
    """The icon font is cut down to the icons in use: none of them may have been cut away."""
    page.goto(site.address(CHAPTER))
    missing = page.evaluate(
        """async () => {
          await document.fonts.load('900 16px "Font Awesome 7 Free"', '\\uf002');
          const shape = sign => {
            const pen = document.createElement('canvas').getContext('2d');
            pen.font = '900 100px "Font Awesome 7 Free", monospace';
            const box = pen.measureText(sign);  // two signs may be equally wide, not equally shaped
            const sides = ['Left', 'Right', 'Ascent', 'Descent'];
            return [box.width, ...sides.map(side => box['actualBoundingBox' + side])].join();
          };
          const icons = [...document.querySelectorAll('[class*="fa-"]')];
          if (!icons.length) return ['no icon'];
          const blank = shape('\\ue123');
          return icons.filter(i => {
            // The theme gives each sign and, after a slash, no words for it: "\uf002" / "".
            const sign = getComputedStyle(i, '::before').content.match(/^"(.)"/)?.[1];
            return !sign || shape(sign) === blank;
          }).map(i => i.className);
        }"""
    )
    assert missing == []


def test_a_page_works_from_the_file_system(page, site):
    page.goto((site.folder / CHAPTER).as_uri())
    choose(page, "dark")
    assert theme(page) == "dark"
    page.wait_for_function(
        "[...document.fonts].some(f => f.family.includes('Book Serif') && f.status == 'loaded')"
    )


def test_the_forget_bias_on_the_landing_page_moves_the_bars(page, site):
    page.goto(site.address("index.html"))
    slider = page.get_by_label("Forget bias of the LSTM")
    first = page.locator("#trail-lstm rect").first
    left = page.locator("#trail-lstm .trail-left b")
    before = float(first.get_attribute("height")), left.inner_text()
    assert 20 < before[0] < 40
    slider.focus()
    page.keyboard.press("End")
    assert float(first.get_attribute("height")) > 80
    assert float(left.inner_text()) > 2
    page.keyboard.press("Home")
    assert float(first.get_attribute("height")) < 1
    assert "a gate of about 0.269" in page.locator("#trail output").inner_text()
