"""Streaming attention by kernels at the edges: masks, NaN, infinity, far scores."""

import numpy as np
import pytest
import torch

from attention_lib import scaled_dot_product_attention as attend
from attention_lib.weightings import Softmax1
from tests.in_turn import in_turn
from tests.kernels.streaming_cases import (
    KEYS,
    LENGTH,
    both,
    exact,
    mask_of,
    one_of_each,
    outcome,
    same,
    three,
    weighting_of,
)

NAN, INF = torch.nan, torch.inf
LOWEST = torch.finfo(torch.float32).min


@one_of_each
@in_turn(("poison", "kind"), [(NAN, "bool"), (INF, "additive")])
def test_a_masked_key_and_value_reach_no_output_and_no_gradient(
    case, poison, kind, rng
):
    weighting, learned = weighting_of(case, rng)
    mask = mask_of(kind, rng)
    mask["attn_mask"][:, [3, 17]] = False if kind == "bool" else -INF
    given = three(rng)
    expected = exact(given, weighting, learned, **mask)
    with torch.no_grad():
        given[1][:, 3], given[2][:, [3, 17]] = poison, poison
    actual = outcome(given, weighting, learned, **mask, method="triton")
    same(actual, expected)


@pytest.mark.parametrize("name", ["softmax", "sigmoid", "normalized_relu"])
@in_turn("poison", [NAN, INF, -INF])
def test_a_causal_value_reaches_the_queries_after_it_only(name, poison, rng):
    given = three(rng)
    with torch.no_grad():
        given[2][0, 3, 1] = poison
    out, in_query, *_ = outcome(given, name, is_causal=True, method="triton")
    expected, *_ = exact(given, name, is_causal=True)
    assert expected[0, :3].isfinite().all()
    assert not expected[0, 3:, 1].isfinite().all()
    same([out], [expected])
    assert in_query[0, :3].isfinite().all()


@one_of_each
def test_a_query_that_is_no_number_spoils_its_own_row_only(case, rng):
    weighting, _ = weighting_of(case, rng)
    given = three(rng)
    expected, *_ = exact(given, weighting)
    with torch.no_grad():
        given[0][0, 4] = NAN
    out, in_query, *_ = outcome(given, weighting, method="triton")
    assert out[0, 4].isnan().all()
    others = torch.arange(LENGTH) != 4
    same([out[0, others]], [expected[0, others]])
    assert in_query[0, others].isfinite().all()


def test_a_query_that_is_no_number_leaves_the_keys_that_it_does_not_see(rng):
    given = three(rng)
    with torch.no_grad():
        given[0][0, 4] = NAN
    out, *_, in_key, in_value = outcome(
        given, "softmax", is_causal=True, method="triton"
    )
    assert out[0, :4].isfinite().all()
    assert in_key[0, :5].isnan().all()
    assert in_key[0, 5:].isfinite().all()
    assert in_value[0, 5:].isfinite().all()


@one_of_each
def test_a_row_with_every_key_masked_is_zero_and_so_is_its_gradient(case, rng):
    weighting, learned = weighting_of(case, rng)
    given = three(rng)
    mask = mask_of("causal and additive", rng)
    out, *slopes = outcome(given, weighting, learned, **mask, method="triton")
    assert (out[0, 2] == 0).all()
    assert (slopes[0][0, 2] == 0).all()
    nothing = {"attn_mask": torch.zeros(LENGTH, KEYS, dtype=torch.bool)}
    results = outcome(given, weighting, learned, **nothing, method="triton")
    assert all((a == 0).all() for a in results)


@one_of_each
def test_scores_of_minus_infinity_are_keys_that_are_not_there(case, rng):
    weighting, _ = weighting_of(case, rng)
    query, key, value = (
        torch.ones(1, 2, 1),
        torch.randn(1, KEYS, 1),
        torch.randn(KEYS, 3),
    )
    key[0, [1, 5, 18]] = -INF
    kept = key[0, :, 0] > -INF
    out = attend(
        query, key, value[None], weighting=weighting, scale=1.0, method="triton"
    )
    cut = key[:, kept], value[kept][None]
    expected = attend(query.double(), *(a.double() for a in cut), scale=1.0,
                      weighting=weighting)  # fmt: skip
    same([out], [expected])
    nothing = torch.full_like(key, -INF)
    out = attend(query, nothing, value[None], weighting=weighting, method="triton")
    if weighting.kind == "pointwise":
        assert (out == 0).all()
    else:
        assert out.isnan().all()


FAR = {
    "a row of -1e9": [-1e9] * 7,
    "a row of the lowest number": [LOWEST] * 7,
    "some of the lowest number": [0.0, LOWEST, 1.0, LOWEST, LOWEST, -1.0, 0.5],
    "large": [2.0**25, 2.0**25 - 4, 2.0**24, 0.0, -(2.0**25), 5.0, 2.0**25],
    "from end to end": [-LOWEST, LOWEST, 0.0, -LOWEST, 1.0, -1.0, LOWEST],
    "the largest number": [-LOWEST] * 7,
    "tiny": [1e-30, 2e-30, 0.0, 4e-30, 5e-30, 1e-30, 2e-30],
}


@one_of_each
def test_finite_scores_give_what_exact_arithmetic_gives(case, rng):
    weighting, _ = weighting_of(case, rng)
    rows = torch.tensor([row for row in FAR.values() if bounded(row, weighting)])
    n, value = len(rows), torch.randn(7, 3)
    expected = weighting(rows.double()) @ value.double()
    masked = torch.zeros(n, 1), torch.zeros(7, 1), value, rows
    products = torch.ones(n, 1, 1), rows[..., None], value, None
    for given in (masked, products):
        out = attend(*given, scale=1.0, weighting=weighting, method="triton")
        for ours, theirs in zip(out.reshape(n, 3), expected, strict=True):
            same([ours], [theirs], 1e-5)


def bounded(row, weighting):
    """Tell whether a sum of weights that may not be divided is finite."""
    return weighting.kind != "pointwise" or max(map(abs, row)) < 1e30


@one_of_each
def test_infinite_scores_leave_a_row_without_weights_or_take_the_limit(case, rng):
    weighting, _ = weighting_of(case, rng)
    query, key, value = torch.ones(1, 1), torch.zeros(5, 1), torch.ones(5, 2)
    key[3] = INF
    out = attend(query, key, value, scale=1.0, weighting=weighting, method="triton")
    expected = attend(*(a.double() for a in (query, key, value)), scale=1.0,
                      weighting=weighting, method="dense")  # fmt: skip
    same([out], [expected])


@pytest.mark.parametrize("scale", [-1.0, 0.0, 1e-9, 3.0])
@pytest.mark.parametrize("name", ["softmax", "softpick", "sigmoid"])
def test_any_scale_is_taken(name, scale, rng):
    both(three(rng), name, scale=scale, is_causal=True)


@pytest.mark.parametrize("offset", [-INF, INF, 90.0, -90.0])
def test_an_offset_may_be_far_from_the_scores(offset, rng):
    learned = torch.tensor(offset).requires_grad_()
    both(three(rng), Softmax1(learned), [learned], is_causal=True)


@one_of_each
def test_one_query_and_one_key(case, rng):
    weighting, learned = weighting_of(case, rng)
    both(three(rng, length=1, n_keys=1), weighting, learned)


@pytest.mark.parametrize(
    "sizes", [(0, 5, 3, 3), (5, 0, 3, 3), (5, 5, 0, 3), (5, 5, 3, 0)]
)
def test_where_there_is_nothing_the_eager_way_says_what_comes(sizes, rng):
    length, n_keys, width, width_of_values = sizes
    given = three(rng, 2, None, length, n_keys, width, width_of_values)
    both(given, "softmax", scale=1.0)


def test_a_mask_hides_a_value_that_is_infinite_where_its_weight_is_not_zero(rng):
    # Of the signs of infinite values the weights decide, and of their sum the signs.
    query, key = torch.zeros(1, 1), torch.zeros(4, 1)
    value = torch.tensor(
        [[INF, INF, 1.0], [1.0, -INF, 2.0], [NAN] * 3, [1.0, 1.0, 3.0]]
    )
    where = torch.tensor([[True, True, False, True]])
    out = attend(query, key, value, where, method="triton")
    same([out], [torch.tensor([[INF, NAN, 2.0]])])
    key[1] = -1e4  # whose weight is zero, and zero times infinity NaN
    out = attend(query + 1, key, value, where, method="triton")
    same([out], [torch.tensor([[INF, NAN, 2.0]])])
    np.testing.assert_array_equal(out.isnan().numpy(), [[False, True, False]])


@pytest.mark.parametrize("at", [3, KEYS - 1])
@pytest.mark.parametrize("kind", ["no mask", "bool"])
def test_a_value_of_a_visible_key_is_never_lost(kind, at, rng):
    given = three(rng)
    mask = mask_of(kind, rng)
    if mask:
        mask["attn_mask"][:, at] = True
    with torch.no_grad():
        given[2][0, at, 0], given[2][0, at, 1] = INF, NAN
    out, *_ = outcome(given, "softmax1", **mask, method="triton")
    assert (out[0, :, 0] == INF).all()
    assert out[0, :, 1].isnan().all()
    assert out[0, :, 2].isfinite().all()
