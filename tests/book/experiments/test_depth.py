"""Depth: a run of other stacks and the saved one, by the same margins."""

import numpy as np
import pytest

from attention_lib.book.experiments import depth, load


def saved():
    """Give what the saved stacks have left, without and with a skip."""
    result = load("depth")["result"]
    return np.array(result["without_skip"]), np.array(result["with_skip"])


def again():
    """Stack layers anew."""
    return tuple(
        depth.differences_left(skip, n_replicas=20, seed=1) for skip in (False, True)
    )


@pytest.fixture(scope="module", params=[saved, again], ids=["saved", "again"])
def left(request):
    """Give the differences left, without and with a skip."""
    return request.param()


def test_averages_of_averages_are_all_alike(left):
    without, _ = left
    assert without.shape[1] >= 5
    assert without[0].min() > 0.9
    assert without[3].max() < 1e-3  # [2.4e-4 of 200 stacks]
    assert without[4].max() < 1e-9  # [3.8e-13 of 200 stacks]


def test_a_skip_keeps_differences(left):
    _, with_skip = left
    assert np.median(with_skip[12]) > 0.1  # [0.25]
    assert with_skip[12].min() > 0.03  # [0.054 of 200 stacks]


def test_the_logarithms_of_the_weights_have_little_rank():
    expected = {"scores": 8, "weights": 64, "logarithms": 9}
    assert load("depth")["result"]["ranks"] == expected
    for seed in range(5):
        assert depth.ranks(seed=seed) == expected
