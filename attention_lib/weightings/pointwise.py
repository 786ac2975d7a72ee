"""Rows weighed entry by entry: sigmoid and ReLU, which need not sum to one."""

import math
from dataclasses import dataclass
from typing import Any

from attention_lib import _check
from attention_lib._dispatch import cast, namespace
from attention_lib.weightings.base import Pointwise, like, logistic

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


@dataclass(frozen=True, eq=False)
class Sigmoid(Pointwise):
    """The weighting ``1 / (1 + e^-(s + bias))``; see `sigmoid`.

    Parameters
    ----------
    bias : float, array or "-log n", default 0.0
        Added to the scores. An array has size 1 along the keys; in attention it
        broadcasts to (..., L, 1).

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

    def phi(self, scores, n=None):
        """Give the sigmoid of each score and the bias."""
        return logistic(self._biased(scores, n))

    def derivative(self, scores, n=None):
        """Differentiate `phi`."""
        weights = self.phi(scores, n)
        return weights * logistic(-self._biased(scores, n))

    def _biased(self, scores, n):
        if not self.uses_n:
            return scores + like(self.bias, scores)
        if isinstance(n, int):
            return scores - math.log(max(n, 1))
        xp = namespace(scores)
        return scores - xp.log(xp.clip(cast(n, scores.dtype), 1, None))


@dataclass(frozen=True, eq=False)
class ReLU(Pointwise):
    """The weighting ``max(s, 0)^power``, or its n-th part; see `relu`.

    Parameters
    ----------
    power : float, default 1
        Positive.
    mean : bool, default False
        Divide by the number of keys that take part.

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

    @property
    def uses_n(self):
        """Whether the weights are divided by the number of keys."""
        return bool(self.mean)

    def phi(self, scores, n=None):
        """Give the positive part of each score, to its power."""
        return rectified(scores, self.power) / self._parts(scores, n)

    def derivative(self, scores, n=None):
        """Differentiate `phi`; zero at zero."""
        slopes = rectified(scores, self.power - 1) * self.power
        return slopes / self._parts(scores, n)

    def _parts(self, scores, n):
        if not self.mean:
            return 1
        if isinstance(n, int):
            return max(n, 1)
        return namespace(scores).clip(cast(n, scores.dtype), 1, None)


def rectified(x, power):
    """Give ``max(x, 0)^power``, where 0 to any power is 0; NaN stays NaN."""
    xp = namespace(x)
    low = x <= 0
    inside = xp.where(low, xp.ones_like(x), x)
    return xp.where(low, xp.zeros_like(x), inside if power == 1 else inside**power)
