"""Linear attention against its definition, and its laws."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attention_lib import (
    LinearState,
    PositiveRandomFeatures,
    linear_attention,
    masks,
)
from tests.engines import rounded
from tests.in_rotation import in_rotation
from tests.linear_attention import (
    FORMULAS,
    NAMES,
    RANDOM,
    attend,
    by_rows,
    every_map,
    for_engine,
    positive_maps,
    three,
)
from tests.oracle import close

SHAPES = [(11, 13), (13, 11), (8, 8), (1, 1), (1, 7), (7, 1), (5, 0), (0, 5), (9, 2)]
KEYS = 13
cuts = st.lists(st.integers(0, KEYS), max_size=4).map(sorted)


def test_the_weights_are_products_of_features(engine):
    query, key = engine.array([[0.0]]), engine.array([[0.0], [2.0]])
    value = engine.array([[40.0], [80.0]])
    out = linear_attention(query, key, value)
    np.testing.assert_array_equal(engine.numpy(out), [[70]])  # weights 1 and 3
    out = linear_attention(query, key, value, normalize=False)
    np.testing.assert_array_equal(engine.numpy(out), [[280]])
    out = linear_attention(query + 5, key, value, feature_map="relu")
    np.testing.assert_array_equal(engine.numpy(out), [[80]])
    out = linear_attention(query + 5, key, value, feature_map=None, normalize=False)
    np.testing.assert_array_equal(engine.numpy(out), [[800]])


@pytest.mark.quick
@in_rotation(
    "feature_map",
    [pytest.param(each, id=name) for each, name in zip(FORMULAS, NAMES, strict=True)],
    {
        "lengths": SHAPES,
        "is_causal normalize masked": list(product([True, False], repeat=3)),
    },
)
def test_every_length_agrees_with_the_definition(
    engine, feature_map, lengths, is_causal, normalize, masked, chunks, rng
):
    options = {"feature_map": feature_map, "normalize": normalize}
    options["is_causal"] = is_causal
    query, key, value = three(rng, *lengths)
    if normalize and feature_map not in ("elu_plus_one", "relu", RANDOM):
        # So that no sum nearly vanishes.
        query, key = abs(query) + 0.1, abs(key) + 0.1
    where = rng.random((2, lengths[1])) < 0.6 if masked else None
    given = (query, key, value)
    actual = attend(engine, "float64", given, where=where, **options)
    expected = by_rows(*given, where=True if where is None else where, **options)
    close(actual, expected, "float64", 30)


@every_map
def test_each_dtype_is_computed_in_float32_at_least(
    engine_dtype, feature_map, chunks, rng
):
    engine, dtype = engine_dtype
    given_arrays = [rounded(abs(a), dtype) for a in three(rng)]
    options = {"is_causal": True, "feature_map": feature_map}
    actual = attend(engine, dtype, given_arrays, **options)
    close(actual, by_rows(*given_arrays, **options), dtype, 30)


@pytest.mark.parametrize("is_causal", [True, False])
def test_leading_axes_broadcast(engine, is_causal, chunks, rng):
    query, key, value = three(rng, lead=())
    for leads in [((2, 1), (3,), ()), ((), (2, 1), (3,)), ((1, 3), (), (2, 1))]:
        arrays = [
            rng.normal(size=(*lead, 1, 1)) + a
            for lead, a in zip(leads, (query, key, value), strict=True)
        ]
        actual = attend(engine, "float64", arrays, is_causal=is_causal)
        assert actual.shape == (2, 3, 11, 3)
        close(actual, by_rows(*arrays, is_causal=is_causal), "float64", 3)


def test_the_scale_multiplies_the_query(engine, rng):
    query, key, value = three(rng)
    for feature_map in ("elu_plus_one", RANDOM):
        options = {"feature_map": feature_map}
        scaled = attend(engine, "float64", (query, key, value), scale=0.3, **options)
        by_hand = attend(engine, "float64", (0.3 * query, key, value), **options)
        np.testing.assert_allclose(scaled, by_hand, rtol=1e-12)
    plain = attend(
        engine, "float64", (query, key, value), feature_map=None, normalize=False
    )
    expected = query @ key.swapaxes(-1, -2) @ value / np.sqrt(7)
    np.testing.assert_allclose(plain, expected, rtol=1e-12, atol=1e-12)


def test_padding_is_a_mask_of_the_keys(engine, rng):
    query, key, value = three(rng, lead=(2, 3))
    where = masks.padding([5, 13], 13)[..., 0, :]
    actual = attend(engine, "float64", (query, key, value), where=where)
    alone = attend(
        engine, "float64", (query[0], key[0][:, :5], value[0][:, :5]), where=None
    )
    np.testing.assert_allclose(actual[0], alone, rtol=1e-13, atol=1e-14)


@positive_maps
@given(edges=cuts, seed=st.integers(0, 9), is_causal=st.booleans())
def test_any_split_goes_on_from_the_state(engine, feature_map, edges, seed, is_causal):
    rng = np.random.default_rng(seed)
    query, key, value = three(rng, KEYS, KEYS)
    key *= 4 * rng.random((KEYS, 1))  # so that the largest feature moves
    arrays = [engine.array(a) for a in (query, key, value)]
    where = engine.array(rng.random((2, KEYS)) < 0.8)
    options = {"feature_map": for_engine(engine, feature_map), "is_causal": is_causal}
    whole = linear_attention(*arrays, where=where, return_state=True, **options)
    state, outs = None, []
    for start, stop in zip([0, *edges], [*edges, KEYS], strict=True):
        block = slice(start, stop)
        out, state = linear_attention(
            *(a[:, block] for a in arrays),
            where=where[:, block],
            state=state,
            return_state=True,
            **options,
        )
        outs.append(engine.numpy(out))
    if is_causal:
        out = np.concatenate(outs, 1)
    else:  # only the last call has seen all keys
        nothing = [a[:, :0] for a in arrays[1:]]
        out = engine.numpy(
            linear_attention(arrays[0], *nothing, state=state, **options)
        )
    np.testing.assert_allclose(out, engine.numpy(whole[0]), rtol=1e-11, atol=1e-12)
    same_state(engine, state, whole[1])


def same_state(engine, a, b):
    assert isinstance(a, LinearState)
    for name in ("products", "total", "max"):
        one, other = getattr(a, name), getattr(b, name)
        assert (one is None) == (other is None)
        if one is not None:
            one, other = engine.numpy(one), engine.numpy(other)
            np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-12)


@positive_maps
def test_one_token_at_a_time_gives_what_all_at_once_gives(engine, feature_map, rng):
    arrays = [engine.array(a) for a in three(rng, 7, 7)]
    options = {"feature_map": for_engine(engine, feature_map), "is_causal": True}
    expected = engine.numpy(linear_attention(*arrays, **options))
    state = None
    for now in range(7):
        token = (a[:, now : now + 1] for a in arrays)
        out, state = linear_attention(*token, state=state, return_state=True, **options)
        np.testing.assert_allclose(
            engine.numpy(out)[:, 0], expected[:, now], rtol=1e-12, atol=1e-13
        )
    assert tuple(state.products.shape) == (2, *state.total.shape[1:2], 3)


def test_the_state_is_two_sums_over_the_keys(engine, chunks, rng):
    for length, n_keys in [(11, 13), (13, 11), (0, 5), (5, 0)]:
        query, key, value = (engine.array(a) for a in three(rng, length, n_keys))
        for is_causal in (True, False):
            _, state = linear_attention(
                query, key, value, is_causal, feature_map=None, return_state=True
            )
            products = np.swapaxes(engine.numpy(key), -1, -2) @ engine.numpy(value)
            close(engine.numpy(state.products), products, "float64", 9)
            total = engine.numpy(key).sum(-2)[..., None]
            close(engine.numpy(state.total), total, "float64", 9)
            assert state.max is None


@positive_maps
@given(order=st.permutations(range(KEYS)), seed=st.integers(0, 9))
def test_the_order_of_the_keys_does_not_matter(engine, feature_map, order, seed):
    query, key, value = three(np.random.default_rng(seed))
    options = {"feature_map": feature_map}
    actual = attend(
        engine, "float64", (query, key[:, order], value[:, order]), **options
    )
    expected = attend(engine, "float64", (query, key, value), **options)
    np.testing.assert_allclose(actual, expected, rtol=1e-11, atol=1e-12)


@positive_maps
@given(seed=st.integers(0, 99), is_causal=st.booleans())
def test_positive_features_average(engine, feature_map, seed, is_causal):
    query, key, value = three(np.random.default_rng(seed))
    options = {"feature_map": feature_map, "is_causal": is_causal}
    out = attend(engine, "float64", (query, key, value), **options)
    assert (out <= value.max(-2, keepdims=True) + 1e-12).all()
    assert (out >= value.min(-2, keepdims=True) - 1e-12).all()
    ones = attend(engine, "float64", (query, key, 0 * value + 1), **options)
    np.testing.assert_allclose(ones, 1, rtol=1e-12)


def test_the_first_causal_query_gets_the_first_value(engine, rng):
    query, key, value = three(rng)
    out = attend(engine, "float64", (query, key, value), is_causal=True)
    np.testing.assert_allclose(out[:, 0], value[:, 0], rtol=1e-14)


@pytest.mark.parametrize("normalize", [True, False])
def test_random_features_may_differ_from_head_to_head(engine, normalize, rng):
    query, key, value = three(rng)
    projection = rng.normal(size=(2, 5, 7)) / 2
    actual = attend(
        engine,
        "float64",
        (query, key, value),
        feature_map=PositiveRandomFeatures(projection),
        normalize=normalize,
        is_causal=True,
    )
    for head in range(2):
        alone = PositiveRandomFeatures(engine.array(projection[head]))
        arrays = (engine.array(a[head]) for a in (query, key, value))
        expected = linear_attention(
            *arrays, True, feature_map=alone, normalize=normalize
        )
        close(actual[head], engine.numpy(expected), "float64", 30)
