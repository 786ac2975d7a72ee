"""Mistakes in the kernels of sparse attention: each is made, and must be noticed."""

import pytest
import torch
import triton
import triton.language as tl

from attention_lib import Entmax, Sparsemax
from attention_lib.torch_backend.kernels import (
    sparse_backward,
    sparse_finish,
    sparse_start,
    sparse_tiles,
)
from tests.kernels.sparse_cases import agree, alphas, mask_of, output, three
from tests.kernels.streaming_cases import exact, same

MISTAKES = {}
INFINITY = tl.constexpr(float("inf"))


def plainly(rng):
    agree(three(rng, length=7), Sparsemax(), scale=0.05)  # all keys have weight


def causally(rng):
    agree(three(rng, heads=1), Sparsemax(), is_causal=True)


def by_groups(rng):
    given = three(rng, heads=4, kv_heads=2, length=3, n_keys=5)
    agree(given, Sparsemax(), enable_gqa=True)


def with_alphas(rng):
    alpha = alphas(1.3, 1.7)
    given = three(rng, heads=2, length=3, n_keys=5)
    agree(given, Entmax(alpha), [alpha], 4e-6)


def masked(rng):
    agree(three(rng, heads=1), Sparsemax(), **mask_of("bool", rng))


def with_nan(rng):
    """Hide a key and a value that are NaN."""
    given, mask = three(rng, heads=1), mask_of("bool", rng)
    mask["attn_mask"][:, 3] = False
    with torch.no_grad():
        given[1][:, 3], given[2][:, 3] = 0, 0
    expected = agree(given, Sparsemax(), **mask)
    with torch.no_grad():
        given[1][:, 3], given[2][:, 3] = torch.nan, torch.nan
    actual = agree(given, Sparsemax(), **mask)
    for a, b in zip(actual, expected, strict=True):
        assert torch.equal(a, b)


def with_nan_in_sight(rng):
    given = three(rng, heads=1)
    with torch.no_grad():
        given[2][0, 3, 1] = torch.nan
    out = output(given, Sparsemax(), is_causal=True)
    same([out], [exact(given, Sparsemax(), is_causal=True)[0]])


def mistake(modules, name, check):
    """Enter the wrong function below, with the check that must notice it."""

    def enter(wrong):
        MISTAKES[wrong.__name__] = modules, name, triton.jit(wrong), check
        return wrong

    return enter


@mistake([sparse_start], "coarse_edge", plainly)
def a_coarse_edge_too_high(best, base, c, rule, shape: tl.constexpr):
    return 0.0 * base - 0.05


@mistake([sparse_start], "_mark", plainly)
def marks_only_where_weight_is_large(
    total, slopes, kind, low, high, MARK, base, edge, t, given, sizes, rule,
    PART: tl.constexpr, shape: tl.constexpr,
):  # fmt: skip
    return total + 1, slopes + 1


@mistake([sparse_tiles], "hidden", plainly)
def a_tail_that_is_not_masked(
    scores, rows, cols, n_rows, n_keys, ahead, MASK, BIAS, mask_row, mask_col, bias_row,
    bias_col, CAUSAL: tl.constexpr, MASKED: tl.constexpr, BIASED: tl.constexpr,
):  # fmt: skip
    there = (rows < n_rows) & (cols >= 0)
    return tl.where(there, scores, -float("inf")), there


@mistake([sparse_tiles], "hidden", causally)
def causal_off_by_one(
    scores, rows, cols, n_rows, n_keys, ahead, MASK, BIAS, mask_row, mask_col, bias_row,
    bias_col, CAUSAL: tl.constexpr, MASKED: tl.constexpr, BIASED: tl.constexpr,
):  # fmt: skip
    there = (rows < n_rows) & (cols < n_keys) & (cols < rows + 2)
    return tl.where(there, scores, -float("inf")), there


@mistake([sparse_tiles, sparse_finish], "shared_head", by_groups)
def another_head_of_the_group(head, sizes):
    return head % (sizes.heads // sizes.group)


@mistake([sparse_backward], "mean_of", plainly)
def queries_without_the_thresholds_dependence(pulled, slopes):
    return 0.0 * pulled


@mistake([sparse_backward], "centred", plainly)
def keys_without_the_thresholds_dependence(h, g, mean):
    return tl.where(h != 0, h * g, 0.0)


@mistake([sparse_backward], "derivative_in_alpha", with_alphas)
def an_alpha_of_which_weights_do_not_know(w, c):
    return 0.0 * w


@mistake([sparse_start], "seen_keys", masked)
def a_row_with_every_key_masked_is_lost(
    first, rows, batch, head, bounds, sizes, shape: tl.constexpr
):
    return 0 * first, 0 * first, 0 * first + sizes.keys, rows < sizes.queries


@mistake([sparse_backward], "finite_only", with_nan)
def zero_times_nan_in_a_masked_tile(tile):
    return tile


@mistake([sparse_finish], "finite_only", with_nan)
def zero_times_a_masked_value_that_is_nan(tile):
    return tile


@mistake([sparse_finish], "poison", with_nan_in_sight)
def a_value_in_sight_that_is_nan_is_forgotten(weights, there, value):
    return 0.0 * tl.where(tl.abs(value) < INFINITY, value, 0.0)


@pytest.mark.parametrize("name", MISTAKES)
def test_the_mistake_is_noticed(name, rng, monkeypatch):
    modules, target, wrong, check = MISTAKES[name]
    for module in modules:
        monkeypatch.setattr(module, target, wrong)
    with pytest.raises(AssertionError):
        check(rng)


CHECKS = dict.fromkeys(check for *_, check in MISTAKES.values())


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_without_a_mistake_nothing_is_noticed(check, rng):
    check(rng)
