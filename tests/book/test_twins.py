"""Twins: the same output from other weights, exactly, and none where there are none."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attention_lib import softmax
from attention_lib.book.twins import distance, range_of, twin

# A program takes milliseconds, and a twin some ten of them.
few = settings(max_examples=15, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def head(seed, n, d, sharpness=1.0):
    """Draw the weights of n keys, and their values of d numbers."""
    rng = np.random.default_rng(seed)
    return softmax(sharpness * rng.normal(size=n)), rng.normal(size=(n, d))


def corners(weights, values):
    """Give all weights with the same output and no more keys than equations."""
    n, d = values.shape
    conditions = np.column_stack([values, np.ones(n)]).T
    fixed = conditions @ weights
    for used in map(list, combinations(range(n), d + 1)):
        corner = np.zeros(n)
        corner[used] = np.linalg.solve(conditions[:, used], fixed)
        if corner.min() > -1e-12:
            yield corner


@few
@given(seed=seeds, n=st.integers(1, 40), d=st.integers(1, 9))
def test_a_twin_is_a_distribution_with_the_same_output(seed, n, d):
    weights, values = head(seed, n, d, sharpness=3.0)
    other = twin(weights, values)
    assert (other >= 0).all()
    assert other.sum() == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(other @ values, weights @ values, rtol=0, atol=1e-9)


@few
@given(seed=seeds, d=st.integers(1, 9), fewer=st.integers(0, 4))
def test_weights_on_as_many_keys_as_equations_are_unique(seed, d, fewer):
    weights, values = head(seed, max(d + 1 - fewer, 1), d)
    assert (twin(weights, values) == weights).all()
    for key, weight in enumerate(weights):
        assert range_of(weights, values, key) == (weight, weight)


@few
@given(seed=seeds, d=st.integers(1, 9), more=st.integers(1, 9))
def test_weights_on_more_keys_are_not(seed, d, more):
    weights, values = head(seed, d + 1 + more, d)
    assert distance(weights, twin(weights, values)) > 1e-6


@few
@given(seed=seeds, d=st.integers(2, 9))
def test_nor_are_weights_on_few_keys_of_which_two_have_the_same_value(seed, d):
    weights, values = head(seed, d, d)
    values[1] = values[0]
    other = twin(weights, values)
    # All that can change is which of the two has the weight of both.
    assert distance(weights, other) == pytest.approx(weights[:2].max())
    np.testing.assert_allclose(other[2:], weights[2:], atol=1e-9)
    low, high = range_of(weights, values, 1)
    assert low == pytest.approx(0, abs=1e-9)
    assert high == pytest.approx(weights[:2].sum())


@few
@given(seed=seeds, n=st.integers(2, 12))
def test_where_all_values_are_equal_the_lightest_key_can_have_everything(seed, n):
    weights, values = head(seed, n, 3)
    values[:] = values[0]
    assert distance(weights, twin(weights, values)) == pytest.approx(1 - weights.min())
    silent = np.zeros((n, 3))
    assert range_of(weights, silent, 0) == pytest.approx((0, 1))


@few
@given(seed=seeds, n=st.integers(4, 8))
def test_a_range_ends_at_corners_and_no_twin_is_farther_than_the_farthest(seed, n):
    weights, values = head(seed, n, 2)
    found = list(corners(weights, values))
    for key in range(n):
        ends = [corner[key] for corner in found]
        expected = pytest.approx((min(ends), max(ends)), abs=1e-9)
        assert range_of(weights, values, key) == expected
    # A convex function is largest at a corner.
    farthest = max(distance(weights, corner) for corner in found)
    assert distance(weights, twin(weights, values)) <= farthest + 1e-9


def test_the_farthest_is_mostly_found():
    shares = []
    for seed in range(30):
        weights, values = head(seed, 8, 2)
        farthest = max(distance(weights, each) for each in corners(weights, values))
        shares.append(distance(weights, twin(weights, values)) / farthest)
    assert np.mean(shares) > 0.97
    assert min(shares) > 0.7


@few
@given(seed=seeds, shift=st.floats(-9, 9), factor=st.floats(0.1, 10))
def test_a_range_does_not_depend_on_how_values_are_measured(seed, shift, factor):
    weights, values = head(seed, 9, 3)
    turned = np.random.default_rng(seed).normal(size=(3, 3))
    otherwise = factor * values @ turned + shift
    expected = range_of(weights, values, 4)
    assert range_of(weights, otherwise, 4) == pytest.approx(expected, abs=1e-6)


def test_a_distance_is_the_weight_that_lies_elsewhere():
    assert distance([0.5, 0.5, 0.0], [0.25, 0.5, 0.25]) == 0.25
    assert distance([1.0, 0.0], [0.0, 1.0]) == 1
    assert distance([0.25, 0.75], [0.25, 0.75]) == 0


def test_with_16_numbers_17_keys_are_unique_and_64_have_weights_far_away():
    far = {n: [distance_of(seed, n) for seed in range(5)] for n in (17, 18, 64)}
    assert far[17] == [0.0] * 5
    assert min(far[18]) > 0.001
    assert max(far[18]) < 0.4  # [0.03, 0.23]
    assert min(far[64]) > 0.75  # [0.86, 0.93]


def distance_of(seed, n):
    """Give how far away the twin of a random head with values of 16 numbers is."""
    weights, values = head(seed, n, 16)
    return distance(weights, twin(weights, values))
