"""Weightings that users add: each kind works on rows and in attention."""

import dataclasses

import numpy as np
import pytest
import torch

from attention_lib import (
    Sigmoid,
    Softmax,
    Weighting,
    attention_weights,
    definitions,
    get_weighting,
    jacobian,
    scaled_dot_product_attention,
    softmax,
)
from attention_lib.weightings import Exponential, Pointwise, Selection, Sum, Threshold
from tests.derivatives import gradcheck
from tests.engines import near, rounded, tolerance
from tests.in_turn import in_turn
from tests.user_weightings import (
    DIFFERENTIABLE,
    FORMULAS,
    MeanExponential,
    NormalizedReLU,
    OffByOne,
    Scalable,
    SignedCubes,
    SquaredReLU,
    Squares,
    TextbookSparsemax,
    name_of,
)

every_weighting = pytest.mark.parametrize("weighting", FORMULAS, ids=name_of)


def by_rows(weighting, scores, where):
    """Apply the plain formula to the keys of each row that take part."""
    weights = np.zeros_like(scores)
    for row in np.ndindex(scores.shape[:-1]):
        kept = where[row]
        if kept.any():
            weights[row][kept] = FORMULAS[weighting](scores[row][kept])
    return weights


@every_weighting
@in_turn("axis", [0, 1, -1])
@in_turn("masked", [False, True])
def test_rows_follow_the_plain_formula(engine_dtype, weighting, axis, masked, rng):
    engine, dtype = engine_dtype
    scores = rounded(rng.normal(size=(5, 3, 7)), dtype)
    where = rng.random(scores.shape) < 0.6 if masked else np.ones(scores.shape, bool)
    if masked:
        where[1, 1], where[:, 2] = False, False
    given = np.where(where, scores, np.nan)
    actual = weighting(
        engine.array(given, dtype), axis, where=engine.array(where) if masked else None
    )
    expected = by_rows(weighting, *(np.moveaxis(a, axis, -1) for a in (scores, where)))
    np.testing.assert_allclose(
        np.moveaxis(engine.numpy(actual, dtype), axis, -1),
        expected,
        rtol=tolerance(dtype, 64),
        atol=near(dtype),
    )


@every_weighting
@pytest.mark.parametrize("method", ["dense", "streaming", "auto"])
@in_turn("masked", [False, True])
def test_attention_takes_it(engine, weighting, method, masked, rng):
    query, key, value = (rng.normal(size=(2, n, 3)) for n in (5, 7, 7))
    where = rng.random((2, 5, 7)) < 0.6 if masked else np.ones((2, 5, 7), bool)
    where[1, 3] = not masked
    out = scaled_dot_product_attention(
        *map(engine.array, (query, key, value)),
        engine.array(where) if masked else None,
        weighting=weighting,
        method=method,
    )
    scores = query @ key.swapaxes(-1, -2) / np.sqrt(3)
    weights = by_rows(weighting, scores, where)
    np.testing.assert_allclose(engine.numpy(out, "float64"), weights @ value, 1e-11)
    actual = attention_weights(
        *map(engine.array, (query, key)), engine.array(where), weighting=weighting
    )
    np.testing.assert_allclose(engine.numpy(actual), weights, 1e-11, atol=1e-14)


@pytest.mark.parametrize("weighting", DIFFERENTIABLE, ids=name_of)
@pytest.mark.parametrize("n_keys", [1, 5])
def test_its_jacobian_is_what_finite_differences_say(engine, weighting, n_keys, rng):
    scores = rng.normal(size=(2, 3, n_keys))
    if isinstance(weighting, Scalable | TextbookSparsemax):
        with pytest.raises(TypeError, match="no Jacobian in closed form"):
            jacobian(weighting, engine.array(scores))
        return
    actual = jacobian(weighting, engine.array(scores))
    expected = definitions.jacobian(lambda s: weighting(s), scores)
    np.testing.assert_allclose(engine.numpy(actual, "float64"), expected, atol=1e-8)


@every_weighting
@pytest.mark.parametrize("method", ["dense", "streaming"])
def test_its_gradient_through_attention(weighting, method, rng):
    given = [torch.tensor(rng.normal(size=(n, 3)), requires_grad=True) for n in (3, 5)]
    value = torch.tensor(rng.normal(size=(5, 2)), requires_grad=True)
    mask = torch.tensor(rng.random((3, 5)) < 0.7)
    mask[1] = False

    def attend(query, key, value):
        return scaled_dot_product_attention(
            query, key, value, mask, weighting=weighting, method=method
        )

    assert gradcheck(attend, (*given, value))


@every_weighting
@pytest.mark.parametrize("method", ["dense", "streaming"])
def test_masked_nan_reaches_no_output_and_no_gradient(weighting, method, rng):
    query, key, value = (
        torch.tensor(rng.normal(size=(n, 3)), requires_grad=True) for n in (3, 5, 5)
    )
    mask = torch.tensor([True, False, True, False, True])
    with torch.no_grad():
        key[1], value[1], key[3], value[3] = torch.nan, torch.nan, torch.inf, torch.inf
    out = scaled_dot_product_attention(
        query, key, value, mask, weighting=weighting, method=method
    )
    assert out.isfinite().all()
    if out.requires_grad and weighting.kind != "selection":
        out.square().sum().backward()
        for tensor in (query, key, value):
            assert tensor.grad.isfinite().all()
        assert (key.grad[~mask] == 0).all()
        assert (value.grad[~mask] == 0).all()


NORMALISING = [
    OffByOne(0.3),
    Scalable(),
    Squares(),
    NormalizedReLU(),
    SignedCubes(),
]


@pytest.mark.parametrize("weighting", NORMALISING, ids=name_of)
@pytest.mark.parametrize("poison", [np.nan, np.inf])
def test_nan_spoils_its_whole_row_where_weights_are_normalised(
    engine, weighting, poison, rng
):
    scores = rng.normal(size=(3, 5))
    scores[1, 2] = poison
    weights = engine.numpy(weighting(engine.array(scores)))
    assert np.isnan(weights[1]).all()
    assert np.isfinite(weights[[0, 2]]).all()


@pytest.mark.parametrize("weighting", NORMALISING, ids=name_of)
def test_a_row_of_minus_infinity_has_no_weights(engine, weighting):
    scores = engine.array([[-np.inf] * 3, [1.0, 2.0, 3.0]])
    weights = engine.numpy(weighting(scores))
    assert np.isnan(weights[0]).all()
    assert np.isfinite(weights[1]).all()


def test_pointwise_weights_mind_their_own_score_only(engine):
    scores = engine.array([[1.0, np.nan, np.inf, -np.inf, 2.0]])
    weights = engine.numpy(SquaredReLU()(scores))
    np.testing.assert_array_equal(weights, [[1, np.nan, np.inf, 0, 4]])
    slopes = engine.numpy(jacobian(SquaredReLU(), scores))[0]
    np.testing.assert_array_equal(np.diagonal(slopes), [2, np.nan, np.inf, 0, 4])
    assert (slopes[~np.eye(5, dtype=bool)] == 0).all()


def test_a_sum_of_zeros_gives_zeros(engine):
    weights = Squares()(engine.array([[0.0, 0.0], [3.0, 1.0]]))
    np.testing.assert_allclose(engine.numpy(weights), [[0, 0], [0.9, 0.1]])


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_parameter_for_each_row_turns_with_the_axis(engine, axis, rng):
    scores = rng.normal(size=(3, 5, 7))
    shape = [1 if i == axis else n for i, n in enumerate(scores.shape)]
    offset = rng.normal(size=shape)
    actual = OffByOne(engine.array(offset))(engine.array(scores), axis)
    raised = np.exp(scores)
    expected = raised / (np.exp(offset) + raised.sum(axis, keepdims=True))
    np.testing.assert_allclose(engine.numpy(actual), expected, 1e-13)


@pytest.mark.parametrize("method", ["dense", "streaming"])
@pytest.mark.parametrize("shape", [(2, 1, 1), (1, 5, 1), (5, 1), (2, 5, 1)])
def test_a_parameter_for_each_head_or_query_in_attention(engine, method, shape, rng):
    query, key, value = (rng.normal(size=(2, n, 3)) for n in (5, 7, 7))
    offset = rng.normal(size=shape)
    out = scaled_dot_product_attention(
        *map(engine.array, (query, key, value)),
        weighting=OffByOne(engine.array(offset)),
        method=method,
    )
    raised = np.exp(query @ key.swapaxes(-1, -2) / np.sqrt(3))
    weights = raised / (np.exp(offset) + raised.sum(-1, keepdims=True))
    np.testing.assert_allclose(engine.numpy(out), weights @ value, 1e-11)


@pytest.mark.parametrize("method", ["dense", "streaming"])
def test_a_learned_offset_gets_a_gradient_also_beside_a_row_without_keys(method, rng):
    query, key, value = (torch.tensor(rng.normal(size=(2, n, 3))) for n in (5, 7, 7))
    mask = torch.ones(5, 7, dtype=torch.bool)
    mask[2] = False
    offset = torch.tensor(rng.normal(size=(2, 1, 1)), requires_grad=True)

    def attend(offset):
        return scaled_dot_product_attention(
            query, key, value, mask, weighting=OffByOne(offset), method=method
        )

    assert gradcheck(attend, offset)


def test_a_parameter_that_does_not_fit_is_refused(engine, rng):
    query, key = (engine.array(rng.normal(size=(2, n, 3))) for n in (5, 7))
    by_head = OffByOne(engine.array(np.zeros((3, 1, 1))))
    with pytest.raises(ValueError, match=r"offset of shape \(3, 1, 1\) does not"):
        scaled_dot_product_attention(query, key, key, weighting=by_head)
    with pytest.raises(ValueError, match=r"offset of shape \(3, 1, 1\) does not"):
        by_head(query)
    other = OffByOne(np.zeros(1) if engine.device else torch.zeros(1))
    with pytest.raises(TypeError, match="pass all arrays of one library"):
        scaled_dot_product_attention(query, key, key, weighting=other)
    with pytest.raises(TypeError, match="pass all arrays of one library"):
        other(query)


def test_the_number_of_keys_counts_those_that_take_part(engine):
    scores = engine.array(np.zeros((2, 5)))
    where = engine.array([[True] * 5, [True, True, False, False, False]])
    weights = engine.numpy(MeanExponential()(scores, where=where))
    np.testing.assert_array_equal(weights, [[0.2] * 5, [0.5, 0.5, 0, 0, 0]])


@every_weighting
@pytest.mark.parametrize("bad", [[True, False], [1j, 2.0]])
def test_scores_that_are_not_real_numbers_are_refused(engine, weighting, bad):
    with pytest.raises(TypeError, match="x must hold real numbers"):
        weighting(engine.array(bad))


@every_weighting
def test_an_empty_axis_comes_back_empty(engine, weighting):
    out = weighting(engine.array(np.ones((3, 0))))
    assert engine.numpy(out).shape == (3, 0)


def test_a_name_stands_for_the_defaults_and_an_object_for_itself():
    assert isinstance(get_weighting("softmax"), Softmax)
    warm = Softmax(2.0)
    assert get_weighting(warm) is warm


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="unknown weighting 'sofmax'; known are 'soft"):
        get_weighting("sofmax")
    with pytest.raises(ValueError, match="unknown weighting"):
        scaled_dot_product_attention(*[np.ones((2, 2))] * 3, weighting="sofmax")


@pytest.mark.parametrize("given", [softmax, Softmax, None, 3])
def test_what_is_no_weighting_is_refused(given):
    with pytest.raises(TypeError, match="must be a name or a Weighting object; got"):
        get_weighting(given)


@pytest.mark.parametrize("kind", [Weighting, Threshold, Selection, Sum, Pointwise])
def test_a_kind_alone_says_what_it_lacks(kind):
    with pytest.raises(NotImplementedError, match=r"needs a method `(weigh|phi)`"):
        kind()(np.ones(3))


@pytest.mark.parametrize("kind", [Sum, Pointwise])
def test_a_kind_without_a_derivative_says_so(kind):
    class Half(kind):
        def phi(self, scores):
            return scores

    with pytest.raises(NotImplementedError, match="Half needs a `derivative`"):
        jacobian(Half(), np.ones(3))


def test_a_kind_without_a_jacobian_says_so():
    class Mine(Selection):
        def weigh(self, scores, where=None):
            return scores

    with pytest.raises(TypeError, match="Mine has no Jacobian in closed form"):
        jacobian(Mine(), np.ones(3))


def test_a_derivative_of_another_rule_gives_no_jacobian(engine):
    class Squares(Sigmoid):
        def phi(self, scores, *n):
            return scores**2

    with pytest.raises(TypeError, match="`derivative` is that of another `phi`"):
        jacobian(Squares(), engine.array(np.ones(3)))


def test_an_exponential_of_a_user_s_own_with_an_offset(engine, rng):
    class Sharper(Exponential):
        offset = 0.5

        def exponent(self, scores, n):
            return 2 * scores

    scores = rng.normal(size=(3, 4))
    weights = np.exp(2 * scores)
    weights /= weights.sum(-1, keepdims=True) + np.exp(0.5)
    actual = engine.numpy(Sharper()(engine.array(scores)))
    np.testing.assert_allclose(actual, weights, rtol=1e-12)
    plain = type("Plain", (Exponential,), {"offset": 0.5})()
    moves = engine.numpy(jacobian(plain, engine.array(scores)))
    expected = definitions.jacobian(lambda s: plain(s), scores)
    np.testing.assert_allclose(moves, expected, atol=1e-8)


def test_a_bare_exponential_is_softmax(engine, rng):
    class Bare(Exponential):
        pass

    scores = engine.array(rng.normal(size=(3, 5)))
    np.testing.assert_array_equal(
        engine.numpy(Bare()(scores)), engine.numpy(softmax(scores))
    )


def test_weightings_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Softmax().temperature = 2.0
