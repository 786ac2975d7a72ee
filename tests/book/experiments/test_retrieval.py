"""Trained retrieval: a shorter run and the saved one, by the same margins.

In brackets: the worst replica seen, of 11 or more in each cell.
"""

import numpy as np
import pytest

from attention_lib.book.experiments import cell_of, limits, load, rates, retrieval
from tests.book.experiments.cells import REPLICAS, saved_cells, trained_anew

LEARN = {"softmax", "sparsemax", "sig+b", "sig/Σ", "relu", "exp/n"}
FAIL = {"raw/n", "tanh", "linear", "uniform"}
STEPS = {"softmax": 250, "relu": 250, "tanh": 250, "linear": 150}


def saved():
    """Give the saved accuracies, at each map's best rate."""
    cells = saved_cells("retrieval", "map", measure="accuracy")
    return {name: cell for (name,), cell in cells.items()}


def again():
    """Train some maps anew."""
    both = retrieval.data(1, sizes={32: 512, 512: 128})
    short = {32: both[32]}
    return {
        name: trained_anew(
            retrieval.task(),
            "retrieval",
            map=name,
            steps=steps,
            data=short if name in FAIL else both,
        )["accuracy"]
        for name, steps in STEPS.items()
    }


@pytest.fixture(scope="module", params=[saved, again], ids=["saved", "again"])
def accuracy(request):
    """Give accuracies by map and number of pairs."""
    return request.param()


def test_some_maps_learn_to_look_up(accuracy):
    for name in LEARN & set(accuracy):
        assert len(accuracy[name][32]) >= REPLICAS
        assert accuracy[name][32].min() > 0.85  # [0.895, relu after 250 steps]


def test_some_maps_do_not_learn_it_in_these_steps(accuracy):
    for name in FAIL & set(accuracy):
        assert accuracy[name][32].max() < 0.7  # [0.57, tanh]


def test_softmax_carries_further_than_relu(accuracy):
    gap = accuracy["softmax"][512].min() - accuracy["relu"][512].max()
    assert gap > 0.05  # [0.19]


def test_at_three_times_its_best_rate_only_what_divides_by_no_sum_blows_up():
    softmax, exponentials = (
        rates.by_rate(cell_of("retrieval", map=name)) for name in ("softmax", "exp/n")
    )
    assert min(softmax[3e-2]["accuracy"]["32"]) > 0.85  # [0.90]
    assert max(exponentials[3e-2]["accuracy"]["32"]) < 0.1  # chance
    assert exponentials[3e-2]["validation"] == [None] * 6  # no number
    # The same at the rate at which both do best.
    best = [cell_of("retrieval", map=name) for name in ("softmax", "exp/n")]
    assert {cell["rate"] for cell in best} == {1e-2}


def test_equal_weights_do_as_well_as_counting_the_classes():
    cell = cell_of("retrieval", map="uniform")
    for pairs in retrieval.LENGTHS:
        ceiling = limits.retrieval("uniform", pairs)
        assert cell["ceiling"][str(pairs)] == pytest.approx(ceiling, rel=1e-3)
        # Three standard errors of an accuracy on so many sets.
        luck = 3 * np.sqrt(ceiling * (1 - ceiling) / retrieval.TESTED[pairs])
        assert max(cell["accuracy"][str(pairs)]) < ceiling + luck
    counts = np.random.default_rng(0).multinomial(32, [1 / 16] * 16, size=20_000)
    most = counts.max(1).mean() / 32
    assert limits.retrieval("uniform", 32) == pytest.approx(most, rel=0.01)


def test_the_settings_are_those_of_the_runs():
    settings = load("retrieval")["result"]["settings"]
    assert settings["replicas"] == 6
    assert settings["pairs"] == retrieval.PAIRS
