"""Match or nothing: a run of fewer replicas and the saved one, by the same margins.

In brackets: the worst replica seen, of 19 or more in each cell.
"""

import pytest

from attention_lib.book.experiments import match_or_nothing
from tests.book.experiments.cells import saved_cells

BATCH = 32
STEPS = {
    ("softmax", False): 200,
    ("softmax", True): 1000,
    ("off-by-one", False): 600,
    ("sig+b", False): 400,
}


def saved():
    """Give the saved cells by map and BOS."""
    return saved_cells("match_or_nothing")


def again():
    """Train some cells anew, from another seed."""
    return {
        cell: match_or_nothing.train_and_measure(
            *cell, n_replicas=5, steps=steps, batch=BATCH, seed=1
        )
        for cell, steps in STEPS.items()
    }


@pytest.fixture(scope="module", params=[saved, again], ids=["saved", "again"])
def measured(request):
    """Give what was measured by map and BOS."""
    return request.param()


def test_softmax_puts_its_weight_on_the_bos_where_nothing_matches(measured):
    cell = measured["softmax", True]
    assert len(cell["miss_bos"]) >= 5
    assert cell["miss_bos"].min() > 0.8  # [0.873]
    assert cell["hit_bos"].max() < 0.2  # [0.144]
    assert cell["value_ratio"].max() < 0.4  # [0.167]


def test_without_a_bos_softmax_answers_where_nothing_matches(measured):
    least = measured["softmax", False]["miss_error"].min()
    assert least / measured["softmax", True]["miss_error"].max() > 3  # [4.9]


def test_other_maps_give_little_weight_where_nothing_matches(measured):
    for name in {"off-by-one", "sig+b", "relu"}:
        if (name, False) in measured:
            assert measured[name, False]["miss_sum"].max() < 0.2  # [0.053]
