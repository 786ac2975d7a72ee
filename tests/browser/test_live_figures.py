"""What holds of every live figure of the chapters, whatever its kind."""

import re

import pytest
from bs4 import BeautifulSoup

from tests.browser.barriers import OF_COLOURS, barriers
from tests.browser.live import saved_figures

FIGURES = saved_figures()
SIDEWAYS = "document.documentElement.scrollWidth - window.innerWidth"
CUT_OFF = "figure => figure.scrollWidth - figure.clientWidth"
CELLS = ["th", "td"]
CONTROLS = "input:not([type=radio]), input:checked, select, button"
# In the order in which they are tried: what another one chooses may show only then.
ARROWS = ("ArrowLeft", "ArrowRight")
MOVED_BY = {
    "input[type=range]": ARROWS,
    "input[type=checkbox]": ("Space",),
    "input[type=radio]:checked": ARROWS,
    "button": ("Space",),
}
KIND = f"control => {list(MOVED_BY)}.find(kind => control.matches(kind))"
every_figure = pytest.mark.parametrize("name", FIGURES)
HEARD = """
document.querySelector("figure.aw [role=status]").textContent ===
  document.querySelector("figure.aw .aw-said").textContent
"""
# As JupyterLab does in its command mode, before what has the focus hears of a key.
TAKE_KEYS = """
document.addEventListener("keydown", event => {
  if (!event.target.hasAttribute("data-lm-suppress-shortcuts")) event.preventDefault();
}, true)
"""
# Of two copies on one page: every id once, every label and every name there.
IDS = "[...document.querySelectorAll('[id]')].map(element => element.id)"
UNNAMED = """
[...document.querySelectorAll("figure.aw :is(input, button, svg)")].filter(
  part => !(part.labels?.[0]?.textContent.trim() || part.getAttribute("aria-label") ||
            part.tagName === "BUTTON" && part.textContent.trim())).length
"""


@pytest.fixture(scope="module")
def without_scripts(browser):
    context = browser.new_context(java_script_enabled=False)
    yield context
    context.close()


def starts_where_it_stood(live, html):
    """Compare the numbers at the start with those in the page where no script runs."""
    numbers = [
        [
            table.caption.text,
            [[cell.text for cell in row(CELLS)] for row in table("tr")],
        ]
        for table in BeautifulSoup(html, "html.parser")("table")
    ]
    figure = live(html)
    assert figure.figure.get_attribute("data-live") == ""
    assert [[name, rows[1:]] for name, rows in numbers] == figure.tables()


@every_figure
def test_it_starts_with_the_numbers_that_stand_where_no_script_runs(live, name):
    starts_where_it_stood(live, FIGURES[name])


@every_figure
def test_other_numbers_in_their_place_are_noticed(live, name):
    html, count = re.subn(r"<td>(.*?)</td>", "<td>0.1234</td>", FIGURES[name], count=1)
    assert count == 1
    with pytest.raises(AssertionError):
        starts_where_it_stood(live, html)


@every_figure
def test_where_no_script_runs_the_numbers_stand(live, name, without_scripts):
    figure = live(FIGURES[name], in_context=without_scripts)
    assert figure.figure.locator("table").first.is_visible()
    assert figure.figure.get_by_text("Where its script runs").is_visible()
    assert figure.figure.locator("figcaption").is_visible()


@every_figure
def test_every_control_is_moved_by_the_keyboard_also_in_a_notebook_and_heard(
    live, name
):
    figure = live(FIGURES[name])
    page, status = figure.page, figure.figure.get_by_role("status")
    page.evaluate(TAKE_KEYS)
    assert status.text_content() == ""
    found = [each for kind in MOVED_BY for each in figure.figure.locator(kind).all()]
    assert len(found) == figure.figure.locator(CONTROLS).count() > 0
    for control in found:
        control.focus()
        before = figure.figure.inner_html()
        for key in MOVED_BY[control.evaluate(KIND)]:  # it may stand at an end
            page.keyboard.press(key)
            page.evaluate("new Promise(done => setTimeout(done, 50))")
            if figure.figure.inner_html() != before:
                break
        assert figure.figure.inner_html() != before
    page.wait_for_function(HEARD)


@every_figure
def test_two_of_them_on_a_page_share_no_id_and_name_all_parts(live, name):
    page = live(FIGURES[name] * 2).page
    ids = page.evaluate(IDS)
    assert len(ids) == len(set(ids))
    assert page.locator("figure.aw[data-live]").count() == 2
    assert page.evaluate(UNNAMED) == 0


@every_figure
def test_a_lost_label_is_noticed(live, name):
    lost = FIGURES[name].replace('make("label"', 'make("span"')
    lost = lost.replace('"aria-label"', '"data-lost"')
    assert live(lost).page.evaluate(UNNAMED) > 0


@every_figure
def test_it_bars_nobody_and_fits_every_screen(live, name):
    figure = live(FIGURES[name])
    for scheme, rules in (("light", None), ("dark", OF_COLOURS)):
        figure.page.emulate_media(color_scheme=scheme)
        for width in (1280, 390, 320):
            figure.page.set_viewport_size({"width": width, "height": 900})
            assert figure.page.evaluate(SIDEWAYS) <= 0
            assert figure.figure.evaluate(CUT_OFF) <= 0
        assert list(barriers(figure.page, rules)) == []


@every_figure
def test_on_paper_its_numbers_stay(live, name):
    figure = live(FIGURES[name])
    numbers = figure.tables()
    figure.page.emulate_media(media="print")
    assert figure.figure.locator("table").first.is_visible()
    assert not figure.figure.locator(CONTROLS).first.is_visible()
    assert figure.tables() == numbers


def test_one_that_fails_stays_as_it_was_and_is_noted(live):
    html = next(iter(FIGURES.values()))
    broken = live(html, ("KINDS[this.element.dataset.aw](this)", "nobody()"))
    assert [each for each in broken.complaints if "nobody is not defined" in each]
    broken.complaints.clear()
    assert broken.figure.get_by_text("Where its script runs").is_visible()
    assert broken.figure.locator("input").count() == 0
