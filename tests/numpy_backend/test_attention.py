"""NumPy's attention in blocks: when the maximum may be left out, and how it differs."""

import numpy as np
import pytest

from attention_lib import Softmax, scaled_dot_product_attention
from attention_lib.numpy_backend import attention as in_numpy
from tests.oracle import attention_by_rows, close
from tests.user_weightings import OffByOne


@pytest.fixture
def paths(monkeypatch, small_blocks):
    """Note which path each block of queries takes."""
    taken = []
    for place, name in [
        (in_numpy, "_sum_exponentials"),
        (in_numpy, "_full_rows"),
        (in_numpy.Small, "run"),
    ]:
        original = getattr(place, name)

        def noted(*args, name=name, original=original):
            taken.append(name)
            return original(*args)

        monkeypatch.setattr(place, name, noted)
    return taken


def check(query, key, value, size=3.0, **options):
    actual = scaled_dot_product_attention(query, key, value, **options)
    expected = attention_by_rows(*(a.astype(float) for a in (query, key, value)))
    close(actual, expected, str(query.dtype), size)


def three(rng, dtype="float32"):
    return [rng.normal(size=(2, n, 7)).astype(dtype) for n in (11, 13, 13)]


def test_small_scores_need_no_maximum(paths, rng):
    check(*three(rng))
    assert set(paths) == {"_sum_exponentials"}
    assert len(paths) == 2 * 3  # two heads of 11 queries, four at a time


@pytest.mark.parametrize(
    "options",
    [
        {"attn_mask": np.ones((11, 13), bool)},
        {"softcap": 1e6},
        {"weighting": Softmax(1.0)},
    ],
    ids=["mask", "softcap", "temperature"],
)
def test_masks_caps_and_temperatures_need_none_either(options, paths, rng):
    check(*three(rng), **options)
    assert set(paths) == {"_sum_exponentials"}


def test_large_scores_are_shifted(paths, rng):
    query, key, value = three(rng)
    check(30 * query, key, value)
    assert set(paths) == {"_full_rows"}
    assert len(paths) == 2 * 4  # three at a time


def test_scores_that_a_temperature_makes_large_are_shifted(paths, rng):
    query, key, value = three(rng)
    check(query, key, value, weighting=Softmax(1.0))
    out = scaled_dot_product_attention(query, key, value, weighting=Softmax(0.01))
    check(100 * query, key, value)
    assert set(paths[:6]) == {"_sum_exponentials"}
    assert set(paths[6:]) == {"_full_rows"}
    assert np.isfinite(out).all()


@pytest.mark.quick
def test_each_head_chooses_for_itself(paths, rng):
    query, key, value = three(rng)
    query[1] *= 30
    check(query, key, value)
    assert set(paths) == {"_sum_exponentials", "_full_rows"}


@pytest.mark.parametrize("weighting", [OffByOne(-800.0), Softmax(np.ones((2, 1, 1)))])
def test_other_rules_see_all_their_keys(weighting, paths, rng):
    check(*three(rng), weighting=weighting)
    assert set(paths) == {"_full_rows"}


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("size", [1e-30, 1e-9, 1.0, 1e9, 1e30])
@pytest.mark.parametrize("exponent", [1, 30, 59])
def test_values_of_any_size_keep_their_digits(exponent, size, sign, paths, rng):
    # They are multiplied by the exponentials before the division.
    query = np.full((1, 11, 1), np.float32(exponent))
    key = np.full((1, 13, 1), np.float32(sign))
    value = (size * rng.normal(size=(1, 13, 3))).astype(np.float32)
    check(query, key, value, size=size)


@pytest.mark.parametrize("masked", [False, True])
def test_values_of_zero_stay_zero(masked, paths, rng):
    query, key, value = three(rng)
    mask = np.ones((11, 13), bool) if masked else None
    out = scaled_dot_product_attention(query, key, 0 * value, mask)
    assert (out == 0).all()


def test_few_scores_are_computed_at_once(paths, monkeypatch, rng):
    monkeypatch.setattr(in_numpy, "DENSE_SCORES", 2 * 11 * 13)
    check(*three(rng))
    assert paths == ["run"]


@pytest.mark.parametrize("factor", [1, 30])
def test_threads_change_nothing(factor, small_blocks, monkeypatch, rng):
    query, key, value = three(rng, "float64")
    outs = []
    for threads in "13":
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        outs.append(scaled_dot_product_attention(factor * query, key, value))
    np.testing.assert_array_equal(*outs)
