"""The table of laws: where one holds it is searched, where not its example shows it."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attention_lib import Entmax, Hardmax, ScalableSoftmax, Softmax, Sparsemax, TopK
from attention_lib.book.law_measures import share_lost
from attention_lib.book.law_table import label, table
from attention_lib.book.laws import LAWS
from attention_lib.weightings import Weighting
from tests.engines import ENGINES
from tests.in_turn import in_turn
from tests.law_verdicts import CELLS
from tests.user_weightings import SignedCubes, Squares

# An example proves a "no" of what is said of all scores, and a "yes" of what is said
# of some; it does so by far more than rounding.
SHOWN = [(law, w) for law, w, holds in CELLS if holds != law.everywhere]
OBEYED = [(law, w) for law, w, holds in CELLS if holds == law.everywhere]
SEARCHED = [law for law in LAWS if any(of is law for of, _ in OBEYED)]
MARGIN = 0.02

# Multiples of 1/64, so that shifts and products are exact; few values make ties.
score = st.integers(-2, 2).map(float) | st.integers(-1920, 1920).map(lambda i: i / 64)
lengths = st.integers(2, 9)


def row(n=lengths, elements=score):
    return n.flatmap(lambda n: st.lists(elements, min_size=n, max_size=n))


def row_with(other):
    return row().flatmap(lambda r: st.tuples(st.just(r), other(r)))


CASES = {
    "defined everywhere": row(elements=st.floats(-1e300, 1e300)).map(lambda r: (r,)),
    "continuous": row_with(lambda r: row(st.just(len(r)), st.integers(-1, 1))),
    "shift invariant": row_with(lambda r: score),
    "scale invariant": row_with(lambda r: st.sampled_from([0.25, 0.5, 2, 3, 8])),
    "odds ignore other keys": row_with(lambda r: row(st.integers(1, 5))),
    "keeps its share": st.tuples(
        score, st.sampled_from([10, 11, 100, 1000, 10_000, 100_000])
    ),
    "streams here": row_with(lambda r: st.integers(1, len(r) - 1)),
    "permutation equivariant": row_with(lambda r: st.permutations(range(len(r)))),
}


class Spoiled(Weighting):
    """Softmax, with something done to its weights."""

    kind = "selection"

    def __init__(self, spoil):
        self.spoil = spoil

    def weigh(self, scores, where=None):
        return self.spoil(Softmax().weigh(scores, where), scores)


def name_of(value):
    return getattr(value, "name", None) or label(value)


@pytest.mark.parametrize("law", SEARCHED, ids=name_of)
def test_no_scores_contradict_the_table(law):
    # To draw them takes longer than to weigh them, so each weighting, on each engine,
    # gets the same.
    @in_turn("weighting", [w for of, w in OBEYED if of is law])
    @in_turn("engine", ENGINES)
    def agrees(case, weighting, engine):
        assert law.agrees(weighting, case, engine.array) is law.everywhere

    # Whether a busy machine draws slowly is no law.
    @settings(suppress_health_check=[HealthCheck.too_slow])
    @given(case=CASES.get(law.name, row().map(lambda r: (r,))))
    def search(case):
        agrees(case=case)

    search()


@pytest.mark.quick
@pytest.mark.parametrize(("law", "weighting"), SHOWN, ids=name_of)
@in_turn("engine", ENGINES)
def test_an_example_decides_by_a_clear_margin(engine, law, weighting):
    measured = law.measure(weighting, engine.array, *law.case)
    if law.everywhere:
        assert measured > law.bound + MARGIN
    else:
        assert 0 <= measured <= law.bound / 10


SPOILED = {
    "non-negative": lambda w, s: w - 0.2,
    "sums to one": lambda w, s: 1.1 * w,
    "defined everywhere": lambda w, s: s / s.sum(-1)[..., None],
    "continuous": lambda w, s: 1.0 * (s == s.max()),
    "keeps order": lambda w, s: abs(s),
    "tells scores apart": lambda w, s: 0 * w + 1,
    "shift invariant": lambda w, s: w + s,
    "scale invariant": lambda w, s: w + s,
    "odds ignore other keys": lambda w, s: w + 1 / s.shape[-1],
    "keeps its share": lambda w, s: 0 * w + 1,
    "streams here": lambda w, s: w,
    "permutation equivariant": lambda w, s: w.cumsum(-1),
    "exact zeros": lambda w, s: w + 1,
    "can abstain": lambda w, s: w + 1,
}


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
@pytest.mark.parametrize("law", LAWS, ids=name_of)
def test_a_weighting_that_breaks_a_law_is_noticed(law, engine):
    assert not law.agrees(Spoiled(SPOILED[law.name]), array=engine.array)


def test_a_user_s_weightings_break_what_the_library_s_do_not():
    broken = {
        (label(cell.weighting), cell.law.name)
        for cell in table([Squares(), SignedCubes()])
        if not cell.holds
    }
    assert ("Squares", "keeps order") in broken
    assert ("SignedCubes", "non-negative") in broken
    assert ("Squares", "non-negative") not in broken
    assert ("SignedCubes", "keeps order") not in broken


def test_a_law_broken_only_off_its_own_example_is_found_by_the_search():
    (law,) = (law for law in LAWS if law.name == "keeps order")
    n_shown = len(law.case[0])

    def swapped(weights, scores):
        return weights if scores.shape[-1] == n_shown else weights[..., ::-1]

    weighting = Spoiled(swapped)
    assert law.agrees(weighting)

    @given(case=row().map(lambda r: (r,)))
    def search(case):
        assert law.agrees(weighting, case)

    with pytest.raises(AssertionError):
        search()


@pytest.mark.parametrize(
    ("weighting", "gap"),
    [(ScalableSoftmax(), 1), (Sparsemax(), 0.5), (Entmax(), 2**0.5)],
    ids=["scalable softmax", "sparsemax", "entmax"],
)
def test_the_gap_that_keeps_a_share_has_a_lower_bound(engine, weighting, gap):
    lost = share_lost(weighting, engine.array, 0.0, 100_000, gap - 0.3)
    kept = share_lost(weighting, engine.array, 0.0, 100_000, gap + 0.3)
    assert lost > MARGIN
    assert kept < -MARGIN


@pytest.mark.parametrize("weighting", [TopK(2), Hardmax()], ids=label)
def test_a_choice_of_keys_keeps_its_share_at_any_gap(engine, weighting):
    assert share_lost(weighting, engine.array, 0.0, 100_000, 0.1) < -MARGIN


def test_a_third_key_changes_the_odds_of_sparsemax_but_not_of_softmax(engine):
    for weighting, before, after in [
        (Softmax(), np.exp(0.2), np.exp(0.2)),
        (Sparsemax(), 0.6 / 0.4, 0.5 / 0.3),
    ]:
        for scores, odds in [([1.0, 0.8], before), ([1.0, 0.8, 0.7], after)]:
            weights = engine.numpy(weighting(engine.array(scores)))
            assert weights[0] / weights[1] == pytest.approx(odds, rel=1e-14)
