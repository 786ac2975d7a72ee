"""The five kinds of weightings.

The *kind* says how weights are made, and with that how two partial results merge:

============= ================================== ==============================
kind          weights                            merge of two shards of the keys
============= ================================== ==============================
exponential   ``e^s / (e^offset + sum e^s)``      rescale to one maximum, add
sum           ``phi(s) / (sum |phi(s)| + eps)``   add
pointwise     ``phi(s)``                          add
threshold     zero below a bound set by all keys  none: needs every key
selection     softmax of chosen keys              none: needs every key
============= ================================== ==============================
"""

from functools import partial

from attention_lib._dispatch import (
    count,
    factor_for,
    full,
    like,
    logistic,
    masked,
    namespace,
)
from attention_lib._engines import engine_of
from attention_lib.weightings import jacobians
from attention_lib.weightings.base import RULES, Weighting, names_its_rules
from attention_lib.weightings.streams import Stream, lost, seen

__all__ = ["Exponential", "LogSum", "Pointwise", "Selection", "Sum", "Threshold"]


class _Streamed(Weighting):
    """A weighting whose weights follow from its record."""

    def _record(self, scores, where=None):
        """Give the record for rows of scores; `weigh` may be another's by now."""
        n = count(scores, where) if self.uses_n else None
        return self._said("record", RULES[1:], n)

    def weigh(self, scores, where=None):
        """Weigh along the last axis: the shares of a whole row, divided."""
        record, known = self._record(scores, where), masked(scores, where)
        peak, total, shares = record.parts(known, where)
        return _without_lost(record.finish(shares, peak, total), scores, where)


class Exponential(_Streamed):
    r"""Weights ``e^z / (e^offset + sum e^z)``, where ``z`` are the scores, rescaled.

    A subclass may give an ``exponent(scores, n)``, the rescaled scores, and an
    ``offset``, the score of one extra key whose value is zero (None: there is none).

    Examples
    --------
    Twice the score, so that odds are squared:

    >>> class Twice(Exponential):
    ...     def exponent(self, scores, n):
    ...         return 2 * scores
    >>> Twice()(np.log([1, 2]))
    array([0.2, 0.8])
    """

    kind = "exponential"
    offset = None

    def exponent(self, scores, n):
        """Rescale the scores, for rows in which `n` keys take part."""
        return scores

    @names_its_rules
    def record(self, n=None):
        """Name the object's own exponent and offset."""
        if type(self).exponent is Exponential.exponent:
            return Stream(self.kind, "exp", offset=self.offset)
        return Stream(self.kind, rule=partial(self.exponent, n=n), offset=self.offset)

    def weigh(self, scores, where=None):
        """Weigh along the last axis."""
        record, rules = self._record(scores, where), engine_of(scores).rows
        known = scores if record.rule is None else masked(scores, where)
        z = record.exponents(known)
        weights = rules.softmax(z, where, record.multiplier)
        if record.offset is not None:
            taking = where
            if where is not None:
                # A row without keys is one of zeros, whose logarithm has a slope.
                z, taking = masked(z, where), where | ~where.any(-1)[..., None]
            total = rules.logsumexp(z * factor_for(z, record.multiplier), taking)
            # Its derivative, unlike that of 1 / (1 + e^-x), does not overflow.
            share = logistic(total - like(record.offset, z))
            weights = masked(weights * share, where)  # in a row of NaN, too
        if record.rule is None:
            return weights
        return _without_lost(weights, scores, where)

    def slopes(self, scores):
        """Give those of ``diag(w) - w w^T``, or of w times what moves each score."""
        weights = self.weigh(scores)
        if self.offset is not None:  # the others and the extra key
            return weights * (1 - weights), weights, weights
        return jacobians.of_shares(weights, weights)


class Sum(_Streamed):
    """Weights ``phi(s) / (sum |phi(s)| + eps)``; a row of zeros stays zeros.

    A subclass gives a ``phi(scores)`` and its ``derivative(scores)``, and may give an
    ``eps``. Where phi is positive and can vanish, derive from `LogSum` instead.

    Examples
    --------
    Squares, divided by their sum:

    >>> class Squares(Sum):
    ...     def phi(self, scores):
    ...         return scores**2
    ...     def derivative(self, scores):
    ...         return 2 * scores
    >>> Squares()(np.array([1.0, -3.0]))
    array([0.1, 0.9])
    """

    kind = "sum"
    eps = 0.0

    def phi(self, scores):
        """Give each score its size, before the division."""
        raise NotImplementedError(f"{type(self).__name__} needs a method `phi`")

    def derivative(self, scores):
        """Differentiate `phi`."""
        raise NotImplementedError(f"{type(self).__name__} needs a `derivative`")

    @names_its_rules
    def record(self, n=None):
        """Name the object's own phi and eps."""
        return Stream(self.kind, rule=self.phi, eps=self.eps)

    @names_its_rules
    def slopes(self, scores):
        """Give those of ``(diag(phi') - w (sign(phi) phi')^T) / (sum |phi| + eps)``."""
        xp = namespace(scores)
        slopes = _differentiated(self, scores)
        shares = self.phi(scores)
        total = abs(shares).sum(-1)[..., None] + self.eps
        total = xp.where(total == 0, xp.ones_like(total), total)
        weights, slopes = shares / total, slopes / total
        return slopes * (1 - abs(weights)), weights, xp.sign(shares) * slopes


class LogSum(Sum):
    """A sum kind whose phi is positive and can vanish: given by its logarithm.

    A subclass gives a ``log_phi(scores)`` and its ``log_derivative(scores)``. Weights
    are softmax's, of ``log phi``, so that they never meet 0/0.

    Examples
    --------
    ``phi(s) = e^(s / 2)``, which is softmax at temperature 2:

    >>> class Warm(LogSum):
    ...     def log_phi(self, scores):
    ...         return scores / 2
    ...     def log_derivative(self, scores):
    ...         return 0 * scores + 0.5
    >>> Warm()(2 * np.log([1, 3]) - 2000)
    array([0.25, 0.75])
    """

    def log_phi(self, scores):
        """Give the logarithm of phi."""
        raise NotImplementedError(f"{type(self).__name__} needs a method `log_phi`")

    def log_derivative(self, scores):
        """Differentiate `log_phi`."""
        raise NotImplementedError(f"{type(self).__name__} needs a `log_derivative`")

    def phi(self, scores):
        """Give the exponential of `log_phi`."""
        return namespace(scores).exp(self.log_phi(scores))

    @names_its_rules
    def record(self, n=None):
        """Name the object's own logarithm; its own phi, where that was changed."""
        if type(self).phi is not LogSum.phi:
            return Sum.record(self, n)
        return Stream(self.kind, rule=self.log_phi, logs=True)

    def weigh(self, scores, where=None):
        """Weigh along the last axis."""
        record = self._record(scores, where)
        if not record.logs:
            return super().weigh(scores, where)
        z = record.exponents(masked(scores, where))
        weights = engine_of(scores).rows.softmax(z, where, record.multiplier)
        return _without_lost(weights, scores, where)

    @names_its_rules
    def slopes(self, scores):
        """Give those of ``w_i ([i = j] - w_j) l_j``, with l that of `log_phi`."""
        if type(self).phi is not LogSum.phi:
            return Sum.slopes(self, scores)
        slopes = _differentiated(self, scores, "log_derivative", "log_phi")
        weights = self.weigh(scores)
        return jacobians.of_shares(weights, weights * slopes)


class Pointwise(_Streamed):
    """Weights ``phi(s)``, one by one: they need not sum to one.

    A subclass gives a ``phi(scores, n=None)`` and its ``derivative(scores, n=None)``;
    `n`, the number of keys that take part, is given where the class says ``uses_n``.

    Examples
    --------
    Exponentials, divided by the number of keys:

    >>> class MeanExponential(Pointwise):
    ...     uses_n = True
    ...     def phi(self, scores, n=None):
    ...         return np.exp(scores) / n
    >>> MeanExponential()(np.log([1, 3]))
    array([0.5, 1.5])
    """

    kind = "pointwise"

    def phi(self, scores, n=None):
        """Give each score its weight; `n` keys take part (where ``uses_n``)."""
        raise NotImplementedError(f"{type(self).__name__} needs a method `phi`")

    def derivative(self, scores, n=None):
        """Differentiate `phi`."""
        raise NotImplementedError(f"{type(self).__name__} needs a `derivative`")

    @names_its_rules
    def record(self, n=None):
        """Name the object's own phi."""
        rule = partial(self.phi, n=n) if self.uses_n else self.phi
        return Stream(self.kind, rule=rule)

    def weigh(self, scores, where=None):
        """Weigh along the last axis."""
        return self._record(scores, where).parts(masked(scores, where), where)[-1]

    @names_its_rules
    def slopes(self, scores):
        """Give those of ``diag(phi')``: a score moves its own weight only."""
        n = (scores.shape[-1],) if self.uses_n else ()
        none = namespace(scores).zeros_like(scores)
        return _differentiated(self, scores, "derivative", "phi", *n), none, none


class Threshold(Weighting):
    """Weights that are zero below a bound which every key of a row helps to set.

    A subclass gives ``weigh(scores, where)``.

    Examples
    --------
    All that lies less than one below the largest, in equal parts:

    >>> class Near(Threshold):
    ...     def weigh(self, scores, where=None):
    ...         near = scores > scores.max(-1, keepdims=True) - 1
    ...         return near / near.sum(-1, keepdims=True)
    >>> Near()(np.array([3.0, 2.5, 1.0]))
    array([0.5, 0.5, 0. ])
    """

    kind = "threshold"


class Selection(Weighting):
    """Weights of chosen keys only; every other weight is zero.

    A subclass gives ``weigh(scores, where)``.

    Examples
    --------
    The first key:

    >>> class First(Selection):
    ...     def weigh(self, scores, where=None):
    ...         return (np.arange(scores.shape[-1]) == 0) * np.ones_like(scores)
    >>> First()(np.array([3.0, 2.5, 1.0]))
    array([1., 0., 0.])
    """

    kind = "selection"


def _differentiated(weighting, scores, name="derivative", rule="phi", *n):
    """Give the derivative of a rule, unless it belongs to another rule."""
    if not weighting._speaker(name, (rule,)):
        own = getattr(type(weighting), name)
        missing = [getattr(kind, name, None) for kind in (Sum, LogSum, Pointwise)]
        if own not in missing:
            given = type(weighting).__name__
            message = f"{given} has no Jacobian in closed form: its `{name}` is that"
            raise TypeError(f"{message} of another `{rule}`")
    return getattr(weighting, name)(scores, *n)


def _without_lost(weights, scores, where):
    """Make NaN of rows without a limit, and zero of what takes no part."""
    nan = full((), float("nan"), weights)
    rows = lost(seen(scores, where))
    return masked(namespace(weights).where(rows, nan, weights), where)
