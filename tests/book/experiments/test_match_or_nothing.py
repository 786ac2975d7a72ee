"""Match or nothing: a run of smaller batches and the saved one, by the same margins.

In brackets: the worst replica seen, of 11 in each cell.
"""

import pytest

from attention_lib.book.experiments import (
    cell_of,
    limits,
    load,
    match_or_nothing,
    rates,
)
from tests.book.experiments.cells import REPLICAS, saved_cells, trained_anew

BATCH = 32
STEPS = {
    ("softmax", False): 200,
    ("softmax", True): 500,
    ("off-by-one", False): 400,
    ("sig+b", False): 300,
}


def saved():
    """Give the saved cells, at their best rates, by map and BOS."""
    return saved_cells("match_or_nothing", "map", "bos")


def again():
    """Train some cells anew."""
    return {
        (name, bos): trained_anew(
            match_or_nothing.task(bos),
            "match_or_nothing",
            map=name,
            bos=bos,
            steps=steps,
            batch=BATCH,
        )
        for (name, bos), steps in STEPS.items()
    }


@pytest.fixture(scope="module", params=[saved, again], ids=["saved", "again"])
def measured(request):
    """Give what was measured by map and BOS."""
    return request.param()


def test_softmax_puts_its_weight_on_the_bos_where_nothing_matches(measured):
    cell = measured["softmax", True]
    assert len(cell["miss_bos"]) >= REPLICAS
    assert cell["miss_bos"].min() > 0.8
    assert cell["hit_bos"].max() < 0.2
    assert cell["value_ratio"].max() < 0.4


def test_without_a_bos_softmax_answers_where_nothing_matches(measured):
    least = measured["softmax", False]["miss_error"].min()
    assert least / measured["softmax", True]["miss_error"].max() > 3
    both = sum(measured["softmax", False][f"{x}_error"] for x in ("miss", "hit")) / 2
    assert both.min() > limits.match_or_nothing("softmax", False)


def test_other_maps_give_little_weight_where_nothing_matches(measured):
    for name in {"off-by-one", "sig+b", "relu"}:
        if (name, False) in measured:
            assert measured[name, False]["miss_sum"].max() < 0.2


def test_whether_the_extra_key_leaves_the_bos_its_weight_turns_with_the_rate():
    table = rates.by_rate(cell_of("match_or_nothing", map="off-by-one", bos=True))
    assert min(table[1e-2]["miss_bos"]) > 0.6  # [0.72]
    assert max(table[3e-2]["miss_bos"]) < 0.05  # [0.001]
    table = rates.by_rate(cell_of("match_or_nothing", map="softmax", bos=True))
    assert min(table[1e-2]["miss_bos"] + table[3e-2]["miss_bos"]) > 0.8  # [0.88]


def test_every_cell_has_its_floor():
    for cell in load("match_or_nothing")["result"]["cells"]:
        expected = limits.match_or_nothing(cell["map"], cell["bos"])
        assert cell["floor"] == pytest.approx(expected, rel=1e-3)
    # The best factor of values, searched for.
    factors = [i / 1000 for i in range(1001)]
    least = min(((1 - c) ** 2 + c**2 / 16) / 2 for c in factors)
    assert limits.match_or_nothing("softmax", False) == pytest.approx(least, rel=1e-4)
