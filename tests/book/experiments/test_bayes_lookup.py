"""Look-up with a known best answer: a shorter run and the saved one, by one margin.

In brackets: the worst replica seen, of 11 in each cell.
"""

import numpy as np
import pytest

from attention_lib.book.experiments import bayes_lookup, limits, load
from tests.book.experiments.cells import REPLICAS, saved_cells, trained_anew

DIVIDE = {"softmax", "entmax-1.5", "sparsemax", "sig/Σ"}
ALONE = {"exp/n", "sig", "sig+b", "raw/n"}  # each key by its own score
STEPS = {"softmax": 200, "sparsemax": 300, "exp/n": 150, "sig": 250}


def saved():
    """Give the saved excess risks at 32 pairs, by map, and the floor."""
    cells = saved_cells("bayes_lookup", "map", measure="excess_risk")
    return {name: cell[32] for (name,), cell in cells.items()}, floor_of(0)


def again():
    """Train some maps anew; give their excess risks and the floor on other sets."""
    task, data = bayes_lookup.task(), bayes_lookup.data(1, lengths=(32,))
    found = {}
    for name, steps in STEPS.items():
        run = trained_anew(task, "bayes_lookup", map=name, steps=steps, data=data)
        found[name] = run["excess_risk"][32]
    return found, floor_of(1)


def floor_of(seed):
    """Give the least excess risk of a map that weighs each key by its own score."""
    keys, _, query, *_ = bayes_lookup.data(seed)[32]
    return limits.bayes_lookup("sig", keys, query, bayes_lookup.NOISE)


@pytest.fixture(scope="module", params=[saved, again], ids=["saved", "again"])
def found(request):
    """Give the excess risk by map, and the floor."""
    return request.param()


def test_maps_that_divide_by_what_the_keys_weigh_come_close(found):
    excess, floor = found
    for name in DIVIDE & set(excess):
        assert len(excess[name]) >= REPLICAS
        assert excess[name].max() < floor / 4  # [0.12, sparsemax after 300 steps]


def test_maps_that_weigh_each_key_alone_stay_above_their_floor(found):
    excess, floor = found
    for name in ALONE & set(excess):
        assert excess[name].min() > 0.95 * floor  # [0.98, sig, by luck of the sets]


def test_a_sigmoid_reaches_that_floor(found):
    excess, floor = found
    assert excess["sig"].max() < 1.2 * floor  # [1.13, after 250 steps]


def test_the_floor_is_printed_beside_the_measurement():
    cells = {cell["map"]: cell for cell in load("bayes_lookup")["result"]["cells"]}
    for name in ALONE:
        assert cells[name]["floor"]["32"] == pytest.approx(floor_of(0), rel=1e-3)
    assert cells["softmax"]["floor"]["32"] == 0
    assert cells["linear"]["floor"]["32"] is None


def test_linear_attention_learns_next_to_nothing():
    silence = load("bayes_lookup")["result"]["silence"]["32"]
    assert saved()[0]["linear"].min() > 0.8 * silence  # [0.88]


def test_the_floor_is_that_of_the_best_function_of_a_score():
    keys, _, query, *_ = bayes_lookup.sets(bayes_lookup.replicas.stream(0), 1, 2000, 32)
    floor = limits.bayes_lookup("sig", keys, query, bayes_lookup.NOISE)
    scores = (query @ keys.mT)[0, :, 0].double()
    weights = (scores / bayes_lookup.NOISE**2).softmax(-1).numpy().ravel()
    # The mean weight of keys that score alike is the best that a step function gives.
    order = scores.numpy().ravel().argsort()
    left = sum(
        ((weights[bin_] - weights[bin_].mean()) ** 2).sum()
        for bin_ in np.array_split(order, 640)
    )
    assert left / 2000 == pytest.approx(floor, rel=0.03)


def test_the_best_guess_is_better_than_any_other_mixture():
    source = bayes_lookup.replicas.stream(0)
    *_, value, best = bayes_lookup.sets(source, 5, 500, 32)
    risk = (best - value).square().mean((1, 2))
    assert (risk < (0.9 * best - value).square().mean((1, 2))).all()
    assert (risk < (1.1 * best - value).square().mean((1, 2))).all()
