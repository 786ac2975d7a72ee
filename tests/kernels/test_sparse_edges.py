"""Sparse attention by kernels at the edges: masks, NaN, infinity, far scores."""

import pytest
import torch

from attention_lib import Entmax, Sparsemax
from attention_lib import scaled_dot_product_attention as attend
from attention_lib.torch_backend.kernels import sparse_launches, sparse_operators
from tests.in_turn import in_turn
from tests.kernels.sparse_cases import (
    KEYS,
    LENGTH,
    WEIGHTINGS,
    agree,
    alphas,
    by_kernel,
    in_turns,
    mask_of,
    output,
    three,
)
from tests.kernels.streaming_cases import exact, same

NAN, INF = torch.nan, torch.inf
LOWEST = torch.finfo(torch.float32).min
OTHERS = torch.arange(LENGTH) != 4


@in_turn(
    ("name", "poison", "kind"),
    [
        ("sparsemax", NAN, "bool"),
        ("squares", INF, "additive"),
        ("near one", -INF, "causal"),
        ("one alpha", NAN, "causal"),
    ],
)
def test_what_is_masked_reaches_no_output_and_no_gradient(name, poison, kind, rng):
    given, mask = three(rng, heads=1), mask_of(kind, rng)
    hidden = [3, 18]
    if kind == "causal":
        hidden = [LENGTH, KEYS - 1]
    else:
        mask["attn_mask"][:, hidden] = False if kind == "bool" else -INF
    expected = exact(given, WEIGHTINGS[name], **mask)
    with torch.no_grad():
        given[1][:, hidden[0]], given[2][:, hidden] = poison, poison
    same(by_kernel(given, WEIGHTINGS[name], **mask), expected)


@in_turn("name", ["squares", "near one"])
@in_turn("poison", [NAN, -INF])
def test_a_value_that_is_no_number_reaches_the_rows_that_see_it(name, poison, rng):
    given = three(rng, heads=1)
    with torch.no_grad():
        given[2][0, 3, 1] = poison
    out = output(given, WEIGHTINGS[name], is_causal=True)
    expected = exact(given, WEIGHTINGS[name], is_causal=True)[0]
    same([out], [expected])
    assert out[0, :3].isfinite().all()
    assert not out[0, 3:, 1].isfinite().any()  # with weight or without


@in_turn("keys", [16, 32])
def test_such_a_value_is_seen_in_tiles_without_any_weight(keys, rng, monkeypatch):
    tiles = sparse_launches.Tiles(16, keys, 1, 4, 1)  # 32 are read in two parts
    for module in (sparse_launches, sparse_operators):
        monkeypatch.setattr(module, "tiles_of", lambda like, size: tiles)
    given = three(rng, heads=1)
    with torch.no_grad():
        given[0][:], given[1][:] = 1, -9
        given[1][:, 0] = 9  # takes all the weight
        given[2][0, 18, 1] = NAN
    out = output(given, Sparsemax())
    assert out[0, :, 1].isnan().all()
    same([out], [exact(given, Sparsemax())[0]])
    assert torch.equal(out[0, :, 0], given[2][0, 0, 0].expand(LENGTH))


@in_turn(("name", "odd"), [("sparsemax", NAN), ("near one", INF)])
def test_a_query_that_is_no_number_spoils_its_own_row_only(name, odd, rng):
    given, mask = three(rng, heads=1), mask_of("causal and bool", rng)
    mask["attn_mask"][4, 1] = True
    expected = by_kernel(given, WEIGHTINGS[name], **mask)
    with torch.no_grad():
        given[0][0, 4] = odd
    out, in_query, in_key, _ = by_kernel(given, WEIGHTINGS[name], **mask)
    assert out[0, 4].isnan().all()
    same([out[0, OTHERS]], [expected[0][0, OTHERS]])
    same([in_query[0, OTHERS]], [expected[1][0, OTHERS]])
    hidden = ~mask["attn_mask"][4] | (torch.arange(KEYS) > 4)
    assert in_key[0, hidden].isfinite().all()


@in_turns
def test_a_score_of_infinity_or_none_above_minus_infinity_make_nan(name, rng):
    query, key, value = three(rng, heads=1)
    bias = torch.randn(LENGTH, KEYS)
    bias[1, 3], bias[2, 18], bias[5] = INF, NAN, -INF
    with torch.no_grad():
        query[0, 4], key[0] = 0, key[0].abs()
        query[0, 4, 0], key[0, :, 0] = -INF, 1
    out = output((query, key, value), WEIGHTINGS[name], attn_mask=bias)
    for row in (1, 2, 4):
        assert out[0, row].isnan().all()
    assert (out[0, 5] == 0).all()
    rest = [0, 3, *range(6, LENGTH)]
    whole = exact((query, key, value), WEIGHTINGS[name], attn_mask=bias)[0]
    same([out[0, rest]], [whole[0, rest]])


@in_turn(("name", "kind"), [("sparsemax", "causal and bool"), ("near one", "additive")])
def test_a_row_with_every_key_masked_is_zero_and_so_is_its_gradient(name, kind, rng):
    given, mask = three(rng, heads=1), mask_of(kind, rng)
    out, in_query, *_ = by_kernel(given, WEIGHTINGS[name], **mask)
    assert (out[0, 2] == 0).all()
    assert (in_query[0, 2] == 0).all()
    nothing = {"attn_mask": torch.zeros(LENGTH, KEYS, dtype=torch.bool)}
    made = by_kernel(given, WEIGHTINGS[name], **nothing)
    assert all((a == 0).all() for a in made)


@in_turns
def test_rows_of_the_lowest_numbers_are_weighed_alike(name, rng):
    given = three(rng, heads=1)
    bias = torch.zeros(LENGTH, KEYS)
    bias[1], bias[3, ::2] = LOWEST, LOWEST
    agree(given, WEIGHTINGS[name], attn_mask=bias)


@in_turns
def test_large_scores_lose_no_digits(name, rng):
    given = three(rng, heads=1)
    far = 2.0**26 + 8 * torch.arange(KEYS).remainder(2)  # numbers that float32 has
    bias = far.expand(LENGTH, KEYS).clone()
    bias[::2] *= -1
    with torch.no_grad():
        given[0][:] = 0
    agree(given, WEIGHTINGS[name], attn_mask=bias)


def test_a_product_that_only_its_scale_makes_small_does_not_overflow(rng):
    given = three(rng, heads=1)
    with torch.no_grad():
        given[0][:] *= 2.0**65
        given[1][:] *= 2.0**65
    made = by_kernel(given, Entmax(1.5), scale=2.0**-8)
    same(made, exact(given, Entmax(1.5), scale=2.0**-8))


@in_turn(("name", "scale"), [("sparsemax", -0.7), ("squares", 0.0), ("near one", 3.0)])
def test_any_sign_of_scale_and_a_softcap(name, scale, rng):
    agree(three(rng, heads=1), WEIGHTINGS[name], error=5e-6, scale=scale, softcap=1.5)


@pytest.mark.parametrize(
    ("length", "n_keys", "width"), [(1, 1, 1), (1, 37, 20), (17, 1, 33), (16, 32, 16)]
)
def test_sizes_of_any_kind(length, n_keys, width, rng):
    given = three(rng, heads=1, length=length, n_keys=n_keys, width=width)
    agree(given, Entmax(1.5))


@pytest.mark.parametrize(
    "sizes", [{"n_keys": 0}, {"length": 0}, {"width_of_values": 0}]
)
def test_nothing_to_attend_to_is_left_to_the_eager_way(sizes, rng):
    given = three(rng, heads=1, **sizes)
    out = attend(*given, weighting="sparsemax", method="triton")
    assert torch.equal(out, attend(*given, weighting="sparsemax", method="dense"))


def test_shared_heads_batches_and_strides(rng):
    query = torch.randn(2, 2, 5, 7).mT.requires_grad_()
    key = torch.randn(1, 9, 1, 5).transpose(1, 2).requires_grad_()
    value = torch.randn(2, 1, 9, 6)[..., ::2].requires_grad_()
    where = torch.rand(2, 1, 9) < 0.7
    agree((query, key, value), Sparsemax(), attn_mask=where, enable_gqa=True)


def test_tiles_of_another_form_and_queries_read_in_parts(rng, monkeypatch):
    def other(like, size):
        return sparse_launches.Tiles(32, 16, 2, 4, 1)

    for module in (sparse_launches, sparse_operators):
        monkeypatch.setattr(module, "tiles_of", other)
    alpha = alphas(1.2, 1.9)
    given = three(rng, heads=2, kv_heads=1, length=35)
    agree(given, Entmax(alpha), [alpha], 4e-6, enable_gqa=True, is_causal=True)
