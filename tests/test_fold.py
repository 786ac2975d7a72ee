"""The fold: parts of the keys, merged in any order, give attention over all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attention_lib import (
    State,
    attention_scores,
    finalize,
    logsumexp,
    merge,
    partial_attention,
    scaled_dot_product_attention,
)
from tests.engines import rounded
from tests.folding import (
    KEYS,
    QUERIES,
    every_foldable,
    merged,
    options_of,
    parts,
    three,
)
from tests.oracle import attention_by_rows, close
from tests.user_weightings import OffByOne, Squares

INF = np.inf
cuts = st.lists(st.integers(0, KEYS), max_size=5).map(sorted)


def same(engine, a, b, rtol=1e-12):
    for name in ("out", "max", "total"):
        one, other = getattr(a, name), getattr(b, name)
        assert (one is None) == (other is None)
        if one is not None:
            one, other = engine.numpy(one), engine.numpy(other)
            np.testing.assert_allclose(one, other, rtol=rtol, atol=rtol)


@every_foldable
@given(edges=cuts, seed=st.integers(0, 9), causal=st.booleans())
def test_any_split_equals_attention(engine, weighting, edges, seed, causal):
    if causal and weighting.uses_n:
        causal = False  # n is then another number for each query
    given_arrays = three(np.random.default_rng(seed))
    options = options_of(weighting)
    states = parts(engine, *given_arrays, edges, is_causal=causal, **options)
    actual = engine.numpy(finalize(merged(states)), "float64")
    expected = scaled_dot_product_attention(
        *given_arrays, is_causal=causal, weighting=weighting
    )
    np.testing.assert_allclose(actual, expected, rtol=1e-11, atol=1e-12)


@every_foldable
@given(edges=cuts, seed=st.integers(0, 9), order=st.randoms(use_true_random=False))
def test_any_tree_over_any_order_gives_the_same(engine, weighting, edges, seed, order):
    rng = np.random.default_rng(seed)
    query, key, value = three(rng)
    key *= 20 * rng.random((KEYS, 1))  # so that the maximum moves
    states = parts(engine, query, key, value, edges, **options_of(weighting))
    expected = merged(states)
    states += [State.identity()] * 2
    while len(states) > 1:
        a = states.pop(order.randrange(len(states)))
        b = states.pop(order.randrange(len(states)))
        states.append(merge(a, b))
    same(engine, states[0], expected)


@pytest.mark.quick
@every_foldable
def test_merging_is_associative_and_commutative(engine, weighting, rng):
    a, b, c = parts(engine, *three(rng), [3, 8], **options_of(weighting))
    same(engine, merge(merge(a, b), c), merge(a, merge(b, c)))
    same(engine, merge(a, b), merge(b, a), rtol=0)


@every_foldable
def test_the_identity_changes_nothing(engine, weighting, rng):
    nothing = State.identity()
    (state,) = parts(engine, *three(rng), [], **options_of(weighting))
    same(engine, merge(state, nothing), state, rtol=0)
    same(engine, merge(nothing, state), state, rtol=0)
    assert merge(nothing, State.identity()).weighting is None
    same(engine, merge(merge(nothing, nothing), state), state, rtol=0)


@every_foldable
def test_a_block_without_keys_changes_nothing(engine, weighting, rng):
    given_arrays = three(rng)
    empty, state = parts(engine, *given_arrays, [0], **options_of(weighting))
    same(engine, merge(empty, state), state, rtol=0)
    same(engine, merge(state, empty), state, rtol=0)
    assert (engine.numpy(finalize(merge(empty, empty))) == 0).all()


@pytest.mark.parametrize("edges", [[], [5], [2, 7, 7, 11]])
def test_additive_masks_softcap_scale_and_shared_heads(engine, edges, rng):
    query = rng.normal(size=(4, QUERIES, 3))
    key, value = (rng.normal(size=(2, KEYS, n)) for n in (3, 2))
    bias = rng.normal(size=(QUERIES, KEYS))
    bias[rng.random(bias.shape) < 0.3] = -INF
    options = {"softcap": 1.5, "scale": 0.8, "enable_gqa": True}
    states = parts(engine, query, key, value, edges, where=bias, **options)
    expected = attention_by_rows(
        query, key, value, bias=bias, softcap=1.5, scale=0.8, group=2
    )
    close(engine.numpy(finalize(merged(states))), expected, "float64", 3)


@pytest.mark.parametrize("edges", [[], [6], [1, 2, 12]])
def test_each_dtype_is_folded_in_float32_at_least(engine_dtype, edges, rng):
    engine, dtype = engine_dtype
    given_arrays = [rounded(a, dtype) for a in three(rng)]
    state = merged(parts(engine, *given_arrays, edges, dtype=dtype, is_causal=True))
    work = "float64" if dtype == "float64" else "float32"
    for a in (state.out, state.max, state.total, state.lse):
        engine.numpy(a, work)
    expected = attention_by_rows(*given_arrays, is_causal=True)
    close(engine.numpy(finalize(state), dtype), expected, dtype, 3)


def test_a_query_at_a_time_against_a_growing_cache(engine, rng):
    n = 7
    query, key, value = (engine.array(rng.normal(size=(2, n, 3))) for _ in range(3))
    expected = scaled_dot_product_attention(query, key, value, is_causal=True)
    for now in range(n):
        last = slice(now, now + 1)
        states = [
            partial_attention(
                query[:, last],
                key[:, block],
                value[:, block],
                is_causal=True,
                query_offset=now,
                key_offset=block.start,
            )
            for block in (slice(0, 3), slice(3, 5), slice(5, n))
        ]
        actual = engine.numpy(finalize(merged(states)))
        close(actual, engine.numpy(expected[:, last]), "float64", 3)


def test_the_log_sum_exp_of_the_scores(engine, rng):
    query, key, value = three(rng)
    where = rng.random((2, QUERIES, KEYS)) < 0.6
    where[0, 2] = False
    states = parts(engine, query, key, value, [4, 9], where=where)
    scores, _ = attention_scores(engine.array(query), engine.array(key))
    expected = logsumexp(scores, where=engine.array(where), keepdims=True)
    np.testing.assert_allclose(
        engine.numpy(merged(states).lse), engine.numpy(expected), rtol=1e-13
    )
    sums = parts(engine, query, key, value, [], weighting=Squares())[0]
    with pytest.raises(TypeError, match="only states of the exponential kind"):
        _ = sums.lse


def test_the_offset_enters_once_however_many_parts(engine, rng):
    query, key, value = three(rng)
    offset = rng.normal(size=(2, 1, 1))
    weighting = OffByOne(engine.array(offset))
    states = parts(engine, query, key, value, [2, 7], weighting=weighting)
    raised = np.exp(query @ key.swapaxes(-1, -2) / np.sqrt(3))
    expected = raised @ value / (np.exp(offset) + raised.sum(-1, keepdims=True))
    close(engine.numpy(finalize(merged(states))), expected, "float64", 3)
