"""The first use of a term on a page leads to the glossary, which is in order."""

from collections import Counter

import pytest
from docutils import nodes
from docutils.core import publish_doctree

from tests.site.building import ROOT
from tools.site.glossary import forms, link_first_uses

GLOSSARY = """\
Some words.

:::{glossary}
linear attention
  Products of features.

query
  What asks.

.. as: a row, rows of scores
row
  Many scores.
:::
"""
ADDRESSES = {"linear attention": "#linear", "query": "#query", "row": "#row"}


@pytest.mark.parametrize(
    ("text", "linked"),
    [
        ("A query, and again a query.", ["query"]),
        ("Queries ask a query.", ["Queries"]),
        ("With *linear attention*, with linear\nattention.", ["linear attention"]),
        ("Nothing of row and rows, but rows of scores; then a row.", ["rows"]),
        ("Not in querying, nor in a sub-query, nor in a row-wise sum.", []),
        ("Its ``query``, :math:`query`, `query <x>`_: they are none.", []),
        ("A title of a query\n------------------\n\nA word.", []),
        ("With *a query in an example*, and a *query*.", ["query"]),
        ("A word\n\n   a query that is quoted\n\nA word.", []),
        ("=======\na query\n=======", []),
        (".. figure:: x.png\n\n   A caption of a query.", []),
        ("Ours: `the query <#query>`__, and a query.", []),
    ],
)
def test_the_first_use_in_a_sentence_is_linked(text, linked):
    doctree = publish_doctree(text, settings_overrides={"doctitle_xform": False})
    before = doctree.astext()
    link_first_uses(doctree, forms(GLOSSARY), ADDRESSES)
    assert doctree.astext() == before
    links = doctree.findall(nodes.reference)
    assert [link.astext() for link in links if "term" in link["classes"]] == linked


def test_terms_of_every_chapter_lead_to_the_glossary_once(pages):
    chapters = [name for name in pages if name.startswith("chapters/")]
    for name in chapters:
        ends = Counter(link["href"] for link in pages[name].select("a.term"))
        assert ends, name
        assert set(ends.values()) == {1}, name
    assert not pages["glossary.html"].select("a.term")


def test_every_form_in_the_glossary_can_be_found():
    text = (ROOT / "glossary.md").read_text("utf-8")
    assert len(set(forms(text).values())) > 40


def test_the_glossary_is_in_order(pages):
    terms = [
        term.text.rstrip("#").lower() for term in pages["glossary.html"].select("dt")
    ]
    assert len(terms) > 20
    assert terms == sorted(terms)
