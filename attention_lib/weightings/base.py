"""What every weighting is, and the five kinds of them.

A weighting turns a row of scores into a row of weights. Its *kind* says how its
weights are made, and with that how it streams and how two partial results merge:

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

import dataclasses
from numbers import Real
from typing import ClassVar

from attention_lib import _check
from attention_lib._dispatch import (
    cast,
    full,
    is_tensor,
    move_axis,
    namespace,
    quiet,
)
from attention_lib._engines import rows_of
from attention_lib.weightings import jacobians

__all__ = ["Exponential", "Pointwise", "Selection", "Sum", "Threshold", "Weighting"]


class Weighting:
    r"""A map from rows of scores to rows of weights.

    Call it on scores, or give it to attention as ``weighting=``. To add one, derive
    from the class of its kind: `Exponential`, `Sum`, `Pointwise`, `Threshold` or
    `Selection`. Sum and pointwise kinds need a ``phi(scores)`` and its
    ``derivative(scores)``, written with what NumPy arrays and tensors share; the
    other two need ``rows(scores, where)``. Parameters are the fields of a frozen
    dataclass; an array among them has size 1 along the axis of the keys.

    Examples
    --------
    The square of the positive part, weighed pointwise:

    >>> from attention_lib.weightings import Pointwise
    >>> class SquaredReLU(Pointwise):
    ...     def phi(self, scores):
    ...         return scores.clip(0) ** 2
    ...     def derivative(self, scores):
    ...         return 2 * scores.clip(0)
    >>> SquaredReLU()(np.array([-1.0, 3.0]))
    array([0., 9.])

    Attention takes it like any other, on NumPy arrays and on tensors:

    >>> from attention_lib import scaled_dot_product_attention
    >>> one = np.array([[1.0]])
    >>> scaled_dot_product_attention(one, 3 * one, one, weighting=SquaredReLU())
    array([[9.]])
    """

    kind: ClassVar[str]
    uses_n: ClassVar[bool] = False  # whether the rule uses the number of keys

    def __call__(self, x, axis=-1, *, where=None):
        """Weigh the entries of `x` along `axis`; see `attention_lib.softmax`."""
        x = _check.array(x, "x")
        axis = _check.axis_of(x, axis)
        where = _check.where(where, x)
        self.check_keys(x.shape[axis])
        xp = namespace(x)
        if where is not None:
            where = move_axis(xp.broadcast_to(where, x.shape), axis, -1)
        scores = cast(move_axis(x, axis, -1), _check.work_dtype(x))
        with quiet(x):
            weights = self.turned(axis, x).rows(scores, where)
        return cast(move_axis(weights, -1, axis), x.dtype)

    def check_keys(self, n):
        """Refuse rows of `n` keys, where the rule needs others."""

    def rows(self, scores, where=None):
        """Weigh along the last axis, in the dtype of `scores`, with no checks."""
        raise NotImplementedError(f"{type(self).__name__} needs a method `rows`")

    def jacobian(self, scores):
        """Give the derivatives of the weights along the last axis, (..., n, n)."""
        return jacobians.matrix(*self.slopes(scores))

    def slopes(self, scores):
        """Give three rows: the Jacobian's diagonal, and u and v of ``- u_i v_j``."""
        raise TypeError(f"{type(self).__name__} has no Jacobian in closed form")

    def jacobian_norm(self, scores):
        """Give the Frobenius norm of the Jacobian of each row, without the matrix."""
        if type(self).jacobian is not Weighting.jacobian:
            moves = self.jacobian(scores)
            return namespace(moves).linalg.vector_norm(moves, axis=(-2, -1))
        return jacobians.norm(*self.slopes(scores))

    def constant_multiplier(self):
        """Give the number that multiplies the scores, if this is softmax of them."""
        return None

    def parameters(self):
        """Give the parameters that are arrays, by name."""
        if not dataclasses.is_dataclass(self):
            return {}
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {name: a for name, a in values.items() if getattr(a, "ndim", 0)}

    def turned(self, axis, x):
        """Give the weighting for rows of `x` along `axis`, once that axis is last."""
        arrays = self.parameters()
        if not arrays:
            return self
        _check.same_library(x=x, **arrays)
        rows = tuple(1 if i == axis else n for i, n in enumerate(x.shape))
        turn = {}
        for name, a in arrays.items():
            _check.broadcastable(a, rows, name, "the rows")
            full_axes = a[(None,) * (x.ndim - a.ndim)]
            turn[name] = move_axis(full_axes, axis, -1)
        return dataclasses.replace(self, **turn)

    def part(self, shape, index, rows):
        """Give the weighting of some rows of one head, for scores of `shape`."""
        arrays = self.parameters()
        if not arrays:
            return self
        target = (*shape[:-1], 1)
        cut = {
            name: namespace(a).broadcast_to(a, target)[(*index, rows, slice(None))]
            for name, a in arrays.items()
        }
        return dataclasses.replace(self, **cut)

    def same_as(self, other):
        """Tell whether two weightings are one rule with the same parameters."""
        if type(self) is not type(other):
            return False
        if self is other or not dataclasses.is_dataclass(self):
            return True
        names = [field.name for field in dataclasses.fields(self)]
        return all(_same(getattr(self, name), getattr(other, name)) for name in names)


class Exponential(Weighting):
    r"""Weights ``e^z / (e^offset + sum e^z)``, where ``z`` are the scores, rescaled.

    A subclass may give an ``exponent(scores, n)``, the rescaled scores, and an
    ``offset``, the score of one extra key whose value is zero (None: there is none).
    """

    kind = "exponential"
    offset = None

    def exponent(self, scores, n):
        """Rescale the scores, for rows in which `n` keys take part."""
        return scores

    def rows(self, scores, where=None):
        """Weigh along the last axis."""
        n = count(scores, where) if self.uses_n else None
        z = self.exponent(masked(scores, where), n)
        rules = rows_of(z)
        weights = rules.softmax(z, z.ndim - 1, where)
        if self.offset is None:
            return weights
        total = rules.logsumexp(z, z.ndim - 1, where, keepdims=True)
        if where is not None:  # a row without keys has no gradient
            total = masked(total, where.any(-1)[..., None])
        # Its derivative, unlike that of 1 / (1 + e^-x), does not overflow.
        shared = weights * logistic(total - like(self.offset, z))
        return masked(shared, where)  # in a row of NaN, too

    def slopes(self, scores):
        """Give those of ``diag(w) - w w^T``; a rule that rescales needs its own."""
        if type(self).exponent is not Exponential.exponent:
            return super().slopes(scores)
        weights = self.rows(scores)
        if self.offset is not None:  # the others and the extra key
            return weights * (1 - weights), weights, weights
        return jacobians.of_shares(weights, weights)


class Sum(Weighting):
    """Weights ``phi(s) / (sum |phi(s)| + eps)``; a row of zeros stays zeros."""

    kind = "sum"
    eps = 0.0

    def phi(self, scores):
        """Give each score its size, before the division."""
        raise NotImplementedError(f"{type(self).__name__} needs a method `phi`")

    def derivative(self, scores):
        """Differentiate `phi`."""
        raise NotImplementedError(f"{type(self).__name__} needs a `derivative`")

    def rows(self, scores, where=None):
        """Weigh along the last axis."""
        xp = namespace(scores)
        shares = masked(self.phi(masked(scores, where)), where)
        total = abs(shares).sum(-1)[..., None] + self.eps
        weights = shares / xp.where(total == 0, xp.ones_like(total), total)
        nan = (~xp.isfinite(total)) | only_minus_infinity(scores, where)
        return masked(xp.where(nan, xp.full_like(total, xp.nan), weights), where)

    def slopes(self, scores):
        """Give those of ``(diag(phi') - w (sign(phi) phi')^T) / (sum |phi| + eps)``."""
        xp = namespace(scores)
        shares, slopes = self.phi(scores), self.derivative(scores)
        total = abs(shares).sum(-1)[..., None] + self.eps
        total = xp.where(total == 0, xp.ones_like(total), total)
        weights, slopes = shares / total, slopes / total
        return slopes * (1 - abs(weights)), weights, xp.sign(shares) * slopes


class Pointwise(Weighting):
    """Weights ``phi(s)``, one by one: they need not sum to one."""

    kind = "pointwise"

    def phi(self, scores, n=None):
        """Give each score its weight; `n` keys take part (where ``uses_n``)."""
        raise NotImplementedError(f"{type(self).__name__} needs a method `phi`")

    def derivative(self, scores, n=None):
        """Differentiate `phi`."""
        raise NotImplementedError(f"{type(self).__name__} needs a `derivative`")

    def rows(self, scores, where=None):
        """Weigh along the last axis."""
        n = (count(scores, where),) if self.uses_n else ()
        return masked(self.phi(masked(scores, where), *n), where)

    def slopes(self, scores):
        """Give those of ``diag(phi')``: a score moves its own weight only."""
        n = (count(scores, None),) if self.uses_n else ()
        none = namespace(scores).zeros_like(scores)
        return self.derivative(scores, *n), none, none


class Threshold(Weighting):
    """Weights ``[(alpha - 1) s - tau]_+^(1 / (alpha - 1))``: zero below a bound."""

    kind = "threshold"
    alpha: float

    def slopes(self, scores):
        """Give those of ``diag(h) - h h^T / sum h``, where ``h = w^(2 - alpha)``."""
        xp = namespace(scores)
        weights = self.rows(scores)
        inside = xp.where(weights > 0, weights, xp.ones_like(weights))
        alpha = like(self.alpha, scores)
        slopes = xp.where(weights > 0, inside ** (2 - alpha), 0 * weights)
        return jacobians.of_shares(slopes / slopes.sum(-1)[..., None], slopes)


class Selection(Weighting):
    """Weights of chosen keys only; every other weight is zero."""

    kind = "selection"


def count(scores, where):
    """Count the keys that take part: a number, or one for each row, (..., 1)."""
    if where is None:
        return scores.shape[-1]
    return cast(where.sum(-1), scores.dtype)[..., None]


def like(parameter, scores):
    """Give a parameter in the dtype of the scores, so that it promotes nothing."""
    if isinstance(parameter, Real):
        return float(parameter)
    return cast(parameter, scores.dtype)


def logistic(x):
    """Give ``1 / (1 + e^-x)`` without overflow."""
    xp = namespace(x)
    if is_tensor(x):
        return xp.sigmoid(x)
    small = xp.exp(-abs(x))  # at most one
    return xp.where(x < 0, small, xp.ones_like(small)) / (1 + small)


def masked(x, where):
    """Give `x` with zeros where nothing takes part."""
    if where is None:
        return x
    return namespace(x).where(where, x, full((), 0.0, x))


def _same(a, b):
    """Tell whether two parameters are equal, numbers or arrays."""
    if a is b:
        return True
    if getattr(a, "ndim", 0) or getattr(b, "ndim", 0):
        if getattr(a, "shape", ()) != getattr(b, "shape", ()):
            return False
        return is_tensor(a) == is_tensor(b) and bool((a == b).all())
    return bool(a == b)


def only_minus_infinity(scores, where):
    """Tell the rows in which keys take part, all with a score of minus infinity."""
    alone = scores == -float("inf")
    if where is None:
        return alone.all(-1)[..., None] & bool(scores.shape[-1])
    return ((alone | ~where).all(-1) & where.any(-1))[..., None]
