"""The trained and measured experiments of the book, one file a task.

Each file states its question and its protocol, and offers a function that a page or a
test calls with small arguments, and ``protocol()``, which runs it all. What that gave
is saved beside it: `load` reads it. To run them again: ``make experiments``. Those that
train are toys: they show a mechanism; none says how good a language model would be.
"""

import json
from importlib import resources

__all__ = ["NAMES", "SAVED", "cell_of", "load"]

NAMES = (
    "trigger",
    "capacity",
    "count_and_mean",
    "retrieval",
    "depth",
    "precision",
    "bayes_lookup",
    "match_or_nothing",
    "self_match",
)
# Also saved: what the reference says, which is no experiment.
SAVED = (*NAMES, "support")


def load(name):
    """Read the saved result of an experiment.

    Parameters
    ----------
    name : str
        One of `SAVED`.

    Returns
    -------
    dict
        ``experiment``, ``date``, ``machine``, ``versions``, ``seconds`` and
        ``result``, which is what the experiment's ``protocol()`` gave; keys are
        strings, and arrays are lists with one entry a replica.

    Raises
    ------
    ValueError
        If the name is unknown.
    """
    if name not in SAVED:
        raise ValueError(f"name must be one of {', '.join(SAVED)}; got {name!r}")
    saved = resources.files(__name__) / "results" / f"{name}.json"
    return json.loads(saved.read_text("utf-8"))


def cell_of(name, **wanted):
    """Give the one cell of a saved result that has these settings.

    Parameters
    ----------
    name : str
        An experiment whose result is a list of cells, such as "trigger".
    **wanted
        Settings, such as ``map="softmax"``.

    Returns
    -------
    dict
        The settings and what was measured, one entry a replica.

    Raises
    ------
    ValueError
        If no cell has them, or more than one.
    """
    cells = load(name)["result"]["cells"]
    found = [cell for cell in cells if wanted.items() <= cell.items()]
    if len(found) != 1:
        raise ValueError(f"{name} has {len(found)} cells with {wanted}; expected one")
    return found[0]
