"""Attention of arrays of every shape, size and layout."""

import tracemalloc

import numpy as np
import pytest

from attention_lib import scaled_dot_product_attention
from tests.engines import every_method
from tests.in_turn import in_turn
from tests.oracle import attend, attention_by_rows, close

SHAPES = [
    # query, key, value and mask; every size is another prime
    ((1, 7), (13, 7), (13, 5), (1, 13)),
    ((11, 7), (1, 7), (1, 5), (11, 1)),
    ((11, 7), (13, 7), (13, 5), (13,)),
    ((11, 7), (13, 7), (13, 5), ()),
    ((2, 11, 7), (3, 2, 13, 7), (3, 2, 13, 5), (3, 1, 1, 13)),
    ((3, 2, 11, 7), (2, 13, 7), (13, 5), (2, 11, 13)),
    ((3, 1, 11, 7), (1, 2, 13, 7), (13, 5), (3, 2, 1, 1)),
    ((11, 7), (13, 7), (2, 13, 5), (2, 11, 13)),
    ((2, 11, 7), (2, 13, 7), (3, 2, 13, 7), (3, 1, 11, 1)),
    ((5, 3, 2, 11, 7), (5, 1, 2, 13, 7), (3, 2, 13, 7), (3, 1, 11, 13)),
]


@every_method
@pytest.mark.parametrize("shapes", SHAPES, ids=str)
@in_turn("kind", ["no mask", "bool", "additive", "causal"])
def test_leading_axes_and_masks_broadcast(
    engine, method, shapes, kind, small_blocks, rng
):
    given = [rng.normal(size=shape) for shape in shapes[:3]]
    mask = {
        "no mask": {},
        "bool": {"where": rng.random(shapes[3]) < 0.7},
        "additive": {"bias": np.asarray(rng.normal(size=shapes[3]))},
        "causal": {"is_causal": True},
    }[kind]
    actual = attend(engine, "float64", *given, mask, method=method)
    close(actual, attention_by_rows(*given, **mask), "float64", size=3)


@every_method
@pytest.mark.parametrize("lengths", [(11, 0), (0, 13), (0, 0), (1, 1), (1, 0)])
@in_turn("kind", ["no mask", "bool", "additive", "causal"])
def test_no_key_gives_zeros_and_no_query_nothing(engine, method, lengths, kind, rng):
    n_queries, n_keys = lengths
    query, key, value = (rng.normal(size=(2, n, 3)) for n in (*lengths, n_keys))
    mask = {
        "no mask": {},
        "bool": {"where": np.ones((n_queries, n_keys), bool)},
        "additive": {"bias": np.zeros((n_queries, n_keys))},
        "causal": {"is_causal": True},
    }[kind]
    actual = attend(engine, "float64", query, key, value, mask, method=method)
    expected = value if lengths == (1, 1) else np.zeros((2, n_queries, 3))
    np.testing.assert_allclose(actual, expected)


@every_method
@pytest.mark.parametrize("lead", [(0,), (3, 0), (0, 2)])
def test_no_heads_give_nothing(engine, method, lead):
    given = [np.ones((*lead, n, 3)) for n in (5, 7, 7)]
    assert attend(engine, "float64", *given, method=method).shape == (*lead, 5, 3)


@every_method
def test_no_features_score_all_keys_alike(engine, method, rng):
    value = rng.normal(size=(2, 7, 3))
    out = attend(
        engine, "float64", np.ones((2, 5, 0)), np.ones((2, 7, 0)), value, method=method
    )
    mean = value.mean(-2, keepdims=True)
    np.testing.assert_allclose(out, np.broadcast_to(mean, (2, 5, 3)))


def test_arrays_of_any_layout_are_taken_and_none_is_changed(engine, small_blocks, rng):
    query, key, value = (rng.normal(size=(2, n, 3)) for n in (11, 13, 13))
    where = rng.random((11, 13)) < 0.7
    for method in ("dense", "streaming"):
        before = [a.copy() for a in (query, key, value, where)]
        given = [engine.array(a) for a in before]
        expected = scaled_dot_product_attention(*given, method=method)
        for a, b in zip(given, (query, key, value, where), strict=True):
            np.testing.assert_array_equal(engine.numpy(a), b)
        turned = [a.swapaxes(0, 1).swapaxes(0, 1) for a in given]
        if engine.device is None:
            for a in before:
                a.flags.writeable = False
            turned = [np.asfortranarray(before[0]), *before[1:]]
        actual = scaled_dot_product_attention(*turned, method=method)
        close(engine.numpy(actual), engine.numpy(expected), "float64")


@pytest.mark.parametrize("kind", ["no mask", "causal", "bool", "additive"])
def test_streaming_in_numpy_needs_little_memory(kind, rng):
    n, heads = 2048, 2
    query, key, value = (
        rng.normal(size=(heads, n, 16)).astype(np.float32) for _ in range(3)
    )
    masks_of_kind = {"bool": np.ones((n, n), bool), "additive": np.zeros((n, n), "f4")}
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        scaled_dot_product_attention(
            query, key, value, masks_of_kind.get(kind), is_causal=kind == "causal"
        )
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert peak < heads * n * n * 4 / 4


def test_real_block_sizes(engine, rng):
    query, key, value = (
        rng.normal(size=(2, n, 16)).astype(np.float32) for n in (1033, 2053, 2053)
    )
    some = np.arange(0, 1033, 129)
    for is_causal in (False, True):
        where = np.tri(1033, 2053, dtype=bool)[some] if is_causal else True
        expected = attention_by_rows(query[:, some], key, value, where=where)
        for method in ("streaming", "auto"):
            out = attend(
                engine, "float32", query, key, value, method=method, is_causal=is_causal
            )
            close(out[:, some], expected, "float32")
