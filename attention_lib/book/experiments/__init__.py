"""The trained and measured experiments of the chapters, one file a task.

Each file states its question and its protocol, and offers a function that a chapter
calls with small arguments, and ``protocol()``, which runs it all. What that gave is
saved beside it: `load` reads it. To run them again: ``make experiments``. They are toys
that show a mechanism; none says how good a language model would be.
"""

import json
from importlib import resources

__all__ = ["NAMES", "load"]

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


def load(name):
    """Read the saved result of an experiment.

    Parameters
    ----------
    name : str
        One of `NAMES`.

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
    if name not in NAMES:
        raise ValueError(f"name must be one of {', '.join(NAMES)}; got {name!r}")
    saved = resources.files(__name__) / "results" / f"{name}.json"
    return json.loads(saved.read_text("utf-8"))
