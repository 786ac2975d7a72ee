"""Every weighting at the edges: each row of the library's table on rows of scores."""

import warnings

import numpy as np
import pytest

import attention_lib as al
from tests.engines import ENGINES, EVERY_DTYPE
from tests.in_turn import in_turn
from tests.weightings.every import CASES, one_of_each

INF, NAN = np.inf, np.nan
normalising = pytest.mark.parametrize(
    "case", [case for case in CASES if case.normalises and case.numbers], ids=str
)
pointwise = pytest.mark.parametrize(
    "case", [case for case in CASES if not case.normalises and case.numbers], ids=str
)

engines = in_turn("engine", ENGINES)


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def weigh(engine, case, scores, where=None, dtype=None, axis=-1):
    kept = None if where is None else engine.array(where)
    weights = case.weigh(engine.array(scores, dtype), axis, kept, **case.params)
    return engine.numpy(weights)


@normalising
@engines
@in_turn("poison", [NAN, INF])
@in_turn("n_keys", [5, 301])
def test_nan_or_infinity_spoils_its_row_and_no_other(engine, case, poison, n_keys, rng):
    if case.params.get("scale", 1) < 0 and poison == INF:
        return  # a negative scale turns it round, and minus infinity has a limit
    scores, where = rng.normal(size=(4, n_keys)), rng.random((4, n_keys)) < 0.7
    where[:, 2] = [True, True, False, True]
    for kept in (None, where):
        healthy = weigh(engine, case, scores, kept)
        bad = scores.copy()
        bad[1:3, 2] = poison  # masked in row 2, if anything is
        actual = weigh(engine, case, bad, kept)
        taking = np.ones_like(where) if kept is None else kept
        assert np.isnan(actual[1][taking[1]]).all()
        assert (actual[1][~taking[1]] == 0).all()
        if kept is None:
            assert np.isnan(actual[2]).all()
        else:
            np.testing.assert_allclose(actual[2], healthy[2], 1e-14)
        np.testing.assert_allclose(actual[[0, 3]], healthy[[0, 3]], 1e-12, 1e-15)


@pointwise
@engines
def test_nan_spoils_one_entry_of_a_pointwise_kind(engine, case, rng):
    scores = rng.normal(size=(3, 5))
    healthy = weigh(engine, case, scores)
    scores[1, 2] = healthy[1, 2] = NAN
    np.testing.assert_array_equal(weigh(engine, case, scores), healthy)


@pointwise
@engines
def test_pointwise_kinds_have_limits(engine, case):
    weights = weigh(engine, case, [[INF, -INF, 0.0], [-INF, -INF, -INF]])
    top = 1 if case.name == "sigmoid" else INF
    np.testing.assert_array_equal(weights[0, :2], [top, 0])
    assert np.isfinite(weights[0, 2])
    np.testing.assert_array_equal(weights[1], [0, 0, 0])


@normalising
@engines
@in_turn("masked", [False, True])
def test_a_row_of_minus_infinity_is_nan(engine, case, masked):
    scores = [[-INF, -INF, -INF], [0.5, 0.25, 2.0]]
    where = np.array([True, True, False]) if masked else None
    weights = weigh(engine, case, scores, where)
    np.testing.assert_array_equal(weights[0], [NAN, NAN, 0 if masked else NAN])
    assert np.isfinite(weights[1]).all()


@one_of_each
@engines
def test_one_minus_infinity_weighs_nothing(engine, case):
    if case.name == "normalize":
        return  # its size counts
    scores = np.array([[0.5, -INF, 2.0], [0.5, -INF, -INF]])
    weights = weigh(engine, case, scores)
    assert (weights[scores == -INF] == 0).all()
    assert np.isfinite(weights).all()


@one_of_each
@in_turn(("engine", "dtype"), EVERY_DTYPE)
@in_turn("n_keys", [1, 5, 301])
def test_a_fully_masked_row_is_zero(engine, dtype, case, n_keys, rng):
    scores = rng.normal(size=(3, n_keys))
    for poison in (0.0, NAN, INF, -INF):
        scores[1] = poison
        where = np.array([[True], [False], [True]])
        weights = weigh(engine, case, scores, where, dtype)
        assert (weights[1] == 0).all()
        assert np.isfinite(weights).all()
        nothing = weigh(engine, case, scores, np.zeros((3, 1), bool), dtype)
        assert (nothing == 0).all()


@one_of_each
@engines
@in_turn("dtype", ["float32", "float64"])
def test_huge_scores_do_not_overflow(engine, case, dtype):
    for size in (1e4, 1e30):
        scores = np.array([[size, size, -size], [-size, -size, -size], [size, 0, 1]])
        weights = weigh(engine, case, scores, dtype=dtype)
        assert np.isfinite(weights).all()
        if case.normalises:
            assert (abs(weights).sum(-1) <= 1 + 1e-6).all()
            assert abs(weights[0]).sum() == pytest.approx(1, rel=1e-6)
        if "max" in case.name and "top_k" not in case.name:
            np.testing.assert_allclose(weights[0], [0.5, 0.5, 0], 1e-6)
            np.testing.assert_allclose(weights[2], [1, 0, 0], 1e-6, 1e-9)
        if case.name in ("softpick", "normalized_relu", "relu", "softmax1"):
            np.testing.assert_array_equal(weights[1], [0, 0, 0])


@one_of_each
@engines
@in_turn("level", [-2.0, 0.0, 0.25, 7.0])
def test_equal_scores_get_equal_weights(engine, case, level):
    for n in (2, 7, 300):
        weights = weigh(engine, case, np.full((2, n), level))
        assert np.isfinite(weights).all()
        if case.name == "top_k_softmax":
            (k,) = case.params.values()
            np.testing.assert_array_equal(weights[0], [1 / k] * k + [0] * (n - k))
        else:
            np.testing.assert_allclose(weights, weights[0, 0], 1e-13)


def test_ties_are_shared_or_go_to_the_first(engine):
    scores = engine.array([1.0, 2.0, 2.0, 2.0])
    np.testing.assert_allclose(engine.numpy(al.hardmax(scores)), [0] + [1 / 3] * 3)
    weights = engine.numpy(al.top_k_softmax(scores, 2))
    np.testing.assert_array_equal(weights, [0, 0.5, 0.5, 0])
    where = engine.array([True, False, True, True])
    weights = engine.numpy(al.top_k_softmax(scores, 2, where=where))
    np.testing.assert_array_equal(weights, [0, 0, 0.5, 0.5])


@one_of_each
@engines
@in_turn("shape", [(0,), (3, 0), (0, 5), (2, 0, 3)])
def test_an_empty_array_comes_back_empty(engine, case, shape):
    for where in (None, np.ones(shape, bool)):
        assert weigh(engine, case, np.ones(shape), where).shape == shape


def test_an_offset_of_minus_infinity_gives_softmax(engine, rng):
    scores = engine.array(rng.normal(size=(3, 5)))
    weights = engine.numpy(al.softmax1(scores, offset=-INF))
    np.testing.assert_array_equal(weights, engine.numpy(al.softmax(scores)))
    assert (engine.numpy(al.softmax1(scores, offset=INF)) == 0).all()


def test_a_pointwise_count_is_of_those_that_take_part(engine):
    scores = engine.array([[0.0, 5.0, 0.0], [0.0, 0.0, 0.0]])
    where = engine.array([[True, False, True], [True, True, True]])
    weights = engine.numpy(al.sigmoid(scores, bias="-log n", where=where))
    third = 1 / (1 + 2)
    np.testing.assert_allclose(weights, [[third, 0, third], [0.25] * 3], 1e-15)


def test_sums_of_huge_or_tiny_scores_neither_overflow_nor_vanish(engine):
    huge, tiny = (
        engine.array([2e38, 2e38], "float32"),
        engine.array([1e-30, 2e-30], "float32"),
    )
    np.testing.assert_array_equal(engine.numpy(al.normalize(huge)), [0.5, 0.5])
    squared = al.NormalizedReLU(power=2)
    np.testing.assert_array_equal(engine.numpy(squared(huge)), [0.5, 0.5])
    np.testing.assert_allclose(engine.numpy(squared(tiny)), [0.2, 0.8], rtol=1e-6)


def test_a_product_beyond_the_dtype_is_taken_relative_to_the_largest(engine):
    scores = [[3e38, 0, 0, 0], [1, 0, 0, 0], [-3e38, 0, 0, 0]]
    weights = engine.numpy(al.scalable_softmax(engine.array(scores, "float32")))
    np.testing.assert_array_equal(weights[0], [1, 0, 0, 0])
    np.testing.assert_allclose(weights[1], np.array([4, 1, 1, 1]) / 7, 1e-6)
    np.testing.assert_allclose(weights[2], [0, 1 / 3, 1 / 3, 1 / 3], 1e-6)
