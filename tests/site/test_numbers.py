"""Chapters and figures have the numbers of their files, wherever they are named."""

import posixpath
import re
from collections import Counter
from urllib.parse import urlsplit

from attention_lib.book.chapters import chapter_number

MENTION = re.compile(r"\bchapters?\s+(\d+[a-z]?)\b", re.IGNORECASE)
MOVES = ".bd-docs-nav a[href], .prev-next-area a[href]"


def chapters(pages):
    """Give number and page of every chapter, by its path, in their order."""
    found = {name: chapter_number(name) for name in sorted(pages)}
    return {name: (number, pages[name]) for name, number in found.items() if number}


def test_the_title_of_a_chapter_begins_with_the_number_of_its_file(pages):
    for name, (number, page) in chapters(pages).items():
        assert re.match(rf"{number}\. \D", page.select_one("article h1").text), name


def test_a_chapter_is_named_with_its_number_in_the_contents_and_on_the_ways(pages):
    counted = Counter()
    for name, page in pages.items():
        for link in page.select(MOVES):
            place = posixpath.join(posixpath.dirname(name), link["href"])
            number = chapter_number(posixpath.normpath(place))
            if number:
                title = link.select_one(".prev-next-title") or link
                assert title.text.strip().startswith(f"{number}. "), (name, place)
                counted[number] += 1
    assert min(counted[number] for number, _ in chapters(pages).values()) > 1


def test_no_other_heading_has_a_number(pages):
    for name, (_, page) in chapters(pages).items():
        for heading in page.select("article :is(h2, h3)"):
            assert not re.match(r"\d", heading.text), f"{name}: {heading.text}"


def test_figures_are_counted_through_a_chapter(pages):
    counts = Counter()
    for number, page in chapters(pages).values():
        chapter = re.match(r"\d+", number)[0]
        for figure in page.select("article figure .caption-number"):
            counts[chapter] += 1
            assert figure.text.strip() == f"Fig. {chapter}.{counts[chapter]}"
    assert len(counts) > 2


def test_what_is_in_no_chapter_has_no_number(pages):
    for name in pages.keys() - chapters(pages).keys():
        assert not pages[name].select(".caption-number"), name


def test_a_chapter_that_is_mentioned_is_linked(pages):
    for name, page in pages.items():
        for text in page.find_all(string=MENTION):
            if text.find_parent(["code", "script", "style", "title"]):
                continue
            link = text.find_parent("a", href=True)
            assert link, f"{name}: no link at {text.strip()!r}"
            to = urlsplit(link["href"])
            if not to.netloc:  # else it is another book's
                number = chapter_number(to.path or name)
                assert MENTION.search(text)[1] == number, f"{name}: {text}: {to.path}"
