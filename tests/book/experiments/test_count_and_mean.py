"""Counting and averaging: a shorter run and the saved one, by the same margins.

In brackets: the worst replica seen, of 10 to 26 in each cell.
"""

import numpy as np
import pytest

from attention_lib.book.experiments import count_and_mean, load

# Steps after which a cell shows what it has to.
STEPS = {
    ("softmax", "count"): 150,
    ("raw", "count"): 400,
    ("sig", "count"): 400,
    ("softmax", "mean"): 200,
    ("sig", "mean"): 150,
}


def saved():
    """Give the saved R² at 256 tokens."""
    r2 = load("count_and_mean")["result"]["r2"]
    return {(name, task): np.array(r2[task][name]["256"]) for name, task in STEPS}


def again():
    """Train the cells anew, from another seed."""
    return {
        (name, task): count_and_mean.train_and_measure(
            name, task, lengths=(256,), n_replicas=5, steps=steps, seed=1
        )[256]
        for (name, task), steps in STEPS.items()
    }


@pytest.fixture(scope="module", params=[saved, again], ids=["saved", "again"])
def r2(request):
    """Give R² at 256 tokens, eight times the longest trained on."""
    return request.param()


def test_a_sum_counts_at_lengths_not_seen(r2):
    assert len(r2["raw", "count"]) >= 5
    assert r2["raw", "count"].min() > 0.9  # [0.966, after 300 steps]
    assert r2["sig", "count"].min() > 0.9  # [0.947]


def test_softmax_does_not_count(r2):
    assert r2["softmax", "count"].max() < 0  # [-28]


def test_softmax_averages(r2):
    assert r2["softmax", "mean"].min() > 0.95  # [0.999]


def test_a_sum_does_not_average(r2):
    assert r2["sig", "mean"].max() < 0  # [-69]


def test_the_answers_are_the_count_and_the_mean():
    source = count_and_mean.replicas.stream(0)
    tokens, there, query, answer = count_and_mean.sets(source, 2, 3, 5, 7, "count")
    colour = tokens[1, 2, :, :8].argmax(-1)
    match = (colour == query[1, 2, 0].argmax()) & there[1, 2, 0]
    assert answer[1, 2] == match.sum()
    source = count_and_mean.replicas.stream(0)
    *_, mean = count_and_mean.sets(source, 2, 3, 5, 7, "mean")
    assert mean[1, 2] == pytest.approx(float(tokens[1, 2, match, 8].mean()), rel=1e-5)
