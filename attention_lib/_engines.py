"""The row rules of the engine that serves an array: torch's for a tensor, else NumPy's.

Each engine is imported where it is first needed: neither costs a program that never
uses it, and torch is there already when a tensor arrives.
"""

from attention_lib._dispatch import is_tensor

__all__ = ["entmax_of", "rows_of"]


def rows_of(x):
    """Give the module with softmax, its logarithm and the log-sum-exp for `x`."""
    if is_tensor(x):
        from attention_lib.torch_backend import rows
    else:
        from attention_lib.numpy_backend import rows
    return rows


def entmax_of(x):
    """Give the module with entmax, and its threshold, for `x`."""
    if is_tensor(x):
        from attention_lib.torch_backend import entmax
    else:
        from attention_lib.numpy_backend import entmax
    return entmax
