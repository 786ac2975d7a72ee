"""The engine that serves an array: torch's for a tensor, else NumPy's.

Each is imported where it is first needed: neither costs a program that never uses it,
and torch is there already when a tensor arrives.
"""

from attention_lib._dispatch import is_tensor

__all__ = ["engine_of"]


def engine_of(x):
    """Give the package with the rows and the attention of the library of `x`."""
    if is_tensor(x):
        from attention_lib import torch_backend as engine
    else:
        from attention_lib import numpy_backend as engine
    return engine
