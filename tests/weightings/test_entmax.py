"""Sparsemax and entmax meet the conditions that define them, to the last digits.

With c = alpha - 1, weights are entmax's where ``w^c / c`` is the score less a bound
that is common to the keys with weight, and every other score lies below the bound.
"""

from itertools import product

import mpmath
import numpy as np
import pytest
import torch

from attention_lib import definitions, entmax, softmax, sparsemax
from attention_lib.numpy_backend import entmax as in_numpy
from attention_lib.torch_backend import entmax as in_torch
from tests.engines import ENGINES, UNIT
from tests.in_rotation import in_rotation

ULPS = 4  # that a sum may be away from one
ALPHAS = [0.3, 0.7, 1 - 1e-6, 1, 1 + 1e-6, 1.0001, 1.05, 1.1, 1.25, 1.5, 1.7, 2]
STEEP = [2.01, 2.5, 3, 4, 6, 10]
LENGTHS = [1, 2, 3, 17, 255, 300, 1000, 30_000]
SCALES = np.array([[0.1], [1], [10], [100]])
DTYPES = ["float32", "float64"]
dtypes = pytest.mark.parametrize("dtype", DTYPES)


def weights_of(engine, scores, alpha, dtype=None, where=None):
    kept = None if where is None else engine.array(where)
    given = engine.array(alpha, dtype) if np.ndim(alpha) else alpha
    return engine.numpy(entmax(engine.array(scores, dtype), given, where=kept), dtype)


def threshold(scores, c):
    """Solve for the bound t of one row by bisection, in float64 or a longer dtype."""
    z = np.asarray(scores, np.longdouble)
    z = z - z.max()
    # Above one, what lies so far below the largest has no weight at any bound.
    near = z[1 + c * z > 0]
    low, high = 0 * z[0], -np.expm1(-c * np.log(np.longdouble(len(z)))) / c
    for _ in range(66):
        t = (low + high) / 2
        inside = np.maximum(1 + c * (near - t), 0)
        if (inside ** (1 / np.longdouble(c))).sum() > 1:
            low = t
        else:
            high = t
    return np.maximum(1 + c * (z - t), 0).astype(np.float64)  # w^c


def test_the_values_that_can_be_done_by_hand(engine):
    np.testing.assert_allclose(
        engine.numpy(sparsemax(engine.array([1.5, 1.0, 0.1]))), [0.75, 0.25, 0], 1e-15
    )
    scores = [-2.0, 0.0, 0.5]
    np.testing.assert_allclose(weights_of(engine, scores, 2), [0, 0.25, 0.75], 1e-15)
    np.testing.assert_allclose(
        weights_of(engine, scores, 1.5), [0, 0.3260, 0.6740], atol=5e-5
    )


@in_rotation(
    "alpha",
    [alpha for alpha in ALPHAS + STEEP if alpha != 1],  # softmax has no last division
    {"engine dtype": list(product(ENGINES, DTYPES)), "n": LENGTHS},
)
def test_rows_of_every_length_sum_to_one(engine, alpha, dtype, n, rng):
    weights = weights_of(engine, SCALES * rng.normal(size=(4, n)), alpha, dtype)
    assert (weights >= 0).all()
    sums = weights.sum(-1, dtype=np.longdouble)
    assert (abs(sums - 1) <= ULPS * 2 * UNIT[dtype]).all()


@in_rotation(
    "alpha",
    [0.3, 0.7, 1.1, 1.25, 1.5, 1.7, 2, *STEEP],
    {
        "dtype shift": list(product(DTYPES, [0.0, 1e4])),
        "n": [1, 2, 7, 300, 1009],
    },
)
def test_the_conditions_hold_before_the_power_is_taken(alpha, dtype, shift, n, rng):
    c = alpha - 1
    scores = SCALES * rng.normal(size=(4, n)) + shift
    scores = scores.astype(dtype).astype(np.float64)
    exact = [threshold(row, c) for row in scores]  # the same for each engine
    for engine in ENGINES:
        weights = weights_of(engine, scores, alpha, dtype)
        for row, expected in zip(weights, exact, strict=True):
            if c < 0:  # a power that grows as the weight falls
                slack = 64 * UNIT[dtype] * (1 + 1 / abs(c))
                np.testing.assert_allclose(row, expected ** (1 / c), slack, 0)
            else:
                slack = 64 * UNIT[dtype] * (1 + 4 * c)
                np.testing.assert_allclose(row**c, expected, slack, slack)


@dtypes
@pytest.mark.parametrize("alpha", ALPHAS)
def test_weights_up_to_alpha_two_agree_with_the_definition(alpha, dtype, rng):
    """Near one the definition loses digits: there mpmath is the judge, below."""
    if 0 < abs(alpha - 1) < 1e-3:
        return  # judged by mpmath
    for n in (2, 17, 300, 2999):
        scores = (2 * rng.normal(size=(3, n))).astype(dtype)
        expected = definitions.entmax(scores, alpha)
        for engine in ENGINES:
            actual = weights_of(engine, scores, alpha, dtype)
            slack = 200 * UNIT[dtype]
            np.testing.assert_allclose(actual, expected, atol=slack, rtol=1e-9)


@dtypes
@pytest.mark.parametrize("alpha", [1 - 1e-6, 1 + 1e-6, 1.0001, 0.9999, 1.01])
def test_there_is_no_plateau_near_one(engine, alpha, dtype):
    scores = np.array([0.5, 0.0, -2.0, -7.0])
    c = mpmath.mpf(alpha) - 1
    with mpmath.workdps(40):

        def powers(t):
            return [
                mpmath.exp(mpmath.log1p(c * (mpmath.mpf(s) - t)) / c) for s in scores
            ]

        t = mpmath.findroot(lambda t: sum(powers(t)) - 1, mpmath.mpf(0.6))
        exact = [float(w) for w in powers(t)]
    actual = weights_of(engine, scores, alpha, dtype)
    np.testing.assert_allclose(actual, exact, rtol=50 * UNIT[dtype])
    away = weights_of(engine, scores, 1, dtype) - actual
    if abs(alpha - 1) >= 1e-4:
        assert abs(away).max() > 1e-5  # not softmax's


@dtypes
def test_an_alpha_for_each_row_is_that_alpha_for_that_row(engine, dtype, rng):
    alphas = np.array([*ALPHAS, *STEEP])[:, None]
    scores = rng.normal(size=(len(alphas), 40)).astype(dtype)
    together = weights_of(engine, scores, alphas, dtype)
    for row, scored, (alpha,) in zip(together, scores, alphas, strict=True):
        c = max(1, alpha - 1)
        alone = weights_of(engine, scored[None], float(alpha), dtype)[0]
        # alpha in float32 is not quite the alpha that was meant, near one
        slack = 64 * UNIT[dtype] * (1 + 4 * c)
        np.testing.assert_allclose(row**c, alone**c, slack, slack)
    ones = np.full_like(alphas, 1)
    np.testing.assert_allclose(
        weights_of(engine, scores, ones, dtype),
        engine.numpy(softmax(engine.array(scores))),
        64 * UNIT[dtype],
    )


@in_rotation(
    "alpha",
    [1.1, 1.25, 1.5, 1.7, 2],
    {
        "engine dtype": list(product(ENGINES, DTYPES)),
        "scale n": list(product([0.1, 1, 30], [5, 300, 2000])),
    },
)
def test_the_fast_way_and_the_general_way_agree(
    engine, alpha, dtype, scale, n, rng, monkeypatch
):
    scores = scale * rng.normal(size=(5, n))
    where = rng.random((5, n)) < 0.8
    where[2] = False
    for kept in (None, where):
        fast = weights_of(engine, scores, alpha, dtype, kept)
        with monkeypatch.context() as patch:
            for module in (in_numpy, in_torch):
                patch.setattr(module, "FAST", (9, 9))
            general = weights_of(engine, scores, alpha, dtype, kept)
        slack = 64 * UNIT[dtype]
        np.testing.assert_allclose(fast, general, slack, slack)


@pytest.mark.parametrize("alpha", [0.5, 1.5, 2, 4])
def test_a_common_shift_moves_nothing(engine, alpha, rng):
    scores = rng.integers(-40, 40, size=(3, 300)) / 16  # exact, shifted or not
    for dtype in ("float32", "float64"):
        np.testing.assert_array_equal(
            weights_of(engine, scores + 1e4, alpha, dtype),
            weights_of(engine, scores, alpha, dtype),
        )


def test_masked_keys_do_not_count_in_the_threshold(engine, rng):
    scores, where = rng.normal(size=(4, 300)), rng.random((4, 300)) < 0.5
    for alpha in (0.5, 1.5, 2, 3):
        weights = weights_of(engine, scores, alpha, where=where)
        np.testing.assert_allclose(weights.sum(-1), 1, 1e-14)
        assert (weights[~where] == 0).all()


def gradients(scores, alpha, direction):
    """Give the derivatives of a weighed sum of weights, in the scores and in alpha."""
    scores = torch.tensor(scores, requires_grad=True)
    alpha = torch.tensor(alpha, dtype=torch.float64, requires_grad=True)
    (entmax(scores, alpha) * torch.tensor(direction)).sum().backward()
    return scores.grad.numpy(), float(alpha.grad)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.3, 2.0, 2.5])
def test_derivatives_are_those_of_the_definition(alpha):
    scores, direction = np.array([0.5, 0.2, -0.1, -4]), np.array([1.0, -2, 3, 100])
    in_scores, in_alpha = gradients(scores, alpha, direction)
    slopes = definitions.jacobian(lambda s: definitions.entmax(s, alpha), scores)
    np.testing.assert_allclose(in_scores, direction @ slopes, 1e-6, 1e-8)
    step = 1e-5
    up = definitions.entmax(scores, alpha + step)
    down = definitions.entmax(scores, alpha - step)
    assert in_alpha == pytest.approx(direction @ (up - down) / (2 * step), rel=1e-6)
    if alpha > 1.3:
        assert in_scores[-1] == 0  # outside the support nothing moves
