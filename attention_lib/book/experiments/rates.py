"""Each map at its own best rate of learning.

A run that fails at one rate says little of its map. So a map is trained at four rates,
about a factor of three apart, and at more where the best of them is the lowest or the
highest, as far as `GRID` goes. The best has the least loss on data of its own, in the
mean of all replicas; a run whose loss is no number counts as infinitely bad. What the
others gave is kept beside it.

The replicas have the same starts and the same data at every rate, and all of them are
validated, and tested, on the same sets: only the rate differs. They are measured with
their parameters rounded to float16, as these are saved.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from attention_lib.book.experiments import maps, replicas

__all__ = ["GRID", "Task", "at_best_rate", "by_rate", "train", "train_and_score"]

GRID = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1)
FIRST = slice(2, 6)  # the rates that every map is trained at
VALIDATED = 1024  # sets


@dataclass(frozen=True)
class Task:
    """What maps are trained for, and how.

    Attributes
    ----------
    start : callable
        ``(source, n_replicas, weigh)`` gives parameters, tensors of (replicas, ...).
    draw : callable
        ``(source, n_replicas, size)`` gives a batch, tensors of (replicas, size, ...).
    losses : callable
        ``(parameters, weigh, *batch)`` gives the loss of each replica.
    data : callable
        ``(seed)`` gives what `score` is given: tensors of (1, size, ...).
    score : callable
        ``(parameters, weigh, data)`` gives measures by name, one entry a replica.
    n_replicas, steps, batch : int
        Size of a whole run.
    kept : int
        Replicas, from the first on, whose parameters are saved.
    recipe : replicas.Recipe
        How Adam is driven.
    """

    start: Callable
    draw: Callable
    losses: Callable
    data: Callable
    score: Callable
    n_replicas: int
    steps: int
    batch: int
    kept: int = 1
    recipe: replicas.Recipe = replicas.STANDARD

    @property
    def settings(self):
        """What a saved result says of it."""
        return {
            "seed": 0,
            "replicas": self.n_replicas,
            "steps": self.steps,
            "batch": self.batch,
            "validated": VALIDATED,
        }


def train(task, weighting, rates, *, n_replicas, steps, batch, seed=0):
    """Train the replicas at several rates at once.

    Parameters
    ----------
    task : Task
        What for.
    weighting : str or Weighting
        A name of `maps.MAPS`, or a weighting.
    rates : sequence of float
        Largest rates of learning.
    n_replicas, steps, batch, seed : int
        Size of the run, and where its stream starts.

    Returns
    -------
    dict of float to dict of str to Tensor
        By rate, the parameters, of shape (n_replicas, ...) and rounded to float16.
    """
    weigh, source = maps.get_map(weighting), replicas.stream(seed)
    started = task.start(source, n_replicas, weigh)
    copies = {
        name: replicas.copies(p.detach(), len(rates)).requires_grad_()
        for name, p in started.items()
    }

    def losses():
        drawn = task.draw(source, n_replicas, batch)
        return task.losses(
            copies, weigh, *(replicas.copies(x, len(rates)) for x in drawn)
        )

    replicas.train(copies, losses, steps, rates, task.recipe)
    split = {name: p.detach().half().chunk(len(rates)) for name, p in copies.items()}
    return {
        rate: {name: parts[i] for name, parts in split.items()}
        for i, rate in enumerate(rates)
    }


def train_and_score(
    task, weighting, rate, *, n_replicas=5, steps=None, batch=None, seed=0, data=None
):
    """Train at one rate, and measure on new sets.

    Parameters
    ----------
    task, weighting, n_replicas, seed
        As in `train`.
    rate : float
        Largest rate of learning.
    steps, batch : int, optional
        By default those of the whole run.
    data : optional
        What to measure on, by default ``task.data(seed)``.

    Returns
    -------
    dict of str to array, shape (n_replicas,)
        What ``task.score`` measures.
    """
    size = {"n_replicas": n_replicas, "seed": seed}
    size |= {"steps": steps or task.steps, "batch": batch or task.batch}
    (parameters,) = train(task, weighting, (rate,), **size).values()
    data = task.data(seed) if data is None else data
    return task.score(parameters, maps.get_map(weighting), data)


def at_best_rate(task, weighting, *, seed=0):
    """Train at all rates that are needed to know the best, and measure at each.

    Parameters
    ----------
    task : Task
        What for, and how.
    weighting : str or Weighting
        A name of `maps.MAPS`, or a weighting.
    seed : int
        Where the stream starts.

    Returns
    -------
    dict
        ``rate``, the best; ``validation``, the losses it is chosen by, and what
        ``task.score`` measures; ``others``, the same at the other rates; and
        ``parameters``, at the best rate, of the replicas that are kept.
    """
    size = {"n_replicas": task.n_replicas, "steps": task.steps, "batch": task.batch}
    tried, losses, new = {}, {}, GRID[FIRST]
    while new:
        tried |= train(task, weighting, new, **size, seed=seed)
        losses |= {rate: validation(task, weighting, tried[rate], seed) for rate in new}
        best = min(tried, key=lambda rate: losses[rate].mean())
        new = [rate for rate in beside(best) if rate not in tried]
    weigh, data = maps.get_map(weighting), task.data(seed)
    rows = [
        {
            "rate": rate,
            "validation": losses[rate],
            **task.score(tried[rate], weigh, data),
        }
        for rate in sorted(tried)
    ]
    return {
        **next(row for row in rows if row["rate"] == best),
        "others": [row for row in rows if row["rate"] != best],
        "parameters": {name: p[: task.kept].numpy() for name, p in tried[best].items()},
    }


def beside(rate):
    """Give the rates next to one in the grid."""
    place = GRID.index(rate)
    return GRID[max(place - 1, 0) : place + 2]


def validation(task, weighting, parameters, seed):
    """Give the loss of each replica on data apart from those of training and test."""
    drawn = task.draw(replicas.stream(seed, "validation"), 1, VALIDATED)
    parameters, drawn = replicas.frozen(parameters, drawn)
    losses = task.losses(parameters, maps.get_map(weighting), *drawn)
    return np.nan_to_num(losses.numpy(), nan=np.inf)


def by_rate(cell):
    """Give what a saved cell measured at each rate, from the lowest.

    Parameters
    ----------
    cell : dict
        A cell of a saved result, as `cell_of` gives it.

    Returns
    -------
    dict of float to dict
        ``validation`` and the measures.
    """
    best = {name: cell[name] for name in cell["others"][0]}
    rows = sorted([best, *cell["others"]], key=lambda row: row["rate"])
    return {row.pop("rate"): row for row in map(dict, rows)}
