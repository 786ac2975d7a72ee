"""Inputs that once gave wrong numbers without a word, each by its name."""

import sys
import threading
import types

import numpy as np
import pytest
import torch

import attention_lib as al
from attention_lib import finalize, partial_attention
from attention_lib import scaled_dot_product_attention as attend
from attention_lib.weightings import Threshold
from tests.in_turn import in_turn

LOWEST = torch.finfo(torch.float32).min


def test_a_transposed_query_of_softmax1_is_read_as_it_lies(rng):
    x = torch.tensor(rng.normal(size=(1, 1, 4, 3)), dtype=torch.float32).mT
    plain = x.contiguous()
    torch.testing.assert_close(
        attend(x, x, x, weighting="softmax1"),
        attend(plain, plain, plain, weighting="softmax1"),
    )


@pytest.mark.parametrize("scale", [-1.0, 0.0])
def test_causal_softmax_takes_a_scale_that_is_not_positive(scale, rng):
    given = [torch.tensor(rng.normal(size=(1, 2, 5, 4))) for _ in range(3)]
    out = attend(*given, is_causal=True, scale=scale)
    assert out.isfinite().all()
    expected = attend(*given, is_causal=True, scale=scale, method="dense")
    torch.testing.assert_close(out, expected)


@pytest.mark.parametrize("weighting", ["sparsemax", "entmax15"])
@pytest.mark.parametrize("level", [-1e9, LOWEST])
def test_a_masked_row_of_the_lowest_number_is_shared(weighting, level, small_blocks):
    given = [torch.zeros(2, n, 4) for n in (5, 7, 7)]
    given[2] = torch.arange(7.0)[:, None].expand(2, 7, 4)
    bias = torch.full((5, 7), level)
    for method in ("auto", "streaming", "dense"):
        out = attend(*given, bias, weighting=weighting, method=method)
        torch.testing.assert_close(out, torch.full_like(out, 3.0))


@pytest.mark.parametrize("weighting", ["scalable_softmax", "normalized_tanh"])
def test_rows_of_the_lowest_number_are_shared_in_both_libraries(engine, weighting):
    rows = engine.array(np.full((2, 4), LOWEST), "float32")
    weights = engine.numpy(al.get_weighting(weighting)(rows))
    np.testing.assert_allclose(weights, 0.25, rtol=1e-6)


def test_scores_of_sparsemax_beyond_24_bits_have_a_threshold(small_blocks):
    query = torch.full((2, 5, 1), 2.0**15)
    key = torch.full((2, 7, 1), 2.0**15)
    out = attend(query, key, torch.ones(2, 7, 3), weighting="sparsemax", scale=1.0)
    torch.testing.assert_close(out, torch.ones(2, 5, 3))


@pytest.mark.parametrize("size", [1e20, 1e-18])
def test_cubes_fold_at_any_size(engine, size):
    one = engine.array(np.ones((1, 1)), "float32")
    keys = engine.array([[size], [2 * size]], "float32")
    values = engine.array([[9.0], [18.0]], "float32")
    weighting = al.NormalizedReLU(power=3)
    state = al.State.identity()
    for key in (0, 1):
        part = (keys[key : key + 1], values[key : key + 1])
        part = partial_attention(one, *part, weighting=weighting, scale=1.0)
        state = al.merge(state, part)
    np.testing.assert_allclose(engine.numpy(finalize(state)), [[17.0]], rtol=1e-5)


def test_sparse_attention_of_large_halves_survives_autocast():
    h = torch.full((1, 1, 2, 64), 200.0).half()
    h[..., 0] = 201.0  # no number of bfloat16, to which autocast would round
    with torch.autocast("cpu", torch.bfloat16):
        out = attend(h, h, h, weighting="sparsemax")
    assert out.dtype == torch.float16
    torch.testing.assert_close(out, h, rtol=0, atol=0)


def test_a_threshold_of_one_s_own_is_not_taken_for_ours(engine, rng):
    class Mine(Threshold):
        alpha = 1.5

        def weigh(self, scores, where=None):
            weights = 0 * scores + 1 / scores.shape[-1]
            return weights

    given = [engine.array(rng.normal(size=(2, n, 3))) for n in (5, 7, 7)]
    for method in ("auto", "streaming", "dense"):
        out = engine.numpy(attend(*given, weighting=Mine(), method=method))
        mean = engine.numpy(given[2]).mean(-2, keepdims=True)
        np.testing.assert_allclose(out, np.broadcast_to(mean, out.shape))


USES_N = [al.ScalableSoftmax(), al.Sigmoid("-log n"), al.ReLU(mean=True)]


@pytest.mark.parametrize("weighting", USES_N, ids=lambda w: type(w).__name__)
@in_turn("masks", [{"is_causal": True}, {"attn_mask": True}])
def test_the_fold_counts_the_keys_of_each_row(engine, weighting, masks, rng):
    query, key, value = (engine.array(rng.normal(size=(2, n, 3))) for n in (4, 6, 6))
    where = rng.random((4, 6)) < 0.7
    where[:, 0] = True
    options, counted = dict(masks), np.arange(1, 5)[:, None]
    if "attn_mask" in masks:
        options["attn_mask"], counted = engine.array(where), where.sum(-1)[:, None]
    with pytest.raises(ValueError, match="queries see different numbers of keys"):
        partial_attention(query, key, value, weighting=weighting, n_keys=6, **options)
    state = partial_attention(
        query, key, value, weighting=weighting, n_keys=engine.array(counted), **options
    )
    expected = attend(query, key, value, weighting=weighting, **options)
    np.testing.assert_allclose(
        engine.numpy(finalize(state)), engine.numpy(expected), 1e-12
    )


@pytest.mark.parametrize(
    ("n_keys", "error", "message"),
    [
        (5, ValueError, "n_keys must be at least the keys of the block, 6; got 5"),
        (6.0, TypeError, "n_keys must be a whole number; got 6.0"),
        (True, TypeError, "n_keys must be a whole number; got True"),
        (None, ValueError, "ScalableSoftmax uses the number of keys: give n_keys"),
        ([[6.0]], TypeError, "n_keys must hold whole numbers; got"),
        ([6, 6, 6], ValueError, r"n_keys of shape \(3,\) does not broadcast"),
        ([[6], [5], [6], [6]], ValueError, "n_keys must be at least the keys of the"),
    ],
)
def test_a_number_of_keys_that_cannot_be_is_refused(engine, n_keys, error, message):
    given = [engine.array(np.ones((2, n, 3))) for n in (4, 6, 6)]
    if isinstance(n_keys, list):
        n_keys = engine.array(n_keys)
    with pytest.raises(error, match=message):
        partial_attention(*given, weighting="scalable_softmax", n_keys=n_keys)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize(
    "weighting",
    [al.Softmax(torch.tensor([[[0.3]], [[0.7]]])), al.ScalableSoftmax(1.3)],
    ids=["a temperature a head", "causal scalable softmax"],
)
def test_the_query_is_not_rounded_after_it_was_multiplied(dtype, weighting, rng):
    given = [torch.tensor(rng.normal(size=(2, 60, 16))).to(dtype) for _ in range(3)]
    given[0] *= 4
    exact = attend(
        *(a.double() for a in given),
        weighting=weighting,
        is_causal=True,
        method="dense",
    )
    out = attend(*given, weighting=weighting, is_causal=True).double()
    assert (out - exact).abs().max() <= 4 * torch.finfo(dtype).eps


def test_softpick_does_not_count_a_key_of_minus_infinity(engine):
    weights = al.softpick(engine.array([[np.log(3), -np.inf, np.log(2)]]), eps=0.0)
    np.testing.assert_allclose(engine.numpy(weights), [[2 / 3, 0, 1 / 3]])


def test_scalable_softmax_does_not_count_a_key_of_minus_infinity(engine):
    weights = al.scalable_softmax(engine.array([[1.0, 2.0, -np.inf]]))
    expected = [[*al.scalable_softmax(np.array([1.0, 2.0])), 0]]
    np.testing.assert_allclose(engine.numpy(weights), expected)


def test_numpy_calls_run_while_another_thread_imports_torch(monkeypatch):
    half = types.ModuleType("torch")  # imported as far as its first lines
    monkeypatch.setitem(sys.modules, "torch", half)
    found = []
    thread = threading.Thread(
        target=lambda: found.append(al.softmax(np.log([1.0, 3.0])))
    )
    thread.start()
    thread.join()
    np.testing.assert_allclose(found[0], [0.25, 0.75])
