"""The built site, served, and one browser for all tests."""

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


@pytest.fixture
def visitor(browser, address):
    """Give a reader in the dark mode of the system, who has chosen nothing."""
    visitor = Visitor(browser, address, "dark")
    yield visitor
    visitor.page.context.close()
    assert not visitor.complaints
