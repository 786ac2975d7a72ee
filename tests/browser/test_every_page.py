"""Every page, in both widths and modes: no error, nothing foreign, no barrier."""

import pytest

from tests.browser.barriers import barriers
from tests.browser.visits import MODES, WIDTHS, Visitor, pages_of

SIDEWAYS = "document.documentElement.scrollWidth - window.innerWidth"


@pytest.fixture(scope="module", params=MODES)
def reader(request, browser, address):
    visitor = Visitor(browser, address, request.param)
    yield visitor
    visitor.page.context.close()


@pytest.mark.parametrize("part", ["chapters", "other pages"])
def test_pages_are_sound(reader, site, part):
    in_chapters = part == "chapters"
    names = [
        name for name in pages_of(site) if name.startswith("chapters/") == in_chapters
    ]
    assert names
    found = []
    for name in names:
        reader.complaints.clear()
        page = reader.open(name)
        assert page.evaluate("document.documentElement.dataset.theme") == reader.mode
        for width in WIDTHS:
            reader.resize(width)
            complaints = [*reader.complaints, *barriers(page)]
            reader.complaints.clear()
            if (excess := page.evaluate(SIDEWAYS)) > 0:
                complaints.append(f"scrolls sideways by {excess} px")
            found += [f"{name} at {width} px: {words}" for words in complaints]
    assert not found, "\n".join(found)
