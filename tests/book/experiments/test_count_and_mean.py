"""Counting and averaging: a shorter run and the saved one, by the same margins.

In brackets: the worst replica seen, of 11 or more in each cell.
"""

import numpy as np
import pytest

from attention_lib.book.experiments import (
    cell_of,
    count_and_mean,
    limits,
    rates,
    replicas,
)
from tests.book.experiments.cells import REPLICAS, saved_cells, trained_anew

# Steps after which a cell shows what it has to.
STEPS = {
    ("softmax", "count"): 100,
    ("raw", "count"): 350,
    ("sig", "count"): 200,
    ("softmax", "mean"): 100,
    ("sig", "mean"): 150,
}


def saved():
    """Give the saved R² at 256 tokens, at the best rates."""
    cells = saved_cells("count_and_mean", "map", "asks", measure="r2")
    return {place: cell[256] for place, cell in cells.items()}


def again():
    """Train some cells anew."""
    data = {
        asks: count_and_mean.data(1, asks=asks, lengths=(256,), size=512)
        for asks in count_and_mean.TASKS
    }
    return {
        (name, asks): trained_anew(
            count_and_mean.task(asks),
            "count_and_mean",
            map=name,
            asks=asks,
            steps=steps,
            data=data[asks],
        )["r2"][256]
        for (name, asks), steps in STEPS.items()
    }


@pytest.fixture(scope="module", params=[saved, again], ids=["saved", "again"])
def r2(request):
    """Give R² at 256 tokens, eight times the longest trained on."""
    return request.param()


def test_a_sum_counts_at_lengths_not_seen(r2):
    assert len(r2["raw", "count"]) >= REPLICAS
    assert r2["raw", "count"].min() > 0.9  # [0.966, after 300 steps]
    assert r2["sig", "count"].min() > 0.9


def test_softmax_does_not_count(r2):
    assert r2["softmax", "count"].max() < 0  # [-28]


def test_softmax_averages(r2):
    assert r2["softmax", "mean"].min() > 0.95  # [0.999]


def test_a_sum_does_not_average(r2):
    assert r2["sig", "mean"].max() < 0  # [-69]


def test_whether_a_sigmoid_less_log_n_counts_further_turns_with_the_rate():
    cell = cell_of("count_and_mean", map="sig+b", asks="count")
    table = rates.by_rate(cell)
    assert min(cell["r2"]["256"]) > 0.95  # [0.99]
    assert max(table[1e-2]["r2"]["256"]) < 0  # [-1.5]
    # Both count the lengths that were trained on.
    assert min(cell["r2"]["trained"] + table[1e-2]["r2"]["trained"]) > 0.99


def test_no_map_explains_more_than_it_can():
    for name in count_and_mean.MAPS:
        for asks in count_and_mean.TASKS:
            cell = cell_of("count_and_mean", map=name, asks=asks)
            ceiling = limits.count_and_mean(name, asks)
            assert cell["ceiling"] == pytest.approx(ceiling, rel=1e-3)
            assert max(cell["r2"]["trained"]) < ceiling + 0.02  # luck of 2048 sets
    for name, asks in (("raw", "mean"), ("sig", "mean"), ("sig+b", "mean")):
        cell = cell_of("count_and_mean", map=name, asks=asks)
        assert min(cell["r2"]["trained"]) > 0.95 * cell["ceiling"]
    shares = cell_of("count_and_mean", map="relu/n", asks="count")
    assert min(shares["r2"]["trained"]) > 0.95 * shares["ceiling"]


def test_the_ceilings_are_those_of_a_sample():
    source = replicas.stream(0)
    _, there, _, count = count_and_mean.sets(source, 1, 100_000, asks="count")
    n, c = there.sum(-1)[0, :, 0].double().numpy(), count[0].double().numpy()
    _, group = np.unique((c / n).round(9), return_inverse=True)
    guess = (np.bincount(group, c) / np.bincount(group))[group]
    explained = {
        ("softmax", "count"): 1 - ((c - guess) ** 2).mean() / c.var(),
        ("relu/n", "count"): np.corrcoef(c, c / n)[0, 1] ** 2,
    }
    # Of the sum of c values of variance 1, times a factor of n.
    for name, factor in (("sig", 1 + 0 * n), ("relu/n", 1 / n), ("sig+b", 1 / (n + 7))):
        multiple = factor.mean() / (factor**2 * c).mean()
        left = (c * (1 / c - multiple * factor) ** 2).mean()
        explained[name, "mean"] = 1 - left / (1 / c).mean()
    for (name, asks), expected in explained.items():
        ceiling = limits.count_and_mean(name, asks)
        assert ceiling == pytest.approx(expected, abs=0.01)


def test_the_answers_are_the_count_and_the_mean():
    draw = count_and_mean.sets
    tokens, there, query, answer = draw(replicas.stream(0), 2, 3, 5, 7, asks="count")
    colour = tokens[1, 2, :, :8].argmax(-1)
    match = (colour == query[1, 2, 0].argmax()) & there[1, 2, 0]
    assert answer[1, 2] == match.sum()
    *_, mean = draw(replicas.stream(0), 2, 3, 5, 7, asks="mean")
    assert mean[1, 2] == pytest.approx(float(tokens[1, 2, match, 8].mean()), rel=1e-5)
