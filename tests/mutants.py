"""Mutants: each is the library with one mistake, which the named tests must notice.

Run as ``pytest tests/mutants.py``. A test that passes whatever the library does is
worth nothing; so here likely mistakes are made, one at a time. They are in
``tests/mistakes/``, those against the book's claims in ``tests/mutants_of_claims.py``.
"""

from importlib import import_module

import pytest

from attention_lib.book.claims import LEDGER
from tests.mutants_of_claims import CLAIM_MUTANTS
from tests.mutation import MUTANTS, is_honest, run

for _what in (
    "rows",
    "other_rows",
    "masks",
    "attention",
    "by_blocks",
    "fold",
    "linear",
    "modules",
    "laws",
):
    import_module(f"tests.mistakes.{_what}")


@pytest.fixture(scope="session")
def unchanged(request):
    """Run the tests of all mutants that were asked for on the library as it is."""
    asked = [getattr(item, "callspec", None) for item in request.session.items]
    tests = {test for call in asked if call for test in call.params.get("tests", ())}
    return run(sorted(tests))


@pytest.mark.parametrize(("change", "tests"), MUTANTS.values(), ids=MUTANTS)
def test_the_mistake_is_noticed(change, tests, unchanged):
    assert unchanged[0] == pytest.ExitCode.OK, unchanged[2]
    for test in tests:
        with change.applied():
            code, errors, printed = run([test])
        assert code == pytest.ExitCode.TESTS_FAILED, printed
        assert all(map(is_honest, errors)), printed


def ledger():
    """Give the claims by their numbers."""
    return {claim.number: claim for claim in LEDGER}


def test_every_claim_has_a_mutant():
    assert sorted(CLAIM_MUTANTS) == sorted(ledger())


@pytest.mark.parametrize(("number", "change"), CLAIM_MUTANTS.items())
def test_the_claim_fails_where_what_it_rests_on_is_changed(number, change):
    claim = ledger()[number]
    claim.decide()
    with change.applied(), pytest.raises(AssertionError):
        claim.decide()
