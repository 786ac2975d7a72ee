"""Heads: shared keys and values, many heads at once, and dropped weights."""

import numpy as np
import pytest
import torch

from attention_lib import (
    attention_scores,
    attention_weights,
    multi_head_attention,
    scaled_dot_product_attention,
)
from tests.engines import ENGINES, NUMPY, TORCH, every_method, rounded
from tests.in_turn import in_turn
from tests.oracle import KINDS, attend, attention_by_rows, close, mask_of


@every_method
@in_turn("kind", KINDS)
@in_turn("shared", [1, 2])
def test_each_key_head_serves_its_query_heads_in_a_row(
    engine, method, kind, shared, small_blocks, rng
):
    query = rng.normal(size=(3, 6, 11, 7))
    key, value = (rng.normal(size=(3, shared, 13, n)) for n in (7, 5))
    mask = mask_of(kind, rng)
    if "where" in mask and mask["where"].ndim == 3:
        mask["where"] = np.repeat(mask["where"], 3, 0)
    actual = attend(
        engine, "float64", query, key, value, mask, method=method, enable_gqa=True
    )
    expected = attention_by_rows(query, key, value, **mask, group=6 // shared)
    close(actual, expected, "float64", 3)


def test_shared_heads_in_the_scores_and_the_weights(engine, rng):
    query, key = rng.normal(size=(6, 5, 3)), rng.normal(size=(2, 7, 3))
    given = [engine.array(a) for a in (query, key)]
    whole = [given[0], engine.array(np.repeat(key, 3, 0))]
    for rule in (lambda *a, **o: attention_scores(*a, **o)[0], attention_weights):
        actual = engine.numpy(rule(*given, enable_gqa=True))
        np.testing.assert_allclose(actual, engine.numpy(rule(*whole)), rtol=1e-13)


@every_method
def test_keys_without_a_batch_serve_every_example(engine, method, small_blocks, rng):
    query = rng.normal(size=(3, 6, 11, 7))
    key, value = rng.normal(size=(2, 13, 7)), rng.normal(size=(5, 1, 2, 13, 7))
    actual = attend(
        engine, "float64", query, key, value, method=method, enable_gqa=True
    )
    close(actual, attention_by_rows(query, key, value, group=3), "float64", 3)


def matrices(rng, heads=6, kv_heads=6, features=8, memory_features=8):
    """Make the projections of heads with 5 features, and values with 7."""
    return [
        rng.normal(size=shape) / shape[0] ** 0.5
        for shape in [
            (features, heads * 5),
            (memory_features, kv_heads * 5),
            (memory_features, kv_heads * 7),
            (heads * 7, 11),
        ]
    ]


def by_heads(x, w_q, w_k, w_v, w_o, heads, kv_heads, memory, **mask):
    """Do multi-head attention in a plain loop over the heads."""
    outs = []
    for head in range(heads):
        shared = head * kv_heads // heads
        query = x @ w_q[:, 5 * head : 5 * head + 5]
        key = memory @ w_k[:, 5 * shared : 5 * shared + 5]
        value = memory @ w_v[:, 7 * shared : 7 * shared + 7]
        outs.append(attention_by_rows(query, key, value, **mask))
    return np.concatenate(outs, axis=-1) @ w_o


@pytest.mark.parametrize("kv_heads", [None, 1, 2, 6])
@pytest.mark.parametrize("memory", ["itself", "another"])
@pytest.mark.parametrize("mask", [{}, {"is_causal": True}], ids=["", "causal"])
def test_many_heads_are_a_loop_over_one(engine, kv_heads, memory, mask, rng):
    x, other = rng.normal(size=(3, 13, 8)), rng.normal(size=(3, 17, 9))
    features = 8 if memory == "itself" else 9
    w = matrices(rng, kv_heads=kv_heads or 6, memory_features=features)
    out = multi_head_attention(
        engine.array(x),
        *map(engine.array, w),
        num_heads=6,
        num_kv_heads=kv_heads,
        memory=None if memory == "itself" else engine.array(other),
        **mask,
    )
    source = x if memory == "itself" else other
    expected = by_heads(x, *w, 6, kv_heads or 6, source, **mask)
    np.testing.assert_allclose(engine.numpy(out, "float64"), expected, atol=1e-12)


def test_the_scale_is_that_of_one_head(engine, rng):
    x, w = rng.normal(size=(13, 8)), matrices(rng)
    given = [engine.array(a) for a in (x, *w)]
    usual = multi_head_attention(*given, num_heads=6)
    head = multi_head_attention(*given, num_heads=6, scale=5**-0.5)
    whole = multi_head_attention(*given, num_heads=6, scale=8**-0.5)
    np.testing.assert_array_equal(engine.numpy(usual), engine.numpy(head))
    assert abs(engine.numpy(usual) - engine.numpy(whole)).max() > 1e-3


def test_options_reach_attention(engine, rng):
    x, w = rng.normal(size=(3, 13, 8)), matrices(rng)
    where = rng.random((3, 1, 13, 13)) < 0.7
    given = [engine.array(a) for a in (x, *w)]
    for method in ("dense", "streaming"):
        out = multi_head_attention(
            *given, num_heads=6, attn_mask=engine.array(where), method=method
        )
        expected = by_heads(x, *w, 6, 6, x, where=where[:, 0])
        np.testing.assert_allclose(engine.numpy(out), expected, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_projections_keep_the_dtype(engine, dtype, rng):
    x, w = rounded(rng.normal(size=(13, 8)), dtype), matrices(rng)
    w = [rounded(a, dtype) for a in w]
    out = multi_head_attention(*(engine.array(a, dtype) for a in (x, *w)), num_heads=6)
    close(engine.numpy(out, dtype), by_heads(x, *w, 6, 6, x), dtype, 3)


def test_projections_beyond_sixteen_bits_are_quiet(engine):
    many = engine.array(np.full((2, 2), 300.0), "float16")
    out = multi_head_attention(*[many] * 5, num_heads=1)
    assert not np.isfinite(engine.numpy(out, "float16")).any()


@pytest.mark.parametrize(
    ("change", "options", "error", "message"),
    [
        ({"x": (8,)}, {}, ValueError, r"x needs the axes \(length, features\); got"),
        ({"w_q": (8,)}, {}, ValueError, r"w_q must be a matrix; got shape \(8,\)"),
        ({"w_q": (9, 30)}, {}, ValueError, "w_q has 9 rows; x has 8 features"),
        ({"w_k": (9, 30)}, {}, ValueError, "w_k has 9 rows; memory has 8 features"),
        ({"w_q": (8, 31)}, {}, ValueError, "w_q has 31 columns: not a multiple of 6 h"),
        ({"w_v": (8, 43)}, {}, ValueError, "w_v has 43 columns: not a multiple of 6"),
        ({"w_o": (41, 8)}, {}, ValueError, "w_o has 41 rows; the heads' outputs are"),
        ({"w_k": (8, 36)}, {}, ValueError, "query and key feature sizes differ: 5 and"),
        ({}, {"num_heads": 0}, ValueError, "num_heads must be at least 1; got 0"),
        ({}, {"num_heads": 2.0}, TypeError, "num_heads must be a whole number; got"),
        ({}, {"num_kv_heads": 4}, ValueError, "num_heads 6 is not a multiple of 4 key"),
        ({}, {"num_kv_heads": 0}, ValueError, "num_kv_heads must be at least 1; got 0"),
        ({}, {"speed": 3}, TypeError, "unexpected keyword argument 'speed'"),
    ],
)
def test_matrices_that_do_not_fit_are_refused(engine, change, options, error, message):
    shapes = {"x": (13, 8), "w_q": (8, 30), "w_k": (8, 30), "w_v": (8, 42)}
    shapes = {**shapes, "w_o": (42, 8), **change}
    given = [engine.array(np.ones(shape)) for shape in shapes.values()]
    with pytest.raises(error, match=message):
        multi_head_attention(*given, **{"num_heads": 6, **options})


def test_projections_of_two_libraries_or_dtypes_are_refused():
    one, other = np.ones((2, 2)), torch.ones(2, 2)
    with pytest.raises(TypeError, match="x is a NumPy array, memory is a NumPy array"):
        multi_head_attention(one, one, other, one, one, num_heads=1)
    with pytest.raises(TypeError, match="pass all arrays in one dtype: x float64"):
        multi_head_attention(one, one, one, one, np.ones((2, 2), "f4"), num_heads=1)


def source_of(engine, seed):
    if engine.device is None:
        return np.random.default_rng(seed)
    return torch.Generator(engine.device).manual_seed(seed)


@pytest.mark.parametrize("engine", ENGINES, ids=str)
@pytest.mark.parametrize("method", ["auto", "dense"])
def test_dropout_repeats_with_its_source_and_keeps_the_mean(engine, method, rng):
    query, key, value = (
        engine.array(rng.normal(size=(2, n, 3)), "float32") for n in (5, 7, 7)
    )

    def drop(p, seed):
        options = {"dropout_p": p, "method": method, "rng": source_of(engine, seed)}
        return engine.numpy(
            scaled_dot_product_attention(query, key, value, **options), "float32"
        )

    np.testing.assert_array_equal(drop(0.3, 1), drop(0.3, 1))
    assert abs(drop(0.3, 1) - drop(0.3, 2)).max() > 0.01
    whole = engine.numpy(scaled_dot_product_attention(query, key, value))
    np.testing.assert_allclose(drop(0, 1), whole, rtol=1e-5, atol=1e-6)
    assert (drop(1, 1) == 0).all()
    draws = np.stack([drop(0.3, seed) for seed in range(400)])
    error = draws.std(0) / np.sqrt(len(draws))
    assert (abs(draws.mean(0) - whole) < 4.5 * error).all()


@pytest.mark.parametrize("weighting", ["softpick", "sparsemax"])
def test_dropout_of_many_keys_needs_the_matrix(weighting, rng):
    given = [torch.tensor(rng.normal(size=(2, 300, 4))) for _ in range(3)]

    def drop(method):
        options = {"dropout_p": 0.3, "weighting": weighting, "method": method}
        rng = torch.Generator().manual_seed(0)
        return scaled_dot_product_attention(*given, **options, rng=rng)

    assert torch.equal(drop("auto"), drop("dense"))


def test_dropout_drops_weights_after_the_weighting(engine):
    # Values of one say how much weight is left: whole multiples of 1 / 0.75 n.
    query, key = (engine.array(np.zeros((n, 2))) for n in (101, 10))
    out = engine.numpy(
        scaled_dot_product_attention(
            query, key, key[:, :1] + 1, dropout_p=0.25, rng=source_of(engine, 0)
        )
    )
    kept = out * 0.75 * 10
    np.testing.assert_allclose(kept, kept.round(), atol=1e-12)
    assert len(np.unique(kept.round())) > 3


def test_dropout_needs_a_source_of_its_own_library():
    one = np.ones((2, 3))
    with pytest.raises(TypeError, match=r"rng, a numpy.random.Generator; got None"):
        scaled_dot_product_attention(one, one, one, dropout_p=0.5)
    legacy = np.random.RandomState(0)
    with pytest.raises(TypeError, match="got RandomState"):
        scaled_dot_product_attention(one, one, one, dropout_p=0.5, rng=legacy)
    given = [torch.ones(2, 3)] * 3
    with pytest.raises(TypeError, match="rng, a torch Generator or None; got Gener"):
        scaled_dot_product_attention(
            *given, dropout_p=0.5, rng=source_of(NUMPY, 0), method="dense"
        )


def test_torch_s_global_generator_is_the_default():
    given = [torch.randn(2, 7, 3, generator=source_of(TORCH, 0)) for _ in range(3)]
    for method in ("auto", "sdpa", "dense"):
        with torch.random.fork_rng():
            outs = []
            for _ in range(2):
                torch.manual_seed(3)
                outs.append(
                    scaled_dot_product_attention(*given, dropout_p=0.5, method=method)
                )
        torch.testing.assert_close(outs[0], outs[1])
        assert (outs[0] - scaled_dot_product_attention(*given)).abs().max() > 0.01
