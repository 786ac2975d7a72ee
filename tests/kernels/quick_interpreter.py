"""Triton's interpreter, less a search of its language at each call of a function.

It puts its own functions in the place of the language's when a kernel starts, and again
at each function that the kernel calls, which takes a third of the time. Once is enough
for each of the modules in which a function finds the language.
"""

from functools import cache
from inspect import ismodule

import triton.language as tl
from triton.runtime import interpreter

__all__ = ["quicken"]

replace = interpreter._patch_lang
at_work = []  # while a kernel runs: what it has replaced, and in which modules


def quicken():
    """Let the language be replaced once for each kernel."""
    interpreter._patch_lang = _once


class _Kernel:
    """What a kernel replaced, to be put back at its end."""

    def __init__(self):
        self.scopes, self.modules = [], set()
        at_work.append(self)

    def add(self, function):
        """Replace the language where a function finds it, unless it is."""
        found = _found(function)
        if not found <= self.modules:
            self.modules |= found
            self.scopes.append(replace(function))

    def restore(self):
        """Put the language back."""
        at_work.remove(self)
        for scope in reversed(self.scopes):
            scope.restore()


@cache
def _found(function):
    """Name the modules in which a function finds the language."""
    held = [a for a in function.__globals__.values() if ismodule(a)]
    return {a.__name__ for a in held if a in (tl, tl.core)}


def _once(function):
    kernel = at_work[-1] if at_work else _Kernel()
    kernel.add(function)
    return kernel
