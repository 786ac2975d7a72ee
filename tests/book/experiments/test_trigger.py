"""The trigger task: a run of small batches and the saved one, by the same margins.

In brackets: the worst replica seen, of 25 to 35 in each cell.
"""

import numpy as np
import pytest

from attention_lib.book.experiments import trigger
from tests.book.experiments.cells import saved_cells

# Steps after which a cell shows what it has to, though its batches are small.
BATCH = 48
STEPS = {
    ("softmax", False): 100,
    ("softmax", True): 500,
    ("off-by-one", False): 700,
    ("relu/n", True): 300,
}


def saved():
    """Give the saved cells at the rate 1e-2, without a gate."""
    return saved_cells("trigger", rate=1e-2, gate=False)


def again():
    """Train the cells anew, from another seed."""
    return {
        cell: trigger.train_and_measure(*cell, steps=steps, batch=BATCH, seed=1)
        for cell, steps in STEPS.items()
    }


@pytest.fixture(scope="module", params=[saved, again], ids=["saved", "again"])
def measured(request):
    """Give error, sink and norms by map and BOS."""
    return request.param()


def test_softmax_without_a_bos_does_no_better_than_silence(measured):
    assert measured["softmax", False]["error"].min() > 0.95  # [0.970]


def test_softmax_with_a_bos_sinks_into_it(measured):
    cell = measured["softmax", True]
    assert len(cell["sink"]) >= 5
    assert cell["sink"].min() > 0.95  # [0.976, after 400 steps]
    assert cell["error"].max() < 0.1  # [0.089, after 400 steps]


def test_what_the_sink_holds_is_a_value_of_zero(measured):
    cell = measured["softmax", True]
    assert (cell["first_norm"] / cell["other_norm"]).max() < 0.01  # [0.001]


def test_off_by_one_needs_no_bos(measured):
    assert measured["off-by-one", False]["error"].max() < 0.01  # [0.0023]


def test_relu_needs_no_sink(measured):
    cell = measured["relu/n", True]
    assert cell["sink"].max() < 0.01  # [0.00003]
    assert cell["error"].max() < 0.06  # [0.042]


def test_no_map_beats_its_floor_by_more_than_the_luck_of_the_sample(measured):
    floors = trigger.floors()
    assert measured["softmax", False]["error"].min() > floors["softmax"] - 0.01
    # The floor is of all sequences; 512 differ by up to a seventh.
    assert measured["relu/n", True]["error"].min() > 0.8 * floors["relu/n, BOS"]


def test_the_floors_are_those_of_a_least_squares_search():
    places = np.arange(3, 16)
    for bos in (False, True):
        share = (places - bos) / (places + 1)
        factors = np.linspace(0.5, 2, 3001)[:, None]
        lost = ((1 - factors * share) ** 2 / (places - bos)).sum(1)
        least = lost.min() / (1 / (places - bos)).sum()
        name = "relu/n, BOS" if bos else "relu/n"
        assert trigger.floors()[name] == pytest.approx(least, rel=1e-3)


def test_the_weights_of_one_sequence_are_causal_and_sum_to_one():
    weights, norms = trigger.one_sequence("softmax", place=10, steps=10)
    assert weights.shape == (16, 16)
    assert norms.shape == (16,)
    assert np.allclose(weights.sum(-1), 1, atol=1e-6)
    assert (np.triu(weights, 1) == 0).all()
