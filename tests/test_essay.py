"""What is quoted of the essay stands in it, and each of its pieces is accounted for."""

import json
from itertools import pairwise

import pytest

from attention_lib.book import cards, essay
from attention_lib.book.claims import LEDGER
from tools.essay_digests import cut

NUMBERS = [str(n) for n in range(1, 35)]
SENTENCES = {claim.number: claim.sentence for claim in LEDGER}
DIGESTS = json.loads(essay.DIGESTS.read_text("utf-8"))

SMALL = """\
1. 标题
- 一:甲 x (乙),丙。丁
s 1 = 2
- 戊
丙己
"""


def test_each_piece_of_the_essay_has_its_kind_and_each_quotation_its_digest():
    for (name, digest), piece in zip(DIGESTS, essay.pieces(), strict=True):
        assert piece.kind in essay.KINDS
        assert piece.name == name
        quoted = piece.kind in ("claim", "repeats")
        assert bool(piece.chinese) == quoted
        assert not quoted or essay.digest(piece.chinese) == digest


def test_each_claim_has_one_piece_and_is_repeated_only_after_it():
    made = []
    for piece in essay.pieces():
        if piece.kind == "claim":
            made.append(piece.number)
        assert piece.kind != "repeats" or piece.number in made
    assert made == NUMBERS


def test_each_piece_has_its_english_in_one_place():
    for piece in essay.pieces():
        decided = piece.kind == "claim" and piece.number in SENTENCES
        assert bool(piece.english) != decided, piece.name
        assert not essay.chinese(piece.english or "")


def test_the_sections_are_numbered_as_the_ledger_numbers_them():
    found, here = {}, "intro"
    for piece in essay.pieces():
        if piece.kind == "heading":
            here = piece.english.partition(" ")[0].rstrip(".")
        elif piece.kind == "claim":
            found[piece.number] = here
    for claim in LEDGER:
        assert claim.section == found.get(claim.number, claim.section)
    headings = [p.english for p in essay.pieces() if p.kind == "heading"]
    assert all(one < other for one, other in pairwise(headings))


def test_the_digest_is_of_the_chinese_characters_alone():
    assert essay.digest("权重 w = [0.66]。") == essay.digest("权\n重:$w$")
    assert essay.digest("权重") != essay.digest("重权")


def test_an_essay_is_cut_at_its_headings_and_its_quotations():
    quoted = [("claim 1", "甲 (乙)"), ("claim 2", "丁。"), ("repeats 1", "丙己")]
    assert list(cut(SMALL, quoted)) == [
        ("heading", "标题"),
        ("framing", "一"),
        ("claim 1", "甲乙"),
        ("framing", "丙"),
        ("claim 2", "丁"),
        ("framing", "戊"),
        ("repeats 1", "丙己"),
    ]


@pytest.mark.parametrize("words", [["庚"], ["丁", "甲"]])
def test_what_the_essay_does_not_say_or_says_elsewhere_is_refused(words):
    with pytest.raises(
        ValueError, match=f"not say, where it should, claim: {words[-1]}"
    ):
        list(cut(SMALL, [("claim", each) for each in words]))


def test_cards_and_ledger_show_the_essays_own_words_and_say_their_language():
    one, missing = (next(c for c in LEDGER if c.number == n) for n in ("1", "O5"))
    words = essay.quotation("1")
    table = cards.LedgerTable([one, missing])._repr_html_()
    for html in (cards.Card(one)._repr_html_(), table):
        assert html.count(f'lang="zh-CN">{words}</span>') == html.count("zh-CN") == 1
    assert words in repr(cards.Card(one))
    assert essay.quotation("O5") is None
    assert not essay.chinese(cards.Card(missing)._repr_html_())
