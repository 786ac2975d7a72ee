"""Rows weighed entry by entry: sigmoid and ReLU, which need not sum to one."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from attention_lib import _check, definitions
from attention_lib._dispatch import at_least_one, like, log_of, logistic, rectified
from attention_lib.weightings.kinds import Pointwise
from attention_lib.weightings.registry import Each, Verdict, registered
from attention_lib.weightings.streams import Stream

__all__ = ["ReLU", "Sigmoid", "relu", "sigmoid"]

MINUS_LOG_N = "-log n"


def sigmoid(x, axis=-1, *, where=None, bias=0.0):
    r"""Weigh each score alone, between zero and one.

    .. math:: w_j = \frac{1}{1 + e^{-(x_j + b)}}

    Parameters
    ----------
    x : array or Tensor of float, shape (..., n, ...)
        Scores, dimensionless; dtypes as in `softmax`.
    axis : int, default -1
        Axis of the keys.
    where : bool array, broadcastable to `x`, optional
        Entries that take part; the others get weight zero and are never read.
    bias : float, array of size 1 along `axis`, or "-log n", default 0.0
        ``b`` above, with a gradient; "-log n" takes the number of entries of the row
        that take part.

    Returns
    -------
    array or Tensor like `x`
        Weights from 0 (at ``-inf``) to 1 (at ``inf``); NaN where the score is.

    Raises
    ------
    TypeError, ValueError
        As `softmax`; or if `bias` is NaN or another word.

    Notes
    -----
    The relative error of a weight is at most ``(4 + |x_j| + |b|) eps``.

    References
    ----------
    J. Ramapuram, F. Danieli, E. Dhekane et al. (2025). Theory, analysis, and best
    practices for sigmoid self-attention. https://arxiv.org/abs/2409.04431

    Examples
    --------
    >>> sigmoid(np.log([1, 3]))
    array([0.5 , 0.75])
    """
    return Sigmoid(bias)(x, axis, where=where)


def relu(x, axis=-1, *, where=None, power=1, mean=False):
    r"""Weigh each positive score by itself, or by a power of itself.

    .. math:: w_j = \max(x_j, 0)^p \quad\text{or}\quad \max(x_j, 0)^p / n

    Parameters
    ----------
    x : array or Tensor of float, shape (..., n, ...)
        Scores, dimensionless; dtypes as in `softmax`.
    axis : int, default -1
        Axis of the keys.
    where : bool array, broadcastable to `x`, optional
        Entries that take part; the others get weight zero and are never read.
    power : float, default 1
        ``p`` above, positive.
    mean : bool, default False
        Divide by ``n``, the number of entries of the row that take part.

    Returns
    -------
    array or Tensor like `x`
        Weights: non-negative; ``inf`` at ``inf``, NaN where the score is.

    Raises
    ------
    TypeError, ValueError
        As `softmax`; or if `power` is not positive.

    Notes
    -----
    Exact for ``p = 1``, up to the division; otherwise the relative error of a weight is
    at most ``(p + 2) eps``.

    References
    ----------
    M. Wortsman, J. Lee, J. Gilmer and S. Kornblith (2023). Replacing softmax with ReLU
    in vision transformers. https://arxiv.org/abs/2309.08586

    Examples
    --------
    >>> relu(np.array([-1.0, 2.0]), mean=True)
    array([0., 1.])
    """
    return ReLU(power, mean)(x, axis, where=where)


def _sigmoid(scores, shift):
    return logistic(scores + like(shift, scores))


def _sigmoid_bound(x, w, bias=0.0):
    bias = np.log(x.shape[-1]) if isinstance(bias, str) else bias
    return (4 + abs(x) + abs(bias)) * w


@registered(
    "sigmoid",
    definition=definitions.sigmoid,
    bound=_sigmoid_bound,
    laws=[
        Verdict(
            holds="non-negative, defined everywhere, continuous, keeps order, "
            "odds ignore other keys, can abstain, streams here, permutation "
            "equivariant",
            breaks="sums to one, tells scores apart, shift invariant, scale "
            "invariant, exact zeros, keeps its share",
        ),
        Verdict(
            holds="non-negative, defined everywhere, continuous, keeps order, can "
            "abstain, streams here, permutation equivariant",
            breaks="sums to one, tells scores apart, shift invariant, scale "
            "invariant, odds ignore other keys, exact zeros, keeps its "
            "share",
            params={"bias": MINUS_LOG_N},
        ),
    ],
    examples=({}, {"bias": -3.0}, {"bias": MINUS_LOG_N}, {"bias": Each(-2, 2)}),
)
@dataclass(frozen=True, eq=False)
class Sigmoid(Pointwise):
    """The weighting ``1 / (1 + e^-(s + bias))``; see `sigmoid`.

    Parameters
    ----------
    bias : float, array or "-log n", default 0.0
        Added to the scores. An array has size 1 along the keys; in attention it
        broadcasts to (..., L, 1). "-log n" counts the keys that take part.

    Raises
    ------
    TypeError
        If `bias` is neither a number, an array of numbers nor a word.
    ValueError
        If it is the number NaN or another word.

    Notes
    -----
    As exact as `sigmoid`: the relative error of a weight is at most
    ``(4 + |s| + |bias|) eps``.

    References
    ----------
    That of `sigmoid`.

    Examples
    --------
    >>> Sigmoid(bias="-log n")(np.log([1, 3])).round(6)
    array([0.333333, 0.6     ])
    """

    bias: Any = 0.0

    def __post_init__(self):
        """Refuse a bias that is NaN, or a word that is not known."""
        if isinstance(self.bias, str):
            if self.bias != MINUS_LOG_N:
                message = f"bias must be a number or {MINUS_LOG_N!r}; got {self.bias!r}"
                raise ValueError(message)
        else:
            _check.real(self.bias, "bias")

    @property
    def uses_n(self):
        """Whether the bias is made of the number of keys."""
        return isinstance(self.bias, str)

    @property
    def fades(self):
        """Whether a score of ``-inf`` is nothing by itself: it must not be counted."""
        return not self.uses_n

    def record(self, n=None):
        """Name the sigmoid of a shifted score."""
        shift = -log_of(n) if self.uses_n else self.bias
        return Stream(self.kind, "sigmoid", partial(_sigmoid, shift=shift), shift=shift)

    def phi(self, scores, n=None):
        """Give the sigmoid of each score and the bias."""
        return self.record(n).rule(scores)

    def derivative(self, scores, n=None):
        """Differentiate `phi`."""
        shift = like(self.record(n).shift, scores)
        return logistic(scores + shift) * logistic(-(scores + shift))


@registered(
    "relu",
    definition=definitions.relu,
    bound=lambda x, w, power=1, mean=False: (
        (0 if power == 1 and not mean else power + 2) * w
    ),
    laws=[
        Verdict(
            holds="non-negative, defined everywhere, continuous, keeps order, "
            "odds ignore other keys, exact zeros, can abstain, streams "
            "here, permutation equivariant",
            breaks="sums to one, tells scores apart, shift invariant, scale "
            "invariant, keeps its share",
        ),
        Verdict(
            holds="non-negative, defined everywhere, continuous, keeps order, "
            "odds ignore other keys, exact zeros, can abstain, streams "
            "here, permutation equivariant",
            breaks="sums to one, tells scores apart, shift invariant, scale "
            "invariant, keeps its share",
            params={"mean": True},
        ),
    ],
    strings={"relu": {}, "relu_mean": {"mean": True}},
    examples=(
        {},
        {"power": 2},
        {"power": 3, "mean": True},
        {"mean": True},
        {"power": 0.5},
    ),
)
@dataclass(frozen=True, eq=False)
class ReLU(Pointwise):
    """The weighting ``max(s, 0)^power``, or its n-th part; see `relu`.

    Parameters
    ----------
    power : float, default 1
        Positive.
    mean : bool, default False
        Divide by the number of keys that take part.

    Raises
    ------
    TypeError
        If `power` is not a number, or `mean` is not a bool.
    ValueError
        If `power` is not positive and finite.

    Notes
    -----
    As exact as `relu`: for the power 1 up to the division, otherwise to a relative
    error of ``(power + 2) eps``.

    References
    ----------
    That of `relu`.

    Examples
    --------
    >>> ReLU(power=2)(np.array([-1.0, 3.0]))
    array([0., 9.])
    """

    power: float = 1
    mean: bool = False

    def __post_init__(self):
        """Refuse a power that is not positive."""
        _check.positive(_check.number(self.power, "power"), "power")
        _check.flag(self.mean, "mean")

    @property
    def uses_n(self):
        """Whether the weights are divided by the number of keys."""
        return bool(self.mean)

    @property
    def fades(self):
        """Whether a score of ``-inf`` is nothing by itself: it must not be counted."""
        return not self.uses_n

    def record(self, n=None):
        """Name a power of the positive part, and the number that divides it."""
        divisor = at_least_one(n) if self.mean else None
        rule = partial(rectified, power=self.power)
        return Stream(self.kind, "relu", rule, power=self.power, divisor=divisor)

    def phi(self, scores, n=None):
        """Give the positive part of each score, to its power."""
        return self._parts(rectified(scores, self.power), n)

    def derivative(self, scores, n=None):
        """Differentiate `phi`; zero at zero."""
        return self._parts(rectified(scores, self.power - 1) * self.power, n)

    def _parts(self, shares, n):
        return shares / like(at_least_one(n), shares) if self.mean else shares
