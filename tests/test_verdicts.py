"""A verdict follows from what a claim has, and is refused where its cases differ."""

import dataclasses

import pytest

from attention_lib.book.claims import LEDGER
from attention_lib.book.claims.ledger import Claim
from attention_lib.book.claims.verdicts import DECIDING, Cited, Refused

each_claim = pytest.mark.parametrize("claim", LEDGER, ids=lambda c: f"claim {c.number}")


def cases(claim, name):
    given = getattr(claim, name)
    return list(given() if callable(given) else given)


def exchanged(claim, **fields):
    """Give the claim with these of the deciding fields, and no other."""
    return dataclasses.replace(claim, **dict.fromkeys(DECIDING) | fields)


def exchanges(claim):
    """Exchange what speaks for a sentence with what speaks against it."""
    if claim.rule.verdict == "true":
        over = claim.over
        yield exchanged(claim, against=over, instead=claim.says, over=over)
    if claim.rule.verdict == "true with conditions":
        inside, outside, condition = claim.inside, claim.outside, claim.condition
        both = cases(claim, "inside") + cases(claim, "outside")
        yield dataclasses.replace(claim, inside=outside, outside=inside)
        yield exchanged(claim, over=both)
        yield exchanged(claim, against=both, instead=claim.says, over=inside)
        for turned in (lambda case: not condition(case), lambda case: True):
            yield dataclasses.replace(claim, condition=turned)
    if claim.rule.verdict == "false as stated":
        yield exchanged(claim, over=claim.against)
        yield dataclasses.replace(claim, against=claim.over, over=claim.against)
        yield dataclasses.replace(claim, says=claim.instead, against=claim.over)
    if claim.rule.verdict == "contested":
        yield dataclasses.replace(claim, one=claim.other, other=claim.one)


@each_claim
def test_exchanged_cases_are_refused(claim):
    claim.judge()
    tried = list(exchanges(claim))
    assert tried
    for other in tried:
        with pytest.raises(Refused):
            other.judge()


@each_claim
def test_a_claim_without_cases_is_refused(claim):
    for name in claim.rule.fields:
        if name not in ("condition", "instead", "why"):
            with pytest.raises(Refused, match="no case"):
                dataclasses.replace(claim, **{name: []}).judge()


def is_even(number):
    return number % 2 == 0, f"{number} leaves {number % 2}"


def is_odd(number):
    return number % 2 == 1, f"{number} is odd"


def made(**fields):
    """Make a claim that all numbers are even."""
    return Claim("1", "1", "It is even.", "It depends.", "01_a#B", is_even, **fields)


def small(number):
    return number < 10


def test_the_verdict_follows_from_the_fields():
    assert made(over=[2]).verdict == "true"
    assert made(condition=small, inside=[2], outside=[11]).verdict == (
        "true with conditions"
    )
    false = made(against=[3], instead=is_odd, over=[5])
    assert false.verdict == "false as stated"
    assert false.judge() == "3 leaves 1; instead 5 is odd"
    assert made(one=[2], other=[3], why="Parity.").verdict == "contested"
    assert dataclasses.replace(made(over=[2]), number="O1").verdict == "missing"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"inside": [2], "outside": [11]},
        {"over": [2], "against": [3]},
        {"against": [3], "over": [5]},
        {"over": [2], "condition": small, "inside": [2], "outside": [11]},
        {"one": [2], "other": [3]},
    ],
)
def test_a_field_too_few_or_too_many_gives_no_verdict(fields):
    with pytest.raises(ValueError, match="no verdict follows from"):
        made(**fields).judge()


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"over": [2, 3]}, "case 1 of 'over' does not hold"),
        ({"condition": small, "inside": [3], "outside": [11]}, "'inside' does not"),
        ({"condition": small, "inside": [2], "outside": [12]}, "holds in all cases"),
        ({"condition": small, "inside": [12], "outside": [11]}, "on the other side"),
        ({"condition": small, "inside": [2], "outside": [3]}, "on the other side"),
        ({"against": [3, 2], "instead": is_odd, "over": [5]}, "'against' holds"),
        ({"against": [3], "instead": is_odd, "over": [2]}, "'over' does not hold"),
        ({"one": [3], "other": [3], "why": "Parity."}, "'one' does not hold"),
        ({"one": [2], "other": [2], "why": "Parity."}, "'other' holds"),
        ({"one": [2], "other": [3], "why": ""}, "does not say why"),
    ],
)
def test_a_case_on_the_wrong_side_is_refused(fields, reason):
    with pytest.raises(Refused, match=reason):
        made(**fields).judge()


def test_a_second_line_that_does_not_hold_is_refused():
    assert made(over=[2], besides=lambda: True).decide() == "2 leaves 0"
    with pytest.raises(Refused, match="second line"):
        made(over=[2], besides=lambda: False).decide()


def test_a_cited_figure_is_shown_with_its_source_and_place():
    def exceeds_half(case):
        value = case.value if isinstance(case, Cited) else case
        return value > 0.5, f"{value}"

    cited = Cited(0.3, "jain2019attention", "Table 2")
    claim = dataclasses.replace(
        made(one=[0.8], other=[cited], why="Encoders differ."), says=exceeds_half
    )
    assert claim.judge() == "0.8; but 0.3 (jain2019attention, Table 2)"
