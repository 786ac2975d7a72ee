"""The torch engine: the row rules and attention, wherever the tensors are."""

from attention_lib.torch_backend import attention, entmax, rows, scores

__all__ = ["attention", "entmax", "rows", "scores"]
