"""Nothing is left out of the one table of the weightings, which all others follow."""

from collections import Counter
from dataclasses import replace

import pytest

import attention_lib
from attention_lib.book.laws import LAWS
from attention_lib.weightings import REGISTRY, Softmax, Weighting, get_weighting
from attention_lib.weightings.registry import Verdict, registered
from tests.law_verdicts import named

DECIDED = [law.name for law in LAWS]


def lacks(entry):
    """Say in words what is missing from an entry."""
    if entry.definition is None:
        yield f"{entry.name} lacks a definition"
    if entry.bound is None:
        yield f"{entry.name} lacks an accuracy bound"
    for said in entry.laws or [Verdict("", "")]:
        given = Counter(named(said.holds) + named(said.breaks))
        for law in DECIDED:
            if not given[law]:
                yield f"{entry.name} lacks a verdict on {law!r}"
        for law in given - Counter(DECIDED):
            yield f"{entry.name} has a verdict too many, on {law!r}"


@pytest.fixture
def bare():
    """Register a weighting of which nothing is said, for one test."""

    class Bare(Softmax):
        """Softmax under another name."""

    registered("bare")(Bare)
    (entry,) = (entry for entry in REGISTRY if entry.make is Bare)
    yield entry
    REGISTRY.remove(entry)


@pytest.mark.parametrize("entry", REGISTRY, ids=lambda entry: entry.name)
def test_formula_accuracy_and_laws_are_said_of_every_weighting(entry):
    assert list(lacks(entry)) == []


def test_what_a_weighting_lacks_is_named(bare):
    assert list(lacks(bare)) == [
        "bare lacks a definition",
        "bare lacks an accuracy bound",
        *(f"bare lacks a verdict on {law!r}" for law in DECIDED),
    ]


def test_a_verdict_given_twice_or_on_no_law_is_named(bare):
    said = Verdict(", ".join(DECIDED), "continuous, holy")
    assert list(lacks(replace(bare, laws=(said,))))[2:] == [
        "bare has a verdict too many, on 'continuous'",
        "bare has a verdict too many, on 'holy'",
    ]


def test_every_public_weighting_is_registered_once():
    exported = [getattr(attention_lib, name) for name in attention_lib.__all__]
    public = {x for x in exported if isinstance(x, type) and issubclass(x, Weighting)}
    assert Counter(e.make for e in REGISTRY) == Counter(public - {Weighting})


def test_no_two_weightings_share_a_name():
    names = Counter(name for entry in REGISTRY for name in entry.strings)
    names += Counter(e.name for e in REGISTRY if e.name not in e.strings)
    assert max(names.values()) == 1


def test_what_is_registered_is_known_by_its_name(bare):
    assert type(get_weighting("bare")) is bare.make
    with pytest.raises(ValueError, match=r"known are 'softmax', .*'bare'"):
        get_weighting("x")
