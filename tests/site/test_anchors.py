"""A link that was saved to a heading, a figure or a term still ends at one."""

import json

import pytest

from tools.site import anchors

ENDS = {"section", "figure", "dt"}


def test_every_old_anchor_ends_at_a_heading_a_figure_or_a_term(places):
    lost = []
    for page, listed in anchors.anchors().items():
        for anchor, (to, there) in listed.items():
            end = places.get(f"{to}.html", {}).get(there)
            if not end or end.name not in ENDS:
                lost.append(f"{page}#{anchor}: nothing at {to}#{there}")
    assert not lost, "\n".join(lost)


def test_every_heading_and_figure_of_a_chapter_is_listed(pages):
    listed, missing = anchors.anchors(), []
    for path, page in pages.items():
        if not path.startswith("chapters/"):
            continue
        name = path.removesuffix(".html")
        for place in page.select("section[id], figure[id]"):
            if place["id"] not in listed.get(name, {}):
                missing.append(f'["{name}"] {place["id"]} = ""')
    assert not missing, "\n".join(["add to tools/site/anchors.toml:", *missing])


def test_a_page_names_what_it_no_longer_has(places):
    for page, listed in anchors.anchors().items():
        here = places[f"{page}.html"]
        gone = {each for each, (to, _) in listed.items() if to != page}
        gone |= listed.keys() - here.keys()
        said = json.loads(here["moved"].text).keys() if "moved" in here else set()
        assert gone <= said, page


@pytest.fixture
def listed(tmp_path, monkeypatch):
    """List one anchor that stayed, one that was renamed and one that moved."""
    path = tmp_path / "anchors.toml"
    path.write_text('[a]\nstayed = ""\nold = "a#new"\ngone = "b/c#there"\n', "utf-8")
    monkeypatch.setattr(anchors, "LIST", path)


def test_what_stayed_needs_no_address(listed):
    def address(page, to):
        return "" if page == to else f"{to}.html"

    assert anchors.moved("a", address) == {"old": "#new", "gone": "b/c.html#there"}
    assert anchors.moved("b/c", address) == {}
