"""Attention rollout: attention followed through layers."""

import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_lib import attention_rollout, softmax
from tests.derivatives import gradcheck
from tests.engines import rounded, tolerance

INF, NAN = np.inf, np.nan


def drawn(rng, n_layers=3, shape=(2, 5, 5)):
    """Draw softmax weights for some layers."""
    return [softmax(rng.normal(size=shape)) for _ in range(n_layers)]


def by_paths(layers, residual):
    """Add up all paths of tokens through the layers, one by one."""
    n = layers[0].shape[-1]
    out = np.zeros((n, n))
    for path in np.ndindex(
        *[n] * (len(layers) + 1)
    ):  # from the first layer to the last
        share = 1.0
        for weights, before, after in zip(layers, path, path[1:], strict=False):
            row = (1 - residual) * weights[after]
            row[after] += residual
            share *= row[before] / row.sum()
        out[path[-1], path[0]] += share
    return out


def test_two_layers_by_hand(engine):
    first = engine.array([[1.0, 0.0], [1.0, 0.0]])
    second = engine.array([[0.0, 1.0], [0.0, 1.0]])
    actual = engine.numpy(attention_rollout([first, second]))
    np.testing.assert_array_equal(actual, [[0.75, 0.25], [0.5, 0.5]])
    actual = engine.numpy(attention_rollout([second, first]))
    np.testing.assert_array_equal(actual, [[0.5, 0.5], [0.25, 0.75]])


@pytest.mark.parametrize("residual", [0, 0.2, 0.5, 1])
@pytest.mark.parametrize("n_layers", [1, 2, 4])
def test_it_is_the_sum_over_all_paths(engine, residual, n_layers, rng):
    layers = [5 * rng.random() * a for a in drawn(rng, n_layers, (3, 3))]  # any sums
    actual = attention_rollout([engine.array(a) for a in layers], residual)
    expected = by_paths(layers, residual)
    np.testing.assert_allclose(engine.numpy(actual), expected, rtol=1e-13)


@given(seed=st.integers(0, 99), residual=st.floats(0, 1), n_layers=st.integers(1, 5))
def test_rows_sum_to_one(engine, seed, residual, n_layers):
    layers = drawn(np.random.default_rng(seed), n_layers)
    layers = [engine.array(a) for a in layers]
    actual = engine.numpy(attention_rollout(layers, residual))
    assert (actual >= 0).all()
    np.testing.assert_allclose(actual.sum(-1), 1, rtol=1e-13)


@given(seed=st.integers(0, 99), cut=st.integers(1, 3))
def test_the_layers_can_be_followed_in_two_parts(engine, seed, cut):
    layers = [engine.array(a) for a in drawn(np.random.default_rng(seed), 4)]
    whole = engine.numpy(attention_rollout(layers))
    parts = [
        engine.numpy(attention_rollout(part)) for part in (layers[:cut], layers[cut:])
    ]
    np.testing.assert_allclose(whole, parts[1] @ parts[0], rtol=1e-13)


def test_past_all_layers_nothing_mixes(engine, rng):
    layers = [engine.array(a) for a in drawn(rng)]
    actual = engine.numpy(attention_rollout(layers, residual=1))
    np.testing.assert_array_equal(actual, np.broadcast_to(np.eye(5), (2, 5, 5)))


def test_a_causal_rollout_is_causal(engine, rng):
    layers = [softmax(rng.normal(size=(5, 5)), where=np.tri(5) > 0) for _ in range(3)]
    actual = engine.numpy(attention_rollout([engine.array(a) for a in layers]))
    assert (np.triu(actual, 1) == 0).all()


def test_leading_axes_broadcast_and_are_followed_alone(engine, rng):
    layers = [softmax(rng.normal(size=(*s, 5, 5))) for s in [(2, 1), (3,), ()]]
    actual = engine.numpy(attention_rollout([engine.array(a) for a in layers]))
    assert actual.shape == (2, 3, 5, 5)
    for i, j in np.ndindex(2, 3):
        alone = [layers[0][i, 0], layers[1][j], layers[2]]
        np.testing.assert_allclose(actual[i, j], attention_rollout(alone), rtol=1e-13)


def test_the_layers_may_be_one_array(engine, rng):
    layers = drawn(rng)
    stacked = engine.numpy(attention_rollout(engine.array(np.stack(layers))))
    np.testing.assert_allclose(stacked, attention_rollout(layers), rtol=1e-13)
    once = engine.numpy(attention_rollout(engine.array(a) for a in layers))
    np.testing.assert_array_equal(once, stacked)


def test_a_row_without_weights_stays_zero_or_itself(engine):
    weights = engine.array([[0.0, 0.0], [0.5, 0.5]])
    actual = engine.numpy(attention_rollout([weights, weights], residual=0))
    np.testing.assert_array_equal(actual, [[0, 0], [0.25, 0.25]])
    actual = engine.numpy(attention_rollout([weights], residual=0.5))
    np.testing.assert_array_equal(actual, [[1, 0], [0.25, 0.75]])


def test_nan_spoils_what_comes_from_it(engine, rng):
    layers = drawn(rng)
    layers[0][0, 2, 3] = NAN
    actual = engine.numpy(attention_rollout([engine.array(a) for a in layers]))
    assert np.isnan(actual[0]).all()
    np.testing.assert_allclose(
        actual[1], attention_rollout([a[1] for a in layers]), rtol=1e-13
    )


def test_each_dtype_comes_back(engine_dtype, rng):
    engine, dtype = engine_dtype
    layers = [rounded(a, dtype) for a in drawn(rng)]
    actual = attention_rollout([engine.array(a, dtype) for a in layers])
    expected = attention_rollout(layers)
    np.testing.assert_allclose(
        engine.numpy(actual, dtype), expected, rtol=tolerance(dtype)
    )


def test_no_tokens_and_whole_numbers(engine):
    assert attention_rollout([engine.array(np.ones((2, 0, 0)))]).shape == (2, 0, 0)
    ones = engine.array(np.ones((2, 2), int))
    actual = engine.numpy(attention_rollout([ones, ones], residual=0))
    np.testing.assert_array_equal(actual, 0.5 * np.ones((2, 2)))


def test_the_weights_stay_as_they_were(engine, rng):
    layers = drawn(rng)
    given_layers = [engine.array(a) for a in layers]
    if engine.device is None:
        for a in given_layers:
            a.flags.writeable = False
    attention_rollout(given_layers)
    for a, b in zip(layers, given_layers, strict=True):
        np.testing.assert_array_equal(engine.numpy(b), a)


def test_it_has_derivatives(rng):
    layers = [torch.tensor(a, requires_grad=True) for a in drawn(rng, 2, (3, 3))]
    assert gradcheck(lambda *a: attention_rollout(a), layers)
    stack = torch.stack([a.detach() for a in layers])
    batch = torch.vmap(lambda a: attention_rollout([a, a]))(stack)
    torch.testing.assert_close(batch, attention_rollout([stack, stack]))


@pytest.mark.parametrize(
    ("layers", "residual", "error", "message"),
    [
        ([], 0.5, ValueError, "layers is empty: there is nothing to follow"),
        ([np.ones((2, 3))], 0.5, ValueError, "layer 0 must be of shape (..., 3, 3); "),
        ([np.ones(3)], 0.5, ValueError, "layer 0 must be of shape (..., 3, 3); got (3"),
        ([np.ones(())], 0.5, ValueError, "layer 0 must be of shape"),
        (
            [np.ones((3, 3)), np.ones((2, 2))],
            0.5,
            ValueError,
            "layer 1 must be of shape (..., 3, 3); got (2, 2)",
        ),
        (
            [np.ones((2, 3, 3)), np.ones((4, 3, 3))],
            0.5,
            ValueError,
            "the leading axes of the layers do not broadcast: [(2, 3, 3), (4, 3, 3)]",
        ),
        (
            [np.ones((2, 2)), np.ones((2, 2), np.float32)],
            0.5,
            TypeError,
            "layers 0 and 1 differ in dtype: ",
        ),
        ([np.ones((2, 2), bool)], 0.5, TypeError, "layer 0 must hold real numbers"),
        ([np.ones((2, 2))], 1.5, ValueError, "residual must lie between 0 and 1; got"),
        ([np.ones((2, 2))], NAN, ValueError, "residual must be finite; got nan"),
    ],
)
def test_what_does_not_fit_is_refused(engine, layers, residual, error, message):
    layers = [engine.array(a) for a in layers]
    with pytest.raises(error, match=re.escape(message)):
        attention_rollout(layers, residual)


def test_a_mixture_of_libraries_is_refused():
    message = "layer 0 is a NumPy array, layer 1 is a torch Tensor"
    with pytest.raises(TypeError, match=message):
        attention_rollout([np.ones((2, 2)), torch.ones(2, 2, dtype=torch.float64)])
