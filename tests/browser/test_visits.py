"""A visitor notes what a page does wrong."""

import pytest


@pytest.mark.parametrize(
    ("html", "complaint"),
    [
        ("<img src='https://other.invalid/a.png'>", "asks another host: https://other"),
        ("<script>throw new Error('broken')</script>", "page error: broken"),
        ("<script>console.error('bad news')</script>", "console error: bad news"),
        ("<img src='nowhere.png'>", "status 404: "),
    ],
)
def test_what_a_page_does_wrong_is_noted(visitor, html, complaint):
    visitor.open("search.html")
    content = f"<base href='{visitor.address}'>{html}"
    visitor.page.set_content(content, wait_until="load")
    assert any(found.startswith(complaint) for found in visitor.complaints)
    visitor.complaints.clear()
