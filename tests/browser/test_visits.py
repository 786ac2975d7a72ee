"""A visitor notes what a page does wrong."""

import pytest

from tests.browser.visits import Visitor


@pytest.mark.parametrize(
    ("html", "complaint"),
    [
        ("<img src='https://other.invalid/a.png'>", "asks another host: https://other"),
        ("<script>throw new Error('broken')</script>", "page error: broken"),
        ("<script>console.error('bad news')</script>", "console error: bad news"),
        ("<img src='nowhere.png'>", "status 404: "),
    ],
)
def test_what_a_page_does_wrong_is_noted(browser, address, html, complaint):
    visitor = Visitor(browser, address, "dark")
    visitor.open("search.html")
    visitor.page.set_content(f"<base href='{address}'>{html}", wait_until="load")
    visitor.page.context.close()
    assert any(found.startswith(complaint) for found in visitor.complaints)
