"""What a reader does: search, switch the mode, follow an old link, print."""

import re

from playwright.sync_api import expect

from tests.browser.visits import THEME

CHAPTER = "chapters/04b_which_token.html"
SOLUTION = "div.cell.tag_hide-cell details"
SMALLEST_TYPE = """
sheet => Math.min(...[...sheet.querySelectorAll("p, li, th, td, code, pre")].map(
  text => parseFloat(getComputedStyle(text).fontSize)))
"""
CUT_OFF = """
sheet => [...sheet.querySelectorAll("pre, table, td, mjx-container[display]")].filter(
  box => box.scrollWidth > box.clientWidth + 1).map(box => box.textContent)
"""


def test_the_search_finds_a_chapter(visitor):
    page = visitor.open("index.html")
    page.keyboard.press("Control+k")
    page.keyboard.type("temperature")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("search.html"))
    hits = page.locator("#search-results li a")
    expect(hits.filter(has_text="What does softmax do").first).to_be_visible()


def test_the_mode_is_switched_from_the_keyboard_and_kept(visitor):
    page = visitor.open(CHAPTER)
    assert page.evaluate(THEME) == "dark"
    page.locator(".theme-switch-button").focus()
    page.keyboard.press("Enter")
    chosen = page.evaluate("document.documentElement.dataset.mode")
    assert chosen == "light"
    assert page.evaluate(THEME) == "light"
    visitor.open("glossary.html")
    assert page.evaluate(THEME) == "light"


def test_a_hidden_solution_opens_from_the_keyboard(visitor):
    page = visitor.open(CHAPTER)
    solution = page.locator(SOLUTION).first
    code = solution.locator("pre").first
    expect(code).to_be_hidden()
    solution.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(code).to_be_visible()


def test_the_ledger_shows_one_verdict_at_a_time_from_the_keyboard(visitor):
    for width in (390, 1280):
        page = visitor.open("chapters/08_summary.html", width)
        rows = page.locator("table.ledger tbody tr")
        every = rows.count()
        expect(rows.filter(visible=True)).to_have_count(every)
        page.locator(".ledger-choice input").first.focus()
        choices = page.locator(".ledger-choice input").count()
        seen = 0
        for _ in range(choices - 1):
            page.keyboard.press("ArrowDown")
            kind = page.locator(".ledger-choice input:checked").get_attribute("value")
            shown = rows.filter(visible=True)
            of_kind = page.locator(f'table.ledger tr[data-verdict="{kind}"]')
            expect(shown).to_have_count(of_kind.count())
            assert {row.get_attribute("data-verdict") for row in shown.all()} == {kind}
            seen += shown.count()
        assert seen == every


def test_formulas_are_drawn(visitor):
    page = visitor.open("api/rows.html")
    formulas = page.locator("dd > .math")
    drawn = page.locator("dd > .math mjx-container mjx-math")
    assert drawn.count() == formulas.count() > 10
    assert page.locator("mjx-merror").count() == 0


def test_code_of_68_columns_does_not_scroll(visitor):
    page = visitor.open(CHAPTER, 1280)
    code = page.locator("div.cell_input pre").last
    code.evaluate("pre => { pre.textContent = 'x'.repeat(68); }")
    assert code.evaluate("pre => pre.scrollWidth <= pre.clientWidth")


def test_what_scrolls_can_be_reached(visitor):
    page = visitor.open("api/rows.html", 390)
    wide = "box => box.scrollWidth > box.clientWidth"
    boxes = page.locator(".math mjx-container[display]")
    scrolling = [box for box in boxes.all() if box.evaluate(wide)]
    assert scrolling
    assert all(box.get_attribute("tabindex") == "0" for box in scrolling)


def test_what_scrolls_can_be_reached_once_the_sidebar_has_come(visitor):
    page = visitor.open("api/nn.html", 320)
    for width in (1280, 320, 1920):
        visitor.resize(width)
        wrong = page.evaluate(
            "[...document.querySelectorAll('article pre')].filter(box =>"
            " (box.tabIndex === 0) !== (box.scrollWidth > box.clientWidth)).length"
        )
        assert wrong == 0, width


def test_paper_shows_the_text_alone_whole_and_on_white(visitor):
    page = visitor.open(CHAPTER)
    folded = page.locator("article details").count()
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    for part in ("#pst-primary-sidebar", "#pst-secondary-sidebar", ".copybtn"):
        expect(page.locator(part).first).to_be_hidden()
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    assert page.locator("article details[open]").count() == folded > 0
    assert page.evaluate(THEME) == "light"
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator("article details[open]").count() == 0
    assert page.evaluate(THEME) == "dark"


def test_the_cheat_sheet_prints_on_one_sheet_and_can_be_read(visitor):
    page = visitor.open("cheat_sheet.html", 718)  # A4 between its margins
    page.emulate_media(media="print")
    sheet = page.locator("#cheat-sheet")
    assert sheet.evaluate(SMALLEST_TYPE) >= 9  # CSS pixels, of which 96 are an inch
    assert sheet.evaluate(CUT_OFF) == []
    for paper in ("A4", "Letter"):
        printed = page.pdf(format=paper, prefer_css_page_size=True)
        assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1, paper


def test_an_old_link_leads_to_where_its_heading_is_now(visitor, site):
    place = "../glossary.html#term-mask"
    moved = f'{{"old": "{place}", "exercises": "{place}"}}'
    text = (site / CHAPTER).read_text("utf-8")
    listed = f'<script type="application/json" id="moved">{moved}</script>'
    text = text.replace("<head>", f"<head>{listed}")
    visitor.page.route(f"**/{CHAPTER}", lambda route: route.fulfill(body=text))
    visitor.page.goto(visitor.address + CHAPTER + "#old", wait_until="commit")
    visitor.page.wait_for_url("**/glossary.html#term-mask")
    there = visitor.open(f"{CHAPTER}#exercises").url
    assert there.endswith(f"{CHAPTER}#exercises")
