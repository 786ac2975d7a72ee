"""Depth: a run of other stacks and the saved one, by the same margins."""

import numpy as np
import pytest

from attention_lib.book.experiments import cell_of, depth, load


def saved(skip, causal=False, scale=1.0):
    """Give what the saved stacks have left after each layer."""
    cell = cell_of("depth", skip=skip, causal=causal, scale=scale)
    return np.array(cell["left"])


def again(skip, causal=False, scale=1.0):
    """Stack layers anew."""
    return depth.differences_left(
        skip, causal=causal, scale=scale, n_replicas=20, seed=1
    )


@pytest.fixture(params=[saved, again], ids=["saved", "again"])
def left(request):
    """Give what stacks layers, or reads what was left."""
    return request.param


def test_averages_of_averages_are_all_alike(left):
    without = left(skip=False)
    assert without.shape[1] >= 5
    assert without[0].min() > 0.9
    assert without[3].max() < 1e-3  # [2.4e-4 of 200 stacks]
    assert without[4].max() < 1e-9  # [3.8e-13 of 200 stacks]


def test_a_skip_keeps_differences(left):
    with_skip = left(skip=True)
    assert np.median(with_skip[12]) > 0.1  # [0.25]
    assert with_skip[12].min() > 0.03  # [0.054 of 200 stacks]


def test_larger_matrices_keep_differences_for_some_layers(left):
    sharp = left(skip=False, scale=3.0)
    assert np.median(sharp[3]) > 0.7
    assert sharp[3].min() > 0.3
    assert np.median(sharp[12]) < 1e-3  # for a while


def test_a_causal_mask_slows_it_down(left):
    masked = left(skip=False, causal=True)
    assert masked[3].min() > 0.1
    assert masked[12].max() < 0.1
    assert masked[12].min() > 1e-4


def test_the_logarithms_of_the_weights_have_little_rank():
    expected = {"scores": 8, "weights": 64, "logarithms": 9}
    assert load("depth")["result"]["ranks"] == expected
    for seed in range(5):
        assert depth.ranks(seed=seed) == expected
