"""Kernels are imported where the first of them serves, also while compiling."""

from importlib import import_module

from attention_lib.torch_backend import kernels

__all__ = ["kernel"]


def kernel(name):
    """Give a module of kernels by its name."""
    _load(f"{kernels.__name__}.{name}")
    return getattr(kernels, name)


def _load(path):
    import_module(path)
    return True


# As `torch.compiler.assume_constant_result` would, which imports the whole compiler.
_load._dynamo_marked_constant = True
