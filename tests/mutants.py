"""Mutants: each is the library with one mistake, which the named tests must notice.

Run as ``pytest tests/mutants.py``. A test that passes whatever the library does is
worth nothing; so here likely mistakes are made, one at a time. They are in
``tests/mistakes/``. The book's claims must notice the functions of
``tests/impostors.py`` in the same way.
"""

from importlib import import_module

import numpy as np
import pytest

from attention_lib.book import claims
from attention_lib.book.claims.verdicts import Refused
from tests.impostors import IMPOSTORS, WRONG_FUNCTIONS
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

LEDGER = {claim.number: claim for claim in claims.LEDGER}


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


def is_refused(claim, change):
    """Judge a claim under a change; only a case on the wrong side is a refusal."""
    with change.applied(), np.errstate(all="ignore"):
        try:
            claim.judge()
        except Refused:
            return True
    return False


@pytest.mark.parametrize("number", LEDGER)
def test_the_claim_notices_every_impostor_but_those_it_says_it_is_true_of(number):
    claim = LEDGER[number]
    claim.judge()
    noticed = {name for name, it in IMPOSTORS.items() if is_refused(claim, it)}
    assert noticed == set(IMPOSTORS) - set(claim.stays)
    assert noticed or number in WRONG_FUNCTIONS


@pytest.mark.parametrize(("number", "wrong"), WRONG_FUNCTIONS.items())
def test_the_claim_notices_a_function_that_is_nearly_right(number, wrong):
    assert is_refused(LEDGER[number], wrong)
