"""What a weighting calls its rule is what its record computes, for every weighting."""

import numpy as np
import pytest

from attention_lib import softmax
from attention_lib.weightings import Exponential, LogSum, Pointwise, Sum
from tests.weightings.every import CASES

OBJECTS = [case for case in CASES if case.make is not None and case.numbers]


def of(kind):
    cases = [case for case in OBJECTS if issubclass(case.make, kind)]
    return pytest.mark.parametrize("case", cases, ids=str)


@of(Exponential)
def test_weights_are_softmax_of_the_exponent(engine, case, rng):
    scores, weighting = rng.normal(size=(3, 5)), case.make(**case.params)
    z = engine.numpy(weighting.exponent(engine.array(scores), 5))
    expected = np.exp(z)
    extra = 0.0 if weighting.offset is None else np.exp(weighting.offset)
    expected /= extra + expected.sum(-1, keepdims=True)
    actual = engine.numpy(weighting(engine.array(scores)))
    np.testing.assert_allclose(actual, expected, rtol=1e-12)


@of(LogSum)
def test_weights_are_softmax_of_the_logarithm(engine, case, rng):
    scores, weighting = engine.array(rng.normal(size=(3, 5))), case.make(**case.params)
    expected = engine.numpy(softmax(weighting.log_phi(scores)))
    np.testing.assert_allclose(engine.numpy(weighting(scores)), expected, rtol=1e-12)
    sizes = engine.numpy(weighting.phi(scores))
    np.testing.assert_allclose(sizes / sizes.sum(-1, keepdims=True), expected, 1e-12)


@of(Sum)
def test_weights_are_phi_up_to_a_factor(engine, case, rng):
    scores, weighting = engine.array(rng.normal(size=(3, 5))), case.make(**case.params)
    sizes, weights = (engine.numpy(f(scores)) for f in (weighting.phi, weighting))
    some = weights > 0
    assert (sizes[~some] == 0).all()
    ratio = np.where(some, sizes / np.where(some, weights, 1), np.nan)
    spread = np.nanmax(ratio, -1) / np.nanmin(ratio, -1)
    np.testing.assert_allclose(spread, 1, rtol=1e-12)


@of(Pointwise)
def test_weights_are_phi(engine, case, rng):
    scores, weighting = engine.array(rng.normal(size=(3, 5))), case.make(**case.params)
    expected = engine.numpy(weighting.phi(scores, 5))
    np.testing.assert_allclose(engine.numpy(weighting(scores)), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("kind", "asked"), [(LogSum, "log_phi"), (LogSum, "log_derivative")]
)
def test_a_logarithmic_kind_says_what_it_lacks(kind, asked):
    with pytest.raises(NotImplementedError, match=f"LogSum needs a .*`{asked}`"):
        getattr(kind(), asked)(np.zeros(3))
