"""Trained retrieval: a shorter run and the saved one, by the same margins.

In brackets: the worst replica seen, of 16 to 30 in each cell.
"""

import numpy as np
import pytest

from attention_lib.book.experiments import load, retrieval

STEPS = 250


def saved():
    """Give the saved accuracies, at each map's rate."""
    cells = load("retrieval")["result"]["accuracy"]
    return {
        name: {length: np.array(cell[str(length)]) for length in retrieval.LENGTHS}
        for name, cell in cells.items()
    }


def again():
    """Train some maps anew, from another seed."""
    return {
        name: retrieval.train_and_measure(
            name,
            lengths=(32, 512) if name in ("softmax", "relu") else (32,),
            n_replicas=5,
            steps=STEPS,
            rate=retrieval.rate_of(name),
            seed=1,
        )
        for name in ("softmax", "relu", "tanh", "linear")
    }


@pytest.fixture(scope="module", params=[saved, again], ids=["saved", "again"])
def accuracy(request):
    """Give accuracies by map and number of pairs."""
    return request.param()


def test_some_maps_learn_to_look_up(accuracy):
    for name in {"softmax", "sparsemax", "sig+b", "sig/Σ", "relu"} & set(accuracy):
        assert len(accuracy[name][32]) >= 5
        assert accuracy[name][32].min() > 0.85  # [0.895, relu after 250 steps]


def test_some_maps_do_not_learn_it_in_these_steps(accuracy):
    for name in {"raw/n", "tanh", "linear", "uniform"} & set(accuracy):
        assert accuracy[name][32].max() < 0.7  # [0.57, raw/n]


def test_softmax_carries_further_than_relu(accuracy):
    gap = accuracy["softmax"][512].min() - accuracy["relu"][512].max()
    assert gap > 0.05  # [0.24]
