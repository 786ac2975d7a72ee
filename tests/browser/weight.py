"""What a page weighs: all that it asks for, compressed, as a host would send it.

A browser that has read other pages asks for all that a first visit asks for, and may
guess at fonts besides: so only what weighs too much there is weighed by a first visit.
"""

import functools
import gzip

BUDGET = 1_400_000  # bytes


def weight(address, site, asked):
    """Sum up what a page asked for, as a reader's first page would."""
    return sum(compressed(site / path) for path in paths(address, asked))


def is_heavy(reader, site, name):
    """Tell whether a page that a reader has before her is over the budget."""
    if weight(reader.address, site, reader.asked) <= BUDGET:
        return False
    asked = asked_first(reader.page.context.browser, reader.address + name)
    return weight(reader.address, site, asked) > BUDGET


def asked_first(browser, address):
    """Give the addresses that a page asks for in a browser that has read no other."""
    context = browser.new_context()
    page, asked = context.new_page(), set()
    page.on("request", lambda request: asked.add(request.url))
    page.goto(address, wait_until="networkidle")
    page.evaluate("document.fonts.ready.then(() => true)")
    context.close()
    return asked


def paths(address, asked):
    """Give the files of the site behind some addresses, each once."""
    ours = (url for url in asked if url.startswith(address))
    return {url.removeprefix(address).split("?")[0].split("#")[0] for url in ours}


@functools.cache
def compressed(path):
    """Give the bytes of a file, compressed as a host would; none if it is missing."""
    return len(gzip.compress(path.read_bytes(), 6)) if path.is_file() else 0
