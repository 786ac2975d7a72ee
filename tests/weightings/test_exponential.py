"""The laws of softmax and its logarithm, one test per law, on both engines."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from attention_lib import Softmax, definitions, log_softmax, logsumexp, softmax
from tests.engines import near, rounded, smallest, tolerance

# Far enough apart for one-hot weights, and far from overflow: a failure is a broken
# law, not an accident of rounding. Extreme scores have their own tests.
finite = st.floats(-30, 30)
rows = arrays(np.float64, st.integers(1, 12), elements=finite)
pairs_of_rows = st.integers(1, 9).flatmap(
    lambda n: st.tuples(*2 * [arrays(np.float64, n, elements=finite)])
)


def weights_of(engine, scores, **options):
    return engine.numpy(softmax(engine.array(scores), **options), "float64")


@given(scores=rows)
def test_weights_are_not_negative_and_sum_to_one(engine, scores):
    weights = weights_of(engine, scores)
    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1, rel=1e-14)


@given(scores=rows, shift=finite)
def test_a_common_shift_changes_nothing(engine, scores, shift):
    shifted = weights_of(engine, scores + shift)
    np.testing.assert_allclose(shifted, weights_of(engine, scores), rtol=1e-13)


@given(scores=rows, order=st.randoms(use_true_random=False))
def test_weights_move_with_their_scores(engine, scores, order):
    places = list(range(len(scores)))
    order.shuffle(places)
    moved = weights_of(engine, scores[places])
    np.testing.assert_allclose(moved, weights_of(engine, scores)[places], rtol=1e-14)


@given(scores=rows)
def test_a_larger_score_never_gets_a_smaller_weight(engine, scores):
    order = np.argsort(scores, kind="stable")
    assert (np.diff(weights_of(engine, scores)[order]) >= 0).all()


@given(scores=rows)
def test_equal_scores_get_equal_weights(engine, scores):
    twice = weights_of(engine, np.concatenate([scores, scores]))
    np.testing.assert_array_equal(twice[: len(scores)], twice[len(scores) :])


@given(pair=pairs_of_rows)
def test_odds_of_two_keys_ignore_the_other_keys(engine, pair):
    first, others = pair
    alone = weights_of(engine, first)
    together = weights_of(engine, np.concatenate([first, others]))[: len(first)]
    np.testing.assert_allclose(together / together.sum(), alone, rtol=1e-12)


@given(scores=rows, temperature=st.floats(0.05, 20))
def test_a_temperature_divides_the_scores(engine, scores, temperature):
    warm = weights_of(engine, scores, temperature=temperature)
    expected = weights_of(engine, scores / temperature)
    np.testing.assert_allclose(warm, expected, rtol=1e-11)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@given(scores=rows)
def test_cold_weights_are_shared_by_the_largest_scores(engine, dtype, scores):
    scores = scores.round(1)
    winners = scores == scores.max()
    for temperature in (1e-5, 1e-40, 1e-300):  # no float32 is as small as the last
        weights = softmax(engine.array(scores, dtype), temperature=temperature)
        expected = winners / winners.sum()
        np.testing.assert_allclose(engine.numpy(weights), expected, rtol=1e-6)


@pytest.mark.parametrize("rule", [softmax, log_softmax])
def test_a_temperature_for_each_row_may_be_out_of_the_scores_range(engine, rule):
    scores = engine.array([[1.0, 2.0, 2.0], [1.0, 2.0, 2.0]], "float32")
    temperature = engine.array([[1e-300], [1e300]], "float64")
    where = engine.array([[True, True, True], [True, False, True]])
    weights = engine.numpy(rule(scores, where=where, temperature=temperature))
    expected = np.array([[0, 0.5, 0.5], [0.5, 0, 0.5]])
    if rule is log_softmax:
        weights = np.exp(weights)
    np.testing.assert_allclose(weights, expected, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("temperature", [1e30, 1e300])
@given(scores=rows)
def test_hot_weights_are_equal(engine, dtype, temperature, scores):
    weights = softmax(engine.array(scores, dtype), temperature=temperature)
    np.testing.assert_allclose(engine.numpy(weights), 1 / len(scores), rtol=1e-6)


def test_softmax_undoes_the_logarithm(engine):
    weights = weights_of(engine, np.log([1, 2, 5]))
    np.testing.assert_allclose(weights, [1 / 8, 2 / 8, 5 / 8], rtol=1e-15)


def test_half_the_temperature_squares_the_odds(engine):
    weights = Softmax(temperature=0.5)(engine.array(np.log([1.0, 3.0])))
    np.testing.assert_allclose(engine.numpy(weights), [0.1, 0.9], rtol=1e-15)


def test_the_essay_s_example(engine):
    weights = weights_of(engine, [2.0, 1.0, 0.1])
    np.testing.assert_array_equal(weights.round(2), [0.66, 0.24, 0.10])


def test_equal_scores_have_the_log_of_their_number_more(engine):
    total = logsumexp(engine.array([1000.0, 1000.0, 1000.0]))
    assert float(total) == 1000 + np.log(3)


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
def test_each_dtype_agrees_with_the_definition_along_each_axis(
    engine_dtype, name, axis, rng
):
    engine, dtype = engine_dtype
    scores = rounded(2 * rng.normal(size=(3, 5, 7)), dtype)
    last = np.moveaxis(scores, axis, -1)
    expected = getattr(definitions, name)(last)
    if name == "softmax":
        assert (expected.max(-1) < 0.9).mean() > 0.5  # so an argmax would not do
    if name != "logsumexp":
        expected = np.moveaxis(expected, -1, axis)
    rule = {"softmax": softmax, "log_softmax": log_softmax, "logsumexp": logsumexp}
    actual = rule[name](engine.array(scores, dtype), axis)
    np.testing.assert_allclose(
        engine.numpy(actual, dtype),
        expected,
        rtol=tolerance(dtype),
        atol=near(dtype) if name != "softmax" else 0,
    )


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("rule", [softmax, log_softmax])
def test_a_temperature_for_each_row(engine_dtype, rule, axis, rng):
    engine, dtype = engine_dtype
    scores = rounded(rng.normal(size=(3, 5, 7)), dtype)
    shape = [1 if i == axis % 3 else n for i, n in enumerate(scores.shape)]
    temperature = rounded(rng.uniform(0.5, 2, size=shape), dtype)
    for cut in (temperature, temperature[:1], temperature[0]):
        if cut.ndim < 3 and axis == 0:
            continue  # the axis of the keys must have size 1
        actual = rule(
            engine.array(scores, dtype), axis, temperature=engine.array(cut, dtype)
        )
        expected = np.moveaxis(scores / cut, axis, -1)
        expected = getattr(definitions, rule.__name__)(expected)
        np.testing.assert_allclose(
            np.moveaxis(engine.numpy(actual, dtype), axis, -1),
            expected,
            rtol=tolerance(dtype),
            atol=near(dtype) if rule is log_softmax else 0,
        )


def test_the_logarithm_is_exact_where_one_entry_dominates(engine_dtype):
    engine, dtype = engine_dtype
    with mpmath.workdps(60):
        for gap in [0.0, 0.5, 3.0, 20.0, 80.0]:
            exact = -mpmath.log1p(mpmath.exp(-gap))
            expected = [float(exact), float(exact - gap)]
            actual = log_softmax(engine.array([gap / 2, -gap / 2], dtype))
            np.testing.assert_allclose(
                engine.numpy(actual, dtype),
                expected,
                rtol=tolerance(dtype, 4),
                atol=smallest(dtype),
            )


@given(scores=arrays(np.float64, st.integers(1, 9), elements=st.floats(-700, 700)))
def test_the_last_digits_of_the_logarithms(engine, scores):
    with mpmath.workdps(700):
        total = mpmath.log(sum(mpmath.exp(mpmath.mpf(s)) for s in scores))
        logs = [float(mpmath.mpf(s) - total) for s in scores]
    actual = engine.numpy(logsumexp(engine.array(scores)), "float64")
    assert actual == pytest.approx(float(total), rel=4e-16, abs=4e-16)
    # The difference of two scores is rounded once, by its own size.
    actual = engine.numpy(log_softmax(engine.array(scores)), "float64")
    rtol = 2e-15 + 2e-16 * np.ptp(scores)
    np.testing.assert_allclose(actual, logs, rtol=rtol, atol=1e-322)


def test_logsumexp_can_keep_its_axis(engine, rng):
    scores = engine.array(rng.normal(size=(3, 5, 7)))
    for axis, shape in [(0, (1, 5, 7)), (1, (3, 1, 7)), (-1, (3, 5, 1))]:
        kept = logsumexp(scores, axis, keepdims=True)
        assert tuple(kept.shape) == shape
        np.testing.assert_array_equal(
            engine.numpy(kept).squeeze(axis), engine.numpy(logsumexp(scores, axis))
        )
