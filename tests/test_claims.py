"""The ledger: each claim is decided, says where it is treated, and is shown there."""

import re
import time
from html import escape
from pathlib import Path

import nbformat
import pytest
from threadpoolctl import threadpool_limits

from attention_lib.book import cards
from attention_lib.book.claims import ESSAY, LEDGER, MISSING, VERDICTS
from attention_lib.book.rubric import ROWS, rubric

CHAPTERS = Path(__file__).parent.parent / "chapters"
each_claim = pytest.mark.parametrize("claim", LEDGER, ids=lambda c: f"claim {c.number}")


@pytest.fixture(scope="module")
def decided():
    """Give the ledger's table, and the seconds that it takes to decide all claims.

    The first time loads torch and the saved parameters, too.
    """
    table = cards.ledger()
    with threadpool_limits(1):  # threads that wait for each other count as work
        start = time.process_time()
        for claim in LEDGER:
            claim.decide()
        return table, time.process_time() - start


@pytest.fixture
def table(decided):
    return decided[0]


def test_the_whole_ledger_is_decided_in_about_two_seconds(decided):
    assert decided[1] < 3


@each_claim
def test_the_claim_is_decided_alike_each_time(claim, table):
    (figure,) = (figure for c, figure in table.rows if c is claim)
    assert isinstance(figure, str)
    assert figure.strip()
    assert figure == claim.decide()


@each_claim
def test_the_claim_is_written_out(claim):
    assert claim.sentence.endswith(".")
    assert claim.truth.endswith(".")
    essay = re.fullmatch(r"(intro|[1-6](\.\d)?)", claim.section)
    missing = re.fullmatch(r"\d\d_\w+", claim.section)
    assert missing if claim.verdict == "missing" else essay


def test_no_claim_is_dropped_and_all_stand_in_the_order_of_the_essay():
    decided = range(1, 35)
    missing = range(1, 17)
    expected = [str(n) for n in decided] + [f"O{n}" for n in missing]
    assert [claim.number for claim in LEDGER] == expected
    assert set(expected) <= {*ESSAY, *MISSING}


def test_what_is_missing_is_called_so_and_is_at_least_true_on_conditions():
    for claim in LEDGER:
        assert (claim.verdict == "missing") == (claim.number in MISSING)
        if claim.number in MISSING:
            assert claim.rule.verdict.startswith("true")


def test_a_card_says_whether_the_essay_makes_the_claim_or_leaves_it_out():
    html = {number: cards.card(number)._repr_html_() for number in ("1", "O5")}
    assert "Claim 1 of the essay" in html["1"]
    assert "O5, which the essay leaves out" in html["O5"]
    assert "The essay: " in repr(cards.card("1"))
    assert "The essay: " not in repr(cards.card("O5"))


def cells(chapter, kind):
    notebook = nbformat.read(CHAPTERS / f"{chapter}.ipynb", as_version=4)
    return [cell for cell in notebook.cells if cell.cell_type == kind]


def sources(chapter, kind):
    return [cell.source for cell in cells(chapter, kind)]


@each_claim
def test_the_chapter_that_the_claim_names_has_that_heading_and_its_card(claim):
    chapter, heading = claim.where.split("#")
    headings = re.findall(
        r"^#{2,3} (.+)$", "\n".join(sources(chapter, "markdown")), re.MULTILINE
    )
    assert heading in headings
    assert f'card("{claim.number}")' in sources(chapter, "code")


@each_claim
def test_where_a_claim_leads_on_to_there_is_that_heading_and_the_ledger_links_it(
    claim, table
):
    if claim.more is None:
        assert claim.number not in {"16", "O8"}
        return
    chapter, heading = claim.more.split("#")
    assert f"## {heading}" in "\n".join(sources(chapter, "markdown")).splitlines()
    (row,) = (
        row
        for row in table._repr_html_().split("<tr ")
        if f'<th scope="row">{claim.number}</th>' in row
    )
    assert [link.partition("#")[0] for link in re.findall('href="([^"]+)"', row)] == [
        f"{place.partition('#')[0]}.html" for place in (claim.where, claim.more)
    ]


@each_claim
def test_the_card_shows_the_verdict_the_figure_and_all_that_decides(claim):
    card = cards.card(claim.number)
    html = card._repr_html_()
    for text in (claim.verdict, card.figure):
        assert text in html
        assert text in repr(card)
    named = [getattr(claim, name) for name in (*claim.rule.fields, "besides")]
    for part in (claim.says, *filter(callable, named)):
        assert f"def {part.__name__}(" in html
    assert all(escape(reason) in html for reason in claim.stays.values())


def test_the_ledger_shows_every_claim_with_its_verdict_and_its_figure(table):
    html = table._repr_html_()
    shown = re.findall(r'<tr data-verdict="(\w+)">', html)
    assert shown == [cards.SHORT[c.verdict] for c in LEDGER]
    assert [c.number for c, _ in table.rows] == [c.number for c in LEDGER]
    assert all(figure in repr(table) for _, figure in table.rows)


def test_the_ledger_offers_each_verdict_with_its_number_of_claims(table):
    html = table._repr_html_()
    offered = dict(re.findall(r'value="(\w+)"[^>]*> [\w ]+ \((\d+)\)', html))
    shown = re.findall(r'<tr data-verdict="(\w+)">', html)
    assert offered.pop("all") == str(len(shown))
    assert offered == {kind: str(shown.count(kind)) for kind in set(shown)}


def test_the_rubric_on_the_page_and_the_ledger_agree_row_by_row():
    (html,) = (
        output.data["text/html"]
        for cell in cells("08_summary", "code")
        if cell.source == "rubric()"
        for output in cell.outputs
    )
    assert html == rubric()._repr_html_()
    rows = re.findall(r'verdict-\w+">([\w ]+)</span></dt>\n<dd>(.+)</dd>', html)
    assert [verdict for verdict, _ in rows] == list(VERDICTS)
    for row, (_, text) in zip(ROWS, rows, strict=True):
        assert row.means in text
        fields = set(re.findall(r"<code>(\w+)</code>", text))
        found = [c for c in LEDGER if c.verdict == row.verdict != "missing"]
        assert all(set(claim.rule.fields) == fields for claim in found)


def test_an_unknown_number_is_refused_with_the_known_ones():
    with pytest.raises(KeyError, match="no claim '99'; decided are 1, 2"):
        cards.card("99")
