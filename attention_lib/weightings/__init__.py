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
    ScalableSoftmax,
    Softmax,
    Softmax1,
    log_softmax,
    logsumexp,
    online_softmax,
    scalable_softmax,
    softmax,
    softmax1,
)
from attention_lib.weightings.pointwise import ReLU, Sigmoid, relu, sigmoid
from attention_lib.weightings.selection import Hardmax, TopK, hardmax, top_k_softmax
from attention_lib.weightings.sums import (
    NormalizedReLU,
    NormalizedSigmoid,
    NormalizedTanh,
    Softpick,
    normalize,
    softpick,
)
from attention_lib.weightings.threshold import Entmax, Sparsemax, entmax, sparsemax

__all__ = [
    "Entmax",
    "Exponential",
    "Hardmax",
    "NormalizedReLU",
    "NormalizedSigmoid",
    "NormalizedTanh",
    "Pointwise",
    "ReLU",
    "ScalableSoftmax",
    "Selection",
    "Sigmoid",
    "Softmax",
    "Softmax1",
    "Softpick",
    "Sparsemax",
    "Sum",
    "Threshold",
    "TopK",
    "Weighting",
    "entmax",
    "get_weighting",
    "hardmax",
    "log_softmax",
    "logsumexp",
    "normalize",
    "online_softmax",
    "relu",
    "scalable_softmax",
    "sigmoid",
    "softmax",
    "softmax1",
    "softpick",
    "sparsemax",
    "top_k_softmax",
]

# What a name stands for, made anew at each call.
_BY_NAME = {
    "softmax": Softmax,
    "softmax1": Softmax1,
    "scalable_softmax": ScalableSoftmax,
    "sparsemax": Sparsemax,
    "entmax15": Entmax,
    "softpick": Softpick,
    "sigmoid": Sigmoid,
    "relu": ReLU,
    "relu_mean": lambda: ReLU(mean=True),
    "normalized_sigmoid": NormalizedSigmoid,
    "normalized_relu": NormalizedReLU,
    "normalized_tanh": NormalizedTanh,
    "hardmax": Hardmax,
}


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
