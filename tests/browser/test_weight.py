"""All that a page asks for is weighed, also what a browser has kept of others."""

import pytest

from tests.browser.weight import asked_first, paths, weight
from tests.in_rotation import WHOLE

FEW = ("chapters/01_motivation.html",)
MANY = ("intro.html", *(f"chapters/0{n}" for n in "12345678"))


@pytest.mark.parametrize("pages", MANY if WHOLE else FEW)
def test_a_first_page_asks_for_no_more_than_a_later_one(
    browser, reader_in, address, site, pages
):
    names = [path.relative_to(site).as_posix() for path in site.rglob("*.html")]
    some = [name for name in names if name.startswith(pages)]
    assert some
    reader = reader_in("dark")
    reader.open("glossary.html")
    for name in some:
        reader.leave()
        reader.open(name).wait_for_load_state("networkidle")
        kept = paths(address, reader.asked)
        first = paths(address, asked_first(browser, address + name))
        assert name in first <= kept
        assert len(kept) > 10


def test_what_is_asked_for_twice_weighs_once(tmp_path):
    (tmp_path / "a.txt").write_bytes(bytes(range(256)) * 2)
    address = "http://127.0.0.1:1/"
    once = weight(address, tmp_path, [f"{address}a.txt"])
    assert 200 < once < 512
    asked = [f"{address}a.txt?v=1", f"{address}a.txt#here", "data:text/plain,b"]
    assert weight(address, tmp_path, asked) == once
