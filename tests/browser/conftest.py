"""The built site, served, and one browser for all tests."""

import functools
import os

import pytest
from playwright.sync_api import sync_playwright

from tests.browser import chromium
from tests.browser.live import Live
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


@pytest.fixture(scope="session")
def context(browser):
    """Give what opens a page for live figures."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context
    context.close()


@pytest.fixture(scope="session")
def page_of():
    """Give a function that gives the one page of a context."""
    return functools.cache(lambda context: context.new_page())


@pytest.fixture
def live(context, page_of, tmp_path):
    """Give a function that opens a figure, by its widget or its HTML."""
    opened = []

    def opens(figure, slip=None, in_context=context):
        html = figure if isinstance(figure, str) else figure._repr_html_()
        if slip is not None:
            right, wrong = slip
            assert right in html
            html = html.replace(right, wrong)
        opened.append(Live(page_of(in_context), tmp_path, html))
        return opened[-1]

    yield opens
    assert not [complaint for each in opened for complaint in each.leave()]
