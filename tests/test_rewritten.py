"""The essay's summary, made true: every line of it, once, with its verdict."""

import re

from attention_lib.book.claims import LEDGER
from attention_lib.book.essay import chinese, pieces
from attention_lib.book.rewritten import LINES, SUMMARY, rewritten

VERDICTS = {claim.number: claim.verdict for claim in LEDGER}


def of_the_summary():
    listed = [*pieces()]
    start = next(i for i, piece in enumerate(listed) if piece.english == SUMMARY)
    return [piece for piece in listed[start:] if piece.chinese]


def test_every_sentence_of_the_summary_is_quoted_once_with_its_number():
    quoted = [(p, c.number) for _, row in rewritten().rows for p, c in row]
    assert [piece for piece, _ in quoted] == of_the_summary()
    assert [number for _, number in quoted] == [p.number for p in of_the_summary()]
    assert [n for line in LINES for n in line.numbers] == [n for _, n in quoted]


def test_both_languages_are_marked_and_each_verdict_is_shown():
    html, text = rewritten()._repr_html_(), repr(rewritten())
    marked = "".join(re.findall(r'lang="zh-CN">([^<]*)<', html))
    assert chinese(marked) == chinese(html)
    for piece in of_the_summary():
        assert piece.chinese in html
        assert f"{piece.number}: {VERDICTS[piece.number]}" in text
    for line in LINES:
        assert chinese(line.chinese)
        assert line.english in text
