"""Weightings: maps from rows of scores to rows of weights.

Each is registered where it is defined, and every list of them derives from that. The
kinds, to derive a weighting of your own from, are here too, and in `Weighting`.
"""

from attention_lib.weightings import (
    exponential,
    log_sums,
    logarithms,
    pointwise,
    selection,
    softmax_and_more,
    sums,
    threshold,
)
from attention_lib.weightings.base import Weighting
from attention_lib.weightings.exponential import *
from attention_lib.weightings.kinds import (
    Exponential,
    LogSum,
    Pointwise,
    Selection,
    Sum,
    Threshold,
)
from attention_lib.weightings.log_sums import *
from attention_lib.weightings.logarithms import *
from attention_lib.weightings.pointwise import *
from attention_lib.weightings.registry import REGISTRY
from attention_lib.weightings.selection import *
from attention_lib.weightings.softmax_and_more import *
from attention_lib.weightings.sums import *
from attention_lib.weightings.threshold import *

# In the order in which tables show them.
_FILES = (
    exponential,
    softmax_and_more,
    threshold,
    selection,
    sums,
    log_sums,
    pointwise,
)
_NAMES = [file.__name__ for file in _FILES]
REGISTRY.sort(key=lambda entry: _NAMES.index(entry.make.__module__))
__all__ = sorted(
    {name for file in (*_FILES, logarithms) for name in file.__all__}
    | {"Weighting", "get_weighting"}
)


def get_weighting(weighting):
    """Give a weighting by its name, with its defaults, or the object itself.

    Parameters
    ----------
    weighting : str or Weighting
        A name, such as ``"softmax"``, or an instance of a `Weighting`.

    Returns
    -------
    Weighting
        The weighting.

    Raises
    ------
    ValueError
        If the name is unknown.
    TypeError
        If it is neither a name nor a weighting.

    Examples
    --------
    >>> get_weighting("softmax")
    Softmax(temperature=1.0)
    """
    if isinstance(weighting, Weighting):
        return weighting
    if isinstance(weighting, str):
        for entry in REGISTRY:
            if weighting in entry.strings:
                return entry.make(**entry.strings[weighting])
        known = ", ".join(repr(n) for entry in REGISTRY for n in entry.strings)
        raise ValueError(f"unknown weighting {weighting!r}; known are {known}")
    given = getattr(weighting, "__name__", type(weighting).__name__)
    raise TypeError(f"weighting must be a name or a Weighting object; got {given}")
