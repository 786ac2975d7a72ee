"""The saved results of the trained tasks: one at a time, the best rule first."""

import numpy as np

from attention_lib.book.experiments.maps import get_map
from attention_lib.book.live.widget import Widget, still
from attention_lib.book.task_table import TaskTable, table

__all__ = ["ranked", "tasks"]


def tasks(columns, names, caption, question):
    """Make the figure of what each rule reached in each task.

    Parameters
    ----------
    columns : sequence of Column
        The tasks, of `task_table.COLUMNS`.
    names : sequence of str
        The rules, of `experiments.maps.MAPS`.
    caption, question : str
        What to conclude, and what to predict first.

    Returns
    -------
    Widget
        The figure.
    """
    found = TaskTable(table(columns, names))
    rows = [
        {"map": name, "sums": _sums_to_one(name), "cells": [_state(c) for c in cells]}
        for name, cells in found.rows.items()
    ]
    first = ranked([cells[0] for cells in found.rows.values()])
    fallback = still("Results", ["rule", "mean", "range", "limit"], map(_entry, first))
    start = [
        {"name": c.name, "says": c.says, "more": _more_is_better(c)} for c in columns
    ]
    return Widget("tasks", caption, question, fallback, tasks=start, rows=rows)


def ranked(cells):
    """Sort the cells of one task, the best first and those not run last."""
    run = [cell for cell in cells if cell.each is not None]
    run.sort(key=_mean, reverse=_more_is_better(cells[0].column))
    return run + [cell for cell in cells if cell.each is None]


def _mean(cell):
    return float(np.mean(cell.each))


def _more_is_better(column):
    """Read it from what the column says."""
    more, less = ("more is better" in column.says, "less is better" in column.says)
    if more == less:
        raise ValueError(f"{column.name} does not say which way is better")
    return more


def _sums_to_one(name):
    """Try a rule on a row of scores, some below zero."""
    return bool(np.isclose(get_map(name)(np.array([1.0, -0.5, 0.2])).sum(), 1))


def _entry(cell):
    """Give a row of the table."""
    if cell.each is None:
        return cell.name, cell.mean, "", ""
    return cell.name, cell.mean, cell.words[0], _limit(cell)


def _limit(cell):
    return "–" if cell.limit is None else cell.words[1]


def _state(cell):
    """Give a cell as its texts, and as the numbers that sort it."""
    if cell.each is None:
        return {"mean": cell.mean}
    _, mean, spread, limit = _entry(cell)
    ends = [float(np.min(cell.each)), float(np.max(cell.each))]
    return {
        "mean": mean,
        "range": spread,
        "limit": limit,
        "at": _mean(cell),
        "ends": ends,
    }
