"""Diagnostics: values by hand, the edges, and the Jacobian against autograd."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from attention_lib import (
    Softmax,
    definitions,
    effective_support,
    entropy,
    jacobian,
    max_weight,
    softmax,
)
from tests.engines import rounded, tolerance

NAN = np.nan
finite = st.floats(-30, 30)
rows = arrays(np.float64, st.integers(1, 12), elements=finite)


@pytest.mark.parametrize(
    ("weights", "bits"),
    [
        ([1.0], 0),
        ([0.5, 0.5], 1),
        ([0.25] * 4, 2),
        ([0.5, 0.25, 0.25], 1.5),
        ([0.5, 0.0, 0.5, 0.0], 1),
        ([0.0, 1.0, 0.0], 0),
        ([0.0, 0.0], 0),
        ([], 0),
    ],
)
def test_entropy_by_hand(engine, weights, bits):
    given_weights = engine.array(np.array(weights))
    actual = engine.numpy(entropy(given_weights, base=2), "float64")
    assert actual == pytest.approx(bits, rel=1e-15)
    assert not np.signbit(actual)
    nats = engine.numpy(entropy(given_weights))
    assert nats == pytest.approx(bits * np.log(2), rel=1e-15)
    assert definitions.entropy(weights) == pytest.approx(nats)
    support = engine.numpy(effective_support(given_weights))
    assert support == pytest.approx(2**bits, rel=1e-15)


@given(scores=rows)
def test_entropy_lies_between_zero_and_log_n(engine, scores):
    weights = softmax(engine.array(scores))
    nats = engine.numpy(entropy(weights))
    assert -1e-15 <= nats <= np.log(len(scores)) + 1e-14
    support = engine.numpy(effective_support(weights))
    assert 1 - 1e-14 <= support <= len(scores) + 1e-12
    largest = engine.numpy(max_weight(weights))
    assert 1 / len(scores) - 1e-15 <= largest <= 1 + 1e-15
    np.testing.assert_allclose(nats, definitions.entropy(engine.numpy(weights)))


def test_a_weight_that_is_none_spoils_its_row_only(engine):
    weights = engine.array([[0.5, NAN, 0.5], [1.5, -0.5, 0.0], [0.5, 0.5, 0.0]])
    for rule in (entropy, effective_support):
        actual = engine.numpy(rule(weights))
        assert np.isnan(actual[:2]).all()
        assert actual[2] == pytest.approx({entropy: np.log(2)}.get(rule, 2))
    np.testing.assert_array_equal(engine.numpy(max_weight(weights)), [NAN, 1.5, 0.5])


def test_each_dtype_comes_back(engine_dtype, rng):
    engine, dtype = engine_dtype
    weights = rounded(definitions.softmax(rng.normal(size=(3, 5, 7))), dtype)
    for rule, expected in [
        (entropy, definitions.entropy(weights)),
        (effective_support, np.exp(definitions.entropy(weights))),
        (max_weight, weights.max(-1)),
    ]:
        actual = engine.numpy(rule(engine.array(weights, dtype)), dtype)
        np.testing.assert_allclose(actual, expected, rtol=tolerance(dtype))


@pytest.mark.parametrize("base", [0, -2, 1, 1.0, np.inf, NAN])
def test_a_base_must_be_positive_and_not_one(engine, base):
    with pytest.raises(ValueError, match=r"base must (be|not be) "):
        entropy(engine.array([0.5, 0.5]), base=base)


@pytest.mark.parametrize("rule", [entropy, effective_support, max_weight])
def test_weights_that_are_none_are_refused(engine, rule):
    with pytest.raises(ValueError, match="weights needs an axis of keys; got a single"):
        rule(engine.array(1.0))
    with pytest.raises(TypeError, match="weights must hold real numbers"):
        rule(engine.array([True]))


def test_no_weight_is_the_largest_of_none(engine):
    with pytest.raises(ValueError, match="weights has no entries, so none is the larg"):
        max_weight(engine.array(np.ones((3, 0))))


def test_entropy_has_a_gradient(rng):
    scores = torch.tensor(rng.normal(size=(3, 5)), requires_grad=True)
    for rule in (entropy, effective_support, max_weight):
        assert torch.autograd.gradcheck(lambda s, rule=rule: rule(softmax(s)), scores)
    weights = torch.tensor([0.5, 0.5, 0.0], requires_grad=True)
    entropy(weights).backward()
    assert weights.grad.isfinite().all()


def test_the_jacobian_by_hand(engine):
    actual = engine.numpy(jacobian("softmax", engine.array(np.log([1.0, 3.0]))))
    expected = np.array([[3, -3], [-3, 3]]) / 16
    np.testing.assert_allclose(actual, expected, rtol=1e-14)
    warm = engine.numpy(jacobian(Softmax(2), engine.array(2 * np.log([1.0, 3.0]))))
    np.testing.assert_allclose(warm, expected / 2, rtol=1e-14)


@pytest.mark.quick
@given(scores=rows, temperature=st.floats(0.3, 5))
def test_the_jacobian_is_what_finite_differences_say(engine, scores, temperature):
    weighting = Softmax(temperature)
    actual = engine.numpy(jacobian(weighting, engine.array(scores)))
    expected = definitions.jacobian(
        lambda s: definitions.softmax(s / temperature), scores
    )
    np.testing.assert_allclose(actual, expected, atol=1e-9)


@given(scores=rows)
def test_the_jacobian_is_symmetric_and_kills_a_common_shift(engine, scores):
    moves = engine.numpy(jacobian("softmax", engine.array(scores)))
    np.testing.assert_array_equal(moves, moves.T)
    np.testing.assert_allclose(moves.sum(-1), 0, atol=1e-15)
    assert np.linalg.eigvalsh(moves).max() <= 0.5 + 1e-15
    assert np.linalg.eigvalsh(moves).min() >= -1e-15


def test_jacobians_of_many_rows(engine_dtype, rng):
    engine, dtype = engine_dtype
    scores = rounded(rng.normal(size=(3, 5, 7)), dtype)
    temperature = rounded(rng.uniform(0.5, 2, size=(3, 1, 1)), dtype)
    weighting = Softmax(engine.array(temperature, dtype))
    actual = engine.numpy(jacobian(weighting, engine.array(scores, dtype)), dtype)
    assert actual.shape == (3, 5, 7, 7)
    weights = definitions.softmax(scores / temperature)
    expected = (
        np.eye(7) * weights[..., None] - weights[..., None] * weights[..., None, :]
    )
    np.testing.assert_allclose(
        actual, expected / temperature[..., None], rtol=tolerance(dtype, 64), atol=1e-7
    )


@pytest.mark.parametrize("temperature", [1.0, 0.3])
def test_the_jacobian_is_autograd_s(temperature, device, rng):
    scores = torch.tensor(rng.normal(size=(3, 7)), device=device)
    weighting = Softmax(temperature)
    expected = torch.vmap(torch.func.jacrev(weighting))(scores)
    torch.testing.assert_close(jacobian(weighting, scores), expected)


def test_the_jacobian_says_what_it_cannot_take(engine):
    with pytest.raises(ValueError, match="unknown weighting 'sofmax'; known are"):
        jacobian("sofmax", engine.array([1.0, 2.0]))
    with pytest.raises(ValueError, match="x needs an axis of keys"):
        jacobian("softmax", engine.array(1.0))
