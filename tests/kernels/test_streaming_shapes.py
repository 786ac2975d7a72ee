"""Streaming attention by kernels takes heads, widths and strides of every kind."""

import pytest
import torch

from attention_lib import scaled_dot_product_attention as attend
from attention_lib.torch_backend.kernels import (
    arrays,
    streaming_operators,
    streaming_rows,
)
from attention_lib.torch_backend.kernels.streaming_launches import chosen
from tests.kernels.streaming_cases import both, exact, mask_of, outcome, same, three


@pytest.mark.parametrize("name", ["softmax", "softpick"])
@pytest.mark.parametrize("kind", ["causal", "bool"])
def test_each_head_of_keys_serves_its_group_of_queries(name, kind, rng):
    given = three(rng, heads=6, kv_heads=2, length=5, n_keys=7)
    both(given, name, enable_gqa=True, **mask_of(kind, rng, 5, 7))


def test_a_mask_may_differ_from_head_to_head(rng):
    given = three(rng, heads=4, kv_heads=2, length=5, n_keys=19)
    where = torch.tensor(rng.random((4, 5, 19)) < 0.3)
    both(given, "softmax", enable_gqa=True, attn_mask=where)
    both(given, "softmax", enable_gqa=True, attn_mask=where[:, :1])
    both(given, "softmax", enable_gqa=True, attn_mask=where[..., :1])


def test_leading_axes_broadcast(rng):
    query, key, value = three(rng, heads=6, length=3, n_keys=4)
    query, key, value = (a.detach() for a in (query, key, value))
    given = (
        query.reshape(2, 3, 3, 5).requires_grad_(),
        key[:1].clone().requires_grad_(),
        value.reshape(2, 3, 4, 3)[:, :1].clone().requires_grad_(),
    )
    both(given, "softmax")
    both([a[0].requires_grad_() for a in (query, key, value)], "sigmoid")


@pytest.mark.parametrize("widths", [(80, 96), (1, 130), (17, 16)])
def test_any_width_is_padded(widths, rng):
    given = three(rng, length=3, n_keys=18, width=widths[0], width_of_values=widths[1])
    both(given, "normalized_sigmoid", error=4e-6)


def swapped(a):
    return a.transpose(-1, -2).contiguous().transpose(-1, -2)


def every_other(a):
    return torch.stack([a, torch.full_like(a, torch.nan)], -1)[..., 0]


@pytest.mark.parametrize("laid", [swapped, every_other])
def test_any_strides_are_read_as_they_are(laid, rng):
    given = [laid(a.detach()).requires_grad_() for a in three(rng, heads=2)]
    plain = [a.detach().clone(memory_format=torch.contiguous_format).requires_grad_()
             for a in given]  # fmt: skip
    where = mask_of("bool", rng)["attn_mask"]
    ours = outcome(given, "softmax1", attn_mask=swapped(where), method="triton")
    same(ours, exact(plain, "softmax1", attn_mask=where))


def test_what_all_share_is_not_copied(rng):
    shared = torch.zeros(1, 1, 11, 7).expand(3, 5, 11, 7)
    mask = torch.ones(11, 1, dtype=torch.bool).expand(3, 5, 11, 9)
    given = [torch.zeros(3, 5, 11, 7), shared[..., :9, :], shared[..., :9, :], mask]
    captured = capture(lambda: attend(*given, method="triton"))
    _, key, _, bytes_, *_ = captured
    assert key.untyped_storage().data_ptr() == shared.untyped_storage().data_ptr()
    assert tuple(bytes_.shape) == (1, 1, 11, 1)
    assert arrays.strides(bytes_) == (0, 0, 1, 0)


def capture(call):
    """Give what the operator is called with."""
    seen, right = [], streaming_operators.stream
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            streaming_operators,
            "stream",
            lambda *given: seen.append(given) or right(*given),
        )
        call()
    return seen[0]


def test_a_batch_of_any_size_fits_the_grid(monkeypatch):
    grids = []

    class Recorder:
        def __getitem__(self, grid):
            grids.append(grid)
            return lambda *given, **options: None

    for name in ("attend", "to_queries", "to_keys"):
        monkeypatch.setattr(streaming_operators, name, Recorder())
    monkeypatch.setattr(streaming_rows, "means", Recorder())
    given = [torch.zeros(70_000, 2, n, 1, requires_grad=True) for n in (17, 1, 1)]
    attend(*given, method="triton").sum().backward()
    sizes = [grid[0] for grid in grids]
    assert sizes == [2 * 140_000, -(-140_000 * 17 // 32), 2 * 140_000, 140_000]
    assert all(n <= 65_535 for grid in grids for n in grid[1:])


@pytest.mark.parametrize("card", [(8, 101_376), (8, 166_912), (9, 232_448)])
def test_every_card_gets_tiles_that_it_can_hold(card):
    for part in ("forward", "to queries", "to keys"):
        for itemsize in (2, 4):
            for width in (16, 64, 128, 256):
                for more in (False, True):
                    tile = chosen(part, itemsize, width, more, *card)
                    assert tile.since <= card[0]
                    assert tile.shared <= card[1]
                    for n in (tile.queries, tile.keys, tile.warps):
                        assert n & (n - 1) == 0
                    assert min(tile.queries, tile.keys) >= 16


@pytest.mark.parametrize("change", ["dtype", "width", "mask", "own", "power"])
def test_what_no_kernel_takes_is_refused_with_a_reason(change, rng):
    query, key, value = (a.detach() for a in three(rng, length=3, n_keys=5))
    mask, weighting, reason = None, "softmax", None
    if change == "dtype":
        query, key, value = (a.double() for a in (query, key, value))
        reason = "float64"
    elif change == "width":
        value = torch.zeros(1, 5, 257)
        reason = "up to 256 features; got 257"
    elif change == "mask":
        mask, reason = torch.zeros(3, 5, requires_grad=True), "no gradient to attn_mask"
    elif change == "own":
        from tests.user_weightings import Squares

        weighting, reason = Squares(), "the library's own weightings; got Squares"
    else:
        weighting, reason = "hardmax", "got Hardmax"
    with pytest.raises(ValueError, match=reason):
        attend(query, key, value, mask, weighting=weighting, method="triton")
    attend(query, key, value, mask, weighting=weighting)
