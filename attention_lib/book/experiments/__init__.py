"""The trained and measured experiments of the book, one file a task.

Each file states its question and its protocol, and offers a function that a page or a
test calls with small arguments, and ``protocol()``, which runs it all. What that gave
is saved beside it: `load` reads it, `arrays` what is too large for text, and `trained`
the parameters of what was trained. To run them again: ``make experiments``. Those that
train are toys: they show a mechanism; none says how good a language model would be.
Those `OF_THE_MODEL` measure a real, small one.
"""

import json
from importlib import resources

import numpy as np

__all__ = [
    "NAMES",
    "OF_THE_MODEL",
    "SAVED",
    "arrays",
    "cell_of",
    "label",
    "load",
    "settings_of",
    "trained",
]

# Those of the real model, `attention_lib.book.real`, which is fetched for them.
OF_THE_MODEL = (
    "text_loss",
    "agreement",
    "sharpness",
    "focus_of_heads",
    "sinks",
    "twins_of_heads",
    "explanations",
    "weight_and_effect",
    "swapped",
)

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
    "level",
    "needle",
    "needle_controls",
    "max_retrieval",
    "root_d",
    "noisy_length",
    "which_token",
    "bag_or_recurrent",
    *OF_THE_MODEL,
)
# Also saved: what the reference says, which is no experiment.
SAVED = ("support", *NAMES)


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
    return json.loads(_saved(name, "json").read_text("utf-8"))


def arrays(name):
    """Read the arrays that an experiment saved beside its result.

    Parameters
    ----------
    name : str
        One of `NAMES` whose result has arrays, such as "agreement".

    Returns
    -------
    dict of str to array
        By name.

    Raises
    ------
    ValueError
        If the name is unknown.
    """
    with _saved(name, "npz").open("rb") as file, np.load(file) as saved:
        return dict(saved)


def _saved(name, ending):
    """Give the place of a saved result."""
    if name not in SAVED:
        raise ValueError(f"name must be one of {', '.join(SAVED)}; got {name!r}")
    return resources.files(__name__) / "results" / f"{name}.{ending}"


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
        The settings and what was measured, one entry a replica. Where something was
        trained, that is at the best rate of learning, ``rate``, and what the
        ``others`` gave is there too: `rates.by_rate` lists all.

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


def trained(name, **wanted):
    """Read the parameters that were trained at a map's best rate.

    With them, and a function in place of the map, an experiment's ``score`` measures
    again what is saved, on the saved sets or on new ones:
    ``trigger.score(trained("trigger", map="softmax", bos=True, gate=False), softmax,
    trigger.data())``.

    Parameters
    ----------
    name : str
        An experiment that trains.
    **wanted
        Settings of one cell, as for `cell_of`.

    Returns
    -------
    dict of str to array of float32
        By name, with an axis of replicas first: the first ones, if not all are kept.
        They are saved as float16, and were so when they were measured.

    Raises
    ------
    ValueError
        If no cell has these settings, or more than one.
    """
    start = label(cell_of(name, **wanted)) + "/"
    # An array is read when it is asked for: those of other cells stay where they are.
    with _saved(name, "npz").open("rb") as file, np.load(file) as saved:
        return {
            key.removeprefix(start): saved[key].astype(np.float32)
            for key in saved
            if key.startswith(start)
        }


def settings_of(cell):
    """Give the settings of a cell: its words, truths and whole numbers."""
    return {k: v for k, v in cell.items() if isinstance(v, str | int)}


def label(cell):
    """Write the settings of a cell as one line."""
    return ", ".join(f"{k}={v}" for k, v in settings_of(cell).items())
