"""The ledger: each claim is decided, says where it is treated, and is shown there."""

import re
import time
from pathlib import Path

import nbformat
import pytest

from attention_lib.book import cards
from attention_lib.book.claims import LEDGER, VERDICTS

CHAPTERS = Path(__file__).parent.parent / "chapters"
each_claim = pytest.mark.parametrize("claim", LEDGER, ids=lambda c: f"claim {c.number}")


@each_claim
def test_the_claim_is_decided_as_the_ledger_says(claim):
    figure = claim.decide()
    assert isinstance(figure, str | float)
    assert str(figure).strip()


@each_claim
def test_the_claim_is_decided_alike_each_time_and_soon(claim):
    start = time.process_time()
    first = claim.decide()
    assert time.process_time() - start < 1
    assert first == claim.decide()


@each_claim
def test_the_claim_is_written_out(claim):
    assert claim.verdict in VERDICTS
    assert claim.sentence.endswith(".")
    assert claim.truth.endswith(".")
    assert claim.decide.__doc__
    essay = re.fullmatch(r"(intro|[1-6](\.\d)?)", claim.section)
    missing = re.fullmatch(r"\d\d_\w+", claim.section)
    assert missing if claim.verdict == "missing" else essay


def test_the_numbers_are_those_of_the_essay_and_stand_once():
    numbers = [claim.number for claim in LEDGER]
    assert len(set(numbers)) == len(numbers)
    known = {str(n) for n in range(1, 35)} | {f"O{n}" for n in range(1, 17)}
    assert set(numbers) <= known


def test_no_claim_is_dropped_and_all_stand_in_the_order_of_the_essay():
    decided = [*range(1, 13), 17, *range(20, 28)]
    missing = [5, 6, 7, 8, 10, 11, 13, 14, 15]
    expected = [str(n) for n in decided] + [f"O{n}" for n in missing]
    assert [claim.number for claim in LEDGER] == expected


def test_what_is_missing_is_called_so_and_nothing_else_is():
    for claim in LEDGER:
        assert (claim.verdict == "missing") == claim.number.startswith("O")


def test_a_card_says_whether_the_essay_makes_the_claim_or_leaves_it_out():
    html = {number: cards.card(number)._repr_html_() for number in ("1", "O5")}
    assert "Claim 1 of the essay" in html["1"]
    assert "O5, which the essay leaves out" in html["O5"]
    assert "The essay: " in repr(cards.card("1"))
    assert "The essay: " not in repr(cards.card("O5"))


def cells(chapter, kind):
    notebook = nbformat.read(CHAPTERS / f"{chapter}.ipynb", as_version=4)
    return [cell.source for cell in notebook.cells if cell.cell_type == kind]


@each_claim
def test_the_chapter_that_the_claim_names_has_that_heading_and_its_card(claim):
    chapter, heading = claim.where.split("#")
    headings = re.findall(
        r"^#{2,3} (.+)$", "\n".join(cells(chapter, "markdown")), re.MULTILINE
    )
    assert heading in headings
    assert f'card("{claim.number}")' in cells(chapter, "code")


@each_claim
def test_the_card_shows_the_verdict_the_figure_and_the_code(claim):
    card = cards.card(claim.number)
    html = card._repr_html_()
    for text in (claim.verdict, str(card.figure), f"def {claim.decide.__name__}"):
        assert text in html
        assert text in repr(card) or text.startswith("def ")


def test_the_ledger_shows_every_claim_with_its_figure():
    table = cards.ledger()
    html = table._repr_html_()
    assert html.count("<tr>") == len(LEDGER) + 1
    assert [c.number for c, _ in table.rows] == [c.number for c in LEDGER]
    assert all(str(figure) in repr(table) for _, figure in table.rows)


def test_an_unknown_number_is_refused_with_the_known_ones():
    with pytest.raises(KeyError, match="no claim '99'; decided are 1, 2"):
        cards.card("99")
