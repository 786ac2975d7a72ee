"""What every weighting is: a rule for rows, and a record of how it streams."""

import dataclasses
from numbers import Real
from typing import ClassVar

import numpy as np

from attention_lib import _check
from attention_lib._dispatch import (
    cast,
    is_tensor,
    move_axis,
    namespace,
    present,
    quiet,
    work_dtype,
)
from attention_lib._engines import engine_of
from attention_lib.weightings import jacobians

__all__ = ["Weighting", "names_its_rules"]

# The methods that hold a rule. What a class says of its weights stands as long as all
# of these are still its own.
RULES = ("weigh", "phi", "log_phi", "exponent")
# What is asked of a class, and by which rules: answered once, when it is made.
QUESTIONS = (
    ("fades", RULES),
    ("record", RULES),
    ("record", RULES[1:]),  # of `weigh` itself
    ("slopes", RULES),
    ("derivative", ("phi",)),
    ("log_derivative", ("log_phi",)),
)


def names_its_rules(method):
    """Mark a method that reads ``phi`` and its like through the object.

    It speaks for every subclass that keeps `weigh`, whatever else that changes.
    """
    method.names_its_rules = True
    return method


class Weighting:
    r"""A map from rows of scores to rows of weights.

    Call it on scores, or give it to attention as ``weighting=``. To add one, derive
    from the class of its kind: `Exponential`, `Sum`, `LogSum`, `Pointwise`,
    `Threshold` or `Selection`. It says what to write, a ``phi(scores)`` for example,
    with what NumPy arrays and tensors share. Parameters are the fields of a frozen
    dataclass; an array among them has size 1 along the axis of the keys.

    Notes
    -----
    Every way of computing attention gives what the rule gives on the matrix of scores.
    A subclass that changes `phi` or `exponent` streams by its own; one that changes
    `weigh` does not stream, and has no Jacobian unless it gives ``slopes``. A key of
    score ``-inf`` is not there: the rule never meets it, unless a row holds no other.

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
    # Whether a score of -inf has no weight and no gradient by itself, and counts not.
    fades: ClassVar[bool] = False

    def __init_subclass__(cls, **options):
        """Refuse a rule where attention would not find it."""
        super().__init_subclass__(**options)
        if "__call__" in vars(cls) and "weigh" not in vars(cls):
            message = (
                f"{cls.__name__} overrides `__call__`, which attention never calls"
            )
            raise TypeError(f"{message}: put its rule into `weigh`")
        cls._speakers = {asked: _speaker(cls, *asked) for asked in QUESTIONS}

    _speakers: ClassVar[dict] = {}

    def __call__(self, x, axis=-1, *, where=None):
        """Weigh the entries of `x` along `axis`; see `attention_lib.softmax`."""
        x = _check.array(x, "x")
        axis = _check.axis_of(x, axis)
        where = _check.where(where, x)
        self.check_keys(x.shape[axis])
        xp = namespace(x)
        with quiet(x):
            if where is not None:
                where = move_axis(xp.broadcast_to(where, x.shape), axis, -1)
            weights = self.turned(axis, x).weights(move_axis(x, axis, -1), where)
            return move_axis(weights, -1, axis)

    def check_keys(self, n):
        """Refuse rows of `n` keys, where the rule needs others."""

    def weights(self, scores, where=None):
        """Weigh along the last axis the keys that take part, with no checks.

        Those that score ``-inf`` do not, and the rule need not know it.
        """
        weights = engine_of(scores).rows.by_kernel(self, scores, where)
        if weights is not None:
            return weights
        rows = cast(scores, work_dtype(scores))
        if not (self._speaker("fades", RULES) and self.fades):
            where = present(rows, where)
        return cast(self.weigh(rows, where), scores.dtype)

    def weigh(self, scores, where=None):
        """Weigh along the last axis, in the dtype of `scores`: the rule."""
        raise NotImplementedError(f"{type(self).__name__} needs a method `weigh`")

    def stream(self, n=None):
        """Give the record of how it streams, or None where it does not.

        Parameters
        ----------
        n : int or array, shape (..., 1), optional
            Number of keys that take part in a row, where the rule uses it.

        Returns
        -------
        Stream or None
            The nearest class's whose rules are still its own.
        """
        return self._said("record", RULES, n)

    def _speaker(self, name, rules):
        """Give the nearest class that defines `name`, if it speaks for these rules."""
        return self._speakers.get((name, rules))

    def _said(self, name, rules, *given):
        """Call the method of the nearest class that speaks for these rules, or None."""
        owner = self._speaker(name, rules)
        return None if owner is None else vars(owner)[name](self, *given)

    def jacobian(self, scores):
        """Give the derivatives of the weights along the last axis, (..., n, n)."""
        return jacobians.matrix(*self._known_slopes(scores))

    def jacobian_norm(self, scores):
        """Give the Frobenius norm of the Jacobian of each row, without the matrix."""
        if type(self).jacobian is not Weighting.jacobian:
            moves = self.jacobian(scores)
            return namespace(moves).linalg.vector_norm(moves, axis=(-2, -1))
        return jacobians.norm(*self._known_slopes(scores))

    def _known_slopes(self, scores):
        """Give three rows: the Jacobian's diagonal, and u and v of ``- u_i v_j``."""
        slopes = self._said("slopes", RULES, scores)
        if slopes is None:
            raise TypeError(f"{type(self).__name__} has no Jacobian in closed form")
        return slopes

    def parameters(self):
        """Give the parameters that are arrays, or become one, by name."""
        declared = getattr(self, "__dataclass_fields__", ())
        values = {name: getattr(self, name, None) for name in declared}
        arrays = {
            name: np.asarray(a) if isinstance(a, list | tuple) else a
            for name, a in values.items()
            if isinstance(a, list | tuple) or (_is_array(a) and hasattr(a, "ndim"))
        }
        if not arrays:  # as in most calls, for which a look at the fields is slow
            return arrays
        fields = {field.name for field in dataclasses.fields(self)}
        return {name: a for name, a in arrays.items() if name in fields}

    def turned(self, axis, x):
        """Give the weighting for rows of `x` along `axis`, once that axis is last."""
        arrays = self.fitting(x, (*x.shape[:axis], 1, *x.shape[axis + 1 :]))
        turn = {}
        for name, a in arrays.items():
            full_axes = a[(None,) * (x.ndim - a.ndim)]
            turn[name] = move_axis(full_axes, axis, -1)
        return dataclasses.replace(self, **turn) if turn else self

    def fitting(self, x, rows, what="the rows", whose="x"):
        """Take the parameters that are arrays: of the library of `x`, one a row."""
        arrays = self.parameters()
        for name, a in arrays.items():
            given = getattr(self, name)
            _check.same_library(**{whose: x, name: given if is_tensor(x) else a})
            _check.broadcastable(a, rows, name, what)
        return arrays

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


def _speaker(cls, name, rules):
    """Give the nearest class that defines `name`, if it speaks for rules of `cls`."""
    for owner in cls.__mro__:
        found = vars(owner).get(name)
        if found is None:
            continue
        named = getattr(found, "names_its_rules", False)
        at_stake = [rule for rule in rules if rule == "weigh" or not named]
        if all(_same_rule(cls, owner, rule) for rule in at_stake):
            return owner
        if not callable(found):  # of values, only the one that counts
            return None
    return None


def _same_rule(cls, owner, rule):
    return getattr(cls, rule, None) is getattr(owner, rule, None)


def _is_array(a):
    """Tell an array or tensor, of any number of axes, from a number of NumPy's."""
    return not isinstance(a, (float, Real, np.generic))  # a float is told soonest


def _same(a, b):
    """Tell whether two parameters are equal, numbers or arrays."""
    if a is b:
        return True
    if getattr(a, "ndim", 0) or getattr(b, "ndim", 0):
        if getattr(a, "shape", ()) != getattr(b, "shape", ()):
            return False
        return is_tensor(a) == is_tensor(b) and bool((a == b).all())
    return bool(a == b)
