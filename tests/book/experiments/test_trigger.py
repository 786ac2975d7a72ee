"""The trigger task: a run of small batches and the saved one, by the same margins.

In brackets: the worst replica seen, of 10 or more in each cell.
"""

import numpy as np
import pytest

from attention_lib.book.experiments import cell_of, limits, load, rates, trigger
from tests.book.experiments.cells import REPLICAS, saved_cells, trained_anew

BATCH = 48
# Steps after which a cell shows what it has to, though its batches are small.
STEPS = {
    ("softmax", False): 100,
    ("softmax", True): 500,
    ("off-by-one", False): 700,
    ("relu/n", True): 500,
}


def saved():
    """Give the saved cells without a gate, at their best rates, by map and BOS."""
    cells = saved_cells("trigger", "map", "bos", "gate")
    return {(name, bos): cell for (name, bos, gate), cell in cells.items() if not gate}


def again():
    """Train the cells anew."""
    return {
        (name, bos): trained_anew(
            trigger.task(bos),
            "trigger",
            map=name,
            bos=bos,
            gate=False,
            steps=steps,
            batch=BATCH,
            data=trigger.data(1, bos=bos, sets=1024),
        )
        for (name, bos), steps in STEPS.items()
    }


@pytest.fixture(scope="module", params=[saved, again], ids=["saved", "again"])
def measured(request):
    """Give error, sink and norms by map and BOS."""
    return request.param()


def test_softmax_without_a_bos_does_no_better_than_silence(measured):
    assert measured["softmax", False]["error"].min() > 0.95  # [0.972]


def test_softmax_with_a_bos_sinks_into_it(measured):
    cell = measured["softmax", True]
    assert len(cell["sink"]) >= REPLICAS
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
    assert cell["error"].max() < 0.06  # [0.045]


def test_no_map_beats_its_floor_by_more_than_the_luck_of_the_sample(measured):
    for (name, bos), cell in measured.items():
        floor = limits.trigger(name, bos, False)
        # The floor is of all sequences; a thousand differ by up to a tenth.
        assert cell["error"].min() > (floor - 0.01 if floor > 0.5 else 0.9 * floor)


def test_relu_comes_within_a_tenth_of_its_floor():
    for bos in (False, True):
        cell = cell_of("trigger", map="relu/n", bos=bos, gate=False)
        assert max(cell["error"]) < 1.1 * cell["floor"]  # [1.06]


def test_a_gate_lets_softmax_be_silent_without_a_bos():
    gated = cell_of("trigger", map="softmax", bos=False, gate=True)
    assert max(gated["error"]) < 0.01  # [0.0008]
    assert max(gated["sink"]) < 0.15


def test_at_a_third_of_the_best_rate_the_extra_key_is_no_cure_in_these_steps():
    for name in ("off-by-one", "learned sink"):
        cell = cell_of("trigger", map=name, bos=False, gate=False)
        assert max(cell["error"]) < 0.001
        assert np.mean(rates.by_rate(cell)[3e-3]["error"]) > 0.85


def test_whether_the_extra_key_leaves_a_sink_turns_with_the_rate():
    table = rates.by_rate(cell_of("trigger", map="learned sink", bos=True, gate=False))
    assert max(table[1e-2]["sink"]) > 0.5  # [0.85]
    assert max(table[3e-2]["sink"]) < 0.05  # [0.02]
    # Both cure the failure.
    assert max(table[1e-2]["error"] + table[3e-2]["error"]) < 0.001
    # Softmax has no choice, at either rate.
    table = rates.by_rate(cell_of("trigger", map="softmax", bos=True, gate=False))
    assert min(table[1e-2]["sink"] + table[3e-2]["sink"]) > 0.99


def test_the_floors_are_those_of_a_least_squares_search():
    places = np.arange(3, 16)
    for bos in (False, True):
        share = (places - bos) / (places + 1)
        factors = np.linspace(0.5, 2, 3001)[:, None]
        lost = ((1 - factors * share) ** 2 / (places - bos)).sum(1)
        least = lost.min() / (1 / (places - bos)).sum()
        assert limits.trigger("relu/n", bos, False) == pytest.approx(least, rel=1e-3)
        # A sigmoid of s - log i comes from above, as s falls.
        for s in (2.0, 0.0, -2.0, -8.0):
            sigmoid = share / (1 + (places + 1) * np.exp(-s)) * (places + 1)
            factors = np.linspace(0.5, 2, 3001)[:, None] / sigmoid.mean()
            lost = ((1 - factors * sigmoid) ** 2 / (places - bos)).sum(1).min()
            assert lost / (1 / (places - bos)).sum() > least
        assert lost / (1 / (places - bos)).sum() == pytest.approx(least, rel=0.1)


def test_every_cell_has_its_floor():
    for cell in load("trigger")["result"]["cells"]:
        expected = limits.trigger(cell["map"], cell["bos"], cell["gate"])
        assert cell["floor"] == pytest.approx(expected, rel=1e-3)


def test_the_weights_of_one_sequence_are_causal_and_sum_to_one():
    weights, norms = trigger.one_sequence("softmax", place=10)
    assert weights.shape == (16, 16)
    assert norms.shape == (16,)
    assert np.allclose(weights.sum(-1), 1, atol=1e-6)
    assert (np.triu(weights, 1) == 0).all()
    assert weights[:10, 0].min() > 0.9
    assert weights[10, 0] < 0.05
