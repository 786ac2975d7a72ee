"""Support size, the mass of a few keys, and the norm of the Jacobian."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from attention_lib import (
    Sigmoid,
    Softmax,
    Weighting,
    jacobian_norm,
    max_weight,
    sink_mass,
    softmax,
    support_size,
    top_k_mass,
)
from tests.derivatives import gradcheck
from tests.engines import rounded, tolerance

NAN = np.nan
ROW = [0.25, -0.5, 0.0, 0.125]
scores_of_a_row = arrays(np.float64, st.integers(1, 12), elements=st.floats(-30, 30))


@pytest.mark.parametrize(
    ("tol", "size"), [(0, 3), (0.125, 2), (0.2, 2), (0.25, 1), (0.5, 0), (9, 0)]
)
def test_support_size_by_hand(engine, tol, size):
    actual = engine.numpy(support_size(engine.array([ROW, [NAN] * 4]), tol))
    np.testing.assert_array_equal(actual, [size, 0])
    assert actual.dtype.kind == "i"


@pytest.mark.parametrize(
    ("k", "mass"), [(1, 0.25), (2, 0.375), (3, 0.375), (4, -0.125)]
)
def test_top_k_mass_by_hand(engine, k, mass):
    row = engine.array(ROW)
    assert engine.numpy(top_k_mass(row, k)) == mass
    assert np.isnan(engine.numpy(top_k_mass(engine.array([*ROW, NAN]), k)))


@pytest.mark.parametrize(
    ("n", "mass"), [(0, 0), (1, 0.25), (2, -0.25), (4, -0.125), (9, -0.125)]
)
def test_sink_mass_by_hand(engine, n, mass):
    assert engine.numpy(sink_mass(engine.array(ROW), n)) == mass
    assert engine.numpy(sink_mass(engine.array([*ROW, NAN])[:4], n)) == mass
    assert engine.numpy(sink_mass(engine.array(np.ones((2, 0))), n)).tolist() == [0, 0]


@given(scores=scores_of_a_row)
def test_the_largest_weights_have_the_most(engine, scores):
    weights = softmax(engine.array(scores))
    masses = [engine.numpy(top_k_mass(weights, k + 1)) for k in range(len(scores))]
    assert masses[0] == engine.numpy(max_weight(weights))
    assert masses[-1] == pytest.approx(1, rel=1e-14)
    assert (np.diff(masses) >= -1e-15).all()
    for k, mass in enumerate(masses, 1):
        assert engine.numpy(sink_mass(weights, k)) <= mass + 1e-14
    assert engine.numpy(support_size(weights)) == len(scores)


def test_each_dtype_comes_back(engine_dtype, rng):
    engine, dtype = engine_dtype
    weights = rounded(softmax(rng.normal(size=(3, 5, 7))), dtype)
    for actual, expected in [
        (top_k_mass(engine.array(weights, dtype), 3), np.sort(weights)[..., -3:]),
        (sink_mass(engine.array(weights, dtype), 3), weights[..., :3]),
    ]:
        actual = engine.numpy(actual, dtype)
        np.testing.assert_allclose(actual, expected.sum(-1), rtol=tolerance(dtype))


def test_what_they_refuse(engine):
    weights = engine.array(ROW)
    for k in (0, -1, 5):
        with pytest.raises(ValueError, match=r"k must be at (least 1|most the 4)"):
            top_k_mass(weights, k)
    for n in (1.5, None):
        with pytest.raises(TypeError, match="must be a whole number"):
            sink_mass(weights, n)
    with pytest.raises(ValueError, match="n must be at least 0; got -1"):
        sink_mass(weights, -1)
    for tol in (-1, NAN):
        with pytest.raises(ValueError, match="tol must"):
            support_size(weights, tol)
    for rule in (support_size, sink_mass, lambda w: top_k_mass(w, 1)):
        with pytest.raises(ValueError, match="weights needs an axis of keys"):
            rule(engine.array(1.0))


def test_the_norm_by_hand(engine):
    # The matrix is p (1 - p) [[1, -1], [-1, 1]], so its norm is 2 p (1 - p).
    row = engine.array(np.log([[1.0, 3.0], [1.0, 1.0]]))
    actual = engine.numpy(jacobian_norm("softmax", row))
    np.testing.assert_allclose(actual, [0.375, 0.5], rtol=1e-14)
    actual = engine.numpy(jacobian_norm(Softmax(2), 2 * row))
    np.testing.assert_allclose(actual, [0.1875, 0.25], rtol=1e-14)
    actual = engine.numpy(jacobian_norm(Sigmoid(), 0 * row))
    np.testing.assert_allclose(actual, [0.125**0.5] * 2, rtol=1e-14)
    assert engine.numpy(jacobian_norm("hardmax", row)).tolist() == [0, 0]


def test_a_saturated_softmax_does_not_move(engine):
    rows = engine.array([[0.0, -800.0, -800.0], [0.0, -20.0, -900.0]])
    actual = engine.numpy(jacobian_norm("softmax", rows))
    np.testing.assert_allclose(actual, [0, 2 * np.exp(-20)], rtol=1e-7, atol=1e-300)


@pytest.mark.parametrize("name", ["softmax", "sigmoid", "sparsemax", "softpick"])
def test_a_nan_spoils_its_row_only(engine, name):
    row = engine.array([[1.0, NAN, 2.0], [1.0, 0.5, 2.0]])
    actual = engine.numpy(jacobian_norm(name, row))
    np.testing.assert_array_equal(np.isnan(actual), [True, False])


def test_no_closed_form_is_no_norm(engine):
    with pytest.raises(TypeError, match="Weighting has no Jacobian in closed form"):
        jacobian_norm(Weighting(), engine.array([1.0, 2.0]))
    with pytest.raises(ValueError, match="x needs an axis of keys"):
        jacobian_norm("softmax", engine.array(1.0))


def test_the_norm_has_a_gradient(rng):
    scores = torch.tensor(rng.normal(size=(3, 5)), requires_grad=True)
    for name in ("softmax", "sigmoid", "softmax1", "sparsemax"):
        assert gradcheck(lambda s, n=name: jacobian_norm(n, s), scores)
    for name, row in {"sigmoid": [-800.0, -800.0], "softmax": [800.0, 0.0]}.items():
        still = torch.tensor(row, requires_grad=True)
        jacobian_norm(name, still).backward()
        assert still.grad.tolist() == [0, 0]
