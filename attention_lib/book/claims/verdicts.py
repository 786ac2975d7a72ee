"""The rubric: which verdict follows from which fields, and what is checked."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

__all__ = ["RUBRIC", "Cited", "Refused", "Rule", "rule_of"]


class Refused(AssertionError):
    """A claim's cases do not bear out its verdict."""


@dataclass(frozen=True)
class Cited:
    """A figure that somebody else has published.

    Attributes
    ----------
    value : number or tuple
        The figure.
    source : str
        Its key in ``references.bib``.
    place : str
        Where it stands there, as ``"Table 2"``.
    """

    value: Any
    source: str
    place: str


@dataclass(frozen=True)
class Rule:
    """A row of the rubric.

    Attributes
    ----------
    verdict : str
        What a claim is called.
    fields : tuple of str
        The fields of `ledger.Claim` that it has besides its reading.
    means : str
        What that says of the sentence, and what is checked.
    judge : callable
        Checks a claim and gives its figure, or raises `Refused`.
    """

    verdict: str
    fields: tuple[str, ...]
    means: str
    judge: Callable[[Any], str]


def _true(claim):
    return _figures(claim, "over", claim.says)[0]


def _on_conditions(claim):
    for name, meets in (("inside", True), ("outside", False)):
        for i, case in enumerate(_cases(claim, name)):
            if bool(claim.condition(case)) != meets:
                raise Refused(_message(claim, name, i, "is on the other side"))
    inside = _figures(claim, "inside", claim.says)
    said = [claim.says(case) for case in _cases(claim, "outside")]
    failing = [figure for holds, figure in said if not holds]
    if not failing:
        raise Refused(f"claim {claim.number} holds in all cases outside its condition")
    return _joined(inside[0], "otherwise", failing[0])


def _false(claim):
    against = _figures(claim, "against", claim.says, holds=False)
    instead = _figures(claim, "over", claim.instead)
    return _joined(against[0], "instead", instead[0])


def _contested(claim):
    if not claim.why:
        raise Refused(f"claim {claim.number} does not say why the evidence differs")
    one = _figures(claim, "one", claim.says)[0] + _source(claim, "one")
    other = _figures(claim, "other", claim.says, holds=False)[0]
    return _joined(one, "but", other + _source(claim, "other"))


RUBRIC = (
    Rule(
        "true",
        ("over",),
        "The sentence holds in every case that we try: random ones, and the edges of "
        "all that it speaks of.",
        _true,
    ),
    Rule(
        "true with conditions",
        ("condition", "inside", "outside"),
        "It holds in every case that meets a condition, and fails in one that does "
        "not. Which side a case is on is computed.",
        _on_conditions,
    ),
    Rule(
        "false as stated",
        ("against", "instead", "over"),
        "It fails in each counterexample. Another sentence, in the second line, holds "
        "in every case that we try.",
        _false,
    ),
    Rule(
        "contested",
        ("one", "other", "why"),
        "One run or published figure speaks for it and another against it. The second "
        "line says why they differ.",
        _contested,
    ),
)
DECIDING = {name for rule in RUBRIC for name in rule.fields}


def rule_of(claim):
    """Give the row of the rubric that the fields of a claim call for.

    Raises
    ------
    ValueError
        If there is none: a field is missing, or one too many.
    """
    given = {f.name for f in fields(claim) if getattr(claim, f.name) is not None}
    given &= DECIDING
    for rule in RUBRIC:
        if given == set(rule.fields):
            return rule
    names = ", ".join(sorted(given)) or "nothing"
    raise ValueError(f"no verdict follows from {names}, given for claim {claim.number}")


def _cases(claim, name):
    given = getattr(claim, name)
    cases = list(given() if callable(given) else given)
    if not cases:
        raise Refused(f"claim {claim.number} has no case {name}")
    return cases


def _figures(claim, name, reading, holds=True):
    """Give the figures of the cases, each of which must be on the same side."""
    figures = []
    for i, case in enumerate(_cases(claim, name)):
        found, figure = reading(case)
        if bool(found) != holds:
            what = "does not hold" if holds else "holds"
            raise Refused(_message(claim, name, i, f"{what}: {figure}"))
        figures.append(figure)
    return figures


def _source(claim, name):
    first = _cases(claim, name)[0]
    return f" ({first.source}, {first.place})" if isinstance(first, Cited) else ""


def _message(claim, name, i, what):
    return f"claim {claim.number}, case {i} of {name!r} {what}"


def _joined(first, word, second):
    return "; ".join(filter(None, (first, second and f"{word} {second}")))
