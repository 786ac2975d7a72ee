"""Every page, in both modes, at every width: no error, nothing foreign, no barrier."""

import pytest

from tests.browser.barriers import barriers
from tests.browser.visits import MODES, WIDTHS, pages_in

SIDEWAYS = "document.documentElement.scrollWidth - window.innerWidth"
# A phone and a desk: between them, and beyond, only the space around the text changes.
LISTENED_TO = {390, 1280}
SHARES = 4


def dealt(names, site, number):
    """Deal the pages out, the longest first, so that no share takes much longer."""
    shares, lengths = [[] for _ in range(number)], [0] * number
    for name in sorted(names, key=lambda name: -(site / name).stat().st_size):
        shortest = lengths.index(min(lengths))
        shares[shortest].append(name)
        lengths[shortest] += (site / name).stat().st_size
    return shares


@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.parametrize("mode", MODES)
def test_pages_are_sound(reader_in, site, mode, share):
    names = dealt(pages_in(site, mode), site, SHARES)[share]
    assert names
    found = [each for name in names for each in faults(reader_in(mode), name)]
    assert not found, "\n".join(found)


def faults(reader, name):
    """Open a page once, make the window wider and narrower, and say what is wrong."""
    reader.complaints.clear()
    page = reader.open(name)
    assert page.evaluate("document.documentElement.dataset.theme") == reader.mode
    for width in WIDTHS:
        reader.resize(width)
        if width in LISTENED_TO:
            reader.complaints += barriers(page)
        if (excess := page.evaluate(SIDEWAYS)) > 0:
            reader.note(f"scrolls sideways by {excess} px")
        yield from (f"{name} at {width} px: {each}" for each in reader.complaints)
        reader.complaints.clear()
