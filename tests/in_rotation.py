"""Each two values together, where all combinations would take too long.

A fault mostly needs two things to meet: a rule and a mask, a mask and a scale. So every
test of a law takes each value of one list with each value of the others, and any two
values of the others meet in some of its tests. With ``WHOLE=1`` in the environment all
combinations are tried.
"""

import functools
import inspect
import itertools
import math
import os

import pytest

from tests.in_turn import in_turn

__all__ = ["WHOLE", "in_rotation", "rotated"]

WHOLE = bool(os.environ.get("WHOLE"))


def rotated(n, lists):
    """Give for each of `n` tests its rows: one value of each list, in turn.

    Every value is in some row of each test. The lists advance side by side, and from
    one test to the next each starts at another place, as the wheels of a counter do.

    >>> rotated(2, ["ab", "xyz"])
    [[('a', 'x'), ('b', 'y'), ('a', 'z')], [('b', 'x'), ('a', 'y'), ('b', 'z')]]
    """
    if WHOLE:
        return [list(itertools.product(*lists))] * n
    longest = max(map(len, lists))
    steps = [math.prod(map(len, lists[:i])) for i in range(len(lists))]
    return [
        [
            tuple(
                values[(row + test // step) % len(values)]
                for values, step in zip(lists, steps, strict=True)
            )
            for row in range(longest)
        ]
        for test in range(n)
    ]


def in_rotation(name, values, lists, ids=str):
    """Parametrize a test by some values, and call it with rows of other lists.

    `lists` has them by the names of their arguments; where one gives several at once,
    these stand in one key: "engine method". The rows of one value are one test, as with
    `in_turn`. A value may be a ``pytest.param``, with an id and marks.
    """
    values, lists = list(values), {key: list(each) for key, each in lists.items()}
    names = tuple(each for key in lists for each in key.split())
    turns = [
        [_flat(lists, row) for row in rows]
        for rows in rotated(len(values), list(lists.values()))
    ]

    def decorate(test):
        @functools.wraps(test)
        def run(rows, **given):
            in_turn(names, rows)(test)(**given)

        signature = inspect.signature(test)
        kept = [p for p in signature.parameters.values() if p.name not in names]
        kept.append(inspect.Parameter("rows", inspect.Parameter.KEYWORD_ONLY))
        run.__signature__ = signature.replace(parameters=kept)
        each = [_with_rows(*pair, ids) for pair in zip(values, turns, strict=True)]
        return pytest.mark.parametrize((name, "rows"), each)(run)

    return decorate


def _flat(lists, row):
    """Give the values of a row, one for each argument."""
    pairs = zip(lists, row, strict=True)
    return [a for key, value in pairs for a in (value if " " in key else (value,))]


def _with_rows(value, rows, ids):
    """Give the parameters of one test."""
    if hasattr(value, "marks"):
        return pytest.param(*value.values, rows, id=value.id, marks=value.marks)
    return pytest.param(value, rows, id=ids(value))
