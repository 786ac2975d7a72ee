"""Precision: measured again with other scores, and as saved, by the same margins."""

import numpy as np
import pytest

from attention_lib.book.experiments import load, precision


@pytest.fixture(scope="module")
def saved():
    """Give the saved measurements."""
    return load("precision")["result"]


@pytest.mark.parametrize(
    ("dtype", "most"),  # about twice the worst seen
    [("float16", 4e-5), ("bfloat16", 4e-4), ("float32", 1.2e-6)],
)
def test_a_row_sums_to_one_up_to_the_rounding_of_its_type(saved, dtype, most):
    for errors in (
        saved["row_sum_error"][dtype],
        precision.row_sum_errors(dtype, seed=1),
    ):
        assert len(errors) == 8
        assert 0 < max(errors) < most


@pytest.mark.parametrize(
    ("dtype", "zero", "finite"),
    [
        ("float16", -17.33, 11.09),
        ("float32", -103.97, 88.72),
        ("float64", -745.13, 709.78),
    ],
)
def test_the_exponential_has_a_range(saved, dtype, zero, finite):
    # float16 has steps of 1/64 there.
    found = precision.exponential_range(dtype)
    assert found == pytest.approx((zero, finite), abs=0.02)
    assert saved["exponential_range"][dtype] == pytest.approx(found, abs=0.06)


@pytest.mark.parametrize(
    ("dtype", "score"), [("float16", -9.71), ("float32", -87.34), ("float64", -708.40)]
)
def test_below_a_score_exponentials_lose_digits(saved, dtype, score):
    found = precision.subnormal_below(dtype)
    assert found == pytest.approx(score, abs=0.02)
    assert saved["subnormal_below"][dtype] == pytest.approx(found, abs=0.02)
    tiny = np.exp(np.dtype(dtype).type(found))
    assert 0 < tiny < np.finfo(dtype).tiny


@pytest.mark.parametrize("spread", [1.0, 8.0])
def test_subtracting_the_maximum_buys_no_accuracy(saved, spread):
    before = {
        name: np.array(errors)
        for name, errors in saved["weight_error"][str(spread)].items()
    }
    for errors in (before, precision.weight_errors(spread, n=4096, seed=1)):
        naive, shifted = errors["naive"], errors["max subtracted"]
        assert naive.max() < 10  # [5.3]
        assert (shifted > naive).all()  # by [1.3] at 4096 scores of spread 1
        # One key at a time is the least accurate; 128 at a time are less so.
        online, blocks = errors["online"], errors["online, 128 at a time"]
        assert (online > naive).all()
        assert online.mean() > 1.2 * blocks.mean()  # [1.5]
        assert online.mean() > 1.2 * shifted.mean()  # [1.6]
        assert (blocks > naive).all()


def test_the_order_in_which_blocks_merge_does_not_matter(saved):
    assert saved["merge_error"]["trees"] == 1000
    assert saved["merge_error"]["worst"] < 1e-13  # [5e-15]
    assert precision.merge_errors(100, seed=1).max() < 1e-13


def test_under_dropout_a_row_does_not_sum_to_one(saved):
    sums = precision.dropout_row_sums(seed=1)
    for spread in (saved["dropout"]["std"], sums.std(1)):
        assert min(spread) > 0.05  # [0.063]
        assert max(spread) < 0.08  # [0.067]
    assert sums.max() <= 1 / 0.9 + 1e-12
    assert sums.mean() == pytest.approx(1, abs=5 * 0.066 / np.sqrt(sums.size))
