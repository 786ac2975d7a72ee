"""Loops over a count that is known only when a kernel runs.

Triton's compiler pipelines what is read in ``for i in span(low, high)``, and nothing in
a ``while``. The interpreter of Triton 3.6 cannot count so far beside NumPy 2.4, which
takes no array for an index; there the bounds are made numbers first.
"""

import numpy as np
import triton.language as tl

from attention_lib.torch_backend.kernels.device import INTERPRETED

__all__ = ["span"]


def _counted(start, stop, step=1):
    """Count as `range` does, from the interpreter's arrays of one number to others."""
    for i in range(*map(_number, (start, stop, step))):
        yield tl.cast(i, tl.int32)


def _number(a):
    held = getattr(a, "handle", None)
    return int(a if held is None else np.asarray(held.data).item())


span = _counted if INTERPRETED else tl.range
