"""Dataclasses of arrays, opened to torch's transforms: `vmap` sees their tensors.

torch is never imported here: a tensor can only arrive once it has been.
"""

import sys
import threading

from attention_lib._dispatch import is_tensor

__all__ = ["register"]

LOCK = threading.Lock()


class Fixed(int):
    """A whole number beside tensors, which torch's transforms leave as it is."""


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
        fixed = _fixed(held)
        given = [name for name in arrays if name not in fixed]
        kept = [*fixed.items(), *((name, getattr(x, name)) for name in static)]
        return [held[name] for name in given], (given, kept)

    def unflatten(tensors, context):
        given, kept = context
        return cls(**dict(zip(given, tensors, strict=True)), **dict(kept))

    with LOCK:
        if cls not in pytree.SUPPORTED_NODES:  # another thread may have been first
            pytree.register_pytree_node(cls, flatten, unflatten)


def _fixed(held):
    """Give the fields without a tensor: None, and numbers beside tensors.

    In place of all tensors torch puts whole numbers of its own, such as axes: those
    are not fixed, so the ones that are must be marked.
    """
    beside = any(is_tensor(a) for a in held.values())
    numbers = {name: Fixed(a) for name, a in held.items() if isinstance(a, int)}
    fixed = {name: None for name, a in held.items() if a is None}
    return fixed | {
        name: a for name, a in numbers.items() if beside or type(held[name]) is Fixed
    }
