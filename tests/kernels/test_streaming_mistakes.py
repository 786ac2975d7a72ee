"""Mistakes in streaming attention: each is put in its place, and must be noticed."""

import pytest
import torch
import triton
import triton.language as tl

from attention_lib.torch_backend.kernels import streaming_backward as backward
from attention_lib.torch_backend.kernels import streaming_forward as forward
from attention_lib.torch_backend.kernels import streaming_operators as operators
from attention_lib.torch_backend.kernels import streaming_poison as poisoned
from attention_lib.torch_backend.kernels import streaming_to_keys as to_keys
from attention_lib.torch_backend.kernels.streaming_rules import slopes
from attention_lib.torch_backend.kernels.tiles import hidden, poison
from attention_lib.weightings import Softmax1
from tests.kernels import test_streaming_edges as edges
from tests.kernels import test_streaming_shapes as shapes
from tests.kernels.streaming_cases import LONG, ONE_OF_EACH, both, mask_of, three

MISTAKES = {}
(SOFTMAX,) = [case for case in ONE_OF_EACH if case.name == "softmax"]


def compared(name, kind, **sizes):
    """Compare output and gradients with the exact ones."""

    def check(rng):
        length, n_keys = (
            sizes.get("length", edges.LENGTH),
            sizes.get("n_keys", edges.KEYS),
        )
        options = {"enable_gqa": True} if "kv_heads" in sizes else {}
        mask = mask_of(kind, rng, length, n_keys)
        both(three(rng, **sizes), name, **mask, **options)

    return check


def shared(rng):
    compared("softmax", "no mask", heads=4, kv_heads=2, length=3, n_keys=5)(rng)


def offset(rng):
    learned = torch.tensor(1.5).requires_grad_()
    both(three(rng), Softmax1(learned), [learned])


def masked_row(rng):
    edges.test_a_row_with_every_key_masked_is_zero_and_so_is_its_gradient(
        case=SOFTMAX, rng=rng
    )


def masked_key(rng):
    edges.test_a_masked_key_and_value_reach_no_output_and_no_gradient(
        case=SOFTMAX, rng=rng
    )


def lost_query(rng):
    edges.test_a_query_that_is_no_number_leaves_the_keys_that_it_does_not_see(rng)


def causal_value(rng):
    edges.test_a_causal_value_reaches_the_queries_after_it_only(name="softmax", rng=rng)


def large_batch(rng):
    with pytest.MonkeyPatch.context() as patch:
        shapes.test_a_batch_of_any_size_fits_the_grid(patch)


def mistake(modules, name, *checks):
    """Enter the wrong function below, with the checks that must notice it."""

    def enter(wrong):
        made = wrong if modules == [operators] else triton.jit(wrong)
        for check in checks:
            label = f"{wrong.__name__}-{len(MISTAKES)}"
            MISTAKES[label] = modules, name, made, check
        return wrong

    return enter


@mistake(
    [forward], "hidden", compared("softmax", "no mask"), compared("sigmoid", "padding")
)
def a_tail_of_keys_that_takes_part(
    scores, rows, cols, n_rows, n_keys, ahead, MASK, BIAS, mask_row, mask_col, bias_row,
    bias_col, CAUSAL: tl.constexpr, MASKED: tl.constexpr, BIASED: tl.constexpr,
):  # fmt: skip
    return hidden(
        scores, rows, cols, n_rows, 1 << 30, ahead, MASK, BIAS, mask_row, mask_col,
        bias_row, bias_col, CAUSAL, False, BIASED,
    )  # fmt: skip


@mistake([forward], "hidden", compared("softmax", "causal", **LONG))
@mistake([backward], "hidden", compared("softpick", "causal", **LONG))
@mistake([to_keys], "hidden", compared("softpick", "causal", **LONG))
def a_causal_query_that_sees_the_next_key(
    scores, rows, cols, n_rows, n_keys, ahead, MASK, BIAS, mask_row, mask_col, bias_row,
    bias_col, CAUSAL: tl.constexpr, MASKED: tl.constexpr, BIASED: tl.constexpr,
):  # fmt: skip
    return hidden(
        scores, rows, cols, n_rows, n_keys, ahead + 1, MASK, BIAS, mask_row, mask_col,
        bias_row, bias_col, CAUSAL, MASKED, BIASED,
    )  # fmt: skip


right_keys = forward.keys_of


@mistake([forward], "keys_of", compared("softmax", "causal", length=40, n_keys=23))
@mistake([backward], "keys_of", compared("sigmoid", "causal", length=40, n_keys=23))
def a_tile_at_the_causal_edge_that_is_not_tested(
    start, rows, inside, batch, head, n_q, n_k, ahead, FIRST, END, bound_batch,
    bound_head, bound_row, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr,
    CAUSAL: tl.constexpr, BOUNDED: tl.constexpr,
):  # fmt: skip
    full, end, some = right_keys(
        start, rows, inside, batch, head, n_q, n_k, ahead, FIRST, END, bound_batch,
        bound_head, bound_row, BLOCK_M, BLOCK_N, CAUSAL, BOUNDED,
    )  # fmt: skip
    return tl.minimum(full + BLOCK_N, n_k // BLOCK_N * BLOCK_N), end, some


@mistake([forward], "keys_of", masked_row)
def nan_where_every_key_is_masked(
    start, rows, inside, batch, head, n_q, n_k, ahead, FIRST, END, bound_batch,
    bound_head, bound_row, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr,
    CAUSAL: tl.constexpr, BOUNDED: tl.constexpr,
):  # fmt: skip
    full, end, _ = right_keys(
        start, rows, inside, batch, head, n_q, n_k, ahead, FIRST, END, bound_batch,
        bound_head, bound_row, BLOCK_M, BLOCK_N, CAUSAL, BOUNDED,
    )  # fmt: skip
    return full, end, inside


@mistake([forward], "key_head", shared)
@mistake([backward], "key_head", shared)
def keys_dealt_out_in_turn(head, heads, group):
    return head % (heads // group)


@mistake([forward], "whole_total", offset)
def an_offset_left_out_of_the_sum(
    total, base, multiplier, shift, eps, FAMILY: tl.constexpr, POWER: tl.constexpr,
    OFFSET: tl.constexpr,
):  # fmt: skip
    return total


@mistake(
    [forward], "rise", compared("softmax", "no mask"), compared("softpick", "bool")
)
def sums_that_stay_when_the_maximum_rises(
    top, base, above, multiplier, FAMILY: tl.constexpr, POWER: tl.constexpr
):
    return 0.0 * above + 1


@mistake([backward], "slopes", compared("softmax", "no mask"))
@mistake([to_keys], "slopes", compared("softmax", "no mask"))
def a_sum_that_does_not_move(
    s, g, mean, inverse, base, multiplier, shift, FAMILY: tl.constexpr,
    POWER: tl.constexpr, BY_ROW: tl.constexpr, FAST: tl.constexpr,
):  # fmt: skip
    return slopes(
        s, g, 0.0 * mean, inverse, base, multiplier, shift, FAMILY, POWER, BY_ROW, FAST
    )


@mistake([forward], "finite_only", masked_key)
@mistake([backward], "finite_only", masked_key)
@mistake([to_keys], "finite_only", lost_query)
def zero_times_nan(tile):
    return tile


@mistake([poisoned], "poison", causal_value)
def a_value_that_is_no_number_forgotten(weights, there, value):
    return poison(weights, there, tl.where(value == value, 0.0, 0.0).to(value.dtype))


@mistake([operators], "grid_of", large_batch)
def heads_along_an_axis_that_ends_at_65535(a, size):
    batch, heads, length, _ = a.shape
    return triton.cdiv(length, size), batch * heads


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_noticed(name, rng, monkeypatch):
    modules, target, wrong, check = MISTAKES[name]
    with monkeypatch.context() as patch:
        for module in modules:
            patch.setattr(module, target, wrong)
        with pytest.raises(AssertionError):
            check(rng)
