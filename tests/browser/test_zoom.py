"""A figure opens large by click, tap and key, and leaves the reader where she was."""

from playwright.sync_api import expect

from tests.browser.barriers import OF_COLOURS, barriers

CHAPTER = "chapters/04b_which_token.html"
PICTURE = "article .cell_output figure img"
SCROLLS = "view => view.scrollWidth > view.clientWidth"
GROWN = "image => image.getAnimations().forEach(each => each.finish())"
MOVES = 'image => getComputedStyle(image).animationName !== "none"'


def width_of(picture):
    return picture.bounding_box()["width"]


def test_a_click_opens_it_larger_than_it_was(visitor):
    page = visitor.open(CHAPTER, 320)
    picture = page.locator(PICTURE).first
    for width in (320, 390, 1280):
        visitor.resize(width)
        picture.click()
        large = page.locator("dialog[open] img")
        expect(large).to_have_attribute("alt", picture.get_attribute("alt"))
        assert large.evaluate("image => image.src") == picture.evaluate("i => i.src")
        large.evaluate(GROWN)
        assert width_of(large) >= 2 * width_of(picture), width
        view = page.locator(".zoom-view")
        assert view.evaluate(SCROLLS) == (width < 600), width
        assert view.get_attribute("tabindex") == "0"
        large.click(position={"x": 5, "y": 5})
        expect(page.locator("dialog[open]")).to_have_count(0)


def test_the_keyboard_opens_and_closes_it_and_stays_where_it_was(visitor):
    page = visitor.open(CHAPTER)
    button = page.get_by_role("button", name="Enlarge Fig. 4.4", exact=True)
    for close in ("Escape", "Enter"):
        button.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog", name="Fig. 4.4", exact=True)).to_be_visible()
        expect(page.get_by_role("button", name="Close")).to_be_focused()
        page.keyboard.press(close)
        expect(page.locator("dialog[open]")).to_have_count(0)
        expect(button).to_be_focused()
    # A click on a picture leaves it at the picture's button.
    page.locator(PICTURE).last.click()
    page.keyboard.press("Escape")
    last = page.locator("button.zoom-open").last
    expect(last).to_be_focused()


def test_a_tap_opens_it(browser, address):
    context = browser.new_context(
        has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844}
    )
    page = context.new_page()
    page.goto(address + CHAPTER)
    page.locator(PICTURE).first.tap()
    expect(page.locator("dialog[open] img")).to_be_visible()
    page.get_by_role("button", name="Close").tap()
    expect(page.locator("dialog[open]")).to_have_count(0)
    context.close()


def test_it_grows_only_for_those_who_do_not_mind(visitor):
    page = visitor.open(CHAPTER)
    for motion in ("reduce", "no-preference"):
        page.emulate_media(reduced_motion=motion)
        page.locator(PICTURE).first.click()
        moves = page.locator("dialog[open] img").evaluate(MOVES)
        assert moves == (motion == "no-preference")
        page.keyboard.press("Escape")
    page.emulate_media(reduced_motion="null")


def test_open_or_closed_it_is_no_barrier(visitor):
    page = visitor.open(CHAPTER, 390)
    page.locator(PICTURE).first.click()
    for mode, rules in (("dark", OF_COLOURS), ("light", None)):
        visitor.switch(mode)
        assert [*barriers(page, rules)] == []
    page.keyboard.press("Escape")
    assert [*barriers(page)] == []


def test_every_figure_has_one_button_with_a_name_of_its_own_but_on_paper(visitor):
    for name in ("chapters/03_focus.html", CHAPTER):
        page = visitor.open(name)
        pictures = page.locator(PICTURE).count()
        buttons = page.locator("button.zoom-open")
        names = {each.get_attribute("aria-label") for each in buttons.all()}
        assert len(names) == buttons.count() == pictures > 0
    expect(buttons.first).to_be_visible()
    page.emulate_media(media="print")
    expect(buttons.first).to_be_hidden()
    page.emulate_media(media="null")
    page = visitor.open("intro.html")
    assert page.locator("button.zoom-open").count() == 1  # not on the cards


def test_it_works_in_a_folder_without_a_host(browser, site):
    page = browser.new_page()
    page.goto((site / CHAPTER).as_uri())
    page.locator(PICTURE).first.click()
    expect(page.locator("dialog[open] img")).to_be_visible()
    page.close()


def test_without_scripts_there_is_no_button(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address + CHAPTER)
    expect(page.locator(PICTURE).first).to_be_visible()
    assert page.locator("button.zoom-open").count() == 0
    context.close()
