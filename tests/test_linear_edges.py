"""Linear attention at the edges: masks, and numbers that are none."""

import numpy as np
import pytest

from attention_lib import linear_attention
from tests.in_turn import in_turn
from tests.linear_attention import (
    RANDOM,
    attend,
    by_rows,
    every_map,
    for_engine,
    positive_maps,
    three,
)
from tests.oracle import close

INF, NAN = np.inf, np.nan
poisons = in_turn("poison", [NAN, INF, -INF])


@every_map
@poisons
@in_turn("is_causal", [True, False])
def test_what_is_masked_is_never_read(
    engine, feature_map, poison, is_causal, chunks, rng
):
    query, key, value = three(rng, 13, 13)
    where = rng.random((2, 13)) < 0.6
    options = {"feature_map": feature_map, "is_causal": is_causal, "normalize": False}
    expected = by_rows(query, key, value, where=where, **options)
    key[~where], value[~where] = poison, poison
    given = (query, key, value)
    actual = attend(engine, "float64", given, where=where, **options)
    close(actual, expected, "float64", 30)


@every_map
@poisons
@in_turn("spoiled", ["key", "value"])
def test_a_later_key_is_never_read(engine, feature_map, spoiled, poison, chunks, rng):
    query, key, value = three(rng, 13, 13)
    query, key = abs(query), abs(key)
    options = {"feature_map": feature_map, "is_causal": True}
    expected = by_rows(query, key, value, **options)
    (key if spoiled == "key" else value)[:, 6] = poison
    actual = attend(engine, "float64", (query, key, value), **options)
    close(actual[:, :6], expected[:, :6], "float64", 30)
    if spoiled == "value" or poison is NAN:
        assert np.isnan(actual[:, 6:]).all()


@positive_maps
@pytest.mark.parametrize("is_causal", [True, False])
def test_nan_spoils_the_outputs_that_see_it(
    engine, feature_map, is_causal, chunks, rng
):
    query, key, value = three(rng, 11, 7)
    where = np.ones((2, 7), bool)
    options = {"feature_map": feature_map, "is_causal": is_causal}
    expected = by_rows(query, key, value, **options)
    value[1, 5, 2] = NAN  # one value spoils its own column
    query[0, 3] = NAN  # and a query its own output
    actual = attend(engine, "float64", (query, key, value), where=where, **options)
    spoiled = np.zeros((2, 11, 3), bool)
    spoiled[1, 5 if is_causal else 0 :, 2], spoiled[0, 3] = True, True
    np.testing.assert_array_equal(np.isnan(actual), spoiled)
    close(actual[~spoiled], expected[~spoiled], "float64", 30)
    key[1, 5, 0] = NAN
    actual = attend(engine, "float64", (query, key, value), **options)
    spoiled[1, 5 if is_causal else 0 :] = True
    np.testing.assert_array_equal(np.isnan(actual), spoiled)


@pytest.mark.parametrize("spoiled", ["key", "value"])
def test_nan_goes_on_in_the_state(engine, spoiled, rng):
    arrays = dict(zip(("query", "key", "value"), three(rng, 4, 4), strict=True))
    arrays[spoiled][0, 2] = NAN
    given = [engine.array(a) for a in arrays.values()]
    for is_causal in (True, False):
        state = linear_attention(*given, is_causal, return_state=True)[1]
        fresh = [engine.array(a) for a in three(rng, 4, 4)]
        out = engine.numpy(linear_attention(*fresh, is_causal, state=state))
        np.testing.assert_array_equal(
            np.isnan(out), [[[True] * 3] * 4, [[False] * 3] * 4]
        )


def test_no_key_and_no_weight_give_zeros(engine, chunks, rng):
    query, key, value = three(rng, 9, 9)
    where = np.ones((2, 9), bool)
    where[0], where[1, :4] = False, False
    for feature_map in ("elu_plus_one", RANDOM):
        for is_causal in (True, False):
            options = {"feature_map": feature_map, "is_causal": is_causal}
            given = (query, key, value)
            actual = attend(engine, "float64", given, where=where, **options)
            assert (actual[0] == 0).all()
            assert ((actual[1] == 0).all(-1) == (np.arange(9) < 4 * is_causal)).all()
    actual = attend(
        engine, "float64", (-abs(query), abs(key), value), feature_map="relu"
    )
    assert (actual == 0).all()
    cancels = (query[:, :, :1], np.array([[[1.0]], [[-1.0]]]) * np.ones((9, 1)), value)
    cancels = (cancels[0], np.array([[1.0], [-1.0]]), value[:, :2])
    actual = attend(engine, "float64", cancels, feature_map=None)
    assert (actual == 0).all()  # a sum of exactly zero, of weights that are not


def test_small_features_keep_their_digits(engine):
    # e^-20 + 1 - 1 would have none left in float32.
    given = (np.full((1, 1), -20.0), np.array([[-20.0], [-21.0]]), np.eye(2))
    actual = attend(engine, "float32", given)
    expected = by_rows(*(np.asarray(a) for a in given))
    np.testing.assert_allclose(actual, expected, rtol=1e-6)


@in_turn("shape", [(), (1,), (13,), (1, 1), (2, 1), (1, 13), (2, 13)])
@in_turn("is_causal", [True, False])
def test_masks_broadcast(engine, shape, is_causal, chunks, rng):
    given = three(rng)
    where = rng.random(shape) < 0.6
    actual = attend(engine, "float64", given, where=where, is_causal=is_causal)
    expected = by_rows(*given, where=where, is_causal=is_causal)
    close(actual, expected, "float64", 3)


def test_the_input_stays_as_it_was(engine, chunks, rng):
    arrays = [rng.normal(size=(13, 2, n)).swapaxes(0, 1) for n in (7, 7, 3)]
    arrays[1][0, 5] = NAN
    where = rng.random((2, 13)) < 0.6
    given = [engine.array(a) for a in arrays]
    if engine.device is None:
        for a in (*given, where):
            a.flags.writeable = False
    mask = engine.array(where)
    state = linear_attention(*given, True, where=mask, return_state=True)[1]
    before = [engine.numpy(a).copy() for a in (state.products, state.total)]
    for feature_map in ("elu_plus_one", RANDOM):
        linear_attention(
            *given, True, where=mask, feature_map=for_engine(engine, feature_map)
        )
    linear_attention(*given, True, where=mask, state=state)
    for a, b in zip(arrays, given, strict=True):
        np.testing.assert_array_equal(engine.numpy(b), a)
    for a, b in zip(before, (state.products, state.total), strict=True):
        np.testing.assert_array_equal(engine.numpy(b), a)


def test_integers_become_floats(engine):
    given = [engine.array(np.arange(6).reshape(3, 2))] * 3
    out = engine.numpy(linear_attention(*given))
    close(out, by_rows(*[np.arange(6.0).reshape(3, 2)] * 3), "float32", 9)


def test_no_feature_and_no_value(engine):
    ones = np.ones((2, 3))
    assert (attend(engine, "float64", (ones[:, :0], ones[:, :0], ones)) == 0).all()


@every_map
@in_turn("normalize", [True, False])
@in_turn("is_causal", [True, False])
def test_values_of_no_features_give_outputs_of_none(
    engine, feature_map, normalize, is_causal, chunks, rng
):
    feature_map = for_engine(engine, feature_map)
    options = {"feature_map": feature_map, "normalize": normalize}
    for length, n_keys in [(11, 13), (0, 5), (5, 0)]:
        query, key, value = three(rng, length, n_keys)
        for a in (key, 0 * key + NAN):
            given = [engine.array(b) for b in (query, a, value[..., :0])]
            where = engine.array(rng.random((2, n_keys)) < 0.6)
            out, state = linear_attention(
                *given, is_causal, where=where, return_state=True, **options
            )
            assert tuple(out.shape) == (2, length, 0)
            assert state.products.shape[-1] == 0
            out = linear_attention(*given, is_causal, state=state, **options)
            assert tuple(out.shape) == (2, length, 0)


def test_numpy_s_flags_are_flags(engine, rng):
    given = [engine.array(a) for a in three(rng)]
    for flag in (True, False):
        expected = linear_attention(*given, flag, normalize=flag)
        actual = linear_attention(*given, np.bool_(flag), normalize=np.bool_(flag))
        np.testing.assert_array_equal(engine.numpy(actual), engine.numpy(expected))
