"""The untrained memory: other pairs and the saved run, by the same margins."""

import numpy as np
import pytest

from attention_lib.book.experiments import capacity, load


def saved():
    """Give the saved recall by memory and number of pairs."""
    result = load("capacity")["result"]
    return {
        (name, pairs): np.array(row)
        for name, rows in result["recall"].items()
        for pairs, row in zip(result["pairs"], rows, strict=True)
    }


def again():
    """Measure a few of them anew."""
    names = ("linear", "softmax β=1", "softmax β=20")
    curves = capacity.recall_curves(names, (128, 8192), seed=1)
    return {
        (name, pairs): row
        for name, rows in curves.items()
        for pairs, row in zip((128, 8192), rows, strict=True)
    }


@pytest.fixture(scope="module", params=[saved, again], ids=["saved", "again"])
def recall(request):
    """Give the part of right answers by memory and number of pairs."""
    return request.param()


def test_sharp_softmax_recalls_thousands_of_pairs(recall):
    assert len(recall["softmax β=20", 8192]) == 8
    assert recall["softmax β=20", 8192].min() > 0.99  # [1]


def test_linear_attention_is_full_at_a_few_times_d(recall):
    assert recall["linear", 128].max() < 0.5  # [0.43]
    assert recall["linear", 8192].max() < 0.01  # [0]


def test_blunt_softmax_is_worse_than_linear_attention(recall):
    gap = recall["linear", 128] - recall["softmax β=1", 128]
    assert gap.min() > 0.15  # [0.24]


def test_a_stored_key_without_rivals_is_recalled():
    assert (capacity.recall("softmax", 1, n_replicas=5) == 1).all()
