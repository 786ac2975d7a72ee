"""The NumPy engine: the row rules and attention, in place and in blocks."""

from attention_lib.numpy_backend import attention, entmax, rows, scores

__all__ = ["attention", "entmax", "rows", "scores"]
