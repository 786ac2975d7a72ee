"""The pages of the built site, parsed."""

import pytest
from bs4 import BeautifulSoup

from tests.site.building import built_site


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """Give the folder of the built site."""
    return built_site(tmp_path_factory.mktemp("book"))


@pytest.fixture(scope="session")
def pages(site):
    """Give every page, parsed, by its path in the site."""
    return {
        path.relative_to(site).as_posix(): BeautifulSoup(
            path.read_text(encoding="utf-8"), "html.parser"
        )
        for path in sorted(site.rglob("*.html"))
        if not path.relative_to(site).as_posix().startswith("_")
    }


@pytest.fixture(scope="session")
def places(pages):
    """Give what has an id on each page, by its id: a page is slow to search for one."""
    return {
        name: {element["id"]: element for element in page.find_all(id=True)}
        for name, page in pages.items()
    }
