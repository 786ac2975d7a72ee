"""What the public functions accept, and what they say of anything else.

Each function looks at what was given before any work is done, names what came and
what was expected, and returns it in the form in which the engines take it.
"""

import math
import operator
import sys
from numbers import Real

import numpy as np

from attention_lib._dispatch import is_tensor, kind_of, namespace, traced

__all__ = [
    "array",
    "axis_of",
    "broadcastable",
    "flag",
    "not_negative",
    "number",
    "plain",
    "positive",
    "real",
    "same_library",
    "size",
    "where",
]


def array(x, name):
    """Take an array of real numbers; integers become the default float type."""
    if is_tensor(x):
        torch = sys.modules["torch"]
        _dense(x, name)
        if x.is_floating_point():
            return x
        if x.dtype == torch.bool or x.is_complex():
            raise TypeError(f"{name} must hold real numbers; got dtype {x.dtype}")
        return x.to(torch.get_default_dtype())
    x = plain(x, name)
    if x.dtype.kind in "iu":
        return x.astype(np.float64)
    if x.dtype.kind != "f":
        raise TypeError(f"{name} must hold real numbers; got dtype {x.dtype}")
    return x


def plain(x, name):
    """Take a NumPy array, or what becomes one, that says of every entry what it is."""
    if isinstance(x, np.ma.MaskedArray):
        message = f"{name} is a masked array, whose mask would be lost: pass its data"
        raise TypeError(f"{message}, and where=~mask for what takes part")
    return np.asarray(x)


def _dense(x, name):
    """Refuse the tensors whose numbers do not lie in one block with strides."""
    if x.is_nested or x.layout is not sys.modules["torch"].strided:
        kind = "a nested tensor" if x.is_nested else f"one of layout {x.layout}"
        raise TypeError(f"{name} must be a dense tensor; got {kind}")


def flag(value, name):
    """Take True or False; a string or a number could be meant as either."""
    if not isinstance(value, bool | np.bool_):
        given = f"a {kind_of(value)}" if hasattr(value, "ndim") else repr(value)
        raise TypeError(f"{name} must be True or False; got {given}")
    return bool(value)


def axis_of(x, axis, name="x"):
    """Take one axis of `x`, as a non-negative integer."""
    if x.ndim == 0:
        raise ValueError(f"{name} needs an axis of keys; got a single number")
    try:
        if isinstance(axis, bool):
            raise TypeError
        index = operator.index(axis)
    except TypeError:
        message = f"axis must be one integer; got {axis!r}"
        raise TypeError(message) from None
    if not -x.ndim <= index < x.ndim:
        raise ValueError(f"axis {index} is out of range for {name} with {x.ndim} axes")
    return index % x.ndim


def same_library(**arrays):
    """Refuse a mixture of NumPy arrays and torch tensors, or of devices."""
    given = {name: a for name, a in arrays.items() if a is not None}
    tensors = {name: a for name, a in given.items() if is_tensor(a)}
    if tensors and len(tensors) < len(given):
        kinds = ", ".join(f"{name} is a {kind_of(a)}" for name, a in given.items())
        raise TypeError(f"pass all arrays of one library: {kinds}")
    for name, a in tensors.items():
        _dense(a, name)
    # torch lets a single number come from any device.
    if len({a.device for a in tensors.values() if a.ndim}) > 1:
        places = ", ".join(f"{name} on {a.device}" for name, a in tensors.items())
        raise ValueError(f"pass all tensors on one device: {places}")


def where(mask, x, name="where"):
    """Take a bool array that broadcasts to `x`, or None."""
    if mask is None:
        return None
    same_library(x=x, **{name: mask})
    mask = mask if is_tensor(mask) else plain(mask, name)
    if mask.dtype != namespace(mask).bool:
        raise TypeError(f"{name} must be bool (True takes part); got {mask.dtype}")
    return broadcastable(mask, x.shape, name, "x")


def broadcastable(small, shape, name, target):
    """Take an array that broadcasts to `shape` without enlarging it."""
    shape = tuple(shape)
    tail = shape[len(shape) - small.ndim :]
    fits = small.ndim <= len(shape) and all(
        have == 1 or have == want for have, want in zip(small.shape, tail, strict=True)
    )
    if not fits:
        given = tuple(small.shape)
        message = f"{name} of shape {given} does not broadcast to {target}, {shape}"
        raise ValueError(message)
    return small


def positive(value, name):
    """Take a positive finite number, or an array of them."""
    if isinstance(value, Real) and not isinstance(value, bool):
        if not 0 < value < math.inf:
            raise ValueError(f"{name} must be positive and finite; got {value}")
        return value
    value = array(value, name)
    if not traced(value) and not bool(((value > 0) & (value < math.inf)).all()):
        raise ValueError(f"{name} must be positive and finite; got {value}")
    return value


def real(value, name):
    """Take a number that is not NaN, or an array; it may be infinite."""
    if isinstance(value, Real) and not isinstance(value, bool):
        if value != value:  # a comparison, which a compiler can trace
            raise ValueError(f"{name} must be a number; got nan")
        return value
    return array(value, name)


def not_negative(value, name):
    """Take a finite number that is at least zero."""
    value = number(value, name)
    if value < 0:
        raise ValueError(f"{name} must not be negative; got {value}")
    return value


def size(value, name, least=0):
    """Take a whole number that is at least `least`."""
    try:
        if isinstance(value, bool):
            raise TypeError
        value = operator.index(value)
    except TypeError:
        message = f"{name} must be a whole number; got {value!r}"
        raise TypeError(message) from None
    if value < least:
        raise ValueError(f"{name} must be at least {least}; got {value}")
    return value


def number(value, name):
    """Take one finite number, as a Python float (so that it promotes nothing)."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number; got a {kind_of(value)}")
    if not -math.inf < value < math.inf:
        raise ValueError(f"{name} must be finite; got {value}")
    return float(value)
