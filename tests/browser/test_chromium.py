"""A browser is looked for in four places, in this order, and nothing is assumed."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.browser import chromium, conftest

PLACES = ("named", "of_the_system", "of_playwright", "of_debian")


@pytest.fixture
def nowhere(monkeypatch):
    """No place has a browser."""
    for place in PLACES:
        monkeypatch.setattr(chromium, place, lambda: None)


@pytest.mark.parametrize("first", range(len(PLACES)))
def test_the_first_place_that_has_one_wins(monkeypatch, nowhere, first):
    for place in PLACES[first:]:
        monkeypatch.setattr(chromium, place, lambda place=place: place)
    assert chromium.find() == PLACES[first]


def test_of_workers_that_ask_at_once_one_installs_and_all_have_it(monkeypatch, nowhere):
    """A package manager that is at work refuses whoever comes second."""
    installed, both = [], threading.Barrier(2)

    def of_debian():
        time.sleep(0.2)
        installed.append("chromium")
        return "chromium"

    monkeypatch.setattr(chromium, "named", lambda: both.wait(timeout=10) * 0)
    monkeypatch.setattr(chromium, "of_the_system", lambda: "".join(installed))
    monkeypatch.setattr(chromium, "of_debian", of_debian)
    with ThreadPoolExecutor(2) as workers:
        found = [workers.submit(chromium.find) for _ in range(2)]
        assert [each.result(timeout=20) for each in found] == ["chromium"] * 2
    assert installed == ["chromium"]


def test_a_wrong_name_is_not_passed_over(monkeypatch):
    monkeypatch.setenv("CHROMIUM", "no-such-browser")
    with pytest.raises(FileNotFoundError, match="no-such-browser"):
        chromium.find()


def test_only_the_root_user_installs_a_package(monkeypatch):
    monkeypatch.setattr(chromium.os, "geteuid", lambda: 1000, raising=False)
    monkeypatch.setattr(chromium, "succeeds", lambda *command: pytest.fail("ran"))
    chromium.of_debian()


@pytest.mark.parametrize(
    ("ci", "outcome"), [("", pytest.skip.Exception), ("1", pytest.fail.Exception)]
)
def test_without_a_browser_tests_are_skipped_but_not_in_ci(
    monkeypatch, nowhere, ci, outcome
):
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="name one in the environment variable CHROMIUM"):
        conftest.path_of_browser()
