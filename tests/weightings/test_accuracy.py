"""Each weight is as exact as its docstring says, in rows of up to 30,000 keys.

float32 is judged by the definitions in float64, float64 by mpmath. What a bound counts
in is eps, the distance from one to the next number.
"""

import mpmath
import numpy as np
import pytest

import attention_lib as al
from attention_lib import definitions
from tests.engines import NUMPY, UNIT, smallest

LENGTHS = [1, 2, 7, 101, 1009, 30_000]
SPREADS = [0.1, 1.0, 10.0, 30.0]


def gap(x):
    """Give the distance of each score from the largest of its row."""
    return x.max(-1, keepdims=True) - x


def size(x):
    return abs(x).max(-1, keepdims=True)


def lift_of(x):
    """Give how far the log-sum-exp lies above the largest score, to all digits."""
    others = np.sort(np.exp(-gap(x)), axis=-1)[..., :-1]
    return np.log1p(others.sum(-1, keepdims=True))


def exact_softmax(x, offset=-np.inf):
    """Softmax with an offset, in float64, without overflow."""
    top = x.max(-1, keepdims=True)
    positive = np.exp(x - top)
    return positive / (np.exp(offset - top) + positive.sum(-1, keepdims=True))


def top(x, k=5):
    return min(k, x.shape[-1])


# The weighting, its definition, and the error that its docstring allows, in eps.
BOUNDS = {
    "softmax": (al.softmax, exact_softmax, lambda x: 16 + gap(x)),
    "softmax, cold": (
        lambda x: al.softmax(x, temperature=0.3),
        lambda x: exact_softmax(x / 0.3),
        lambda x: 16 + 2 * gap(x) / 0.3,
    ),
    "softmax1": (
        lambda x: al.softmax1(x, offset=2.0),
        lambda x: exact_softmax(x, 2.0),
        lambda x: 16 + 2 * size(x) + 2.0,
    ),
    "scalable_softmax": (
        lambda x: al.scalable_softmax(x, scale=0.5),
        lambda x: exact_softmax(0.5 * np.log(x.shape[-1]) * x),
        lambda x: 16 + 2 * 0.5 * np.log(x.shape[-1]) * size(x),
    ),
    "softpick": (
        al.softpick,
        lambda x: np.divide(
            np.exp(gap(x) * 0 - gap(x)) * -np.expm1(-np.maximum(x, 0)),
            (
                np.exp(-gap(x)) * abs(np.expm1(-np.maximum(x, 0)))
                + abs(np.expm1(np.minimum(x, 0))) * np.exp(-x.max(-1, keepdims=True))
            ).sum(-1, keepdims=True)
            + 1e-6 * np.exp(-x.max(-1, keepdims=True)),
        ),
        lambda x: 16 + gap(x),
    ),
    "sigmoid": (
        lambda x: al.sigmoid(x, bias=-3.0),
        lambda x: definitions.sigmoid(x, -3.0),
        lambda x: 4 + abs(x) + 3.0,
    ),
    "sigmoid, -log n": (
        lambda x: al.sigmoid(x, bias="-log n"),
        lambda x: definitions.sigmoid(x, -np.log(x.shape[-1])),
        lambda x: 4 + abs(x) + np.log(x.shape[-1]),
    ),
    "relu": (al.relu, definitions.relu, lambda x: 0 * x),
    "relu cubed, mean": (
        lambda x: al.relu(x, power=3, mean=True),
        lambda x: definitions.relu(x, 3, True),
        lambda x: 0 * x + 3 + 2,
    ),
    "normalize": (
        al.normalize,
        lambda x: definitions.normalize(x, 1e-300),
        lambda x: 0 * x + 8,
    ),
    "normalized_relu": (
        al.NormalizedReLU(power=2),
        lambda x: definitions.normalize(definitions.relu(x, 2), 1e-300),
        lambda x: 0 * x + 8 + 2 * 2,
    ),
    "normalized_sigmoid": (
        al.NormalizedSigmoid(bias=-3.0),
        lambda x: exact_softmax(-np.logaddexp(0, -(x - 3.0))),
        lambda x: 16 + 2 * (size(x) + 3.0),
    ),
    "normalized_tanh": (
        al.NormalizedTanh(),
        lambda x: exact_softmax(-np.logaddexp(0, -2 * x)),
        lambda x: 16 + 4 * size(x),
    ),
    "hardmax": (al.hardmax, definitions.hardmax, lambda x: 0 * x + 1),
    "top_k_softmax": (
        lambda x: al.top_k_softmax(x, top(x)),
        lambda x: definitions.top_k_softmax(x - x.max(-1, keepdims=True), top(x)),
        lambda x: 16 + gap(x),
    ),
}


def rows(n, spread, shift, rng):
    """Give rows of float32 numbers, and a shift that they are still exact after."""
    scores = (spread * rng.normal(size=(3, n)) + shift).astype(np.float32)
    return scores.astype(np.float64)


@pytest.mark.parametrize("name", BOUNDS)
@pytest.mark.parametrize("shift", [0.0, 40.0, -40.0])
def test_each_weight_is_as_exact_as_is_said(name, shift, engine, rng):
    weigh, definition, allowed = BOUNDS[name]
    for n in LENGTHS:
        for spread in SPREADS:
            scores = rows(n, spread, shift, rng)
            expected = definition(scores)
            actual = engine.numpy(weigh(engine.array(scores, "float32")), "float32")
            bound = 2 * UNIT["float32"] * allowed(scores) * abs(expected)
            error = abs(actual - expected) - bound
            # Below the smallest normal number digits are lost, and that is no error
            # of ours; nor is a weight that is rounded to zero.
            assert (error <= 2**-125).all(), (n, spread, (error / bound).max())


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
        expected = exact_softmax(scores)
        bound = 16 + 2 * gap(scores)
        if engine is not NUMPY and 2048 < n <= 4096:
            bound = 2 * bound  # torch's own sum, which for these is not mended
        error = abs(back(al.softmax(given, axis)) / expected - 1)
        assert (error <= eps * bound).all(), n
        hot = back(al.softmax(given, axis, temperature=2.0))
        assert (abs(hot / exact_softmax(scores / 2) - 1) <= eps * bound).all(), n
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
            given, eps = engine.array(scores, "float32"), 2 * UNIT["float32"]
            highest = scores.max(-1, keepdims=True)
            lift = lift_of(scores)
            total = engine.numpy(al.logsumexp(given, keepdims=True), "float32")
            bound = eps * (4 * lift + abs(highest + lift) + abs(highest))
            assert (abs(total - highest - lift) <= bound + smallest("float32")).all()
            logs = engine.numpy(al.log_softmax(given), "float32")
            expected = gap(scores) + lift
            bound = eps * (8 + size(gap(scores))) * expected
            assert (abs(logs + expected) <= bound + smallest("float32")).all()


@pytest.mark.parametrize(
    ("name", "power"), [("softmax", 0), ("softmax1", 2.0), ("softpick", 1e-6)]
)
def test_float64_is_as_exact_by_mpmath(name, power, engine, rng):
    for spread in SPREADS:
        row = spread * rng.normal(size=40) + 3
        with mpmath.workdps(40):
            given = [mpmath.mpf(s) for s in row]
            if name == "softpick":
                shares = [mpmath.expm1(s) for s in given]
                total = sum(map(abs, shares)) + mpmath.mpf(power)
                exact = [max(s, mpmath.mpf(0)) / total for s in shares]
            else:
                shares = [mpmath.exp(s) for s in given]
                total = sum(shares) + (mpmath.exp(power) if power else 0)
                exact = [s / total for s in shares]
            exact = np.array([float(w) for w in exact])
        weigh, _, allowed = BOUNDS[name]
        actual = engine.numpy(weigh(engine.array(row)), "float64")
        bound = 2 * UNIT["float64"] * allowed(row) * exact
        assert (abs(actual - exact) <= bound + 1e-300).all()
