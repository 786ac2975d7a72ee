"""Rows divided by their sum: softpick, and normalised sigmoid, ReLU and tanh."""

from dataclasses import dataclass
from typing import Any

from attention_lib import _check
from attention_lib._dispatch import full, is_tensor, namespace
from attention_lib._engines import rows_of
from attention_lib.weightings.base import (
    Sum,
    like,
    logistic,
    masked,
    only_minus_infinity,
)
from attention_lib.weightings.jacobians import of_shares
from attention_lib.weightings.pointwise import rectified

__all__ = [
    "NormalizedReLU",
    "NormalizedSigmoid",
    "NormalizedTanh",
    "Softpick",
    "normalize",
    "softpick",
]


def softpick(x, axis=-1, *, where=None, eps=1e-6):
    r"""Weigh positive scores, and let negative ones take a share of nothing.

    .. math:: w_j = \frac{\max(e^{x_j} - 1, 0)}{\sum_k |e^{x_k} - 1| + \varepsilon}

    Parameters
    ----------
    x : array or Tensor of float, shape (..., n, ...)
        Scores, dimensionless; dtypes as in `softmax`.
    axis : int, default -1
        Axis of the keys.
    where : bool array, broadcastable to `x`, optional
        Entries that take part; the others get weight zero and are never read.
    eps : float, default 1e-6
        Added to the sum as written above, at least zero.

    Returns
    -------
    array or Tensor like `x`
        Weights that sum to one at most; zero where the score is not positive. NaN and
        empty rows as in `softmax`.

    Raises
    ------
    TypeError, ValueError
        As `softmax`; or if `eps` is negative.

    Notes
    -----
    Everything is divided by the exponential of the largest score, if that is positive,
    so nothing overflows; ``e^x - 1`` keeps its digits near zero.

    The relative error of a weight is at most ``(16 + d) eps``, where ``d`` is the
    distance of its score from the largest, in rows of up to 30,000 keys.

    References
    ----------
    Z. M. K. Zuhri et al. (2025). Softpick: no attention sink, no massive activations
    with rectified softmax. https://arxiv.org/abs/2504.20966

    Examples
    --------
    >>> softpick(np.log([1, 3, 0.5]), eps=0.0)
    array([0. , 0.8, 0. ])
    """
    return Softpick(eps)(x, axis, where=where)


def normalize(x, axis=-1, *, where=None, eps=0.0):
    r"""Divide a row by the sum of its sizes.

    .. math:: w_j = \frac{x_j}{\sum_k |x_k| + \varepsilon}

    Parameters
    ----------
    x : array or Tensor of float, shape (..., n, ...)
        Anything; dtypes as in `softmax`.
    axis : int, default -1
        Axis of the keys.
    where : bool array, broadcastable to `x`, optional
        Entries that take part; the others get zero and are never read.
    eps : float, default 0.0
        Added to the sum, at least zero.

    Returns
    -------
    array or Tensor like `x`
        Shares, with the signs of `x`. An all-zero row gives zeros: this hides the 0/0
        of a normalised ReLU without a positive score. A NaN or an infinite entry makes
        its row NaN where it takes part.

    Raises
    ------
    TypeError, ValueError
        As `softmax`; or if `eps` is negative.

    Notes
    -----
    The relative error of a share is at most ``8 eps`` in rows of up to 30,000 entries.

    Examples
    --------
    >>> normalize(np.array([1.0, -3.0]))
    array([ 0.25, -0.75])
    """
    return _Shares(eps)(x, axis, where=where)


@dataclass(frozen=True, eq=False)
class Softpick(Sum):
    """The weighting ``max(e^s - 1, 0) / (sum |e^s - 1| + eps)``; see `softpick`.

    Parameters
    ----------
    eps : float, default 1e-6
        Added to the sum, at least zero.

    Examples
    --------
    >>> Softpick(eps=0.0)(np.log([1, 3, 0.5]))
    array([0. , 0.8, 0. ])
    """

    eps: float = 1e-6

    def __post_init__(self):
        """Refuse an eps that is negative."""
        _check.not_negative(self.eps, "eps")

    def relative(self, scores, peak):
        """Give ``(e^s - 1) e^-peak``, for a peak of at least zero and every score."""
        xp = namespace(scores)
        rising = scores > 0
        up = xp.where(rising, scores, xp.zeros_like(scores))
        down = xp.where(rising, xp.zeros_like(scores), scores)
        high = xp.exp(up - peak) * -xp.expm1(-up)
        return xp.where(rising, high, xp.exp(-peak) * xp.expm1(down))

    def relative_state(self, scores, where):
        """Give the peak, the total without eps, and the weights before the division."""
        xp = namespace(scores)
        peak = _largest(scores)
        peak = xp.where(peak < 0, xp.zeros_like(peak), peak)
        lifted = masked(self.relative(scores, peak), where)
        picked = xp.where(lifted > 0, lifted, xp.zeros_like(lifted))
        return peak, abs(lifted).sum(-1)[..., None], picked

    def phi(self, scores):
        """Give ``max(e^s - 1, 0)``."""
        xp = namespace(scores)
        return xp.expm1(xp.where(scores < 0, xp.zeros_like(scores), scores))

    def rows(self, scores, where=None):
        """Weigh along the last axis."""
        xp, known = namespace(scores), masked(scores, where)
        peak, total, picked = self.relative_state(known, where)
        total = total + self.eps * xp.exp(-peak)
        weights = picked / xp.where(total == 0, xp.ones_like(total), total)
        return _finish(weights, total, scores, where)

    def slopes(self, scores):
        """Give those of ``e^s ([i = j, s > 0] - w sign(s)^T)``, over the sum."""
        xp = namespace(scores)
        weights = self.rows(scores)
        peak, total, _ = self.relative_state(scores, None)
        total = total + self.eps * xp.exp(-peak)
        slopes = xp.exp(scores - peak) / xp.where(
            total == 0, xp.ones_like(total), total
        )
        own = xp.where(scores > 0, slopes, xp.zeros_like(slopes))
        return own * (1 - weights), weights, xp.sign(scores) * slopes


class _Homogeneous(Sum):
    """A sum kind with ``phi(c s) = c^power phi(s)``: rows are scaled before the sum.

    Powers and sums of the scaled row neither overflow nor vanish. The scale cancels, so
    it has no gradient.
    """

    power = 1

    def size(self, scores):
        """Give the size of each score, of which phi takes the power."""
        return abs(scores)

    def rows(self, scores, where=None):
        """Weigh along the last axis."""
        xp, known = namespace(scores), masked(scores, where)
        peak = _largest(self.size(known))
        usable = (peak > 0) & xp.isfinite(peak)
        if self.eps:  # beside an eps, what is tiny may vanish
            usable = usable & (peak > 1)
        peak = xp.where(usable, peak, xp.ones_like(peak))
        shares = masked(self.phi(known / peak), where)
        total = abs(shares).sum(-1)[..., None]
        if self.eps:
            total = total + self.eps / peak**self.power
        weights = shares / xp.where(total == 0, xp.ones_like(total), total)
        return _finish(weights, total, scores, where)


@dataclass(frozen=True, eq=False)
class _Shares(_Homogeneous):
    """The weighting ``s / (sum |s| + eps)``; see `normalize`."""

    eps: float = 0.0

    def __post_init__(self):
        """Refuse an eps that is negative."""
        _check.not_negative(self.eps, "eps")

    def phi(self, scores):
        """Give the score itself."""
        return scores

    def derivative(self, scores):
        """Differentiate `phi`: one everywhere."""
        return namespace(scores).ones_like(scores)


@dataclass(frozen=True, eq=False)
class NormalizedReLU(_Homogeneous):
    """The weighting ``max(s, 0)^power / (sum max(s, 0)^power + eps)``.

    Parameters
    ----------
    power : float, default 1
        Positive.
    eps : float, default 0.0
        Added to the sum, at least zero. A row without a positive score is zeros.

    Notes
    -----
    The relative error of a weight is at most ``(8 + 2 power) eps`` in rows of up to
    30,000 keys.

    Examples
    --------
    >>> NormalizedReLU()(np.array([1.0, -5.0, 3.0]))
    array([0.25, 0.  , 0.75])
    """

    power: float = 1
    eps: float = 0.0

    def __post_init__(self):
        """Refuse a power that is not positive, or an eps that is negative."""
        _check.positive(_check.number(self.power, "power"), "power")
        _check.not_negative(self.eps, "eps")

    def size(self, scores):
        """Give the positive part."""
        return rectified(scores, 1)

    def phi(self, scores):
        """Give ``max(s, 0)^power``."""
        return rectified(scores, self.power)

    def derivative(self, scores):
        """Differentiate `phi`."""
        return rectified(scores, self.power - 1) * self.power


class _Logarithmic(Sum):
    """A sum kind whose phi is positive and underflows: softmax of its logarithm."""

    def log_phi(self, scores):
        """Give the logarithm of phi."""
        raise NotImplementedError(f"{type(self).__name__} needs a method `log_phi`")

    def phi(self, scores):
        """Give the exponential of `log_phi`."""
        return namespace(scores).exp(self.log_phi(scores))

    def rows(self, scores, where=None):
        """Weigh along the last axis."""
        known = masked(scores, where)
        logs = self.log_phi(known)
        weights = rows_of(logs).softmax(logs, logs.ndim - 1, where)
        # Infinity has no unique limit, here as elsewhere, although phi has one.
        odd = full((), float("inf"), scores)
        endless = (masked(known, where) == odd).any(-1)[..., None]
        xp = namespace(scores)
        lost = xp.where(endless, xp.full_like(weights, xp.nan), weights)
        return masked(lost, where)

    def slopes(self, scores):
        """Give those of ``w_i ([i = j] - w_j) l_j``, with l that of `log_phi`."""
        weights = self.rows(scores)
        return of_shares(weights, weights * self.log_derivative(scores))


@dataclass(frozen=True, eq=False)
class NormalizedSigmoid(_Logarithmic):
    """The weighting ``sigmoid(s + bias) / sum sigmoid(s + bias)``.

    Parameters
    ----------
    bias : float or array, default 0.0
        Added to the scores; towards ``-inf`` the weights become softmax's.

    Notes
    -----
    Computed as softmax of the logarithm of the sigmoid, so that it never meets 0/0.

    The relative error of a weight is at most ``(16 + 2 (r + |bias|)) eps``, with ``r``
    the largest size of a score, in rows of up to 30,000 keys.

    Examples
    --------
    >>> NormalizedSigmoid()(np.log([1, 3])).round(6)
    array([0.4, 0.6])
    """

    bias: Any = 0.0

    def __post_init__(self):
        """Refuse a bias that is NaN."""
        _check.real(self.bias, "bias")

    def log_phi(self, scores):
        """Give the logarithm of the sigmoid."""
        return log_logistic(scores + like(self.bias, scores))

    def log_derivative(self, scores):
        """Differentiate `log_phi`."""
        return logistic(-(scores + like(self.bias, scores)))


@dataclass(frozen=True, eq=False)
class NormalizedTanh(_Logarithmic):
    """The weighting ``(1 + tanh s) / sum (1 + tanh s)``.

    Notes
    -----
    Since ``1 + tanh s = 2 sigmoid(2 s)`` it is the normalised sigmoid of twice the
    score.

    The relative error of a weight is at most ``(16 + 4 r) eps``, with ``r`` the largest
    size of a score, in rows of up to 30,000 keys.

    Examples
    --------
    >>> NormalizedTanh()(np.log([1, 3]) / 2).round(6)
    array([0.4, 0.6])
    """

    def log_phi(self, scores):
        """Give the logarithm of ``sigmoid(2 s)``."""
        return log_logistic(2 * scores)

    def log_derivative(self, scores):
        """Differentiate `log_phi`."""
        return 2 * logistic(-2 * scores)


def log_logistic(x):
    """Give ``log(1 / (1 + e^-x))`` without overflow."""
    if is_tensor(x):
        return namespace(x).nn.functional.logsigmoid(x)
    xp = namespace(x)
    return xp.minimum(x, 0) - xp.log1p(xp.exp(-abs(x)))


def _largest(x):
    """Give the largest entry of each row, kept as an axis; it has no gradient."""
    xp = namespace(x)
    if not x.shape[-1]:
        return full((*x.shape[:-1], 1), 0.0, x)
    return xp.amax(x.detach() if is_tensor(x) else x, -1)[..., None]


def _finish(weights, total, scores, where):
    """Make NaN what has no limit, and zero what takes no part."""
    xp = namespace(weights)
    nan = (~xp.isfinite(total)) | only_minus_infinity(scores, where)
    return masked(xp.where(nan, xp.full_like(total, xp.nan), weights), where)
