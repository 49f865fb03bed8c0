"""The gate lab as a reader uses it: mouse, keyboard, typed numbers, links, a phone, the disk."""

import json
import re

import pytest

HELD = "#lab?x=1.5_-0.3_0.4_-0.8&u=3&t=2&b=-1.5&h=f_all_all_0.5~i_3_1_0&v=oao"
STATE = "() => { const s = document.querySelector('gate-lab').state; return s; }"


@pytest.fixture
def lab(page, site):
    """The lab on its own page, ready."""
    page.goto(site.address("lab.html"))
    ready(page)
    return page


def ready(page):
    page.wait_for_function("() => document.querySelector('gate-lab')?.state")


def state(page):
    return page.evaluate(STATE)


def text(page, part):
    return page.locator(f"[data-is='{part}']").inner_text()


def settled(page):
    """Wait until the address holds what is shown."""
    page.wait_for_function(
        "() => { const lab = document.querySelector('gate-lab');"
        " return lab.written && !lab.due && location.hash === '#lab?' + lab.written; }"
    )


def drag(page, plot, start, end):
    """Press, move and let go in a drawing; places in shares of its width and height."""
    drawing = page.locator(f"svg[data-plot='{plot}']")
    drawing.scroll_into_view_if_needed()
    box = drawing.bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)]
    page.mouse.move(*places[0])
    page.mouse.down()
    page.mouse.move(*places[1], steps=5)
    page.mouse.up()
    page.wait_for_function("() => !document.querySelector('gate-lab').due")


def test_a_drag_holds_a_gate_and_moves_the_gradient(lab):
    before = text(lab, "value-direct")
    drag(lab, "f", (0.5, 0.2), (0.5, 0.7))
    (hold,) = state(lab)["holds"]
    assert hold["gate"] == "f"
    assert hold["unit"] is None
    assert hold["step"] is None
    assert 0.2 < hold["value"] < 0.5
    assert lab.locator("[data-hold='f']").is_checked()
    assert text(lab, "value-f") == f"{hold['value']:.2f}"
    assert text(lab, "value-direct") != before


def test_a_drag_paints_one_step_after_the_other_where_only_these_are_held(lab):
    lab.get_by_label("A held gate is held at").select_option("one")
    lab.get_by_label("A held gate is held in").select_option("one")
    drag(lab, "i", (0.3, 0.9), (0.6, 0.2))
    holds = state(lab)["holds"]
    steps = sorted(hold["step"] for hold in holds)
    assert len(steps) > 3
    assert steps == list(range(steps[0], steps[-1] + 1))
    assert {hold["unit"] for hold in holds} == {1}


def test_a_drag_changes_the_input_and_its_text(lab):
    drag(lab, "x", (0.08, 0.4), (0.08, 0.9))
    assert state(lab)["x"][0] < -2
    assert lab.get_by_label("Or type it").input_value().startswith(f"{state(lab)['x'][0]:g} ")
    assert "no" in text(lab, "answer-lstm")


def test_a_gate_is_clamped_by_its_slider_and_set_free_by_its_box(lab):
    answer = text(lab, "answer-lstm")
    lab.get_by_label("Hold the forget gate at").fill("0.2")
    lab.wait_for_function("() => document.querySelector('[data-is=value-f]').value === '0.20'")
    assert "no" in text(lab, "answer-lstm")
    assert answer.startswith("yes")
    lab.locator("[data-hold='f']").uncheck()
    lab.wait_for_function("() => !document.querySelector('gate-lab').state.holds.length")
    lab.wait_for_function("() => !document.querySelector('gate-lab').due")
    assert text(lab, "answer-lstm") == answer


def test_a_typed_sequence_is_read_and_a_wrong_one_loses_nothing(lab):
    box = lab.get_by_label("Or type it")
    box.fill("1, 0.5  −0.3; 2e-1")
    assert state(lab)["x"] == [1, 0.5, -0.3, 0.2]
    assert text(lab, "problem") == ""
    for wrong, message in (
        ("1 0.5 zwei", "Step 3: expected a number, got “zwei”"),
        ("1 0.5 11", "Step 3: expected a number from −10 to 10, got 11"),
        ("1", "Expected 2 to 50 numbers, got 1"),
        ("1 " * 51, "Expected 2 to 50 numbers, got 51"),
    ):
        box.fill(wrong)
        assert message in text(lab, "problem")
        assert box.input_value() == wrong
        assert box.get_attribute("aria-invalid") == "true"
        assert state(lab)["x"] == [1, 0.5, -0.3, 0.2]
    box.fill("1 0.5 -3")
    assert text(lab, "problem") == ""
    assert len(state(lab)["x"]) == 3


def test_a_shared_link_is_restored_and_kept_over_a_reload(page, site):
    page.goto(site.address("lab.html") + HELD)
    ready(page)
    shown = state(page)
    assert shown["x"] == [1.5, -0.3, 0.4, -0.8]
    assert (shown["u"], shown["t"], shown["b"]) == (2, 1, -1.5)
    assert shown["holds"] == [
        {"gate": "f", "unit": None, "step": None, "value": 0.5},
        {"gate": "i", "unit": 2, "step": 0, "value": 0},
    ]
    assert (shown["whose"], shown["when"], shown["view"]) == ("one", "all", "one")
    page.get_by_label("Unit", exact=True).select_option("5")
    settled(page)
    answer = text(page, "answer-lstm")
    page.reload()
    ready(page)
    assert state(page) == {**shown, "u": 4}
    assert text(page, "answer-lstm") == answer


def test_a_link_that_cannot_be_read_says_so_and_shows_the_start(page, site):
    page.goto(site.address("lab.html") + "#lab?x=1_zwei&u=99")
    ready(page)
    assert "cannot" in text(page, "problem") or "nothing" in text(page, "problem")
    assert len(state(page)["x"]) == 20


def test_the_tour_sets_each_moment_and_fills_its_numbers_in(lab):
    numbers = []
    for number in range(1, 6):
        lab.locator("[data-do='next']").click()
        words = text(lab, "tour")
        assert words.startswith(f"{number}. ")
        assert not re.search(r"[{}]|undefined|NaN", words)
        assert lab.locator(f"[data-moment='{number - 1}']").get_attribute("aria-current") == "true"
        assert lab.locator(".lab-look").count() >= 2
        numbers.append(text(lab, "answer-lstm"))
    assert ["wrong" in answer for answer in numbers] == [False, False, True, True, False]
    assert lab.locator("[data-do='next']").inner_text() == "Again"


def test_everything_is_reached_and_moved_by_the_keyboard(lab):
    lab.locator("[data-do='next']").focus()
    reached = []
    for _ in range(40):
        lab.keyboard.press("Tab")
        reached.append(
            lab.evaluate(
                "() => { const e = document.activeElement; const l = e.closest('gate-lab') && "
                "(e.dataset.is || e.dataset.gate && 'at-' + e.dataset.gate || e.dataset.do || "
                "e.dataset.hold && 'hold-' + e.dataset.hold); return l || null; }"
            )
        )
        if reached[-1] == "at-f":
            lab.keyboard.press("ArrowLeft")
        if reached[-1] == "hold-o":
            lab.keyboard.press("Space")
        if reached[-1] == "bias":
            lab.keyboard.press("ArrowRight")
        if reached[-1] == "time":
            lab.keyboard.press("ArrowRight")
            lab.keyboard.press("ArrowRight")
    wanted = {"preset", "draw", "text", "unit", "whose", "when", "bias", "view", "back", "time"}
    wanted |= {"on", "release", "reset", "copy"}
    wanted |= {f"{kind}-{gate}" for kind in ("hold", "at") for gate in "ifgo"}
    assert wanted <= set(reached)
    shown = state(lab)
    assert {hold["gate"] for hold in shown["holds"]} == {"f", "o"}
    assert shown["b"] == pytest.approx(0.1)
    assert shown["t"] == 2


def test_time_goes_forward_and_back_and_shows_its_sum(lab):
    lab.get_by_label("One step on").click()
    lab.get_by_label("One step on").click()
    lab.get_by_label("One step back").click()
    lab.wait_for_function("() => !document.querySelector('gate-lab').due")
    assert state(lab)["t"] == 1
    found = re.match(
        r"c₂ = f·c₁ \+ i·g = N × N \+ N × N = N,".replace("N", r"\(?(−?[\d.]+)\)?"),
        text(lab, "sum"),
    )
    f, c, i, g, result = (float(number.replace("−", "-")) for number in found.groups())
    assert f * c + i * g == pytest.approx(result, abs=0.02)


def test_the_screen_reader_is_told_once_a_change_has_come_to_rest(lab):
    assert text(lab, "said") == ""
    lab.get_by_label("Forget bias").fill("-6")
    settled(lab)
    said = text(lab, "said")
    assert re.search(r"LSTM .*Gradient back to step 1: all paths .*forget gates only .*RNN", said)
    for svg in lab.locator("gate-lab .lab-live svg").all():
        assert svg.get_attribute("aria-label")
        assert svg.get_attribute("role") == "img"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_on_a_phone_nothing_sticks_out(page, site, theme):
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme=theme)
    page.goto(site.address("lab.html"))
    ready(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    ends = page.evaluate(
        "[...document.querySelectorAll('gate-lab .lab-live *')]"
        ".filter(e => !e.closest('svg, .lab-hidden')).map(e => e.getBoundingClientRect().right)"
    )
    assert max(ends) <= 390.5


def test_a_finger_chooses_a_step_and_holds_nothing(browser, site):
    context = browser.new_context(has_touch=True, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.goto(site.address("lab.html"))
    ready(page)
    drawing = page.locator("svg[data-plot='f']")
    drawing.scroll_into_view_if_needed()
    box = drawing.bounding_box()
    page.touchscreen.tap(box["x"] + 0.6 * box["width"], box["y"] + 0.8 * box["height"])
    page.wait_for_function("() => document.querySelector('gate-lab').state.t > 5")
    assert state(page)["holds"] == []
    context.close()


def test_from_the_disk_it_works_as_well(page, site):
    page.goto((site.folder / "lab.html").as_uri() + HELD)
    ready(page)
    page.get_by_label("Hold the input gate at").fill("0.4")
    settled(page)
    assert "i_3_all_0.4" in page.evaluate("location.hash")


@pytest.mark.parametrize("width", [390, 760, 1280])
def test_nothing_moves_when_the_lab_starts_or_the_tour_speaks(page, site, width):
    page.set_viewport_size({"width": width, "height": 900})
    page.add_init_script(
        "window.shift = 0; new PerformanceObserver(list => { for (const e of list.getEntries())"
        " if (!e.hadRecentInput) window.shift += e.value; })"
        ".observe({type: 'layout-shift', buffered: true});"
    )
    page.goto(site.address("lab.html"))
    ready(page)
    heights = set()
    for _ in range(6):
        heights.add(page.locator("gate-lab").bounding_box()["height"])
        page.locator("[data-do='next']").click()
    page.wait_for_timeout(300)
    assert len(heights) == 1
    assert page.evaluate("window.shift") < 0.05
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_an_update_takes_less_than_a_frame(lab, record_property):
    """The longest sequence; arithmetic, drawing and the browser's own layout."""
    lab.get_by_label("Or type it").fill(" ".join(str(k % 5 - 2) for k in range(50)))
    times = lab.evaluate(
        "() => { const lab = document.querySelector('gate-lab'); const times = [];"
        " for (let k = 0; k < 60; k++) { const start = performance.now();"
        "  lab.hold('f', 0.5 + k / 200); lab.update();"
        "  lab.getBoundingClientRect(); times.push(performance.now() - start); }"
        " return times.sort((a, b) => a - b); }"
    )
    median = times[len(times) // 2]
    record_property("median of an update at T = 50, in ms", median)
    assert median < 16


def test_code_and_weights_are_small(site):
    import gzip

    page = (site.folder / "lab.html").read_text(encoding="utf-8")
    lab = page[page.index("<gate-lab") : page.index("</gate-lab>")]
    files = sorted((site.folder / "_static" / "lab").glob("*.[cj]s*"))
    parts = [lab.encode(), *(path.read_bytes() for path in files if path.suffix != ".json")]
    assert len(parts) == 4
    assert sum(len(gzip.compress(part, 6)) for part in parts) < 60_000


def test_without_javascript_the_way_to_a_figure_stands_there(browser, site):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.goto(site.address("lab.html"))
    assert not page.locator(".lab-live").is_visible()
    way = page.locator("gate-lab noscript a")
    assert way.is_visible()
    way.click()
    page.locator("article svg[aria-label*='gradient']").first.wait_for()
    context.close()


def test_the_weights_in_the_page_are_the_stored_ones(site):
    page = (site.folder / "lab.html").read_text(encoding="utf-8")
    found = re.search(
        r'<gate-lab.*?<script type="application/json">(.*?)</script>', page, re.DOTALL
    )
    models = json.loads(found[1])["models"]
    assert {name: len(model["w"]) for name, model in models.items()} == {"lstm": 16, "rnn": 16}
