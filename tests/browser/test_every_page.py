"""Every page, in both widths and modes: no error, nothing foreign, no barrier."""

import pytest
from axe_playwright_python.base import AXE_SCRIPT

from tests.browser.visits import MODES, WIDTHS, Visitor, pages_of

# Preloading would fetch style sheets once more, to wrong addresses; only rules on
# the orientation of a phone need it.
AXE_RUN = "axe.run({preload: false, resultTypes: ['violations']})"
SIDEWAYS = "document.documentElement.scrollWidth - window.innerWidth"


@pytest.fixture(scope="module", params=MODES)
def reader(request, browser, address):
    visitor = Visitor(browser, address, request.param)
    yield visitor
    visitor.page.context.close()


def barriers(page):
    """Say what axe finds on a page, one line for each rule that is broken."""
    if page.evaluate("!window.axe"):
        page.evaluate(AXE_SCRIPT)
    for found in page.evaluate(AXE_RUN)["violations"]:
        node = found["nodes"][0]
        checks = node["any"] + node["all"] + node["none"]
        reason = checks[0]["message"] if checks else found["help"]
        yield f"{found['id']}: {len(found['nodes'])} x {node['target']}: {reason}"


def test_pages_are_sound(reader, site):
    found = []
    for name in pages_of(site):
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
