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
    few = ("raw", "e^s − 1 β=1", "softmax β=1", "softmax β=√d"), (128, 512)
    many = ("raw", "softmax β=20"), (8192,)
    found = {}
    for names, pairs in (few, many):
        for name, rows in capacity.recall_curves(names, pairs, seed=1).items():
            found |= {(name, n): row for n, row in zip(pairs, rows, strict=True)}
    return found


@pytest.fixture(scope="module", params=[saved, again], ids=["saved", "again"])
def recall(request):
    """Give the part of right answers by memory and number of pairs."""
    return request.param()


def test_sharp_softmax_recalls_thousands_of_pairs(recall):
    assert len(recall["softmax β=20", 8192]) == 8
    assert recall["softmax β=20", 8192].min() > 0.99  # [1]


def test_softmax_at_attention_s_own_scale_recalls_512(recall):
    for pairs in (128, 512):
        assert recall["softmax β=√d", pairs].min() > 0.99  # [1]


def test_the_scores_themselves_are_full_at_a_few_times_d(recall):
    assert recall["raw", 128].max() < 0.5  # [0.43]
    assert recall["raw", 8192].max() < 0.01  # [0]


def test_blunt_softmax_is_worse_than_the_scores_themselves(recall):
    gap = recall["raw", 128] - recall["softmax β=1", 128]
    assert gap.min() > 0.15  # [0.24]


def test_what_hurts_it_is_the_share_of_one_that_each_key_gets(recall):
    less_one = recall["e^s − 1 β=1", 128]
    assert less_one.min() > 0.7  # [0.77]
    assert (less_one - recall["softmax β=1", 128]).min() > 0.5  # [0.7]
    # So much more of a slope it has than the scores, and no more.
    assert (less_one - recall["raw", 128]).min() > 0.25  # [0.37]
    assert recall["e^s − 1 β=1", 512].max() < 0.3  # [0.2]


def test_a_stored_key_without_rivals_is_recalled():
    assert (capacity.recall("softmax", 1, n_replicas=5) == 1).all()
