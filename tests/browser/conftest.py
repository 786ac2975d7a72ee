"""The built site, served, and one browser for all tests."""

import functools
import os

import pytest
from playwright.sync_api import sync_playwright

from tests.browser import chromium
from tests.browser.visits import Visitor, served
from tests.site.building import built_site


def path_of_browser():
    """Give the path of a browser; without one, skip, but fail where CI is set."""
    if path := chromium.find():
        return path
    if os.environ.get("CI"):
        pytest.fail(chromium.NONE)
    return pytest.skip(chromium.NONE)


@pytest.fixture(scope="session")
def browser():
    """Give the one browser that all tests use."""
    path = path_of_browser()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=chromium.FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """Give the folder of the built site."""
    return built_site(tmp_path_factory.mktemp("book"))


@pytest.fixture(scope="session")
def address(site):
    """Give the address of the served site."""
    with served(site) as address:
        yield address


@pytest.fixture(scope="session")
def reader_in(browser, address):
    """Give a function of the mode: a new page for each test would read all scripts."""
    return functools.cache(functools.partial(Visitor, browser, address))


@pytest.fixture
def visitor(reader_in):
    """Give a reader in the dark mode of the system, who has chosen nothing."""
    visitor = reader_in("dark")
    yield visitor
    complaints = [*visitor.complaints]
    visitor.complaints.clear()
    visitor.page.unroute_all()
    visitor.page.emulate_media(media="null")
    visitor.page.evaluate("localStorage.clear()")
    visitor.page.goto("about:blank")
    assert not complaints
