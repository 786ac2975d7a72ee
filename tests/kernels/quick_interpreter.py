"""Triton's interpreter, less what it does over and over, and what it throws away.

It puts its own functions in the place of the language's when a kernel starts, and again
at each function that the kernel calls, and takes them back at its end. Here they stay:
nothing else in this process asks for the language. It computes each sum and product of
integers once more in 64 bits, to compare it with bounds that only ``debug`` would
assert. And for each operation it makes types and shapes anew, of which there are a few
dozen. What the kernels compute stays as it is, in two fifths of the time.
"""

from dataclasses import replace
from functools import cache, wraps
from inspect import ismodule

import triton.language as tl
from triton.runtime import interpreter

__all__ = ["quicken"]

replace_language = interpreter._patch_lang


@cache
def quicken():
    """Let the language be replaced once, and each type and shape be made once."""
    interpreter._patch_lang = _replaced_once
    builder = interpreter.interpreter_builder
    builder.options = replace(builder.options, sanitize_overflow=False)
    interpreter._get_np_dtype = _dtypes_kept(interpreter._get_np_dtype)
    tl.block_type.__init__ = _types_kept(tl.block_type.__init__)
    tl.tensor.__init__ = _shapes_kept(tl.tensor.__init__)


class _Stays:
    """What the interpreter would take back at the end of a kernel."""

    def restore(self):
        """Leave it."""


replaced = set()  # the modules of the language in which this is done


@cache
def _replaced_once(function):
    """Replace the language where a function finds it, unless it is."""
    held = [a for a in function.__globals__.values() if ismodule(a)]
    found = {a.__name__ for a in held if a in (tl, tl.core)}
    if not found <= replaced:
        replaced.update(found)
        replace_language(function)
    return _Stays()


def _dtypes_kept(right):
    """Look up NumPy's dtype once for the name of each of Triton's."""
    known = {}

    @wraps(right)
    def quick(given):
        if given.name not in known:
            known[given.name] = right(given)
        return known[given.name]

    return quick


def _types_kept(right):
    """Make what is in a tile's type once for each shape, and sort of number."""
    known = {}

    @wraps(right)
    def quick(self, element_ty, shape):
        key = element_ty.name, *[getattr(n, "value", n) for n in shape]
        if key not in known:
            right(self, element_ty, shape)
            known[key] = vars(self).copy()
        vars(self).update(known[key])

    return quick


def _shapes_kept(right):
    """Make a tile's shape once for the name of each type, which tells it."""
    known = {}

    @wraps(right)
    def quick(self, handle, type):
        if type.name not in known:
            right(self, handle, type)
            known[type.name] = {"shape": self.shape, "numel": self.numel}
        vars(self).update(known[type.name], handle=handle, type=type, dtype=type.scalar)

    return quick
