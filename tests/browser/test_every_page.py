"""Every page, in both modes, at every width: no error, nothing foreign, no barrier."""

import pytest

from tests.browser.barriers import barriers
from tests.browser.visits import MODES, THEME, WIDTHS, pages_in

SIDEWAYS = "document.documentElement.scrollWidth - window.innerWidth"
# A phone and a desk: between them, and beyond, only the space around the text changes.
LISTENED_TO = {390, 1280}
OF_COLOURS = ["color-contrast", "link-in-text-block"]  # axe's rules
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
def test_pages_are_sound(reader_in, site, share):
    names = dealt(read_in(site), site, SHARES)[share]
    assert names
    found = []
    for number, name in enumerate(names):
        # Opened in one mode and then switched: half of the pages in either.
        modes = [mode for mode in MODES if name in pages_in(site, mode)]
        first = modes[number % len(modes)]
        modes.sort(key=first.__ne__)
        coloured = sorted(LISTENED_TO)[number // 2 % len(LISTENED_TO)]
        found += faults(reader_in(first), name, modes, coloured)
    assert not found, "\n".join(found)


def read_in(site):
    """Give all pages that are read in any mode."""
    return sorted({name for mode in MODES for name in pages_in(site, mode)})


def faults(reader, name, modes, coloured):
    """Open a page once, make the window wider and narrower, and say what is wrong.

    In the mode that it is switched to its colours are looked at, at one width.
    """
    reader.complaints.clear()
    reader.open(name)
    assert reader.page.evaluate(THEME) == reader.mode
    for place, width in enumerate(WIDTHS):
        reader.resize(width)
        if place == 1:  # after the first width, and before the others
            reader.use()
        for mode in modes:
            reader.switch(mode)
            if mode == modes[0] and width in LISTENED_TO:
                reader.complaints += barriers(reader.page)
            elif width == coloured:
                reader.complaints += barriers(reader.page, OF_COLOURS)
            if (excess := reader.page.evaluate(SIDEWAYS)) > 0:
                reader.note(f"scrolls sideways by {excess} px")
            seen = f"{name} at {width} px, {mode}"
            yield from (f"{seen}: {each}" for each in reader.complaints)
            reader.complaints.clear()
    reader.page.evaluate("localStorage.clear()")
