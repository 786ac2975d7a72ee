"""Attention at the edges: what is masked, and what is no number."""

import numpy as np
import pytest

from attention_lib import (
    Softmax,
    attention_scores,
    attention_weights,
    scaled_dot_product_attention,
)
from tests.engines import every_method, own_methods, rounded
from tests.in_turn import in_turn
from tests.oracle import KINDS, attend, attention_by_rows, close, mask_of

NAN, INF = np.nan, np.inf


def three(rng, *, dtype="float64"):
    return [rounded(rng.normal(size=(2, n, 7)), dtype) for n in (11, 13, 13)]


@every_method
@pytest.mark.parametrize("kind", ["bool", "additive", "causal and bool", "padding"])
@in_turn("poison", [NAN, INF, -INF])
@pytest.mark.parametrize("softcap", [None, 2.0])
def test_what_is_masked_for_all_is_never_read(
    engine, method, kind, poison, softcap, small_blocks, rng
):
    if softcap and method == "sdpa":
        softcap = None
    query, key, value = three(rng)
    mask = mask_of(kind, rng)
    where = np.broadcast_to(mask.get("where", mask.get("bias", 0) != -INF), (2, 11, 13))
    where = where.copy()
    where[..., [3, 12]] = False
    if "bias" in mask:
        mask["bias"] = np.where(where, mask["bias"], -INF)
    else:
        mask["where"] = where
    expected = attention_by_rows(query, key, value, softcap=softcap, **mask)
    for number in (0, 1):
        key, value = (a.copy() for a in (key, value))
        key[number, 3], value[number, 3, 2:], value[number, 12] = poison, poison, poison
        actual = attend(
            engine, "float64", query, key, value, mask, method=method, softcap=softcap
        )
        close(actual, expected, "float64", 3)


@every_method
@pytest.mark.parametrize("poison", [NAN, INF, -INF])
def test_what_is_masked_for_some_is_read_by_the_others_only(
    engine, method, poison, small_blocks, rng
):
    query, key, value = three(rng)
    expected = attention_by_rows(query, key, value, is_causal=True)
    key[0, 5], value[1, 7, 1:] = poison, poison
    actual = attend(
        engine, "float64", query, key, value, {"is_causal": True}, method=method
    )
    close(actual[0, :5], expected[0, :5], "float64", 3)
    close(actual[1, :7], expected[1, :7], "float64", 3)
    close(actual[1, :, 0], expected[1, :, 0], "float64", 3)
    assert not np.isfinite(actual[1, 7:, 1:]).any()
    assert np.isnan(actual[0, 5:]).any()


@every_method
@pytest.mark.parametrize("poison", [NAN, INF])
def test_a_query_that_is_no_number_spoils_no_other(
    engine, method, poison, small_blocks, rng
):
    query, key, value = three(rng)
    expected = attention_by_rows(query, key, value)
    query[0, 4] = poison
    actual = attend(engine, "float64", query, key, value, method=method)
    assert np.isnan(actual[0, 4]).all()
    others = np.ones((2, 11), bool)
    others[0, 4] = False
    close(actual[others], expected[others], "float64", 3)


@own_methods
def test_values_of_infinity_follow_the_signs_of_the_weights(engine, method, rng):
    query, key, value = three(rng)
    value[0, 2, 0], value[0, 3, 1], value[1, 4, 2] = INF, -INF, NAN
    value[1, 5, 3], value[1, 6, 3] = INF, -INF
    mask = {"where": np.ones((11, 13), bool)}
    for kept in (mask, {}):
        out = attend(engine, "float64", query, key, value, kept, method=method)
        assert (out[0, :, 0] == INF).all()
        assert (out[0, :, 1] == -INF).all()
        assert np.isnan(out[1, :, 2:4]).all()
        assert np.isfinite(out[1, :, :2]).all()


@own_methods
@pytest.mark.parametrize("masked", [False, True])
def test_a_weight_of_zero_times_infinity_is_no_number(engine, method, masked, rng):
    query, key = np.ones((2, 11, 1)), np.zeros((2, 13, 1))
    key[:, 4], value = -1e4, rng.normal(size=(2, 13, 2))
    value[:, 4, 1] = INF
    mask = {"where": np.arange(13) != 7} if masked else {}
    out = attend(engine, "float64", query, key, value, mask, method=method)
    assert np.isfinite(out[..., 0]).all()
    assert np.isnan(out[..., 1]).all()


@every_method
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_fully_masked_row_is_zero(engine, method, dtype, small_blocks, rng):
    query, key, value = three(rng, dtype=dtype)
    nothing = np.zeros((2, 11, 13), bool)
    options = {"method": method}
    out = attend(engine, dtype, query, key, value, {"where": nothing}, **options)
    assert (out == 0).all()
    bias = np.where(nothing, 0, -INF)
    out = attend(engine, dtype, query, key, value, {"bias": bias}, **options)
    assert (out == 0).all()
    mask = {"where": nothing[0, 0], "is_causal": True}
    out = attend(engine, dtype, query, NAN * key, NAN * value, mask, **options)
    assert (out == 0).all()


@every_method
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_a_large_negative_number_is_no_mask(engine, method, dtype, small_blocks, rng):
    # Only -inf masks: keys that are all lowered alike keep their odds.
    query, key, value = three(rng, dtype=dtype)
    for lowest in (-1e4, float(np.finfo(dtype).min)):
        for weighting in (Softmax(), Softmax(0.5)):
            bias = np.full((11, 13), lowest)
            out = attend(
                engine,
                dtype,
                query,
                key,
                value,
                {"bias": bias},
                method=method,
                weighting=weighting,
            )
            assert (out != 0).all()
            hull = value.min(-2, keepdims=True), value.max(-2, keepdims=True)
            assert ((out > hull[0] - 1e-3) & (out < hull[1] + 1e-3)).all()


@own_methods
def test_a_wider_additive_mask_keeps_its_digits(engine, method, rng):
    query, key, value = three(rng, dtype="float16")
    bias = 8 + rounded(rng.normal(size=(11, 13)), "float32") - np.arange(13)
    given = [engine.array(a, "float16") for a in (query, key, value)]
    out = scaled_dot_product_attention(
        *given, engine.array(bias, "float32"), method=method
    )
    expected = attention_by_rows(query, key, value, bias=bias)
    close(engine.numpy(out, "float16"), expected, "float16", 3)
    lower = engine.array(np.full((11, 13), -1e9), "float32")
    out = engine.numpy(scaled_dot_product_attention(*given, lower, method=method))
    assert (out != 0).all()


@own_methods
@pytest.mark.parametrize("masked", [False, True])
def test_scores_that_are_all_minus_infinity_are_nan(engine, method, masked, rng):
    query, value = np.ones((2, 11, 1)), rng.normal(size=(2, 13, 3))
    key = np.full((2, 13, 1), -INF)
    mask = {"where": np.arange(13) < 5} if masked else {}
    out = attend(engine, "float64", query, key, value, mask, method=method)
    assert np.isnan(out).all()


@every_method
def test_scores_beyond_the_range_of_the_exponential(engine, method, small_blocks, rng):
    query, key, value = three(rng, dtype="float32")
    for factor in (30, 1e4, 1e12):
        actual = attend(engine, "float32", factor * query, key, value, method=method)
        scores = rounded(factor * query, "float32") @ key.swapaxes(-1, -2)
        top = np.take_along_axis(value, scores.argmax(-1)[..., None], -2)
        clear = np.diff(np.sort(scores / 7**0.5), axis=-1)[..., -1] > 20
        assert clear.any()
        close(actual[clear], top[clear], "float32", 3)


@pytest.mark.parametrize("kind", KINDS)
@own_methods
def test_integers_are_taken(engine, method, kind, rng):
    query, key, value = (rng.integers(-3, 4, size=(2, n, 7)) for n in (11, 13, 13))
    mask = mask_of(kind, rng)
    dtype = "float64" if engine.device is None else "float32"
    attn_mask = mask.get("where", mask.get("bias"))
    if attn_mask is not None:
        attn_mask = engine.array(attn_mask, None if "where" in mask else dtype)
    out = scaled_dot_product_attention(
        *map(engine.array, (query, key, value)),
        attn_mask,
        is_causal=mask.get("is_causal", False),
        method=method,
    )
    expected = attention_by_rows(query, key, value, **mask)
    close(engine.numpy(out, dtype), expected, dtype, 10)


def test_a_numpy_float64_scale_or_temperature_does_not_promote(rng):
    given = [a.astype(np.float32) for a in three(rng)]
    for method in ("dense", "streaming"):
        out = scaled_dot_product_attention(
            *given,
            scale=np.float64(0.3),
            weighting=Softmax(np.full((2, 1, 1), 0.7)),
            method=method,
        )
        assert out.dtype == np.float32


def test_overflow_in_sixteen_bits_is_quiet(engine):
    many = engine.array(np.full((3, 5), 300.0), "float16")
    scores, _ = attention_scores(many, many)
    assert (engine.numpy(scores, "float16") == INF).all()
    weights = engine.numpy(attention_weights(many, many), "float16")
    np.testing.assert_allclose(weights, 1 / 3, rtol=1e-3)
