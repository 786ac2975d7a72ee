"""Each weight is as exact as its docstring says, in rows of up to 30,000 keys.

float32 is judged by the definitions in float64, float64 by mpmath. What a bound counts
in is eps, the distance from one to the next number.
"""

from itertools import product

import mpmath
import numpy as np
import pytest

import attention_lib as al
from attention_lib import definitions
from tests.engines import ENGINES, NUMPY, UNIT, smallest
from tests.in_rotation import in_rotation
from tests.weightings.every import CASES, shorter

LENGTHS = [1, 2, 7, 101, 1009, 30_000]
SPREADS = [0.1, 1.0, 10.0, 30.0]
EPS = 2 * UNIT["float32"]
ONE = np.ones((1, 1))  # a row of one key


def allowed(case, scores, exact):
    """Give the error that the docstring allows in each weight, in eps; None: any."""
    return case.bound(scores, exact, **shorter(case.params, scores.shape[-1]))


# Without those of which no docstring says how exact they are.
STATED = [c for c in CASES if c.numbers and allowed(c, ONE, ONE) is not None]


def gap(x):
    """Give the distance of each score from the largest of its row."""
    return x.max(-1, keepdims=True) - x


def size(x):
    return abs(x).max(-1, keepdims=True)


def lift_of(x):
    """Give how far the log-sum-exp lies above the largest score, to all digits."""
    others = np.sort(np.exp(-gap(x)), axis=-1)[..., :-1]
    return np.log1p(others.sum(-1, keepdims=True))


def rows(n, spread, shift, rng):
    """Give rows of float32 numbers, few where they are long, with a common shift."""
    scores = spread * rng.normal(size=(3 if n < LENGTHS[-1] else 1, n)) + shift
    scores = scores.astype(np.float32)
    return scores.astype(np.float64)


def weights_of(case, scores):
    """Weigh by the definition, after a shift if that changes nothing.

    The definitions overflow: with the largest score at zero, or with a negative scale
    the smallest, they do not.
    """
    ends = scores.max(-1, keepdims=True), scores.min(-1, keepdims=True)
    for end in ends if case.shifts else [0.0]:
        with np.errstate(over="ignore", invalid="ignore"):
            params = shorter(case.params, scores.shape[-1])
            weights = case.definition(scores - end, **params)
        if np.isfinite(weights).all():
            return weights
    raise AssertionError(f"the definition of {case} overflows")


def test_of_each_weighting_something_is_stated():
    assert {case.name for case in STATED} == {case.name for case in CASES}


@in_rotation(
    "case",
    STATED,
    {"n spread": list(product(LENGTHS, SPREADS)), "shift": [0.0, 40.0, -40.0]},
)
def test_each_weight_is_as_exact_as_is_said(case, n, spread, shift, rng):
    params = shorter(case.params, n)
    scores = rows(n, spread, shift, rng)
    expected = weights_of(case, scores)
    bound = EPS * allowed(case, scores, expected)
    for engine in ENGINES:
        actual = case.weigh(engine.array(scores, "float32"), **params)
        error = abs(engine.numpy(actual, "float32") - expected) - bound
        # Below the smallest normal number digits are lost, and that is no error of
        # ours; nor is a weight that is rounded to zero.
        assert (error <= 2**-125).all(), (str(engine), error.max())


def long_rows(n, rng):
    """Give rows of like shares, which are all rounded alike where they are added."""
    near = 1000 + 1e-3 * rng.normal(size=n)
    above, apart, ramp = near.copy(), np.zeros(n), np.linspace(0, 1e-4, n)
    above[5] += 0.5
    apart[n // 2] = 3
    return np.stack([near, above, apart, ramp]).astype(np.float32).astype(np.float64)


@pytest.mark.parametrize("axis", [-1, 0])
def test_long_rows_of_like_scores_keep_their_digits(axis, engine, rng):
    eps = 2 * UNIT["float32"]
    for n in (129, 1009, 4095, 9001, 30_000):
        scores = long_rows(n, rng)
        given = engine.array(scores if axis else scores.T.copy(), "float32")

        def back(a, axis=axis):
            return engine.numpy(a if axis else a.T, "float32")

        lift = lift_of(scores)
        expected = definitions.softmax(-gap(scores))
        bound = 16 + 2 * gap(scores)
        if engine is not NUMPY and 2048 < n <= 4096:
            bound = 2 * bound  # torch's own sum, which for these is not mended
        error = abs(back(al.softmax(given, axis)) / expected - 1)
        assert (error <= eps * bound).all(), n
        hot = back(al.softmax(given, axis, temperature=2.0))
        error = abs(hot / definitions.softmax(-gap(scores) / 2) - 1)
        assert (error <= eps * bound).all(), n
        bound = eps * (4 * lift + abs(scores.max(-1, keepdims=True) + lift))
        total = scores.max(-1, keepdims=True) + lift
        error = abs(back(al.logsumexp(given, axis, keepdims=True)) - total)
        assert (error <= bound + eps * size(scores)).all(), n
        logs = back(al.log_softmax(given, axis)) + gap(scores) + lift
        allowed = eps * (8 + size(gap(scores))) * (gap(scores) + lift)
        assert (abs(logs) <= allowed).all(), n


@pytest.mark.parametrize("shift", [0.0, 40.0, -40.0])
def test_logarithms_are_as_exact_as_is_said(shift, engine, rng):
    for n in LENGTHS:
        for spread in SPREADS:
            scores = rows(n, spread, shift, rng)
            given = engine.array(scores, "float32")
            highest = scores.max(-1, keepdims=True)
            lift = lift_of(scores)
            total = engine.numpy(al.logsumexp(given, keepdims=True), "float32")
            bound = EPS * (4 * lift + abs(highest + lift) + abs(highest))
            assert (abs(total - highest - lift) <= bound + smallest("float32")).all()
            logs = engine.numpy(al.log_softmax(given), "float32")
            expected = gap(scores) + lift
            bound = EPS * (8 + size(gap(scores))) * expected
            assert (abs(logs + expected) <= bound + smallest("float32")).all()


def softmax_by_mpmath(row, offset=None):
    shares = [mpmath.exp(mpmath.mpf(s)) for s in row]
    total = sum(shares) + (0 if offset is None else mpmath.exp(offset))
    return [share / total for share in shares]


def softpick_by_mpmath(row, eps=1e-6):
    shares = [mpmath.expm1(mpmath.mpf(s)) for s in row]
    total = sum(map(abs, shares)) + mpmath.mpf(eps)
    return [max(share, mpmath.mpf(0)) / total for share in shares]


@pytest.mark.parametrize(
    ("name", "params", "definition"),
    [
        ("softmax", {}, softmax_by_mpmath),
        ("softmax1", {"offset": 2}, softmax_by_mpmath),
        ("softpick", {}, softpick_by_mpmath),
    ],
)
def test_float64_is_as_exact_by_mpmath(name, params, definition, engine, rng):
    (case,) = (c for c in STATED if (c.name, c.params) == (name, params))
    for spread in SPREADS:
        row = spread * rng.normal(size=40) + 3
        with mpmath.workdps(40):
            exact = np.array([float(w) for w in definition(row, **params)])
        actual = engine.numpy(case.weigh(engine.array(row), **params), "float64")
        bound = 2 * UNIT["float64"] * allowed(case, row, exact)
        assert (abs(actual - exact) <= bound + 1e-300).all()
