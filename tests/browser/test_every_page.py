"""Every page, in both modes, at every width: no error, nothing foreign, no barrier.

A page is seen at two widths in one mode and at the other two in the other: by turns
those of a desk and those of a phone come first, and either mode. So of any two of page,
width and mode each meets each; with ``WHOLE=1`` every width is seen in both modes.

axe asks all its rules once on each page, by turns at a desk and on a phone, in either
mode: what a page holds is the same at all of them. What is not, the colours and what
scrolls, is looked at in both; and a kind of text, in its colour on its ground, is
measured on the first page that has it. With ``WHOLE=1`` axe asks all, everywhere.
"""

import itertools

import pytest

from tests.browser.barriers import barriers, barriers_of_sight
from tests.browser.visits import MODES, THEME, pages_in
from tests.browser.weight import is_heavy, paths
from tests.in_rotation import WHOLE

SIDEWAYS = "document.documentElement.scrollWidth - window.innerWidth"
DESK, PHONE = (1280, 1920), (390, 320)
# Between them, and beyond, only the space around the text changes.
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


@pytest.fixture(scope="module")
def known():
    """Give the list of the kinds of text that were measured on any page before."""
    return None if WHOLE else []


@pytest.mark.parametrize("share", range(SHARES))
def test_pages_are_sound(reader_in, site, share, known):
    names = dealt(read_in(site), site, SHARES)[share]
    assert names
    found = []
    for number, name in enumerate(names):
        modes = [mode for mode in MODES if name in pages_in(site, mode)]
        seen = sights(number, modes)
        place = place_of_axe(number, share, seen)
        found += faults(reader_in(seen[0][1]), site, name, seen, place, known)
    assert not found, "\n".join(found)


def read_in(site):
    """Give all pages that are read in any mode."""
    return sorted({name for mode in MODES for name in pages_in(site, mode)})


def sights(number, modes, whole=WHOLE):
    """Give the widths at which a page is seen, in their order, each with a mode.

    >>> sights(0, ["light", "dark"], whole=False)
    [(1280, 'light'), (1920, 'light'), (390, 'dark'), (320, 'dark')]
    >>> sights(3, ["light", "dark"], whole=False)
    [(390, 'dark'), (320, 'dark'), (1280, 'light'), (1920, 'light')]
    """
    modes = modes[::-1] if number % 2 else modes
    first, second = (PHONE, DESK) if number // 2 % 2 else (DESK, PHONE)
    if whole:
        return [*itertools.product(first + second, modes)]
    return [(n, modes[0]) for n in first] + [(n, modes[-1]) for n in second]


def place_of_axe(number, share, seen):
    """Give the place, among a page's sights, of that at which axe asks all its rules.

    >>> [place_of_axe(n, 0, sights(0, MODES, whole=False)) for n in (0, 4, 8)]
    [0, 2, 0]
    """
    heard = [place for place, (width, _) in enumerate(seen) if width in LISTENED_TO]
    return heard[(number // 4 + share) % 2]  # after four pages, all sights came first


def faults(reader, site, name, seen, whole_at, known):
    """Open a page once, make the window wider and narrower, and say what is wrong."""
    reader.leave()
    reader.open(name, seen[0][0])
    assert reader.page.evaluate(THEME) == reader.mode == seen[0][1]
    for place, (width, mode) in enumerate(seen):
        reader.resize(width)
        reader.switch(mode)
        if place == 1:  # after the first look, and before the others
            reader.use()
        if width in LISTENED_TO and (WHOLE or place == whole_at):
            reader.complaints += barriers(reader.page, known=known)
        elif width in LISTENED_TO:
            reader.complaints += barriers_of_sight(reader.page, known)
        if (excess := reader.page.evaluate(SIDEWAYS)) > 0:
            reader.note(f"scrolls sideways by {excess} px")
        where = f"{name} at {width} px, {mode}"
        yield from (f"{where}: {each}" for each in reader.complaints)
        reader.complaints.clear()
    assert len(paths(reader.address, reader.asked)) > 10
    if is_heavy(reader, site, name):
        yield f"{name} is over the budget of bytes"
    reader.page.evaluate("localStorage.clear()")
