"""No page is heavy: all that it asks for stays within a budget, compressed."""

import functools
import gzip

import pytest

BUDGET = 1_400_000  # bytes
INNER = ("intro.html", *(f"chapters/0{n}" for n in "12345678"))


def weight(browser, address, site, name):
    """Sum up what a reader's first page asks for, as a host would send it."""
    context = browser.new_context()
    page = context.new_page()
    asked = set()
    page.on("response", lambda response: asked.add(response.url))
    page.goto(address + name, wait_until="networkidle")
    context.close()
    paths = {url.removeprefix(address).split("?")[0].split("#")[0] for url in asked}
    assert name in paths
    assert len(paths) > 10
    return sum(compressed(site / path) for path in paths)


@functools.cache
def compressed(path):
    """Give the bytes of a file, compressed as a host would."""
    return len(gzip.compress(path.read_bytes(), 6))


@pytest.mark.parametrize("pages", INNER)
def test_a_page_is_light(browser, address, site, pages):
    names = [path.relative_to(site).as_posix() for path in site.rglob("*.html")]
    some = [name for name in names if name.startswith(pages)]
    assert some
    for name in some:
        assert weight(browser, address, site, name) <= BUDGET, name
