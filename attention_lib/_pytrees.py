"""Dataclasses of arrays, opened to torch's transforms: `vmap` sees their tensors.

torch is never imported here: a tensor can only arrive once it has been.
"""

import sys
import threading

__all__ = ["register"]

LOCK = threading.Lock()


def register(cls, arrays, static=()):
    """Let torch take a dataclass apart, and put it together again.

    Parameters
    ----------
    cls : type
        The dataclass; to be called whenever an instance of it holds tensors.
    arrays : tuple of str
        Fields that hold a tensor, None or a whole number; the latter two stay as
        they are.
    static : tuple of str, default ()
        Fields that are carried along as they are.
    """
    torch = sys.modules["torch"]
    if torch.compiler.is_compiling():  # it looks into dataclasses by itself
        return
    pytree = torch.utils._pytree
    if cls in pytree.SUPPORTED_NODES:
        return

    def flatten(x):
        held = {name: getattr(x, name) for name in arrays}
        fixed = {name: a for name, a in held.items() if a is None or type(a) is int}
        given = [name for name in arrays if name not in fixed]
        kept = [*fixed.items(), *((name, getattr(x, name)) for name in static)]
        return [held[name] for name in given], (given, kept)

    def unflatten(tensors, context):
        given, kept = context
        return cls(**dict(zip(given, tensors, strict=True)), **dict(kept))

    with LOCK:
        if cls not in pytree.SUPPORTED_NODES:  # another thread may have been first
            pytree.register_pytree_node(cls, flatten, unflatten)
