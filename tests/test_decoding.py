"""Decoding: chunks and tokens against a growing cache give what all at once gives."""

import numpy as np
import pytest

import attention_lib as al
from attention_lib import finalize, merge, partial_attention
from attention_lib import scaled_dot_product_attention as attend
from tests.engines import ENGINES, rounded
from tests.oracle import close

LENGTH, PREFILL, PAGE = 23, 11, 5
WEIGHTINGS = [
    al.Softmax(),
    al.Softmax1(offset=0.5),
    al.NormalizedSigmoid(),
    al.Softpick(),
    al.ReLU(power=2),
]
every_engine = pytest.mark.parametrize("engine", ENGINES, ids=str)
every_weighting = pytest.mark.parametrize("weighting", WEIGHTINGS, ids=repr)
dtypes = pytest.mark.parametrize("dtype", ["float32", "bfloat16"])


def three(engine, dtype, rng):
    """Give query, key and value of one causal sequence of two heads."""
    if dtype not in engine.dtypes:
        pytest.skip(f"{engine} has no {dtype}")
    drawn = (rounded(rng.normal(size=(2, LENGTH, 4)), dtype) for _ in range(3))
    return [engine.array(a, dtype) for a in drawn]


def folded(query, key, value, place, weighting):
    """Attend to a cache that is kept in pages, the last one not full."""
    state = al.State.identity()
    for start in range(0, key.shape[-2], PAGE):
        page = slice(start, start + PAGE)
        options = {"is_causal": True, "query_offset": place, "key_offset": start}
        part = partial_attention(
            query, key[:, page], value[:, page], weighting=weighting, **options
        )
        state = merge(state, part)
    return finalize(state)


@every_engine
@every_weighting
@dtypes
def test_a_prefill_and_then_token_by_token(engine, weighting, dtype, rng):
    query, key, value = three(engine, dtype, rng)
    whole = attend(query, key, value, is_causal=True, weighting=weighting)
    starts = [0, *range(PREFILL, LENGTH)]
    stops = [PREFILL, *range(PREFILL + 1, LENGTH + 1)]
    outs = []
    for start, stop in zip(starts, stops, strict=True):
        seen = key[:, :stop], value[:, :stop]
        out = folded(query[:, start:stop], *seen, start, weighting)
        outs.append(engine.numpy(out, dtype))
    expected = engine.numpy(whole, dtype)
    size = max(1, abs(expected).max())
    close(np.concatenate(outs, -2), expected, dtype, size)


@every_engine
@pytest.mark.parametrize("weighting", ["sparsemax", "entmax15", "softmax"], ids=str)
@dtypes
def test_the_last_queries_see_the_cache_with_a_mask_at_its_end(
    engine, weighting, dtype, rng
):
    query, key, value = three(engine, dtype, rng)
    whole = attend(query, key, value, is_causal=True, weighting=weighting)
    outs = []
    for start, stop in [(0, PREFILL), (PREFILL, 17), (17, LENGTH)]:
        like = None if engine.device is None else key
        mask = al.masks.causal(stop - start, stop, align="end", like=like)
        seen = key[:, :stop], value[:, :stop]
        out = attend(query[:, start:stop], *seen, mask, weighting=weighting)
        outs.append(engine.numpy(out, dtype))
    close(np.concatenate(outs, -2), engine.numpy(whole, dtype), dtype, 2)


@every_engine
@every_weighting
@pytest.mark.parametrize("method", ["dense", "streaming"])
def test_windows_and_distances_are_aligned_with_the_end_of_the_cache(
    engine, weighting, method, rng
):
    query, key, value = three(engine, "float32", rng)
    like = None if engine.device is None else key

    def attention(start, stop, align="end"):
        """Attend from some queries to the keys so far, once with each mask."""
        sizes, options = (stop - start, stop), {"align": align, "like": like}
        past = al.masks.causal(*sizes, **options)
        window = al.masks.sliding_window(*sizes, 4, **options) & past
        bias = al.masks.alibi(2, *sizes, **options | {"like": key})
        bias = engine.xp.where(past, bias, bias - engine.xp.inf)
        seen = key[:, :stop], value[:, :stop]
        taken = {"weighting": weighting, "method": method}
        outs = (attend(query[:, start:stop], *seen, m, **taken) for m in (window, bias))
        return [engine.numpy(out, "float32") for out in outs]

    whole = attention(0, LENGTH, align="start")
    parts = [attention(0, PREFILL), attention(PREFILL, 17), attention(17, LENGTH)]
    for actual, expected in zip(zip(*parts, strict=True), whole, strict=True):
        size = max(1, abs(expected).max())
        close(np.concatenate(actual, -2), expected, "float32", 4 * size)
