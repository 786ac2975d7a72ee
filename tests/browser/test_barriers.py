"""The one place among hundreds where the contrast is too low is found."""

import pytest

from tests.browser.barriers import barriers, barriers_of_sight

GOOD = "<p>Easy to <span>read</span></p>"
CODE = "<span class=keyword>for</span> x "
OUTSIDE = "all => all.map(each => each.outerHTML.replaceAll(' data-measured=\"\"', ''))"
LINK = "<p>Easy to <a href=#top>find</a></p>"
FORMULA = """
  <mjx-math aria-hidden=true><mjx-c>x</mjx-c></mjx-math>
  <mjx-assistive-mml><math><mi>x</mi></math></mjx-assistive-mml>
"""
STYLE = """
  <style>
    body {color: #111; background: #fff}
    .pale {color: #ccc}
    .keyword {color: #063}
    .dark {background: #222}
    .faint {opacity: 0.2}
    a {color: #060}
    .bare {color: #767676; text-decoration: none}
    .grey {color: #595959}
    .lost {color: #333; text-decoration: none}
    li:nth-child(7) {background: #333}
  </style>
"""


@pytest.fixture(scope="module")
def page(browser):
    """Give an empty page."""
    context = browser.new_context(color_scheme="light")
    yield context.new_page()
    context.close()


@pytest.mark.parametrize(
    "hard",
    [
        "<p class=pale>Pale</p>",
        "<p>Easy to <span class=pale>read</span></p>",
        "<p class=dark>Easy to <span>read</span></p>",
        "<div class=dark><p>Easy to <span>read</span></p></div>",
        "<div class=faint><p>Easy to <span>read</span></p></div>",
        "<ul>" + 7 * "<li>A row</li>" + "</ul>",
        f"<pre tabindex=0>{100 * CODE}<span class=pale>raise</span>{100 * CODE}</pre>",
    ],
    ids=["text", "word", "behind it", "behind all", "opacity", "seventh row", "code"],
)
def test_one_pale_place_is_found(page, hard):
    page.set_content(
        f"<html lang=en><title>A page</title>{STYLE}<main><h1>Title</h1>"
        f"{100 * GOOD}{hard}{100 * GOOD}</main></html>"
    )
    (found,) = barriers(page)
    assert found.startswith("color-contrast: ")


@pytest.mark.parametrize(
    "hard",
    [
        "<p>Hard to <a href=#top class=lost>find</a></p>",
        "<p class=grey>Hard to <a href=#top class=bare>find</a></p>",
    ],
    ids=["as its text", "text as it"],
)
def test_one_link_that_cannot_be_told_from_its_text_is_found(page, hard):
    easy = 50 * LINK + 50 * "<p>Easy to <a href=#top class=bare>find</a></p>"
    page.set_content(
        f"<html lang=en><title>A page</title>{STYLE}<main><h1>Title</h1>"
        f"{easy}{hard}{easy}</main></html>"
    )
    (found,) = barriers(page)
    assert found.startswith("link-in-text-block: 1 x")


def test_a_page_that_is_easy_to_read_has_none(page):
    page.set_content(
        f"<html lang=en><title>A page</title>{STYLE}<main><h1>Title</h1>"
        f"{100 * GOOD}</main></html>"
    )
    assert not list(barriers(page))


def test_what_was_known_is_not_measured_again_but_what_is_new_is(page):
    known = []
    for word, broken in (("Easy", 0), ("Easy", 0), ("<b class=pale>Pale</b>", 1)):
        page.set_content(
            f"<html lang=en><title>A page</title>{STYLE}<main><h1>Title</h1>"
            f"<p>{word} to read</p><a href=#top hidden>{word}</a></main></html>"
        )
        before = len(known)
        assert len(list(barriers(page, known=known))) == broken
        measured = page.locator("[data-measured]").count()
        assert measured == len(known) - before
    assert measured == 1
    page.evaluate("document.querySelector('a').hidden = false")
    list(barriers(page, known=known))
    assert page.locator("[data-compared]").count() == 1


@pytest.mark.parametrize(
    ("box", "broken"),
    [
        ("<pre>{}</pre>", True),
        ("<pre tabindex=0>{}</pre>", False),
        ("<pre>{}<a href=#top>x</a></pre>", False),
        ("<div style='height: 2em; overflow-y: scroll'><p>{}</div>", True),
        ("<pre hidden>{}</pre>", False),
        (
            "<div style='overflow: hidden'><pre style='overflow: visible'>{}</div>",
            False,
        ),
    ],
)
def test_what_scrolls_out_of_reach_is_found_as_axe_finds_it(page, box, broken):
    box = box.format(100 * CODE)
    page.set_content(
        f"<html lang=en><title>A page</title>{STYLE}<style>pre {{overflow: auto}}"
        f"p {{width: 9em}}</style><main><h1>Title</h1>{box}</main></html>"
    )
    assert len([*barriers(page, ["scrollable-region-focusable"])]) == broken
    known = []
    for _ in range(2):
        assert len([*barriers_of_sight(page, known)]) == broken


def test_a_page_is_put_back_as_it_was(page):
    page.set_content(f"<pre>{9 * CODE}</pre>{FORMULA}")
    before = page.locator("pre, mjx-math, math").evaluate_all(OUTSIDE)
    list(barriers(page))
    assert page.locator("pre, mjx-math, math").evaluate_all(OUTSIDE) == before
