"""How much a GPU takes at a time, and what it is not made to wait for.

A processor plays the GPU: all that differs is how much memory is said to be free.
"""

import numpy as np
import pytest
import torch

import attention_lib as al
from attention_lib.torch_backend import (
    blocks,
    entmax,
    general,
    masking,
    scores,
    sdpa,
    sizes,
)
from tests.in_turn import in_turn

BIG = 141 * 10**9
HIDING = [{"is_causal": True}, {"attn_mask": torch.arange(13) < 9}]


@pytest.fixture
def gpu(monkeypatch):
    """Let a processor's memory be a GPU's, and a look at its numbers be dear."""

    def free(nbytes):
        for module in (sizes, blocks):
            monkeypatch.setattr(module, "free_memory", lambda like: nbytes)
        monkeypatch.setattr(scores, "on_a_processor", lambda x: False)

    return free


def heads(rng, *lengths):
    return [
        torch.tensor(rng.normal(size=(2, 3, n, 5)), dtype=torch.float32)
        for n in lengths
    ]


def test_a_gpu_takes_2_27_scores_or_a_sixteenth_of_its_free_memory():
    assert sizes.on_a_gpu(BIG, 4) == 2**27
    assert sizes.on_a_gpu(2**30, 4) == 2**24
    here = torch.ones(2)
    assert sizes.free_memory(here) is None
    assert sizes.at_once(here, 100) == 100


@in_turn("free", [BIG, 16 * 4 * 3 * 1000, 1])
@in_turn("is_causal", [False, True])
def test_blocks_of_a_gpu_hold_each_row_once_and_no_more_than_that(free, is_causal, gpu):
    gpu(free)
    query, key = torch.empty(6, 1000, 5), torch.empty(6, 1001, 5)
    most = max(sizes.on_a_gpu(free, 4), blocks.FEWEST * 1001)
    seen = torch.zeros(6, 1000, dtype=torch.int)
    given = list(blocks._cut(query, key, is_causal, 1))
    for block in given:
        seen[block.heads, block.rows] += 1
        held = seen[block.heads, block.rows].numel() * block.stop
        assert held <= most
        assert block.stop == (min(block.rows.stop, 1001) if is_causal else 1001)
    assert (seen == 1).all()
    if free == BIG:
        assert len(given) == (blocks.PIECES if is_causal else 1)


@pytest.mark.parametrize("weighting", ["softmax1", "entmax15", "softpick", "sigmoid"])
@pytest.mark.parametrize("options", [{}, *HIDING], ids=["all", "causal", "masked"])
def test_attention_in_such_blocks_is_the_same(weighting, options, gpu, rng):
    given = [a.double().requires_grad_() for a in heads(rng, 11, 13, 13)]

    def both(method):
        out = al.scaled_dot_product_attention(
            *given, weighting=weighting, method=method, **options
        )
        return [out, *torch.autograd.grad(out.square().sum(), given)]

    expected = both("dense")
    for free in (BIG, 16 * 4 * 3 * 13):
        gpu(free)
        for one, other in zip(both("streaming"), expected, strict=True):
            torch.testing.assert_close(one, other)


def counted(monkeypatch, module, name):
    """Count the calls of a function."""
    calls, right = [], getattr(module, name)

    def call(*given):
        calls.append(given)
        return right(*given)

    monkeypatch.setattr(module, name, call)
    return calls


def test_the_general_way_takes_one_block_of_a_gpu(gpu, rng, monkeypatch):
    given = heads(rng, 11, 13, 13)
    monkeypatch.setattr(general, "BLOCK_SCORES", 2 * 3 * 13 * 2)
    products = counted(monkeypatch, general, "weighted_sum")

    def attend():
        products.clear()
        out = al.scaled_dot_product_attention(*given, softcap=2.0, method="streaming")
        return out, len(products)

    here, n_here = attend()
    gpu(BIG)
    there, n_there = attend()
    assert (n_here, n_there) == (6, 1)
    torch.testing.assert_close(here, there)


def test_sparse_rows_of_a_gpu_are_one_block(gpu, rng, monkeypatch):
    rows = torch.tensor(rng.normal(size=(40, 300)), dtype=torch.float32)
    monkeypatch.setattr(entmax, "BLOCK_BYTES", 4 * 300 * 10)
    solved = counted(monkeypatch, entmax, "_fast_block")
    here = al.sparsemax(rows)
    n_here = len(solved)
    gpu(BIG)
    there = al.sparsemax(rows)
    assert (n_here, len(solved) - n_here) == (4, 1)
    torch.testing.assert_close(here, there)


def test_keys_are_counted_for_many_queries_of_a_gpu(gpu, rng, monkeypatch):
    given = heads(rng, 11, 13, 13)
    mask = torch.tensor(rng.random((11, 13)) < 0.6)
    monkeypatch.setattr(masking, "COUNTED", 2)
    looks = counted(monkeypatch, masking, "where_of")
    options = {"weighting": "relu_mean", "method": "dense"}
    here = al.scaled_dot_product_attention(*given, mask, **options)
    assert len(looks) == 6
    gpu(BIG)
    there = al.scaled_dot_product_attention(*given, mask, **options)
    assert len(looks) == 7
    torch.testing.assert_close(here, there)


def test_numbers_are_looked_at_only_where_some_are_hidden(gpu, rng, monkeypatch):
    given = heads(rng, 11, 13, 13)
    gpu(BIG)
    looked = counted(monkeypatch, scores, "_sum")
    for options, n_arrays in zip([{}, *HIDING], [0, 2, 3], strict=True):
        looked.clear()
        al.scaled_dot_product_attention(*given, method="sdpa", **options)
        assert len(looked) == n_arrays


@in_turn("poison", [np.nan, np.inf])
@in_turn("place", [1, 2])
@in_turn("options", HIDING)
def test_what_is_hidden_is_hidden_on_a_gpu_too(poison, place, options, gpu, rng):
    given = heads(rng, 5, 13, 13)
    expected = al.scaled_dot_product_attention(*given, **options)
    gpu(BIG)
    given[place][..., 9:, :] = poison  # keys that none of the five queries sees
    actual = al.scaled_dot_product_attention(*given, **options)
    torch.testing.assert_close(actual, expected)


def test_a_causal_scalable_softmax_makes_no_matrix(rng, monkeypatch):
    given, options = heads(rng, 11, 13, 13), {"weighting": "scalable_softmax"}
    options["is_causal"] = True
    expected = al.scaled_dot_product_attention(*given, method="dense", **options)
    calls, right = [], sdpa.sdpa

    def noted(query, key, value, mask, dropout_p, is_causal, **more):
        calls.append((mask, is_causal))
        return right(query, key, value, mask, dropout_p, is_causal, **more)

    monkeypatch.setattr(sdpa, "sdpa", noted)
    actual = al.scaled_dot_product_attention(*given, method="sdpa", **options)
    assert calls == [(None, True)]
    torch.testing.assert_close(actual, expected)
