"""Weightings: maps from rows of scores to rows of weights, one file a kind."""

from attention_lib.weightings.base import (
    Exponential,
    Pointwise,
    Selection,
    Sum,
    Threshold,
    Weighting,
)
from attention_lib.weightings.exponential import (
    Softmax,
    log_softmax,
    logsumexp,
    online_softmax,
    softmax,
)

__all__ = [
    "Exponential",
    "Pointwise",
    "Selection",
    "Softmax",
    "Sum",
    "Threshold",
    "Weighting",
    "get_weighting",
    "log_softmax",
    "logsumexp",
    "online_softmax",
    "softmax",
]

_BY_NAME = {"softmax": Softmax}


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
        if weighting in _BY_NAME:
            return _BY_NAME[weighting]()
        known = ", ".join(map(repr, _BY_NAME))
        raise ValueError(f"unknown weighting {weighting!r}; known are {known}")
    given = getattr(weighting, "__name__", type(weighting).__name__)
    raise TypeError(f"weighting must be a name or a Weighting object; got {given}")
