"""Rates: the best is found, by losses of its own, and nothing else differs."""

from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
import torch

from attention_lib.book.experiments import (
    cell_of,
    load,
    maps,
    rates,
    replicas,
    settings_of,
    trained,
)

TRAINED = (
    "trigger",
    "retrieval",
    "bayes_lookup",
    "match_or_nothing",
    "count_and_mean",
    "needle",
    "needle_controls",
    "max_retrieval",
    "root_d",
    "noisy_length",
    "which_token",
    "bag_or_recurrent",
)
# The first of the lengths at which a saved model is measured: it draws first.
SHORT = {
    "retrieval": {"sizes": {32: 1024}},
    "bayes_lookup": {"lengths": (32,)},
    "count_and_mean": {"lengths": (16,)},
    "needle": {"lengths": (16,)},
    "needle_controls": {"lengths": (16,)},
    "max_retrieval": {"sizes": {16: 2048}},
    "noisy_length": {"sizes": {32: 1024}},
}
# Settings of a cell, besides its map.
ONE = {
    "trigger": {"bos": True, "gate": False},
    "match_or_nothing": {"bos": True},
    "count_and_mean": {"asks": "mean"},
    "root_d": {"d": 64, "scores": "÷ √d"},
    "noisy_length": {"noise": "little"},
    "needle_controls": {"anew": "random start"},
    "which_token": {"asks": "direct"},
    "bag_or_recurrent": {"asks": "sum", "encoder": "bag"},
}
each_cell = pytest.mark.parametrize(
    ("name", "place"),
    [
        (name, place)
        for name in TRAINED
        for place in range(len(load(name)["result"]["cells"]))
    ],
)


def lost(parameters, weigh, target):
    """Give how far each replica's one number is from its target."""
    return (parameters["place"] - target).square().sum(1)


def score(parameters, weigh, data):
    """Measure how far each replica's one number is from its target."""
    parameters, (target,) = replicas.frozen(parameters, data)
    return {"left": lost(parameters, weigh, target).numpy()}


def walk(distance, steps=10):
    """Give a task in which Adam has `steps` steps to go a distance."""
    return rates.Task(
        start=lambda source, n, weigh: {"place": torch.zeros(n, 1, requires_grad=True)},
        draw=lambda source, n, size: (torch.full((n, 1), distance),),
        losses=lost,
        data=lambda seed: (torch.full((1, 1), distance),),
        score=score,
        n_replicas=5,
        steps=steps,
        batch=1,
        recipe=replicas.PLAIN,
    )


@pytest.mark.parametrize(
    ("distance", "best", "tried"),
    [
        (0.1, 1e-2, rates.GRID[2:6]),
        (1.0, 1e-1, rates.GRID[2:]),
        (100.0, 3e-1, rates.GRID[2:]),  # a best at the end of the grid
        (1e-3, 1e-3, rates.GRID[1:6]),
    ],
)
def test_the_rates_grow_until_the_best_is_inside(distance, best, tried):
    cell = rates.at_best_rate(walk(distance), "softmax")
    assert cell["rate"] == best
    table = rates.by_rate(cell)
    assert tuple(table) == tried
    losses = {rate: row["validation"].mean() for rate, row in table.items()}
    assert losses[best] == min(losses.values())
    assert cell["parameters"]["place"].dtype == np.float16


def test_a_run_that_diverges_in_one_replica_is_not_the_best():
    # The third replica has a loss that is no number once it is far from its start.
    def losses(parameters, weigh, target):
        far = parameters["place"].abs() > 0.02
        third = torch.arange(len(far))[:, None] % 5 == 2
        spoilt = torch.where(far & third, torch.nan, 0)
        return lost(parameters, weigh, target) + spoilt.sum(1)

    task = replace(walk(0.1, steps=4), losses=losses)
    cell = rates.at_best_rate(task, "softmax")
    assert cell["rate"] == 3e-3
    assert rates.by_rate(cell)[1e-2]["validation"].tolist()[2] == np.inf


def test_many_rates_at_once_train_as_each_alone():
    task = import_module("attention_lib.book.experiments.trigger").task(bos=True)
    size = {"n_replicas": 2, "steps": 5, "batch": 3, "seed": 7}
    together = rates.train(task, "learned sink", (1e-3, 3e-2), **size)
    for rate, parameters in together.items():
        (alone,) = rates.train(task, "learned sink", (rate,), **size).values()
        for name, found in parameters.items():
            torch.testing.assert_close(found, alone[name], atol=1e-3, rtol=2e-3)
    assert not torch.equal(together[1e-3]["query"], together[3e-2]["query"])


def test_training_validation_and_test_draw_from_different_streams():
    first = {
        float(replicas.normal(replicas.stream(seed, role), 1))
        for seed in range(5)
        for role in replicas.ROLES
    }
    assert len(first) == 15


@each_cell
def test_a_saved_rate_is_the_best_of_those_next_to_it(name, place):
    cell = load(name)["result"]["cells"][place]
    table = rates.by_rate(cell)
    tried = rates.GRID.index(min(table)), rates.GRID.index(max(table)) + 1
    assert tuple(table) == rates.GRID[slice(*tried)]
    assert set(rates.GRID[rates.FIRST]) <= set(table)
    means = {
        rate: np.mean([np.inf if loss is None else loss for loss in row["validation"]])
        for rate, row in table.items()
    }
    assert means[cell["rate"]] == min(means.values())
    assert set(rates.beside(cell["rate"])) <= set(table)


def test_two_best_rates_alone_are_at_the_end_of_the_grid():
    ends = {
        (name, cell["map"])
        for name in TRAINED
        for cell in load(name)["result"]["cells"]
        if cell["rate"] in (rates.GRID[0], rates.GRID[-1])
    }
    assert ends == {("bayes_lookup", "linear"), ("bag_or_recurrent", "uniform")}


@pytest.mark.parametrize("name", TRAINED)
def test_saved_parameters_measure_what_is_saved(name):
    module = import_module(f"attention_lib.book.experiments.{name}")
    cells = load(name)["result"]["cells"]
    for cell in (cells[0], cells[-1]):
        settings = settings_of(cell)
        parameters = trained(name, **settings)
        weigh = maps.get_map(settings.pop("map"))
        task = module.task(**settings)
        found = task.score(parameters, weigh, task.data(**SHORT.get(name, {})))
        for measure, numbers in found.items():
            by_length = numbers if isinstance(numbers, dict) else {None: numbers}
            for length, ours in by_length.items():
                saved = cell[measure] if length is None else cell[measure][str(length)]
                assert len(ours) == task.kept
                assert ours == pytest.approx(saved[: task.kept], rel=0.02, abs=2e-3)


@pytest.mark.parametrize("name", TRAINED)
def test_every_cell_has_its_parameters(name):
    for cell in load(name)["result"]["cells"]:
        settings = settings_of(cell)
        parameters = trained(name, **settings)
        assert parameters
        for array in parameters.values():
            assert array.dtype == np.float32
            assert np.isfinite(array).all()


@pytest.mark.parametrize("name", TRAINED)
def test_a_function_in_place_of_the_map_is_measured(name):
    module = import_module(f"attention_lib.book.experiments.{name}")
    settings = ONE.get(name, {})
    parameters = trained(name, map="softmax", **settings)
    task = module.task(**settings)
    data = task.data(**SHORT.get(name, {}))

    def all_alike(scores, where=None):
        there = torch.ones_like(scores) if where is None else where.expand_as(scores)
        return there / there.sum(-1, keepdim=True)

    def by_torch(scores, where=None):
        if where is not None:
            scores = scores.masked_fill(~where, -torch.inf)
        return scores.softmax(-1)

    ours, same, other = (
        flat(task.score(parameters, weigh, data))
        for weigh in (maps.get_map("softmax"), by_torch, all_alike)
    )
    assert same == pytest.approx(ours, rel=1e-3, abs=1e-5)
    assert max(abs(other - ours)) > 0.3


def flat(measured):
    """Give all numbers of a score in a row."""
    if isinstance(measured, dict):
        return np.concatenate([flat(part) for part in measured.values()])
    return measured


def test_parameters_of_no_cell_are_refused():
    with pytest.raises(ValueError, match="has 0 cells"):
        trained("trigger", map="none")
    with pytest.raises(ValueError, match="expected one"):
        trained("trigger", map="softmax")
    assert "sink" in trained("trigger", map="learned sink", bos=True)
    assert cell_of("trigger", map="learned sink", bos=True)["gate"] is False
