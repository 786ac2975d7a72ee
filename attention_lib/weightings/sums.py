"""Rows divided by the sum of their sizes: softpick, and normalised ReLU."""

from dataclasses import dataclass

from attention_lib import _check, definitions
from attention_lib._dispatch import namespace, rectified
from attention_lib.weightings.kinds import Sum
from attention_lib.weightings.registry import Verdict, gap, registered
from attention_lib.weightings.streams import Stream

__all__ = ["NormalizedReLU", "Softpick", "normalize", "softpick"]


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


@registered(
    "softpick",
    definition=definitions.softpick,
    bound=lambda x, w, eps=1e-6: (16 + gap(x)) * w,
    laws=[
        Verdict(
            holds="non-negative, defined everywhere, continuous, keeps order, "
            "odds ignore other keys, exact zeros, can abstain, streams "
            "here, permutation equivariant",
            breaks="sums to one, tells scores apart, shift invariant, scale "
            "invariant, keeps its share",
        ),
    ],
    examples=({}, {"eps": 0}, {"eps": 0.5}),
)
@dataclass(frozen=True, eq=False)
class Softpick(Sum):
    """The weighting ``max(e^s - 1, 0) / (sum |e^s - 1| + eps)``; see `softpick`.

    Parameters
    ----------
    eps : float, default 1e-6
        Added to the sum, at least zero.

    Raises
    ------
    TypeError
        If `eps` is not a number.
    ValueError
        If it is negative or not finite.

    Notes
    -----
    As exact as `softpick`: the relative error of a weight is at most ``(16 + d) eps``,
    with ``d`` the distance of its score from the largest.

    References
    ----------
    That of `softpick`.

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

    def phi(self, scores):
        """Give ``max(e^s - 1, 0)``."""
        xp = namespace(scores)
        return xp.expm1(xp.where(scores < 0, xp.zeros_like(scores), scores))

    def record(self, n=None):
        """Name softpick, whose sizes grow like the exponential."""
        return Stream(
            self.kind,
            "softpick",
            self.phi,
            eps=self.eps,
            growth="exp",
            relative=self.relative,
        )

    def slopes(self, scores):
        """Give those of ``e^s ([i = j, s > 0] - w sign(s)^T)``, over the sum."""
        xp, record = namespace(scores), self.record()
        peak, total, shares = record.parts(scores, None)
        weights = record.finish(shares, peak, total)
        slopes = record.finish(xp.exp(scores - peak), peak, total)
        own = xp.where(scores > 0, slopes, xp.zeros_like(slopes))
        return own * (1 - weights), weights, xp.sign(scores) * slopes


@dataclass(frozen=True, eq=False)
class _Shares(Sum):
    """The weighting ``s / (sum |s| + eps)``; see `normalize`."""

    eps: float = 0.0

    def __post_init__(self):
        """Refuse an eps that is negative."""
        _check.not_negative(self.eps, "eps")

    def phi(self, scores):
        """Give the score itself."""
        return scores

    def record(self, n=None):
        """Name a size that grows like the score: rows are scaled before the sum."""
        return Stream(self.kind, rule=self.phi, eps=self.eps, growth="size")


@registered(
    "normalized_relu",
    definition=definitions.normalized_relu,
    bound=lambda x, w, power=1, eps=0.0: (8 + 2 * power) * w,
    laws=[
        Verdict(
            holds="non-negative, defined everywhere, keeps order, scale "
            "invariant, odds ignore other keys, exact zeros, can abstain, "
            "streams here, permutation equivariant",
            breaks="sums to one, continuous, tells scores apart, shift invariant, "
            "keeps its share",
        ),
    ],
    examples=({}, {"power": 2}, {"power": 2, "eps": 0.1}),
)
@dataclass(frozen=True, eq=False)
class NormalizedReLU(Sum):
    r"""The weighting ``max(s, 0)^power / (sum max(s, 0)^power + eps)``.

    .. math:: w_j = \frac{\max(x_j, 0)^p}{\sum_k \max(x_k, 0)^p + \varepsilon}

    Parameters
    ----------
    power : float, default 1
        Positive.
    eps : float, default 0.0
        Added to the sum, at least zero. A row without a positive score is zeros.

    Raises
    ------
    TypeError
        If a parameter is not a number.
    ValueError
        If `power` is not positive, `eps` is negative, or one of them is not finite.

    Notes
    -----
    The scores of a row are divided by the largest before the power is taken, so that
    neither it nor the sum overflows or vanishes.

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

    fades = True

    def phi(self, scores):
        """Give ``max(s, 0)^power``."""
        return rectified(scores, self.power)

    def derivative(self, scores):
        """Differentiate `phi`."""
        return rectified(scores, self.power - 1) * self.power

    def record(self, n=None):
        """Name a power of the positive part: rows are scaled before it is taken.

        Powers and sums of the scaled row neither overflow nor vanish. The scale
        cancels, so it has no gradient.
        """
        return Stream(
            self.kind,
            "relu",
            self.phi,
            eps=self.eps,
            power=self.power,
            growth="power",
        )
