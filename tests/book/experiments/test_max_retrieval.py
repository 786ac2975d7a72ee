"""The largest number: a shorter run and the saved one, by the same margins.

In brackets: the worst replica seen, of 10.
"""

import numpy as np
import pytest
import torch

from attention_lib.book.experiments import (
    cell_of,
    maps,
    max_retrieval,
    rates,
    replicas,
    trained,
)
from tests.book.experiments.cells import REPLICAS, trained_anew


def saved():
    """Give the saved measures, by number of items."""
    cell = cell_of("max_retrieval", map="softmax")
    return {
        measure: {int(n): np.array(each) for n, each in cell[measure].items()}
        for measure in ("accuracy", "share", "hard_accuracy", "found")
    }


def again():
    """Train anew, in fewer steps and small batches."""
    data = max_retrieval.data(1, sizes={16: 512, 256: 128})
    task, size = max_retrieval.task(), {"steps": 200, "batch": 32}
    return trained_anew(task, "max_retrieval", map="softmax", data=data, **size)


@pytest.fixture(scope="module", params=[saved, again], ids=["saved", "again"])
def found(request):
    """Give what was measured, by name and number of items."""
    return request.param()


def left(measured, length):
    """Give the part of softmax's wrong answers that hard argmax leaves wrong."""
    hard, soft = (
        np.array(measured[name][length]) for name in ("hard_accuracy", "accuracy")
    )
    return (1 - hard) / (1 - soft)


def test_long_rows_are_lost(found):
    accuracy = found["accuracy"]
    assert len(accuracy[16]) >= REPLICAS
    assert accuracy[16].min() > 0.7  # [0.78, after 200 steps]
    assert accuracy[256].max() < accuracy[16].min() - 0.2  # [0.25]


def test_most_of_the_loss_is_not_dispersion(found):
    assert left(found, 256).min() > 0.5  # [0.67]


def test_some_of_it_is(found):
    gain = found["hard_accuracy"][256] - found["accuracy"][256]
    assert gain.min() > 0  # [0.008]
    assert gain.mean() > 0.04  # [0.066]
    assert found["share"][256].max() < 0.5  # [0.44]


def test_hard_argmax_is_wrong_where_it_picks_another_number():
    measured = saved()
    for length in max_retrieval.LENGTHS:
        gap = measured["hard_accuracy"][length] - measured["found"][length]
        assert abs(gap).max() < 0.01


def test_of_2048_numbers_the_largest_has_the_largest_score_in_a_third_of_the_rows():
    measured = saved()
    assert measured["found"][2048].max() < 0.4  # [0.34]
    assert left(measured, 2048).min() > 0.7  # [0.81]


def test_every_rate_that_trains_says_the_same_and_the_highest_does_not_train():
    table = rates.by_rate(cell_of("max_retrieval", map="softmax"))
    for rate in (1e-3, 3e-3, 1e-2):
        assert min(table[rate]["accuracy"]["16"]) > 0.95
        assert left(table[rate], "256").min() > 0.5
    assert max(table[3e-2]["accuracy"]["16"]) < 0.5


def test_the_answer_is_the_class_of_the_largest_number():
    items, answer = max_retrieval.sets(replicas.stream(0), 2, 3, 7)
    row = items[1, 2]
    assert row[row[:, 0].argmax(), 1:].argmax() == answer[1, 2]
    assert (row[:, 1:].sum(-1) == 1).all()


def test_a_head_that_knows_the_numbers_is_measured_as_such():
    # The tokens become the items, and the score the number: large enough, all is found.
    data = max_retrieval.data(sizes={16: 200})
    shapes = max_retrieval.start(replicas.stream(0), 1, None)
    parameters = {name: torch.zeros_like(p) for name, p in shapes.items()}
    for name in ("embed", "embed more", "value", "mix"):
        parameters[name][0, :11, :11] = torch.eye(11)
    parameters["read"][0, 1:11] = torch.eye(10)
    parameters["key"][0, 0, 0], parameters["query"][..., 0] = 1e5, 8
    found = max_retrieval.score(parameters, maps.get_map("softmax"), data)
    for measure in ("accuracy", "hard_accuracy", "found"):
        assert found[measure][16] == 1
    assert found["share"][16] > 0.99


def test_chunks_of_rows_change_nothing(monkeypatch):
    parameters = trained("max_retrieval", map="softmax")
    data = max_retrieval.data(3, sizes={16: 64, 256: 8})
    weigh = maps.get_map("softmax")
    whole = max_retrieval.score(parameters, weigh, data)
    monkeypatch.setattr(max_retrieval, "CHUNK", 600)
    parts = max_retrieval.score(parameters, weigh, data)
    for measure, found in whole.items():
        for length, each in found.items():
            assert parts[measure][length] == pytest.approx(each, rel=1e-4)
