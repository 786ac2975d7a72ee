"""The number of all keys, which a fold is told where its weighting uses it."""

from attention_lib import _check
from attention_lib._dispatch import (
    cast,
    count,
    is_tensor,
    namespace,
    traced,
    work_dtype,
)

__all__ = ["as_given_to_rules", "check_block", "given", "same"]


def given(n_keys, call):
    """Take the number of all keys: one, or one for each row."""
    name = type(call.weighting).__name__
    if n_keys is None:
        if call.weighting.uses_n:
            raise ValueError(f"{name} uses the number of keys: give n_keys")
        return None
    if getattr(n_keys, "ndim", 0):
        _check.same_library(query=call.query, n_keys=n_keys)
        if not is_tensor(n_keys):
            n_keys = _check.plain(n_keys, "n_keys")
        if not _holds_whole_numbers(n_keys):
            raise TypeError(f"n_keys must hold whole numbers; got {n_keys.dtype}")
        rows = (*call.shape[:-1], 1)
        n_keys = _check.broadcastable(n_keys, rows, "n_keys", "the scores' rows")
    else:
        n_keys = _check.size(n_keys, "n_keys")
    if not call.weighting.uses_n:
        return None
    masks = {"is_causal": call.is_causal}
    masks["attn_mask"] = call.mask is not None or call.bias is not None
    given = [mask for mask, is_given in masks.items() if is_given]
    if isinstance(n_keys, int) and given:
        message = f"with {' and '.join(given)} queries see different numbers of keys"
        raise ValueError(f"{message}: give n_keys to each, (..., L, 1); got {n_keys}")
    return n_keys


def _holds_whole_numbers(n_keys):
    if not is_tensor(n_keys):
        return n_keys.dtype.kind in "iu"
    fractions = n_keys.is_floating_point() or n_keys.is_complex()
    return not fractions and n_keys.dtype != namespace(n_keys).bool


def check_block(n_keys, scores, where):
    """Refuse a number of all keys that is less than those of this block."""
    if n_keys is None or traced(scores):
        return
    here = count(scores, where)
    few = here > n_keys
    if few if isinstance(few, bool) else bool(few.any()):
        message = f"n_keys must be at least the keys of the block, {here}"
        raise ValueError(f"{message}; got {n_keys}")


def as_given_to_rules(n, like):
    """Give numbers of keys in the dtype to compute in, as rules are given them."""
    return n if n is None or isinstance(n, int) else cast(n, work_dtype(like))


def same(a, b):
    """Tell whether two states count the same keys."""
    if a is b or a is None or b is None:
        return a is b
    if isinstance(a, int) or isinstance(b, int):
        return isinstance(a, int) and isinstance(b, int) and a == b
    if traced(a) or traced(b):
        return True
    return tuple(a.shape) == tuple(b.shape) and bool((a == b).all())
